/* The CUDA back end: one device and its lanes, each a stream, a cuBLAS handle and a grow-only workspace. Every
 * operation enqueues on the lane at work and returns; faults of the device surface at sync. Nothing uses atomics on
 * floats: each output element has one writer and one order of summation, so the same seed gives the same result on the
 * same card. */
#ifndef SK_CUDA_CUH
#define SK_CUDA_CUH

extern "C" {
#include "kernels/backend.h"
}
#include <cublas_v2.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

/* Of a lane; all but the first are opened when they are first entered. */
typedef struct sk_cuda_queue {
  cudaStream_t stream;
  cublasHandle_t blas;
  void *blas_workspace; /* of the library's own, it would take memory while a graph is recorded */
  void *workspace;
  size_t workspace_bytes;
  cudaEvent_t reached;
  bool apart; /* entered since the last join */
} sk_cuda_queue;

typedef struct sk_cuda {
  sk_backend base;
  int device;
  bool tf32;  /* products may round their factors */
  bool wgmma; /* the device runs what is compiled for sm_90a */
  bool bf16;  /* its tensor cores multiply BF16 */
  sk_cuda_queue queues[SK_LANES];
  int lane;       /* at work */
  uint64_t moves; /* how often a workspace has moved: older recordings are invalid */
} sk_cuda;

/* OK, or the status and text of a CUDA error: "<what>: <cudaErrorName>: <text>; <what to do>". */
solid_status sk_cuda_status(sk_backend *be, cudaError_t error, const char *what);

/* The error of the launch just made. */
static inline solid_status sk_cuda_launched(sk_backend *be, const char *what) {
  return sk_cuda_status(be, cudaGetLastError(), what);
}

/* Held by a thread while it records, and by every thread that takes or returns memory, streams or handles: those
 * synchronise the device, which ends the recordings that other threads have begun on it (CUDA Programming Guide,
 * "Prohibited and Unhandled Operations"). One for the process, as the driver's state is; a thread that has it may take
 * it again. */
struct sk_cuda_guard {
  sk_cuda_guard();
  ~sk_cuda_guard();
  sk_cuda_guard(const sk_cuda_guard &) = delete;
};

/* replay and forget of the table: graph.cu. */
solid_status sk_cuda_replay(sk_backend *be, sk_graph **graph, sk_body body, void *user);
void sk_cuda_forget(sk_backend *be, sk_graph *graph);

/* Device memory that counts; `what` names it when there is not enough. */
solid_status sk_cuda_take(sk_backend *be, void **out, size_t bytes, const char *what);

/* Lanes: lanes.cu. A zeroed queue may be closed. */
solid_status sk_cuda_open_queue(sk_backend *be, sk_cuda_queue *queue);
void sk_cuda_close_queue(sk_cuda_queue *queue);
solid_status sk_cuda_lane(sk_backend *be, int lane);
solid_status sk_cuda_join(sk_backend *be);

/* At least `bytes` of workspace of the lane at work, valid until the next call. Grows only, so the steady state does
 * not allocate. */
solid_status sk_cuda_workspace(sk_backend *be, size_t bytes, void **out);

/* c (m, n) = alpha-less row-major product a b + beta c, where a is (m, k) or, transposed, (k, m); b (k, n) or (n, k).
 * Leading dimensions are those of the row-major arrays. */
solid_status sk_cuda_product(sk_backend *be, bool transpose_a, bool transpose_b, int m, int n, int k, const float *a,
                             int lda, const float *b, int ldb, float beta, float *c, int ldc);

/* out (columns) += the sum over rows of x (rows, columns), in blocks of SK_SUM_ROWS rows, whose sums are in `partial`
 * meanwhile. */
solid_status sk_cuda_column_sum(sk_backend *be, int rows, int columns, const float *x, float *partial, float *out);

/* The second half of it: columns before `split` of partial (blocks, columns) are added to out, the others to rest;
 * either may be NULL. */
