/* As a product, in tiles of 128 rows by 128 codewords: the rows' residuals stay in shared memory through all levels, a
 * thread owns 8 x 8 sums, and the nearest codeword of a row is found among the 16 threads that share it. Widths that
 * shared memory cannot hold have one block per row, whose threads compare codewords k, k + THREADS, ... Ties go to the
 * lowest k in both. */
#include "kernels/cuda/cuda.cuh"

enum { THREADS = 256 };

struct candidate {
  float distance;
  int code;
};

__device__ static bool better(candidate x, candidate y) {
  return x.distance < y.distance || (x.distance == y.distance && x.code < y.code);
}

/* ||c||^2 - 2 r.c, in the one order of every thread. */
__device__ static float distance(const float *r, const float *c, int d) {
  float sum = 0.0f;
  for (int i = 0; i < d; i++) sum += c[i] * (c[i] - 2.0f * r[i]);
  return sum;
}

__global__ static void by_rows(sk_quantize_args a) {
  extern __shared__ float r[]; /* (d) */
  __shared__ candidate best[THREADS];
  int64_t row = blockIdx.x;
  int bad = 0;
  for (int i = threadIdx.x; i < a.d; i += THREADS) {
    r[i] = a.x[row * a.d + i];
    bad |= !isfinite(r[i]);
  }
  bad = __syncthreads_or(bad);
  for (int level = 0; level < a.levels; level++) {
    const float *centroids = a.centroids + (int64_t)level * a.k * a.d;
    candidate mine = {INFINITY, 0};
    for (int k = threadIdx.x; k < a.k && !bad; k += THREADS) {
      candidate other = {distance(r, centroids + (int64_t)k * a.d, a.d), k};
      if (better(other, mine)) mine = other;
    }
    best[threadIdx.x] = mine;
    __syncthreads();
    for (int half = THREADS / 2; half > 0; half /= 2) {
      if (threadIdx.x < half && better(best[threadIdx.x + half], best[threadIdx.x]))
        best[threadIdx.x] = best[threadIdx.x + half];
      __syncthreads();
    }
    int code = bad ? SK_CODE_NONE : best[0].code;
    if (threadIdx.x == 0) a.codes[row * a.levels + level] = code;
    __syncthreads();
    for (int i = threadIdx.x; i < a.d && !bad; i += THREADS) r[i] -= centroids[(int64_t)code * a.d + i];
    __syncthreads();
  }
  if (a.residual)
    for (int i = threadIdx.x; i < a.d; i += THREADS) a.residual[row * a.d + i] = r[i];
}

/* ---- Tiles ---- */

enum { TILE = 128, STEP = 16, EACH = 8, ACROSS = TILE / EACH, PITCH = TILE + 4 };

__global__ static void square_norms(int n, int d, const float *c, float *norm) {
  int i = blockIdx.x * (THREADS / (int)SK_WARP) + threadIdx.x / SK_WARP;
  if (i >= n) return;
  float sum = 0.0f;
  for (int k = threadIdx.x % SK_WARP; k < d; k += SK_WARP) sum += c[(int64_t)i * d + k] * c[(int64_t)i * d + k];
  sum = sk_warp_sum(sum);
  if (threadIdx.x % SK_WARP == 0) norm[i] = sum;
}

/* Inputs k .. k + STEP of codewords first .. first + TILE of one level, transposed; zero beyond either end. */
__device__ static void load_codewords(const sk_quantize_args &a, const float *c, int first, int k, bool aligned,
                                      float (*to)[PITCH]) {
  for (int i = threadIdx.x; i < TILE * STEP / 4; i += THREADS) {
    int word = i % TILE, part = i / TILE * 4;
    float4 x = first + word < a.k ? sk_load4(c + (int64_t)(first + word) * a.d, k + part, a.d, aligned) : float4{};
    to[part][word] = x.x, to[part + 1][word] = x.y, to[part + 2][word] = x.z, to[part + 3][word] = x.w;
  }
}

/* sum[i][j] = r . c of row EACH ty + i and codeword first + 4 tx + j, from j = 4 on in the tile's other half: so no two
 * threads of a quarter of a warp meet in a bank. */
__device__ static void multiply(const sk_quantize_args &a, const float *c, int first, bool aligned, const float *r,
                                float (*words)[STEP][PITCH], float (&sum)[EACH][EACH]) {
  int tx = threadIdx.x % ACROSS, ty = threadIdx.x / ACROSS, steps = (a.d + STEP - 1) / STEP;
  load_codewords(a, c, first, 0, aligned, words[0]);
  __syncthreads();
  for (int step = 0; step < steps; step++) {
    if (step + 1 < steps) load_codewords(a, c, first, (step + 1) * STEP, aligned, words[(step + 1) % 2]);
#pragma unroll
    for (int k = 0; k < STEP; k++) {
      const float *x = r + (step * STEP + k) * PITCH + EACH * ty, *y = words[step % 2][k] + 4 * tx;
      const float4 x0 = *(const float4 *)x, x1 = *(const float4 *)(x + 4);
      const float4 y0 = *(const float4 *)y, y1 = *(const float4 *)(y + TILE / 2);
      const float xs[EACH] = {x0.x, x0.y, x0.z, x0.w, x1.x, x1.y, x1.z, x1.w};
      const float ys[EACH] = {y0.x, y0.y, y0.z, y0.w, y1.x, y1.y, y1.z, y1.w};
#pragma unroll
      for (int i = 0; i < EACH; i++)
#pragma unroll
        for (int j = 0; j < EACH; j++) sum[i][j] += xs[i] * ys[j];
    }
    __syncthreads();
  }
}

