/* select, step by step: every full chunk of every history at once, four launches a step. The masses take the products
 * of probes and candidates twice, for the sums of the rows and for the columns, so that no score is stored. Every sum
 * has one order, so that lists are the same whenever the step is the same. */
#include "kernels/cuda/cuda.cuh"

constexpr int PROBES = SK_SELECT_PROBES, CANDIDATES = SK_SELECT_TILE, SLICE = 16, THREADS = 256, SORTERS = 512,
              MOST = 8192;

/* What the steps hand to one another, (histories, heads) of each. */
struct desk {
  int room, tiles;
  float *mass;    /* (room) of every candidate */
  float2 *parts;  /* (tiles, PROBES) top and sum of a probe's scores of one tile */
  int32_t *order; /* (room) places of those that need not be kept, largest mass first */
  int32_t *needs;
};

/* The list that a block works on: that of window w, which is full and has one behind it; w < 0: none. */
struct work {
  int head, list, w, n, length;
  int32_t *rows;
  __device__ work(const sk_select_args &a, int number, int step) {
    int history = number / a.heads;
    head = number % a.heads, list = number, w = a.chunk_offsets[history] + step;
    if (w + 1 >= a.chunk_offsets[history + 1]) {
      w = -1;
      return;
    }
    n = a.count[head * a.windows + w];
    length = a.q_offsets[w + 1] - a.q_offsets[w];
    rows = a.rows + (int64_t)head * a.list_stride + a.begin[w];
  }
  __device__ bool forced(const sk_select_rule &rule, int place) const {
    return place < rule.sink || place >= n - rule.window;
  }
};

/* Scores of all probes and 64 candidates: thread (x, y) has candidates x + 16 j and probes 8 y + i. */
__device__ static void scores(const sk_select_args &a, const work &at, int first, float (&s)[8][4]) {
  __shared__ float queries[SLICE][PROBES + 4], keys[SLICE][CANDIDATES + 1];
  int probes = sk_select_probes(&a.rule, at.length), x = threadIdx.x % 16, y = threadIdx.x / 16;
  for (int from = 0; from < a.dh; from += SLICE) {
    __syncthreads();
    for (int i = threadIdx.x; i < PROBES * SLICE; i += THREADS) {
      int t = i / SLICE, c = from + i % SLICE;
      int64_t row = a.q_offsets[at.w] + sk_select_probe(&a.rule, at.length, t);
      queries[i % SLICE][t] = t < probes && c < a.dh ? a.q[row * a.q_stride + at.head * a.dh + c] : 0.0f;
    }
    for (int i = threadIdx.x; i < CANDIDATES * SLICE; i += THREADS) {
      int j = first + i / SLICE, c = from + i % SLICE;
      keys[i % SLICE][i / SLICE] =
          j < at.n && c < a.dh ? a.k[(int64_t)at.rows[j] * a.kv_stride + at.head * a.dh + c] : 0.0f;
    }
    __syncthreads();
#pragma unroll
    for (int c = 0; c < SLICE; c++)
#pragma unroll
      for (int i = 0; i < 8; i++)
#pragma unroll
        for (int j = 0; j < 4; j++) s[i][j] += queries[c][8 * y + i] * keys[c][x + 16 * j];
  }
  float scale = rsqrtf((float)a.dh);
#pragma unroll
  for (int i = 0; i < 8; i++) {
    int t = 8 * y + i, seen = t < probes ? at.n - (at.length - 1 - sk_select_probe(&a.rule, at.length, t)) : 0;
#pragma unroll
    for (int j = 0; j < 4; j++) s[i][j] = first + x + 16 * j < seen ? s[i][j] * scale : -INFINITY;
  }
}

__device__ static float row_max(float x) {
  for (int step = 8; step > 0; step /= 2) x = fmaxf(x, __shfl_xor_sync(0xffffffffu, x, step));
  return x;
}
__device__ static float row_sum(float x) {
  for (int step = 8; step > 0; step /= 2) x += __shfl_xor_sync(0xffffffffu, x, step);
  return x;
}

/* Top and sum of every probe's scores of one tile. */
__global__ static void __launch_bounds__(THREADS) sum_rows(sk_select_args a, desk d, int step) {
  const work at(a, blockIdx.x / d.tiles, step);
  int tile = blockIdx.x % d.tiles, x = threadIdx.x % 16, y = threadIdx.x / 16;
  if (at.w < 0 || tile * CANDIDATES >= at.n) return;
  float s[8][4] = {};
  scores(a, at, tile * CANDIDATES, s);
#pragma unroll
  for (int i = 0; i < 8; i++) {
    float top = row_max(fmaxf(fmaxf(s[i][0], s[i][1]), fmaxf(s[i][2], s[i][3]))), sum = 0.0f;
    for (int j = 0; j < 4; j++) sum += top == -INFINITY ? 0.0f : expf(s[i][j] - top);
    sum = row_sum(sum);
    if (x == 0) d.parts[((int64_t)at.list * d.tiles + tile) * PROBES + 8 * y + i] = make_float2(top, sum);
  }
}

