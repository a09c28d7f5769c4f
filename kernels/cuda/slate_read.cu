/* slate, what is done once a request over the whole catalogue: every place's score and bit, read through the items'
 * numbers, a block a stretch of words; then the guide's first choice below each node of level 1. */
#include "kernels/cuda/slate.cuh"

enum { MINE = (int)SK_SLATE_STRETCH / (int)WARPS, LARGE_NODE = 512 };

/* Scores and bits of one word of places, one a lane; returns the bits. */
__device__ static uint32_t take_word(const slate_user<0> &s, int word, uint32_t item, float x, float least) {
  uint32_t place = (uint32_t)word * 32 + threadIdx.x % SK_WARP;
  bool there = place < (uint32_t)s.a->trie.items;
  uint32_t bits = __ballot_sync(0xffffffffu, there && slate_may(s.a, s.w, item, x));
  if (there) s.score[place] = x >= least ? nextafterf(least, -INFINITY) : x;
  return bits;
}

/* What is before each of a stretch's words, by one warp; `counts` of the words. */
__device__ static void count_stretch(const slate_user<0> &s, int first, int words, const uint32_t *counts) {
  enum { EACH = SK_SLATE_STRETCH / SK_WARP };
  int lane = threadIdx.x;
  uint32_t mine[EACH], sum = 0, before;
  for (int i = 0; i < EACH; i++) sum += mine[i] = counts[lane * EACH + i];
  before = sum;
  for (int step = 1; step < SK_WARP; step *= 2) {
    uint32_t other = __shfl_up_sync(0xffffffffu, before, step);
    if (lane >= step) before += other;
  }
  if (lane == SK_WARP - 1) s.sums[first / SK_SLATE_STRETCH] = before;
  before -= sum;
  for (int i = 0; i < EACH; i++) {
    if (first + lane * EACH + i < words) s.before[first + lane * EACH + i] = before;
    before += mine[i];
  }
}

__global__ static void __launch_bounds__(THREADS)
    read(const __grid_constant__ sk_slate_args a, float *memory, int64_t size) {
  __shared__ uint32_t counts[SK_SLATE_STRETCH];
  slate_user<0> s;
  slate_bind_large(&s, &a, (int)blockIdx.y, memory + blockIdx.y * size);
  const float *score = a.score + (int64_t)s.w * a.trie.items;
  const int32_t *lead = a.lead ? a.lead + (int64_t)s.w * a.grid.rows : NULL;
  int words = slate_words(&a), first = (int)blockIdx.x * SK_SLATE_STRETCH, n = 0;
  int warp = threadIdx.x / SK_WARP, lane = threadIdx.x % SK_WARP;
  uint32_t item[MINE];
  float x[MINE];
#pragma unroll
  for (int i = 0; i < MINE; i++) {
    int64_t place = (int64_t)(first + i * WARPS + warp) * 32 + lane;
    item[i] = place < a.trie.items ? a.trie.item[place] : 0;
  }
#pragma unroll
  for (int i = 0; i < MINE; i++) x[i] = score[item[i]];
  for (int k = 0; lead && k < a.grid.rows; k += THREADS)
    n += __syncthreads_count(k + (int)threadIdx.x < a.grid.rows && lead[k + threadIdx.x] >= 0);
  float least = n ? a.lead_score[(int64_t)s.w * a.grid.rows + n - 1] : INFINITY;
#pragma unroll
  for (int i = 0; i < MINE; i++) {
    int at = i * WARPS + warp;
    uint32_t bits = take_word(s, first + at, item[i], x[i], least);
    if (lane == 0) counts[at] = (uint32_t)__popc(bits);
    if (lane == 0 && first + at < words) s.bits[first + at] = bits;
  }
  __syncthreads();
  if (threadIdx.x < SK_WARP) count_stretch(s, first, words, counts);
  for (int k = threadIdx.x; k < n; k += THREADS) {
    uint32_t place = a.trie.place[lead[k]];
    if ((int)(place / 32 / SK_SLATE_STRETCH) == (int)blockIdx.x)
      s.score[place] = a.lead_score[(int64_t)s.w * a.grid.rows + k];
  }
}

/* A warp a node, or all threads where nodes are large. */
__global__ static void __launch_bounds__(THREADS)
    find_best(const __grid_constant__ sk_slate_args a, float *memory, int64_t size, bool large) {
  __shared__ slate_key parts[WARPS];
  slate_user<0> s;
  slate_bind_large(&s, &a, (int)blockIdx.y, memory + blockIdx.y * size);
  int node = large ? (int)blockIdx.x : (int)(blockIdx.x * WARPS + threadIdx.x / SK_WARP), lane = threadIdx.x % SK_WARP;
  if (node >= a.trie.first_nodes) return;
  uint32_t begin = a.trie.begin[1][node], end = a.trie.begin[1][node + 1];
  slate_key best = slate_best(&s, begin, end, ~0ull, large ? threadIdx.x : lane, large ? THREADS : SK_WARP);
  best = slate_most(best, SK_WARP);
  if (large) {
    if (lane == 0) parts[threadIdx.x / SK_WARP] = best;
    __syncthreads();
    best = slate_most(lane < WARPS ? parts[lane] : 0, SK_WARP);
  }
  if (large ? threadIdx.x != 0 : lane != 0) return;
  s.best[node] = slate_place_of(&s, best);
  s.best_of[node] = best ? 0 : SK_SLATE_NOWHERE;
}

solid_status sk_cuda_slate_read(sk_backend *be, const sk_slate_args *a, float *large) {
  int64_t size = slate_large_of(a).words;
  dim3 grid((unsigned)slate_stretches(a), (unsigned)a->n);
  read<<<grid, THREADS, 0, sk_cuda_stream(be)>>>(*a, large, size);
  solid_status status = sk_cuda_launched(be, "slate read");
  if (status != SOLID_OK || !(a->guide > 0)) return status;
  bool nodes_are_large = a->trie.items / a->trie.first_nodes > LARGE_NODE;
  grid.x = nodes_are_large ? (unsigned)a->trie.first_nodes : sk_cuda_blocks(a->trie.first_nodes, WARPS);
  find_best<<<grid, THREADS, 0, sk_cuda_stream(be)>>>(*a, large, size, nodes_are_large);
  return sk_cuda_launched(be, "slate best");
}
