/* Narrow layers' inputs through dual.cuh, each float written once; wide ones as two products through cuBLAS and a
 * kernel that clips, adds biases and branches. */
#include "kernels/cuda/dual.cuh"

enum { THREADS = 256 };

/* Rows of w in pairs of columns where they allow it. */
__device__ static void write_pair(const sk_dual_args &a, bool pairs, int64_t row, int column, int64_t stride, float x0,
                                  float x1, float *to) {
  to += row * stride + column;
  if (row >= a.n || column >= a.m) return;
  if (pairs) {
    *(float2 *)to = {x0, x1};
    return;
  }
  to[0] = x0;
  if (column + 1 < a.m) to[1] = x1;
}

/* blockIdx.x: rows; blockIdx.y: a run of chunks of columns. */
template <int D, int TILES>
__global__ static void __launch_bounds__(SK_DUAL_THREADS, 1)
    write_layers(sk_dual_args a, int together, int chunks, bool pairs, int64_t stride, float *w, float *wi_saved) {
  extern __shared__ float4 memory[];
  sk_dual_chunk<D> *chunk = (sk_dual_chunk<D> *)memory; /* 2 */
  int warp = threadIdx.x / SK_WARP, g = threadIdx.x % SK_WARP / 4, t = threadIdx.x % 4;
  int row = (blockIdx.x * together + warp % together) * 16 * TILES, sharers = SK_DUAL_WARPS / together;
  int first = blockIdx.y * chunks, end = min(first + chunks, (a.m + SK_DUAL_CHUNK - 1) / SK_DUAL_CHUNK);
  sk_dual_rows<D, TILES> z[2];
  chunk[0].load(a, first * SK_DUAL_CHUNK);
  z[0].load(a.zi, row, a.n, a.d);
  z[1].load(a.zs, row, a.n, a.d);
  for (int at = first; at < end; at++) {
    const sk_dual_chunk<D> &now = chunk[(at - first) % 2];
    if (at + 1 < end) chunk[(at + 1 - first) % 2].load(a, (at + 1) * SK_DUAL_CHUNK);
    __pipeline_wait_prior(at + 1 < end ? 1 : 0);
    __syncthreads();
    for (int tile = warp / together; tile < SK_DUAL_CHUNK / SK_DUAL_TILE && row < a.n; tile += sharers) {
      float x[TILES][4], before[TILES][4];
      sk_dual_weights<D, TILES>(a, z, now, tile * SK_DUAL_TILE, x, before);
      int column = at * SK_DUAL_CHUNK + tile * SK_DUAL_TILE + 2 * t;
#pragma unroll
      for (int k = 0; k < 2 * TILES; k++) {
        int64_t mine = row + g + 8 * k;
        write_pair(a, pairs, mine, column, stride, x[k / 2][k % 2 * 2], x[k / 2][k % 2 * 2 + 1], w);
        if (wi_saved)
          write_pair(a, pairs, mine, column, a.m, before[k / 2][k % 2 * 2], before[k / 2][k % 2 * 2 + 1], wi_saved);
      }
    }
    __syncthreads();
  }
}

template <int D, int TILES>
static solid_status launch(sk_backend *be, const sk_generate_args *a) {
  sk_dual_args dual = sk_dual_of(a, a->m, D);
  float *saved = a->zi ? a->wi_saved : NULL;
  bool pairs = a->m % 2 == 0 && a->stride % 2 == 0 && ((uintptr_t)a->w | (uintptr_t)saved) % 8 == 0;
  int together = sk_dual_together(a->n, 16 * TILES), bytes = 2 * (int)sizeof(sk_dual_chunk<D>);
  int all = (int)sk_cuda_blocks(a->m, SK_DUAL_CHUNK), chunks = all;
  unsigned blocks = sk_cuda_blocks(a->n, 16 * TILES * together);
  while (chunks > 1 && blocks * sk_cuda_blocks(all, chunks) < 132) chunks = (chunks + 1) / 2;
  solid_status status = sk_cuda_status(
      be, cudaFuncSetAttribute(write_layers<D, TILES>, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes), "generate");
  if (status != SOLID_OK) return status;
  write_layers<D, TILES><<<dim3(blocks, sk_cuda_blocks(all, chunks)), SK_DUAL_THREADS, bytes, sk_cuda_stream(be)>>>(
      dual, together, chunks, pairs, a->stride, a->w, saved);
  return sk_cuda_launched(be, "generate");
}

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

static solid_status write_wide(sk_backend *be, const sk_generate_args *a) {
  size_t total = (size_t)a->n * a->m;
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

solid_status sk_cuda_generate(sk_backend *be, const sk_generate_args *a) {
  if (a->n == 0 || a->m == 0) return SOLID_OK;
  if (a->d > SK_DUAL_MAX_D) return write_wide(be, a);
  return a->d <= 32 ? launch<32, 2>(be, a) : launch<64, 1>(be, a);
}

__global__ static void gate(int64_t n, float clip, const float *wi, const float *dw, float *dwi) {
  int64_t i = (int64_t)blockIdx.x * THREADS + threadIdx.x;
  if (i < n) dwi[i] = fabsf(wi[i]) <= clip ? dw[i] : 0.0f;
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
