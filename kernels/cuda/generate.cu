/* Narrow layers' inputs through dual.cuh, or, of a few rows, as plain sums; wide ones as two products through cuBLAS
 * and a kernel that clips, adds biases and branches. Hopper has a way of its own for many rows: generate_wgmma.cu. */
#include "kernels/cuda/dual.cuh"

enum {
  THREADS = 256,
  FEW = 16,         /* rows that are too few to repay packing g */
  FEW_COLUMNS = 16, /* a block */
  WGMMA_ROWS = 256  /* that repay its longer blocks */
};

/* ---- Many rows ---- */

/* T: float or binary16. blockIdx.x: rows; blockIdx.y: a run of pairs of tiles. */
template <int D, int TILES, int WARPS, int BLOCKS, int CHUNK, bool SAVED, typename T>
__global__ static void __launch_bounds__(WARPS *SK_WARP, BLOCKS)
    write_layers(sk_dual_args a, const sk_dual_pair<D> *pairs, int run, bool aligned, int64_t stride, T *w,
                 float *wi_saved) {
  extern __shared__ float4 memory[];
  sk_dual_pair<D> *chunk = (sk_dual_pair<D> *)memory; /* SK_DUAL_STAGES of CHUNK */
  int lane = threadIdx.x % SK_WARP, row = (blockIdx.x * WARPS + threadIdx.x / SK_WARP) * 16 * TILES;
  int first = blockIdx.y * run, end = min(first + run, (a.m + SK_DUAL_PAIR - 1) / SK_DUAL_PAIR);
  auto fetch = [&](int pair, int stage) {
    sk_dual_fetch<WARPS * SK_WARP, CHUNK>(chunk + stage * CHUNK, pairs + pair, max(0, min(CHUNK, end - pair)));
  };
  sk_dual_rows<D, TILES> z[2];
  fetch(first, 0);
  fetch(first + CHUNK, 1);
  z[0].load(a.zi, row, a.n, a.d);
  z[1].load(a.zs, row, a.n, a.d);
  for (int pair = first, stage = 0; pair < end; pair += CHUNK, stage = (stage + 1) % SK_DUAL_STAGES) {
    __pipeline_wait_prior(1);
    __syncthreads();
    fetch(pair + 2 * CHUNK, (stage + 2) % SK_DUAL_STAGES);
    if (row >= a.n) continue;
    for (int i = 0; i < min(CHUNK, end - pair); i++) {
      float x[2 * TILES][4], before[2 * TILES][4];
      sk_dual_weights<D, TILES>(a.clip, z, chunk[stage * CHUNK + i], x, before);
      int column = (pair + i) * SK_DUAL_PAIR + lane % 4 * 4;
#pragma unroll
      for (int k = 0; k < 2 * TILES; k++) {
        int64_t user = row + lane / 4 + 8 * k;
        int columns = user < a.n ? a.m : 0;
        sk_dual_write(columns, aligned, column, x[k], w + user * stride);
        if (SAVED) sk_dual_write(columns, aligned, column, before[k], wi_saved + user * a.m);
      }
    }
  }
}

template <int D, int TILES, bool SAVED, typename T>
static solid_status write_many(sk_backend *be, const sk_generate_args *a, T *w) {
  const int WARPS = 8, BLOCKS = 2, CHUNK = 128 / D, BUSY = 264;
  sk_dual_args dual = sk_dual_of(a, a->m);
  float *saved = SAVED ? a->wi_saved : NULL;
  bool aligned = a->m % 4 == 0 && a->stride % 4 == 0 && ((uintptr_t)w | (uintptr_t)saved) % 16 == 0;
  int pairs = sk_dual_pairs(a->m), run = pairs, bytes = SK_DUAL_STAGES * CHUNK * (int)sizeof(sk_dual_pair<D>);
  unsigned blocks = sk_cuda_blocks(a->n, WARPS * 16 * TILES);
  while (run > CHUNK && (int)(blocks * sk_cuda_blocks(pairs, run)) < BUSY) run = (run / 2 + CHUNK - 1) / CHUNK * CHUNK;
  auto kernel = write_layers<D, TILES, WARPS, BLOCKS, CHUNK, SAVED, T>;
  solid_status status =
      sk_cuda_status(be, cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes), "generate");
  void *packed = NULL;
  if (status == SOLID_OK) status = sk_cuda_workspace(be, sk_generate_scratch(a), &packed);
  if (status != SOLID_OK) return status;
  sk_dual_pack_all<D>(be, &dual, (sk_dual_pair<D> *)packed);
  kernel<<<dim3(blocks, sk_cuda_blocks(pairs, run)), WARPS * SK_WARP, bytes, sk_cuda_stream(be)>>>(
      dual, (sk_dual_pair<D> *)packed, run, aligned, a->stride, w, saved);
  return sk_cuda_launched(be, "generate");
}