/* The mass of 64 candidates: their shares of all probes, in the order of the probes. */
__global__ static void __launch_bounds__(THREADS) sum_columns(sk_select_args a, desk d, int step) {
  __shared__ float lse[PROBES], sums[16][CANDIDATES];
  const work at(a, blockIdx.x / d.tiles, step);
  int tile = blockIdx.x % d.tiles, x = threadIdx.x % 16, y = threadIdx.x / 16;
  if (at.w < 0 || tile * CANDIDATES >= at.n) return;
  if (threadIdx.x < PROBES) {
    const float2 *parts = d.parts + (int64_t)at.list * d.tiles * PROBES + threadIdx.x;
    float top = -INFINITY, sum = 0.0f;
    int tiles = (at.n + CANDIDATES - 1) / CANDIDATES;
    for (int i = 0; i < tiles; i++) top = fmaxf(top, parts[i * PROBES].x);
    for (int i = 0; i < tiles; i++)
      if (parts[i * PROBES].x > -INFINITY) sum += parts[i * PROBES].y * expf(parts[i * PROBES].x - top);
    lse[threadIdx.x] = top == -INFINITY ? INFINITY : top + logf(sum);
  }
  float s[8][4] = {};
  scores(a, at, tile * CANDIDATES, s);
#pragma unroll
  for (int j = 0; j < 4; j++) {
    float sum = 0.0f;
#pragma unroll
    for (int i = 0; i < 8; i++) sum += expf(s[i][j] - lse[8 * y + i]);
    sums[y][x + 16 * j] = sum;
  }
  __syncthreads();
  int j = threadIdx.x;
  if (j >= CANDIDATES || tile * CANDIDATES + j >= at.n) return;
  float mass = 0.0f;
  for (int i = 0; i < 16; i++) mass += sums[i][j];
  d.mass[(int64_t)at.list * d.room + tile * CANDIDATES + j] = mass >= 0.0f ? mass : 0.0f; /* a NaN counts nothing */
}

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

/* Descending, n a power of two. */
__device__ static void sort(uint64_t *keys, int n) {
  for (int size = 2; size <= n; size *= 2)
    for (int step = size / 2; step > 0; step /= 2) {
      __syncthreads();
      for (int i = threadIdx.x; i < n / 2; i += SORTERS) {
        int low = i / step * 2 * step + i % step, high = low + step;
        bool descending = (low & size) == 0;
        uint64_t x = keys[low], y = keys[high];
        if (descending == (x < y)) keys[low] = y, keys[high] = x;
      }
    }
  __syncthreads();
}

/* Puts the candidates that need not be kept in order, and says how many of them this head needs. */
__global__ static void __launch_bounds__(SORTERS) count_needs(sk_select_args a, desk d, int step) {
  extern __shared__ __align__(128) unsigned char memory[];
  __shared__ int need;
  const work at(a, blockIdx.x, step);
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
    if (have >= want) atomicMin(&need, i); /* the first thread that has enough has the least */
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
__global__ static void __launch_bounds__(SORTERS) write_list(sk_select_args a, desk d, int step) {
  extern __shared__ __align__(128) unsigned char kept[];
  const work at(a, blockIdx.x, step);
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
static void lay_out(const sk_select_args *a, char *base, desk *d) {
  size_t lists = (size_t)a->histories * a->heads, used = 0;
  d->room = (sk_select_room(&a->rule) + 1) / 2 * 2, d->tiles = (d->room + CANDIDATES - 1) / CANDIDATES;
  d->parts = (float2 *)(base + used), used += lists * d->tiles * PROBES * sizeof(float2);
  d->mass = (float *)(base + used), used += lists * d->room * sizeof(float);
  d->order = (int32_t *)(base + used), used += lists * d->room * sizeof(int32_t);
  d->needs = (int32_t *)(base + used);
}

solid_status sk_cuda_select(sk_backend *be, const sk_select_args *a) {
  int probes = sk_select_probes(&a->rule, a->rule.chunk), room = sk_select_room(&a->rule);
  if (probes > PROBES)
    return sk_fail(be, SOLID_EUNSUPPORTED, "cuda select: %d probes a chunk, at most %d; use a longer stride", probes,
                   PROBES);
  if (room > MOST)
    return sk_fail(be, SOLID_EUNSUPPORTED, "cuda select: %d candidates, at most %d; use a smaller budget", room, MOST);
  unsigned lists = (unsigned)(a->histories * a->heads);
  if (lists == 0) return SOLID_OK;
  void *base = NULL;
  desk d;
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
    sum_rows<<<lists * d.tiles, THREADS, 0, sk_cuda_stream(be)>>>(*a, d, step);
    sum_columns<<<lists * d.tiles, THREADS, 0, sk_cuda_stream(be)>>>(*a, d, step);
    count_needs<<<lists, SORTERS, sorted, sk_cuda_stream(be)>>>(*a, d, step);
    write_list<<<lists, SORTERS, (size_t)room, sk_cuda_stream(be)>>>(*a, d, step);
  }
  return sk_cuda_launched(be, "select");
}