solid_status sk_cuda_join_sums(sk_backend *be, int blocks, int columns, const float *partial, int split, float *out,
                               float *rest);

/* linear of small products: whether the product is small, and the product in one launch. */
bool sk_cuda_linear_is_few(const sk_linear_args *a);
solid_status sk_cuda_linear_few(sk_backend *be, const sk_linear_args *a);

/* linear and linear_backward of a narrow layer (sk_linear_is_narrow): one launch forward, one or two backward, with
 * sk_linear_backward_scratch in `partial`. */
solid_status sk_cuda_linear_narrow(sk_backend *be, const sk_linear_args *a);
solid_status sk_cuda_linear_backward_narrow(sk_backend *be, const sk_linear_backward_args *a, float *partial);

/* linear_backward of any layer, with that scratch from the caller. */
solid_status sk_cuda_linear_backward_in(sk_backend *be, const sk_linear_backward_args *a, float *partial);

/* One branch of generate_backward of few enough windows (sk_generate_is_narrow), in two launches. Where wi = gate is
 * beyond the clip, dw counts as zero; gate NULL: nowhere. */
solid_status sk_cuda_generate_backward_narrow(sk_backend *be, const sk_generate_backward_args *a, const float *z,
                                              const float *g, const float *gate, float *dz, float *dg, float *db);

/* generate, without wi_saved, of widths up to SK_PACKED_MAX_D by the instructions of sm_90a. */
solid_status sk_cuda_generate_wgmma(sk_backend *be, const sk_generate_args *a);

static inline cudaStream_t sk_cuda_stream(sk_backend *be) {
  sk_cuda *cuda = (sk_cuda *)be;
  return cuda->queues[cuda->lane].stream;
}
static inline unsigned sk_cuda_blocks(int64_t n, int64_t size) {
  return (unsigned)((n + size - 1) / size);
}

enum { SK_WARP = 32 };

__device__ static inline float sk_warp_sum(float x) {
  for (int step = SK_WARP / 2; step > 0; step /= 2) x += __shfl_xor_sync(0xffffffffu, x, step);
  return x;
}

__device__ static inline float sk_warp_max(float x) {
  for (int step = SK_WARP / 2; step > 0; step /= 2) x = fmaxf(x, __shfl_xor_sync(0xffffffffu, x, step));
  return x;
}

__device__ static inline float sk_sigmoid(float x) {
  return 1.0f / (1.0f + expf(-x));
}

/* Two floats as binary16, the first in the low half: to the nearest, beyond 65504 to 65504; a NaN stays one. */
__device__ static inline unsigned sk_halves(float low, float high) {
  const __half2 most = __float2half2_rn(65504.0f);
  __half2 x = __hmin2_nan(__hmax2_nan(__floats2half2_rn(low, high), __hneg2(most)), most);
  return *(unsigned *)&x;
}

/* x[first .. first + 3], zero from d on; `aligned`: x + first stands at a multiple of 16 bytes. */
__device__ static inline float4 sk_load4(const float *x, int first, int d, bool aligned) {
  if (aligned && first + 4 <= d) return *(const float4 *)(x + first);
  return {first < d ? x[first] : 0.0f, first + 1 < d ? x[first + 1] : 0.0f, first + 2 < d ? x[first + 2] : 0.0f,
          first + 3 < d ? x[first + 3] : 0.0f};
}

/* Rows of width d of an array may be read four floats at a time. */
static inline bool sk_rows_aligned(const float *x, int d) {
  return d % 4 == 0 && (uintptr_t)x % 16 == 0;
}

/* The entries of the table. */
#define SK_CUDA_DECLARE(op) solid_status sk_cuda_##op(sk_backend *be, const sk_##op##_args *a);
SK_OPS(SK_CUDA_DECLARE)
#undef SK_CUDA_DECLARE

#endif
