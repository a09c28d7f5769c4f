/* Narrow layers through dual.cuh: a warp makes row i of 16 users' matrices, multiplies it by x_i and forgets it. Other
 * shapes write layers into the workspace, in runs of rows of bounded size. */
#include "kernels/cuda/dual.cuh"

enum { RUN_FLOATS = 1 << 26 };

/* y (rows of the block, OUT) = the sum of its warps' shares, in order, by way of shared memory. */
template <int TILES, int OUT>
__device__ static void add_shares(const sk_generate_apply_args &a, int together, const float (&y)[OUT / 8][TILES][4],
                                  float *sum) {
  int warp = threadIdx.x / SK_WARP, g = threadIdx.x % SK_WARP / 4, t = threadIdx.x % 4;
  int rows = together * 16 * TILES, row = warp % together * 16 * TILES + g;
  for (int share = 0; share < SK_DUAL_WARPS / together; share++) {
    if (warp / together == share)
#pragma unroll
      for (int i = 0; i < OUT / 8 * TILES * 4; i++) {
        int o = i / 4 / TILES, tile = i / 4 % TILES, k = i % 4;
        float *at = sum + (row + 16 * tile + k / 2 * 8) * OUT + o * 8 + 2 * t + k % 2;
        *at = share == 0 ? y[o][tile][k] : *at + y[o][tile][k];
      }
    __syncthreads();
  }
  for (int i = threadIdx.x; i < rows * OUT; i += SK_DUAL_THREADS) {
    int64_t mine = (int64_t)blockIdx.x * rows + i / OUT;
    if (mine < a.n) a.y[mine * OUT + i % OUT] = a.f == SK_TANH ? tanhf(sum[i]) : sum[i];
  }
}

/* A chunk of columns is SK_DUAL_CHUNK / OUT rows of each user's matrix; row a.in is the bias. */
template <int D, int TILES, int OUT>
__global__ static void __launch_bounds__(SK_DUAL_THREADS, 1)
    fused(sk_generate_apply_args a, sk_dual_args dual, int together) {
  extern __shared__ float4 memory[];
  sk_dual_chunk<D> *chunk = (sk_dual_chunk<D> *)memory; /* 2; then the sums */
  int warp = threadIdx.x / SK_WARP, g = threadIdx.x % SK_WARP / 4;
  int row = (blockIdx.x * together + warp % together) * 16 * TILES, sharers = SK_DUAL_WARPS / together;
  int chunks = (dual.m + SK_DUAL_CHUNK - 1) / SK_DUAL_CHUNK;
  sk_dual_rows<D, TILES> z[2];
  float y[OUT / 8][TILES][4] = {};
  chunk[0].load(dual, 0);
  z[0].load(dual.zi, row, a.n, a.d);
  z[1].load(dual.zs, row, a.n, a.d);
  for (int at = 0; at < chunks; at++) {
    if (at + 1 < chunks) chunk[(at + 1) % 2].load(dual, (at + 1) * SK_DUAL_CHUNK);
    float x[SK_DUAL_CHUNK / OUT][2 * TILES];
#pragma unroll
    for (int i = 0; i < SK_DUAL_CHUNK / OUT * 2 * TILES; i++) {
      int64_t mine = row + g + i % (2 * TILES) * 8;
      int input = at * (SK_DUAL_CHUNK / OUT) + i / (2 * TILES);
      float there = mine < a.n && input < a.in ? a.x[mine * a.in + input] : 0.0f;
      x[i / (2 * TILES)][i % (2 * TILES)] = input == a.in ? 1.0f : there;
    }
    __pipeline_wait_prior(at + 1 < chunks ? 1 : 0);
    __syncthreads();
#pragma unroll
    for (int tile = 0; tile < SK_DUAL_CHUNK / SK_DUAL_TILE; tile++) {
      if (tile % sharers != warp / together || row >= a.n) continue;
      float w[TILES][4], before[TILES][4];
      sk_dual_weights<D, TILES>(dual, z, chunk[at % 2], tile * SK_DUAL_TILE, w, before);
#pragma unroll
      for (int i = 0; i < 4 * TILES; i++)
        y[tile % (OUT / 8)][i / 4][i % 4] += x[tile / (OUT / 8)][i / 2] * w[i / 4][i % 4];
    }
    __syncthreads();
  }
  add_shares<TILES, OUT>(a, together, y, (float *)chunk);
}

template <int D, int TILES, int OUT>
static solid_status launch(sk_backend *be, const sk_generate_apply_args *a) {
  int together = sk_dual_together(a->n, 16 * TILES), bytes = 2 * (int)sizeof(sk_dual_chunk<D>);
  int sums = together * 16 * TILES * OUT * (int)sizeof(float);
  if (sums > bytes) bytes = sums;
  solid_status status = sk_cuda_status(
      be, cudaFuncSetAttribute(fused<D, TILES, OUT>, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes), "generate");
  if (status != SOLID_OK) return status;
  fused<D, TILES, OUT><<<sk_cuda_blocks(a->n, 16 * TILES * together), SK_DUAL_THREADS, bytes, sk_cuda_stream(be)>>>(
      *a, sk_dual_of(a, a->in * a->out + a->out, D), together);
  return sk_cuda_launched(be, "generate_apply");
}

/* Rows row .. row + n by way of memory. The layers stand behind what generate itself takes of the workspace. */
static solid_status run_of_rows(sk_backend *be, const sk_generate_apply_args *a, int64_t row, int n, float *w) {
  int m = a->in * a->out + a->out;
  sk_generate_args make = {n,
                           a->d,
                           m,
                           a->zi ? a->zi + row * a->d : NULL,
                           a->gi,
                           a->bi,
                           a->zs ? a->zs + row * a->d : NULL,
                           a->gs,
                           a->bs,
                           a->clip,
                           m,
                           w,
                           NULL};
  sk_apply_args apply = {n, a->in, a->out, a->f, a->x + row * a->in, w, m, a->y + row * a->out};
  solid_status status = sk_cuda_generate(be, &make);
  return status == SOLID_OK ? sk_cuda_apply(be, &apply) : status;
}

solid_status sk_cuda_generate_apply(sk_backend *be, const sk_generate_apply_args *a) {
  if (a->f != SK_IDENTITY && a->f != SK_TANH)
    return sk_fail(be, SOLID_EUNSUPPORTED, "cuda generate_apply: activation %d", a->f);
  if (a->n == 0) return SOLID_OK;
  if (a->d <= 32 && a->out == 32) return launch<32, 2, 32>(be, a);
  if (a->d <= 32 && a->out == 64) return launch<32, 1, 64>(be, a);
  if (a->d <= SK_DUAL_MAX_D && a->out == 32) return launch<64, 1, 32>(be, a);
  if (a->d <= SK_DUAL_MAX_D && a->out == 64) return launch<64, 1, 64>(be, a);
  int64_t m = (int64_t)a->in * a->out + a->out, rows = RUN_FLOATS / m < 1 ? 1 : RUN_FLOATS / m;
  if (rows > a->n) rows = a->n;
  void *memory = NULL;
  solid_status status = sk_cuda_workspace(be, 3 * (size_t)(rows * m) * sizeof(float), &memory);
  for (int64_t row = 0; row < a->n && status == SOLID_OK; row += rows)
    status = run_of_rows(be, a, row, (int)(a->n - row < rows ? a->n - row : rows), (float *)memory + 2 * rows * m);
  return status;
}