template <int D, int TILES>
static solid_status write_by_tiles(sk_backend *be, const sk_generate_args *a) {
  if (a->half) return write_many<D, TILES, false>(be, a, a->half);
  return a->zi && a->wi_saved ? write_many<D, TILES, true>(be, a, a->w) : write_many<D, TILES, false>(be, a, a->w);
}

/* ---- Few rows ---- */

__device__ static void put(float x, int64_t at, float *w, uint16_t *half) {
  if (half)
    half[at] = (uint16_t)sk_halves(x, 0.0f);
  else
    w[at] = x;
}

/* Eight lanes share a column of g of either branch, read once for all rows; then a thread adds up a float of w. */
template <int D>
__global__ static void __launch_bounds__(THREADS)
    write_few(sk_dual_args a, bool aligned, int64_t stride, float *w, float *wi_saved, uint16_t *half) {
  const int LANES = 8, EACH = D / LANES / 4; /* float4 of a lane */
  __shared__ float sums[2][FEW][FEW_COLUMNS];
  int lane = threadIdx.x % LANES, column = threadIdx.x / LANES % FEW_COLUMNS,
      branch = threadIdx.x / LANES / FEW_COLUMNS;
  int64_t from = (int64_t)blockIdx.x * FEW_COLUMNS + column;
  const float *z = branch ? a.zs : a.zi, *g = branch ? a.gs : a.gi, *b = branch ? a.bs : a.bi;
  bool there = z && from < a.m;
  float4 x[EACH];
#pragma unroll
  for (int i = 0; i < EACH; i++)
    x[i] = there ? sk_load4(g + from * a.d, 4 * (i * LANES + lane), a.d, aligned) : float4{};
  float bias = there ? b[from] : 0.0f;
  for (int row = 0; row < a.n; row++) {
    float sum = 0.0f;
#pragma unroll
    for (int i = 0; i < EACH; i++) {
      float4 y = there ? sk_load4(z + (int64_t)row * a.d, 4 * (i * LANES + lane), a.d, aligned) : float4{};
      sum += x[i].x * y.x + x[i].y * y.y + x[i].z * y.z + x[i].w * y.w;
    }
    for (int step = 1; step < LANES; step *= 2) sum += __shfl_xor_sync(0xffffffffu, sum, step);
    if (lane == 0) sums[branch][row][column] = sum + bias;
  }
  __syncthreads();
  for (int i = threadIdx.x; i < a.n * FEW_COLUMNS; i += THREADS) {
    int64_t row = i / FEW_COLUMNS, to = (int64_t)blockIdx.x * FEW_COLUMNS + i % FEW_COLUMNS;
    if (to >= a.m) continue;
    float wi = sums[0][row][i % FEW_COLUMNS];
    if (wi_saved) wi_saved[row * a.m + to] = wi;
    put(sk_dual_join(wi, a.clip, sums[1][row][i % FEW_COLUMNS]), row * stride + to, w, half);
  }
}

template <int D>
static solid_status write_some(sk_backend *be, const sk_generate_args *a) {
  sk_dual_args dual = sk_dual_of(a, a->m);
  bool aligned = (!a->zi || (sk_rows_aligned(a->gi, a->d) && sk_rows_aligned(a->zi, a->d))) &&
                 (!a->zs || (sk_rows_aligned(a->gs, a->d) && sk_rows_aligned(a->zs, a->d)));
  write_few<D><<<sk_cuda_blocks(a->m, FEW_COLUMNS), THREADS, 0, sk_cuda_stream(be)>>>(
      dual, aligned, a->stride, a->w, a->zi ? a->wi_saved : NULL, a->half);
  return sk_cuda_launched(be, "generate");
}

/* ---- Wide inputs ---- */

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
  put(w, row * a.stride + column, a.w, a.half);
}

static solid_status write_wide(sk_backend *be, const sk_generate_args *a) {
  size_t total = (size_t)a->n * a->m;
  void *memory = NULL;
  solid_status status = sk_cuda_workspace(be, sk_generate_scratch(a), &memory);
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
  if (a->d > SK_PACKED_MAX_D) return write_wide(be, a);
  if (a->n <= FEW) return a->d <= 32 ? write_some<32>(be, a) : write_some<64>(be, a);
  if (((sk_cuda *)be)->wgmma && a->n >= WGMMA_ROWS && !a->wi_saved) return sk_cuda_generate_wgmma(be, a);
  return a->d <= 32 ? write_by_tiles<32, 2>(be, a) : write_by_tiles<64, 1>(be, a);
}

enum { GATE_ROWS = SK_GATE_ROWS, GATE_LANES = 8 };

