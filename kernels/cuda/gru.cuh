/* Shared by gru and its backward pass: the launch of the kernels for any width, with one window per block. */
#ifndef KERNELS_CUDA_GRU_CUH
#define KERNELS_CUDA_GRU_CUH

#include "kernels/cuda/cuda.cuh"

/* GAP: floats behind h that nobody writes. The compiler's loops over h load a step ahead, past its end, where without
 * the gap other threads write. */
enum { SK_GRU_THREADS = 512, SK_GRU_GAP = 16 };

/* Shared bytes of a kernel: with w_hh if the device has room for it. */
template <typename K>
static inline solid_status sk_gru_plan(sk_backend *be, K kernel, int d, int *in_shared, size_t *bytes) {
  size_t small = (size_t)(4 * d + SK_GRU_GAP) * sizeof(float), whole = small + (size_t)3 * d * d * sizeof(float);
  int limit = 0;
  solid_status status = sk_cuda_status(
      be, cudaDeviceGetAttribute(&limit, cudaDevAttrMaxSharedMemoryPerBlockOptin, ((sk_cuda *)be)->device),
      "gru limit");
  if (status != SOLID_OK) return status;
  *in_shared = whole <= (size_t)limit;
  *bytes = *in_shared ? whole : small;
  return sk_cuda_status(be, cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)*bytes),
                        "gru shared memory");
}

static inline unsigned sk_gru_threads(int outputs) {
  unsigned threads = (unsigned)((outputs + SK_WARP - 1) / SK_WARP * SK_WARP);
  return threads < (unsigned)SK_GRU_THREADS ? threads : (unsigned)SK_GRU_THREADS;
}

#endif
