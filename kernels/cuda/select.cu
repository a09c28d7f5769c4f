/* select, step by step: every full chunk of every history at once, four launches a step. Every sum has one order, so
 * that lists are the same whenever the step is the same. */
#include "kernels/cuda/select.cuh"

constexpr int THREADS = 256, SORTERS = 1024, MOST = 8192, MAX_DH = 128;

/* Sum over the block, and of the threads before this one; one order. */
__device__ static float2 block_sums(float mine) {
  __shared__ float warps[SORTERS / 32];
  int lane = threadIdx.x % SK_WARP, warp = threadIdx.x / SK_WARP;
  float upto = mine, before = 0.0f, all = 0.0f;
  for (int step = 1; step < SK_WARP; step *= 2) {
    float other = __shfl_up_sync(0xffffffffu, upto, step);
    if (lane >= step) upto += other;
  }
  if (lane == SK_WARP - 1) warps[warp] = upto;
  __syncthreads();
  for (int i = 0; i < (int)blockDim.x / SK_WARP; i++) {
    if (i < warp) before += warps[i];
    all += warps[i];
  }
  __syncthreads();
  float exclusive = __shfl_up_sync(0xffffffffu, upto, 1);
  return make_float2(all, before + (lane > 0 ? exclusive : 0.0f));
}

/* Descending, n a power of two; what was stored is there for all. Steps up to a warp's width stay within the 2 SK_WARP
 * keys of its pairs, and need no barrier but the warp's. */
__device__ static void sort(uint64_t *keys, int n) {
  int before = n; /* the step before */
  for (int size = 2; size <= n; size *= 2)
    for (int step = size / 2; step > 0; before = step, step /= 2) {
      if (step > SK_WARP || before > SK_WARP)
        __syncthreads();
      else
        __syncwarp();
      for (int i = threadIdx.x; i < n / 2; i += SORTERS) {
        int low = 2 * i - (i & (step - 1)), high = low + step; /* i / step * 2 * step + i % step */
        bool descending = (low & size) == 0;
        uint64_t x = keys[low], y = keys[high];
        if (descending == (x < y)) keys[low] = y, keys[high] = x;
      }
    }
  __syncthreads();
}

/* Sorts the candidates that are not kept anyway, and finds how many of them this head needs. */
__global__ static void __launch_bounds__(SORTERS) count_needs(sk_select_args a, sk_select_desk d, int step) {
  extern __shared__ __align__(128) unsigned char memory[];
  __shared__ int need;
  const sk_select_work at(a, blockIdx.x, step);
  if (at.w < 0) return;
  uint64_t *keys = (uint64_t *)memory;
  const float *mass = d.mass + (int64_t)at.list * d.room;
  int others = max(0, at.n - a.rule.sink - a.rule.window), n = 2;
  bool all = at.n <= a.rule.dense_below;
  while (n < others) n *= 2;
  float credit = 0.0f;
  for (int j = threadIdx.x; j < at.n; j += SORTERS)
    if (at.forced(a.rule, j)) credit += mass[j];
  for (int i = threadIdx.x; i < n; i += SORTERS) { /* the others are places sink .. n - window - 1 */
    int place = a.rule.sink + i;
    keys[i] = i < others ? (uint64_t)__float_as_uint(mass[place]) << 32 | (unsigned)place : 0;
  }
  credit = block_sums(credit).x;
  if (threadIdx.x == 0) need = others;
  sort(keys, n);
  int each = (others + SORTERS - 1) / SORTERS, first = threadIdx.x * each, last = min(others, first + each);
  float sum = 0.0f, want = a.rule.p * (float)sk_select_probes(&a.rule, at.length);
  for (int i = first; i < last; i++) {
    sum += __uint_as_float((unsigned)(keys[i] >> 32));
    d.order[(int64_t)at.list * d.room + i] = (int32_t)(unsigned)keys[i];
  }
  float have = credit + block_sums(sum).y;
  if (!all && first < last) {
    int i = first;
    while (i < last && have < want) have += __uint_as_float((unsigned)(keys[i++] >> 32));
    if (have >= want) atomicMin(&need, i); /* the first thread with enough mass has the smallest number */
  }
  __syncthreads();
  if (threadIdx.x == 0) d.needs[at.list] = need;
}

__device__ static void append_chunk(const sk_select_args &a, int w, int head, int kept) {
  int first = a.k_first ? a.k_first[w] : a.q_offsets[w], length = a.q_offsets[w + 1] - a.q_offsets[w];
  int32_t *to = a.rows + (int64_t)head * a.list_stride + a.begin[w] + kept;
  for (int i = threadIdx.x; i < length; i += blockDim.x) to[i] = first + i;
  if (threadIdx.x == 0) a.count[head * a.windows + w] = kept + length;
}

