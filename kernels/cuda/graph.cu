/* Recordings: a body's launches captured from the stream into a CUDA graph, which one call launches again. */
#include "kernels/cuda/cuda.cuh"
#include <pthread.h>
#include <stdlib.h>

struct sk_graph {
  cudaGraphExec_t exec;
  uint64_t moves; /* of workspaces when it was recorded: its operations point into them */
};

static pthread_mutex_t driver = PTHREAD_MUTEX_INITIALIZER;
static thread_local unsigned held; /* how often this thread holds it */

sk_cuda_guard::sk_cuda_guard() {
  if (held++ == 0) pthread_mutex_lock(&driver);
}

sk_cuda_guard::~sk_cuda_guard() {
  if (--held == 0) pthread_mutex_unlock(&driver);
}

void sk_cuda_forget(sk_backend *be, sk_graph *graph) {
  (void)be;
  if (!graph) return;
  sk_cuda_guard guard;
  if (graph->exec) cudaGraphExecDestroy(graph->exec);
  free(graph);
}

static solid_status capture(sk_backend *be, cudaGraph_t *out, sk_body body, void *user) {
  sk_cuda_guard guard;
  cudaStream_t stream = sk_cuda_stream(be);
  solid_status status =
      sk_cuda_status(be, cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "graph capture");
  if (status != SOLID_OK) return status;
  solid_status recorded = body(user);
  cudaGraph_t graph = NULL;
  cudaError_t error = cudaStreamEndCapture(stream, &graph);
  if (recorded != SOLID_OK)
    cudaGetLastError(); /* the body's own text says more */
  else
    recorded = sk_cuda_status(be, error, "graph capture");
  if (recorded == SOLID_OK)
    *out = graph;
  else if (graph)
    cudaGraphDestroy(graph);
  return recorded;
}

static solid_status record(sk_backend *be, sk_graph **out, sk_body body, void *user) {
  cudaGraph_t captured = NULL;
  solid_status status = capture(be, &captured, body, user);
  if (status != SOLID_OK) return status;
  sk_graph *graph = (sk_graph *)calloc(1, sizeof *graph);
  if (!graph) status = sk_fail(be, SOLID_ENOMEM, "cuda graph: out of memory on the host");
  if (status == SOLID_OK)
    status = sk_cuda_status(be, cudaGraphInstantiateWithFlags(&graph->exec, captured, 0), "graph instantiate");
  cudaGraphDestroy(captured);
  if (status == SOLID_OK) {
    be->allocations++;
    graph->moves = ((sk_cuda *)be)->moves;
    status = sk_cuda_status(be, cudaGraphUpload(graph->exec, sk_cuda_stream(be)), "graph upload");
  }
  if (status == SOLID_OK)
    *out = graph;
  else
    sk_cuda_forget(be, graph);
  return status;
}

/* The first time the body runs without capture, because it may load or grow something on first use, which a capture
 * forbids. A recording is invalid once a workspace has moved. */
solid_status sk_cuda_replay(sk_backend *be, sk_graph **graph, sk_body body, void *user) {
  if (*graph && (*graph)->moves == ((sk_cuda *)be)->moves)
    return sk_cuda_status(be, cudaGraphLaunch((*graph)->exec, sk_cuda_stream(be)), "graph launch");
  sk_cuda_forget(be, *graph);
  *graph = NULL;
  solid_status status = body(user);
  return status == SOLID_OK ? record(be, graph, body, user) : status;
}
