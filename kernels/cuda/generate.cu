/* Two products through cuBLAS and one kernel that clips, adds biases and branches. */
#include "kernels/cuda/cuda.cuh"

enum { THREADS = 256 };

/* w = clip(wi + bi) + (ws + bs), wi and ws the products, either NULL. */
__global__ static void combine(sk_generate_args a, const float *wi, const float *ws) {
  int64_t i = (int64_t)blockIdx.x * THREADS + threadIdx.x;
  if (i >= (int64_t)a.n * a.m) return;
  int64_t row = i / a.m, column = i % a.m;
  float w = 0.0f;
  if (wi) {
    float x = wi[i] + a.bi[column];
    if (a.wi_saved) a.wi_saved[i] = x;
    w = x > a.clip ? a.clip : x < -a.clip ? -a.clip : x; /* a NaN passes */
  }
  if (ws) w += ws[i] + a.bs[column];
  a.w[row * a.stride + column] = w;
}

__global__ static void gate(int64_t n, float clip, const float *wi, const float *dw, float *dwi) {
  int64_t i = (int64_t)blockIdx.x * THREADS + threadIdx.x;
  if (i < n) dwi[i] = fabsf(wi[i]) <= clip ? dw[i] : 0.0f;
}

solid_status sk_cuda_generate(sk_backend *be, const sk_generate_args *a) {
  size_t total = (size_t)a->n * a->m;
  if (total == 0) return SOLID_OK;
  void *memory = NULL;
  solid_status status = sk_cuda_workspace(be, 2 * total * sizeof(float), &memory);
  if (status != SOLID_OK) return status;
  float *wi = a->zi ? (float *)memory : NULL, *ws = a->zs ? (float *)memory + total : NULL;
  if (wi) status = sk_cuda_product(be, false, true, a->n, a->m, a->d, a->zi, a->d, a->gi, a->d, 0.0f, wi, a->m);
  if (status == SOLID_OK && ws)
    status = sk_cuda_product(be, false, true, a->n, a->m, a->d, a->zs, a->d, a->gs, a->d, 0.0f, ws, a->m);
  if (status != SOLID_OK) return status;
  combine<<<sk_cuda_blocks((int64_t)total, THREADS), THREADS, 0, sk_cuda_stream(be)>>>(*a, wi, ws);
  return sk_cuda_launched(be, "generate");
}

static solid_status branch(sk_backend *be, const sk_generate_backward_args *a, const float *z, const float *g,
                           const float *dw, float *dz, float *dg, float *db) {
  solid_status status = SOLID_OK;
  if (dz)
    status = sk_cuda_product(be, false, false, a->n, a->d, a->m, dw, a->m, g, a->d, a->accumulate_dz ? 1.0f : 0.0f, dz,
                             a->d);
  if (status == SOLID_OK && dg)
    status = sk_cuda_product(be, true, false, a->m, a->d, a->n, dw, a->m, z, a->d, 1.0f, dg, a->d);
  if (status == SOLID_OK && db) status = sk_cuda_column_sum(be, a->n, a->m, dw, db);
  return status;
}

/* The semantic branch first: dwi may be dw. */
solid_status sk_cuda_generate_backward(sk_backend *be, const sk_generate_backward_args *a) {
  int64_t total = (int64_t)a->n * a->m;
  if (total == 0) return SOLID_OK;
  solid_status status = SOLID_OK;
  if (a->zs) status = branch(be, a, a->zs, a->gs, a->dw, a->dzs, a->dgs, a->dbs);
  if (status != SOLID_OK || !a->zi) return status;
  gate<<<sk_cuda_blocks(total, THREADS), THREADS, 0, sk_cuda_stream(be)>>>(total, a->clip, a->wi_saved, a->dw, a->dwi);
  if ((status = sk_cuda_launched(be, "generate_backward")) != SOLID_OK) return status;
  return branch(be, a, a->zi, a->gi, a->dwi, a->dzi, a->dgi, a->dbi);
}