__device__ static void nearest(const sk_quantize_args &a, const float *norm, int first, const float (&sum)[EACH][EACH],
                               candidate (&best)[EACH]) {
  int tx = threadIdx.x % ACROSS;
#pragma unroll
  for (int j = 0; j < EACH; j++) {
    int code = first + 4 * tx + j % 4 + j / 4 * (TILE / 2);
    float squares = code < a.k ? norm[code] : INFINITY;
#pragma unroll
    for (int i = 0; i < EACH; i++) {
      candidate other = {squares - 2.0f * sum[i][j], code};
      if (better(other, best[i])) best[i] = other;
    }
  }
}

/* r (rounded-up d, PITCH) of TILE rows in shared memory, transposed; its rows from a.d on are zero. */
__global__ static void __launch_bounds__(THREADS, 2) by_tiles(sk_quantize_args a, bool aligned, const float *norms) {
  extern __shared__ __align__(16) float r[];
  __shared__ __align__(16) float words[2][STEP][PITCH];
  __shared__ int bad[TILE], codes[TILE];
  int64_t row0 = (int64_t)blockIdx.x * TILE;
  int rows = (int)min((int64_t)TILE, a.n - row0), inputs = (a.d + STEP - 1) / STEP * STEP;
  for (int i = threadIdx.x; i < TILE; i += THREADS) bad[i] = 0;
  __syncthreads();
  for (int i = threadIdx.x; i < inputs * TILE; i += THREADS) {
    int row = i / inputs, k = i % inputs;
    float x = row < rows && k < a.d ? a.x[(row0 + row) * a.d + k] : 0.0f;
    if (!isfinite(x)) atomicOr(&bad[row], 1);
    r[k * PITCH + row] = x;
  }
  __syncthreads();
  for (int level = 0; level < a.levels; level++) {
    const float *c = a.centroids + (int64_t)level * a.k * a.d;
    candidate best[EACH];
    for (int i = 0; i < EACH; i++) best[i] = {INFINITY, 0};
    for (int first = 0; first < a.k; first += TILE) {
      float sum[EACH][EACH] = {};
      multiply(a, c, first, aligned, r, words, sum);
      nearest(a, norms + (int64_t)level * a.k, first, sum, best);
    }
#pragma unroll
    for (int i = 0; i < EACH; i++) {
      for (int step = 1; step < ACROSS; step *= 2) {
        candidate other = {__shfl_xor_sync(0xffffffffu, best[i].distance, step),
                           __shfl_xor_sync(0xffffffffu, best[i].code, step)};
        if (better(other, best[i])) best[i] = other;
      }
      int row = threadIdx.x / ACROSS * EACH + i;
      if (threadIdx.x % ACROSS == 0) codes[row] = bad[row] ? SK_CODE_NONE : best[i].code;
    }
    __syncthreads();
    for (int i = threadIdx.x; i < rows; i += THREADS) a.codes[(row0 + i) * a.levels + level] = codes[i];
    for (int i = threadIdx.x; i < a.d * TILE; i += THREADS) {
      int row = i / a.d, k = i % a.d;
      if (codes[row] != SK_CODE_NONE) r[k * PITCH + row] -= c[(int64_t)codes[row] * a.d + k];
    }
    __syncthreads();
  }
  if (a.residual)
    for (int i = threadIdx.x; i < a.d * rows; i += THREADS)
      a.residual[(row0 + i / a.d) * a.d + i % a.d] = r[i % a.d * PITCH + i / a.d];
}

solid_status sk_cuda_quantize(sk_backend *be, const sk_quantize_args *a) {
  if (a->n == 0 || a->levels == 0) return SOLID_OK;
  cudaStream_t stream = sk_cuda_stream(be);
  if (a->d > SK_QUANTIZE_WIDEST) {
    by_rows<<<a->n, THREADS, (size_t)a->d * sizeof(float), stream>>>(*a);
    return sk_cuda_launched(be, "quantize");
  }
  size_t bytes = (size_t)((a->d + STEP - 1) / STEP * STEP) * PITCH * sizeof(float);
  int words = a->levels * a->k;
  void *norms = NULL;
  solid_status status = sk_cuda_workspace(be, sk_quantize_scratch(a), &norms);
  if (status == SOLID_OK)
    status = sk_cuda_status(be, cudaFuncSetAttribute(by_tiles, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)bytes),
                            "quantize");
  if (status != SOLID_OK) return status;
  square_norms<<<sk_cuda_blocks(words, THREADS / (int)SK_WARP), THREADS, 0, stream>>>(words, a->d, a->centroids,
                                                                                      (float *)norms);
  by_tiles<<<sk_cuda_blocks(a->n, TILE), THREADS, bytes, stream>>>(*a, sk_rows_aligned(a->centroids, a->d),
                                                                   (float *)norms);
  return sk_cuda_launched(be, "quantize");
}