/* dwi = dw where the clip let wi through, and the sums over a block's rows of dw and dwi: partial (blocks, 2m), dw's
 * first. Without an item branch dwi is left out; without a clip it is dw, and neither written nor wi read. dwi may be
 * dw. */
__global__ static void gate(sk_generate_backward_args a, float *partial) {
  __shared__ float lanes[2][GATE_LANES][SK_WARP];
  const int EACH = GATE_ROWS / GATE_LANES;
  const bool clipped = a.zi && !isinf(a.clip);
  int column = blockIdx.x * SK_WARP + threadIdx.x, first = blockIdx.y * GATE_ROWS + threadIdx.y;
  float dw[EACH], wi[EACH], sum = 0.0f, sum_item = 0.0f;
#pragma unroll
  for (int k = 0; k < EACH; k++) { /* all loads are issued before the first store */
    int64_t row = first + k * GATE_LANES, at = row * a.m + column;
    bool there = row < a.n && column < a.m;
    dw[k] = there ? a.dw[at] : 0.0f;
    wi[k] = there && clipped ? a.wi_saved[at] : 0.0f;
  }
#pragma unroll
  for (int k = 0; k < EACH; k++) {
    int64_t row = first + k * GATE_LANES;
    sum += dw[k];
    if (!clipped || row >= a.n || column >= a.m) continue;
    float dwi = fabsf(wi[k]) <= a.clip ? dw[k] : 0.0f;
    a.dwi[row * a.m + column] = dwi;
    sum_item += dwi;
  }
  lanes[0][threadIdx.y][threadIdx.x] = sum, lanes[1][threadIdx.y][threadIdx.x] = clipped ? sum_item : sum;
  __syncthreads();
  if (threadIdx.y > 1 || column >= a.m) return;
  sum = 0.0f;
  for (int lane = 0; lane < GATE_LANES; lane++) sum += lanes[threadIdx.y][lane][threadIdx.x];
  partial[((int64_t)blockIdx.y * 2 + threadIdx.y) * a.m + column] = sum;
}

static solid_status branch(sk_backend *be, const sk_generate_backward_args *a, const float *z, const float *g,
                           const float *dw, float *dz, float *dg) {
  solid_status status = SOLID_OK;
  if (dz)
    status = sk_cuda_product(be, false, false, a->n, a->d, a->m, dw, a->m, g, a->d, a->accumulate_dz ? 1.0f : 0.0f, dz,
                             a->d);
  if (status == SOLID_OK && dg)
    status = sk_cuda_product(be, true, false, a->m, a->d, a->n, dw, a->m, z, a->d, 1.0f, dg, a->d);
  return status;
}

static solid_status both_narrow(sk_backend *be, const sk_generate_backward_args *a) {
  solid_status status = SOLID_OK;
  if (a->zs) status = sk_cuda_generate_backward_narrow(be, a, a->zs, a->gs, NULL, a->dzs, a->dgs, a->dbs);
  if (status != SOLID_OK || !a->zi) return status;
  const float *gate = isinf(a->clip) ? NULL : a->wi_saved;
  return sk_cuda_generate_backward_narrow(be, a, a->zi, a->gi, gate, a->dzi, a->dgi, a->dbi);
}

/* The semantic branch first: dwi may be dw. */
solid_status sk_cuda_generate_backward(sk_backend *be, const sk_generate_backward_args *a) {
  if ((int64_t)a->n * a->m == 0) return SOLID_OK;
  bool all = (!a->zs || (a->dzs && a->dgs && a->dbs)) && (!a->zi || (a->dzi && a->dgi && a->dbi));
  if (all && sk_generate_is_narrow(a->n, a->d, a->m)) return both_narrow(be, a);
  solid_status status = SOLID_OK;
  if (a->zs) status = branch(be, a, a->zs, a->gs, a->dw, a->dzs, a->dgs);
  unsigned blocks = sk_cuda_blocks(a->n, GATE_ROWS);
  void *partial = NULL;
  if (status == SOLID_OK) status = sk_cuda_workspace(be, sk_generate_backward_scratch(a), &partial);
  if (status != SOLID_OK) return status;
  gate<<<dim3(sk_cuda_blocks(a->m, SK_WARP), blocks), dim3(SK_WARP, GATE_LANES), 0, sk_cuda_stream(be)>>>(
      *a, (float *)partial);
  status = sk_cuda_join_sums(be, (int)blocks, 2 * a->m, (float *)partial, a->m, a->zs ? a->dbs : NULL,
                             a->zi ? a->dbi : NULL);
  if (status == SOLID_OK && a->zi)
    status = branch(be, a, a->zi, a->gi, isinf(a->clip) ? a->dw : a->dwi, a->dzi, a->dgi);
  return status;
}
