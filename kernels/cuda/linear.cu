/* Products through cuBLAS; the bias is written first and the product added to it. Small ones: linear_few.cu; narrow
 * ones: linear_narrow.cu. */
#include "kernels/cuda/cuda.cuh"

enum { WARPS = 8 };

/* One warp a row. */
__global__ static void add_bias(int n, int out, const float *b, int accumulate, float *y) {
  int row = blockIdx.x * WARPS + threadIdx.y;
  if (row >= n) return;
  y += (int64_t)row * out;
  for (int i = threadIdx.x; i < out; i += SK_WARP) y[i] = accumulate ? y[i] + b[i] : b[i];
}

solid_status sk_cuda_linear(sk_backend *be, const sk_linear_args *a) {
  if (a->n == 0 || a->out == 0) return SOLID_OK;
  if (sk_cuda_linear_is_few(a)) return sk_cuda_linear_few(be, a);
  if (sk_linear_is_narrow(a->n, a->in, a->out)) return sk_cuda_linear_narrow(be, a);
  if (a->b) {
    add_bias<<<sk_cuda_blocks(a->n, WARPS), dim3(SK_WARP, WARPS), 0, sk_cuda_stream(be)>>>(a->n, a->out, a->b,
                                                                                           a->accumulate, a->y);
    solid_status status = sk_cuda_launched(be, "linear bias");
    if (status != SOLID_OK) return status;
  }
  return sk_cuda_product(be, false, true, a->n, a->out, a->in, a->x, a->in, a->w, a->in,
                         a->b || a->accumulate ? 1.0f : 0.0f, a->y, a->out);
}

solid_status sk_cuda_linear_backward_in(sk_backend *be, const sk_linear_backward_args *a, float *partial) {
  if (sk_linear_is_narrow(a->n, a->in, a->out)) return sk_cuda_linear_backward_narrow(be, a, partial);
  solid_status status = SOLID_OK;
  if (a->dx)
    status = sk_cuda_product(be, false, false, a->n, a->in, a->out, a->dy, a->out, a->w, a->in,
                             a->accumulate_dx ? 1.0f : 0.0f, a->dx, a->in);
  if (status == SOLID_OK && a->dw)
    status = sk_cuda_product(be, true, false, a->out, a->in, a->n, a->dy, a->out, a->x, a->in, 1.0f, a->dw, a->in);
  if (status == SOLID_OK && a->db) status = sk_cuda_column_sum(be, a->n, a->out, a->dy, partial, a->db);
  return status;
}

solid_status sk_cuda_linear_backward(sk_backend *be, const sk_linear_backward_args *a) {
  if (a->n == 0 || a->out == 0) return SOLID_OK;
  void *partial = NULL;
  solid_status status = sk_cuda_workspace(be, sk_linear_backward_scratch(a), &partial);
  return status == SOLID_OK ? sk_cuda_linear_backward_in(be, a, (float *)partial) : status;
}
