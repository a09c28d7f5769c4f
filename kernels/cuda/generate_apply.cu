/* Many rows of narrow layers through dual.cuh: a warp makes row i of its users' matrices, multiplies it by x_i and
 * forgets it. Few rows, which would leave most of the card idle, and other shapes write layers into the workspace, in
 * runs of rows of bounded size. */
#include "kernels/cuda/dual.cuh"

/* OUT / 16 pairs of tiles are a row of each user's matrix; row a.in is the bias. */
template <int D, int TILES, int OUT, int WARPS, int BLOCKS, int CHUNK>
__global__ static void __launch_bounds__(WARPS *SK_WARP, BLOCKS)
    fused(sk_generate_apply_args a, const sk_dual_pair<D> *pairs) {
  const int EACH = OUT / SK_DUAL_PAIR, INPUTS = CHUNK / EACH;
  extern __shared__ float4 memory[];
  sk_dual_pair<D> *chunk = (sk_dual_pair<D> *)memory; /* SK_DUAL_STAGES of CHUNK */
  int lane = threadIdx.x % SK_WARP, row = (blockIdx.x * WARPS + threadIdx.x / SK_WARP) * 16 * TILES;
  int mine = row + lane / 4, end = (a.in + 1) * EACH;
  auto fetch = [&](int pair, int stage) {
    sk_dual_fetch<WARPS * SK_WARP, CHUNK>(chunk + stage * CHUNK, pairs + pair, max(0, min(CHUNK, end - pair)));
  };
  sk_dual_rows<D, TILES> z[2];
  float y[EACH][2 * TILES][4] = {};
  fetch(0, 0);
  fetch(CHUNK, 1);
  z[0].load(a.zi, row, a.n, a.d);
  z[1].load(a.zs, row, a.n, a.d);
  for (int pair = 0, stage = 0; pair < end; pair += CHUNK, stage = (stage + 1) % SK_DUAL_STAGES) {
    float x[INPUTS][2 * TILES];
#pragma unroll
    for (int i = 0; i < INPUTS * 2 * TILES; i++) {
      int64_t user = mine + i % (2 * TILES) * 8;
      int input = pair / EACH + i / (2 * TILES);
      float there = user < a.n && input < a.in ? a.x[user * a.in + input] : 0.0f;
      x[i / (2 * TILES)][i % (2 * TILES)] = input == a.in ? 1.0f : there;
    }
    __pipeline_wait_prior(1);
    __syncthreads();
    fetch(pair + 2 * CHUNK, (stage + 2) % SK_DUAL_STAGES);
    if (row >= a.n) continue;
#pragma unroll
    for (int i = 0; i < CHUNK; i++) {
      if (pair + i >= end) break;
      float w[2 * TILES][4], before[2 * TILES][4];
      sk_dual_weights<D, TILES>(a.clip, z, chunk[stage * CHUNK + i], w, before);
#pragma unroll
      for (int k = 0; k < 8 * TILES; k++) y[i % EACH][k / 4][k % 4] += x[i / EACH][k / 4] * w[k / 4][k % 4];
    }
  }
#pragma unroll
  for (int i = 0; i < EACH * 2 * TILES; i++) {
    int64_t user = mine + i % (2 * TILES) * 8;
    float(&from)[4] = y[i / (2 * TILES)][i % (2 * TILES)];
    if (user >= a.n) continue;
#pragma unroll
    for (int c = 0; c < 4; c++)
      a.y[user * OUT + i / (2 * TILES) * SK_DUAL_PAIR + lane % 4 * 4 + c] = a.f == SK_TANH ? tanhf(from[c]) : from[c];
  }
}

template <int D, int TILES, int OUT>
static solid_status launch(sk_backend *be, const sk_generate_apply_args *a) {
  const int WARPS = 4, BLOCKS = 3, CHUNK = 128 / D < OUT / SK_DUAL_PAIR ? OUT / SK_DUAL_PAIR : 128 / D;
  sk_dual_args dual = sk_dual_of(a, a->in * a->out + a->out);
  int bytes = SK_DUAL_STAGES * CHUNK * (int)sizeof(sk_dual_pair<D>);
  auto kernel = fused<D, TILES, OUT, WARPS, BLOCKS, CHUNK>;
  solid_status status = sk_cuda_status(
      be, cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes), "generate_apply");
  void *packed = NULL;
  if (status == SOLID_OK) status = sk_cuda_workspace(be, sk_generate_apply_scratch(a), &packed);
  if (status != SOLID_OK) return status;
  sk_dual_pack_all<D>(be, &dual, (sk_dual_pair<D> *)packed);
  kernel<<<sk_cuda_blocks(a->n, WARPS * 16 * TILES), WARPS * SK_WARP, bytes, sk_cuda_stream(be)>>>(
      *a, (sk_dual_pair<D> *)packed);
  return sk_cuda_launched(be, "generate_apply");
}

/* Rows row .. row + n by way of memory. */
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
                           NULL,
                           NULL};
  sk_apply_args apply = {n, a->in, a->out, a->f, a->x + row * a->in, w, m, NULL, a->y + row * a->out};
  solid_status status = sk_cuda_generate(be, &make);
  return status == SOLID_OK ? sk_cuda_apply(be, &apply) : status;
}

/* Whether weights may be counted in shares of the clip, see generate_apply_wgmma.cu: an error of 2^-24 of it. What is
 * clipped wider, or not at all, takes the kernel of all cards. */
static bool has_share(const sk_generate_apply_args *a) {
  return !a->zi || (a->clip > 0x1p-60f && a->clip <= 1.0f);
}

solid_status sk_cuda_generate_apply(sk_backend *be, const sk_generate_apply_args *a) {
  if (a->f != SK_IDENTITY && a->f != SK_TANH)
    return sk_fail(be, SOLID_EUNSUPPORTED, "cuda generate_apply: activation %d", a->f);
  if (a->n == 0) return SOLID_OK;
  if (sk_generate_apply_is_fused(a)) {
    if (((sk_cuda *)be)->wgmma && has_share(a)) return sk_cuda_generate_apply_wgmma(be, a);
    if (a->out == 16) return a->d <= 32 ? launch<32, 2, 16>(be, a) : launch<64, 1, 16>(be, a);
    if (a->out == 32) return a->d <= 32 ? launch<32, 2, 32>(be, a) : launch<64, 1, 32>(be, a);
    return a->d <= 32 ? launch<32, 1, 64>(be, a) : launch<64, 1, 64>(be, a);
  }
  int rows = sk_generate_apply_rows(a);
  size_t before = sk_generate_bytes(rows, a->d, a->in * a->out + a->out);
  void *memory = NULL;
  solid_status status = sk_cuda_workspace(be, sk_generate_apply_scratch(a), &memory);
  for (int64_t row = 0; row < a->n && status == SOLID_OK; row += rows)
    status = run_of_rows(be, a, row, (int)(a->n - row < rows ? a->n - row : rows), (float *)((char *)memory + before));
  return status;
}
