/* Lanes: each a stream with a cuBLAS handle and scratch of its own, joined by events, which a capture records too. */
#include "kernels/cuda/cuda.cuh"

/* cuBLAS with memory of its own for its splits: what NVIDIA recommends for Hopper, plenty elsewhere. */
static solid_status open_blas(sk_cuda *cuda, sk_cuda_queue *queue) {
  const size_t bytes = (size_t)32 << 20;
  sk_backend *be = &cuda->base;
  cublasStatus_t error = cublasCreate(&queue->blas);
  if (error == CUBLAS_STATUS_SUCCESS) error = cublasSetStream(queue->blas, queue->stream);
  if (error == CUBLAS_STATUS_SUCCESS) {
    solid_status status = sk_cuda_take(be, &queue->blas_workspace, bytes, "cublas workspace");
    if (status != SOLID_OK) return status;
    error = cublasSetWorkspace(queue->blas, queue->blas_workspace, bytes);
  }
  if (error == CUBLAS_STATUS_SUCCESS)
    error = cublasSetMathMode(queue->blas, cuda->tf32 ? CUBLAS_TF32_TENSOR_OP_MATH : CUBLAS_DEFAULT_MATH);
  if (error == CUBLAS_STATUS_SUCCESS) return SOLID_OK;
  size_t left = 0, total = 0;
  cudaMemGetInfo(&left, &total);
  cudaGetLastError();
  solid_status status = error == CUBLAS_STATUS_ALLOC_FAILED ? SOLID_ENOMEM : SOLID_EDEVICE;
  return sk_fail(be, status, "cublas: %s; %zu of %zu MiB are free on the card", cublasGetStatusString(error),
                 left >> 20, total >> 20);
}

solid_status sk_cuda_open_queue(sk_backend *be, sk_cuda_queue *queue) {
  sk_cuda_guard guard;
  solid_status status = sk_cuda_status(be, cudaEventCreateWithFlags(&queue->reached, cudaEventDisableTiming), "event");
  if (status == SOLID_OK)
    status = sk_cuda_status(be, cudaStreamCreateWithFlags(&queue->stream, cudaStreamNonBlocking), "stream");
  return status == SOLID_OK ? open_blas((sk_cuda *)be, queue) : status;
}

void sk_cuda_close_queue(sk_cuda_queue *queue) {
  sk_cuda_guard guard;
  if (queue->blas) cublasDestroy(queue->blas);
  cudaFree(queue->blas_workspace);
  cudaFree(queue->workspace);
  if (queue->stream) cudaStreamDestroy(queue->stream);
  if (queue->reached) cudaEventDestroy(queue->reached);
}

/* What `later` is given from now on waits for what `earlier` was given. */
static solid_status wait_for(sk_backend *be, sk_cuda_queue *later, sk_cuda_queue *earlier) {
  solid_status status = sk_cuda_status(be, cudaEventRecord(earlier->reached, earlier->stream), "lane");
  return status == SOLID_OK ? sk_cuda_status(be, cudaStreamWaitEvent(later->stream, earlier->reached, 0), "lane")
                            : status;
}

solid_status sk_cuda_lane(sk_backend *be, int lane) {
  sk_cuda *cuda = (sk_cuda *)be;
  sk_cuda_queue *queue = &cuda->queues[lane];
  solid_status status = queue->blas ? SOLID_OK : sk_cuda_open_queue(be, queue);
  if (status != SOLID_OK) {
    sk_cuda_close_queue(queue);
    *queue = sk_cuda_queue{};
  }
  if (status == SOLID_OK && lane > 0 && !queue->apart) {
    status = wait_for(be, queue, &cuda->queues[0]);
    queue->apart = status == SOLID_OK;
  }
  if (status == SOLID_OK) cuda->lane = lane;
  return status;
}

solid_status sk_cuda_join(sk_backend *be) {
  sk_cuda *cuda = (sk_cuda *)be;
  solid_status status = SOLID_OK;
  for (int lane = 1; lane < SK_LANES; lane++) {
    sk_cuda_queue *queue = &cuda->queues[lane];
    if (queue->apart && status == SOLID_OK) status = wait_for(be, &cuda->queues[0], queue);
    queue->apart = false;
  }
  cuda->lane = 0;
  return status;
}

solid_status sk_cuda_workspace(sk_backend *be, size_t bytes, void **out) {
  sk_cuda *cuda = (sk_cuda *)be;
  sk_cuda_queue *queue = &cuda->queues[cuda->lane];
  if (bytes > queue->workspace_bytes) {
    /* cudaFree waits for the device, so nothing in flight loses its memory. */
    sk_cuda_guard guard;
    solid_status status = sk_cuda_status(be, cudaFree(queue->workspace), "free");
    be->bytes -= queue->workspace_bytes;
    queue->workspace = NULL;
    queue->workspace_bytes = 0;
    cuda->moves++;
    if (status == SOLID_OK) status = sk_cuda_take(be, &queue->workspace, bytes, "workspace");
    if (status != SOLID_OK) return status;
    queue->workspace_bytes = bytes;
  }
  *out = queue->workspace;
  return SOLID_OK;
}