/* The list of the next window. */
__global__ static void __launch_bounds__(SORTERS) write_list(sk_select_args a, sk_select_desk d, int step) {
  extern __shared__ __align__(128) unsigned char kept[];
  const sk_select_work at(a, blockIdx.x, step);
  if (at.w < 0) return;
  int budget = 0, others = max(0, at.n - a.rule.sink - a.rule.window);
  for (int head = 0; head < a.heads; head++) budget = max(budget, d.needs[at.list - at.head + head]);
  if (at.n > a.rule.dense_below) budget = min(budget, a.rule.budget);
  budget = min(budget, others);
  for (int j = threadIdx.x; j < at.n; j += SORTERS) kept[j] = at.forced(a.rule, j);
  __syncthreads();
  for (int i = threadIdx.x; i < budget; i += SORTERS) kept[d.order[(int64_t)at.list * d.room + i]] = 1;
  __syncthreads();
  int each = (at.n + SORTERS - 1) / SORTERS, first = threadIdx.x * each, last = min(at.n, first + each), mine = 0;
  for (int j = first; j < last; j++) mine += kept[j];
  const float2 sums = block_sums((float)mine); /* whole numbers below 2^24 */
  int32_t *to = a.rows + (int64_t)at.head * a.list_stride + a.begin[at.w + 1];
  int place = (int)sums.y;
  for (int j = first; j < last; j++)
    if (kept[j]) to[place++] = at.rows[j];
  append_chunk(a, at.w + 1, at.head, (int)sums.x);
}

__global__ static void first_lists(sk_select_args a) {
  int history = blockIdx.x / a.heads, w = a.chunk_offsets[history];
  if (w < a.chunk_offsets[history + 1]) append_chunk(a, w, blockIdx.x % a.heads, 0);
}

/* Lays the desk out at `base`: sk_select_scratch bytes. */
static void lay_out(const sk_select_args *a, char *base, sk_select_desk *d) {
  size_t lists = (size_t)a->histories * a->heads, used = 0;
  d->room = (sk_select_room(&a->rule) + 1) / 2 * 2, d->tiles = (d->room + SK_SELECT_TILE - 1) / SK_SELECT_TILE;
  d->pairs = (d->tiles + 1) / 2;
  d->parts = (float2 *)(base + used), used += lists * d->tiles * SK_SELECT_PROBES * sizeof(float2);
  d->mass = (float *)(base + used), used += lists * d->room * sizeof(float);
  d->order = (int32_t *)(base + used), used += lists * d->room * sizeof(int32_t);
  d->needs = (int32_t *)(base + used);
}

solid_status sk_cuda_select(sk_backend *be, const sk_select_args *a) {
  int probes = sk_select_probes(&a->rule, a->rule.chunk), room = sk_select_room(&a->rule);
  if (!((sk_cuda *)be)->bf16 || a->dh > MAX_DH)
    return sk_fail(be, SOLID_EUNSUPPORTED, "cuda select: head width %d, needs at most %d and a card of sm_80 or later",
                   a->dh, MAX_DH);
  if (probes > SK_SELECT_PROBES)
    return sk_fail(be, SOLID_EUNSUPPORTED, "cuda select: %d probes a chunk, at most %d; use a longer stride", probes,
                   SK_SELECT_PROBES);
  if (room > MOST)
    return sk_fail(be, SOLID_EUNSUPPORTED, "cuda select: %d candidates, at most %d; use a smaller budget", room, MOST);
  unsigned lists = (unsigned)(a->histories * a->heads);
  if (lists == 0) return SOLID_OK;
  void *base = NULL;
  sk_select_desk d;
  solid_status status = sk_cuda_workspace(be, sk_select_scratch(a), &base);
  if (status != SOLID_OK) return status;
  lay_out(a, (char *)base, &d);
  size_t sorted = 16;
  while (sorted < (size_t)room * sizeof(uint64_t)) sorted *= 2;
  status = sk_cuda_status(
      be, cudaFuncSetAttribute(count_needs, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)sorted), "select");
  if (status != SOLID_OK) return status;
  if (!a->resume) first_lists<<<lists, THREADS, 0, sk_cuda_stream(be)>>>(*a);
  for (int step = 0; step + 1 < a->max_chunks; step++) {
    status = sk_cuda_select_masses(be, a, &d, step);
    if (status != SOLID_OK) return status;
    count_needs<<<lists, SORTERS, sorted, sk_cuda_stream(be)>>>(*a, d, step);
    write_list<<<lists, SORTERS, (size_t)room, sk_cuda_stream(be)>>>(*a, d, step);
  }
  return sk_cuda_launched(be, "select");
}
