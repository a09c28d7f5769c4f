/* Which groups may hold one of the best, and the scores of their items. By planes the bounds of single items, from both
 * planes, rule out most of what the groups left before rows in FP32 are read, which may stand in the host's memory. */
#include "kernels/cuda/topk_planes.cuh"

enum {
  THREADS = 256,
  TEAMS = THREADS / SK_TOPK_LANES,
  PARTS = SK_TOPK_PARTS,
  PARTS_AT_ONCE = 32, /* of a block, by */
  SLICES = THREADS / PARTS_AT_ONCE,
  LIST = SK_TOPK_LIST,
  ITEMS = 2048 /* that wait for being scored */
};
static_assert(TEAMS == PARTS_AT_ONCE, "a team looks at the best group of a part");

/* The greatest lower bound of a group's items by both planes, for the eight threads that have w of the row. */
template <int STEPS, int TILES>
__device__ static float lowest_of(const sk_topk_args &a, const sk_topk_scouting &s, int row0, int row, int group) {
  int w[STEPS][2];
  float score[TILES / 4], low = -INFINITY;
  sk_topk_words<STEPS>(s.users, row, threadIdx.x % 4, w);
  sk_topk_estimate<STEPS, TILES>(s.planes, group, w, s.factors[row].step, score);
  float width = sk_topk_width(s.planes.fine[group], s.widths[row]);
#pragma unroll
  for (int i = 0; i < TILES / 4; i++)
    if (!sk_topk_absent(a, row0 + row, group * 2 * TILES + sk_topk_item_of(i), 1, true))
      low = fmaxf(low, score[i] - width); /* fmaxf passes over NaN */
  for (int step = 1; step < SK_TOPK_LANES; step *= 2) low = fmaxf(low, __shfl_xor_sync(0xffffffffu, low, step));
  return low;
}

/* part (rows, PARTS): the greatest lower bound of the groups of each part; with STEPS, that of the best group's items
 * by both planes. Block (parts, row). */
template <int STEPS, int TILES>
__global__ static void __launch_bounds__(THREADS) find_parts(sk_topk_args a, int row0, sk_topk_scouting s) {
  __shared__ float tops[SLICES][PARTS_AT_ONCE];
  __shared__ int ats[SLICES][PARTS_AT_ONCE];
  int mine = threadIdx.x % PARTS_AT_ONCE, slice = threadIdx.x / PARTS_AT_ONCE, row = blockIdx.y;
  int first = blockIdx.x * PARTS_AT_ONCE, at = 0;
  const float *best = s.best + (int64_t)row * s.stride;
  float2 width = s.widths[row];
  float top = -INFINITY;
#pragma unroll 8
  for (int g = first + mine + slice * PARTS; g < s.covered; g += SLICES * PARTS) {
    float low = best[g] - sk_topk_width(s.reach[g], width);
    if (low > top) top = low, at = g;
  }
  tops[slice][mine] = top, ats[slice][mine] = at;
  __syncthreads();
  int part = STEPS ? (int)threadIdx.x / SK_TOPK_LANES : mine;
  for (int i = 0; i < SLICES; i++)
    if (i == 0 || tops[i][part] > top) top = tops[i][part], at = ats[i][part];
  if constexpr (STEPS > 0) {
    float low = lowest_of<STEPS, TILES>(a, s, row0, row, at);
    if (top > -INFINITY) top = fmaxf(top, low); /* else the part has no group of its own */
  }
  if (STEPS ? threadIdx.x % SK_TOPK_LANES == 0 : slice == 0)
    s.parts[(int64_t)row * PARTS + first + part] = sk_topk_ordered(top);
}

void sk_cuda_topk_parts(sk_backend *be, const sk_topk_args *a, int row0, int rows, const sk_topk_scouting *s) {
  cudaStream_t stream = sk_cuda_stream(be);
  const dim3 grid(PARTS / PARTS_AT_ONCE, rows);
#define FIND(STEPS, TILES) find_parts<STEPS, TILES><<<grid, THREADS, 0, stream>>>(*a, row0, *s)
  if (!s->coarse)
    FIND(0, 4);
  else
    SK_PLANES_SWITCH(s->steps, FIND)
#undef FIND
}

struct __align__(16) desk { /* shared by a block */
  float u[SK_TOPK_MAX_D];
  int list[LIST], items[ITEMS];
  int listed, waiting; /* groups, items */
  bool enough;         /* more keys than there is room for */
};

/* Scores the first `tasks` items of the listed groups; those that reach the bound become keys. More than KEYS are
 * counted but not written. */
__device__ static void score_listed(const sk_topk_args &a, const sk_topk_scouting &s, int row0, const int *list,
                                    int tasks, int size, float bound, const desk &d) {
  int row = blockIdx.y;
  for (int task = 0; task < tasks; task += TEAMS * SK_TOPK_AT_ONCE) {
    int item[SK_TOPK_AT_ONCE];
    float score[SK_TOPK_AT_ONCE];
    sk_topk_score_some<TEAMS>(a, list, task, tasks, size, s.aligned, d.u, item, score);
#pragma unroll
    for (int i = 0; i < SK_TOPK_AT_ONCE; i++) {
      if (!sk_topk_reaches(a, row0 + row, item[i], score[i], bound)) continue;
      int place = atomicAdd(&s.kept[row], 1);
      if (place < SK_TOPK_KEYS) s.keys[(int64_t)row * SK_TOPK_KEYS + place] = sk_topk_key_of(score[i], item[i]);
    }
  }
}

/* Items of the listed groups whose own bounds reach the bound are scored, as many at a time as may wait. */
template <int STEPS, int TILES>
__device__ static void score_left(const sk_topk_args &a, const sk_topk_scouting &s, int row0, float bound, desk &d) {
  const int SIZE = 2 * TILES;
  int row = blockIdx.y, w[STEPS][2], groups = d.listed;
  float step = s.factors[row].step;
  float2 width = s.widths[row];
  sk_topk_words<STEPS>(s.users, row, threadIdx.x % 4, w);
  for (int from = 0; from < groups; from += TEAMS) {
    int at = from + (int)threadIdx.x / SK_TOPK_LANES, group = d.list[min(at, groups - 1)];
    bool scanned = group < s.covered;
    float score[TILES / 4];
    sk_topk_estimate<STEPS, TILES>(s.planes, scanned ? group : 0, w, step, score);
    float wide = scanned ? sk_topk_width(s.planes.fine[group], width) : INFINITY;
#pragma unroll
    for (int i = 0; i < TILES / 4; i++) {
      int item = group * SIZE + sk_topk_item_of(i);
      if (at < groups && !(score[i] + wide < bound) && !sk_topk_absent(a, row0 + row, item, 1, true))
        d.items[atomicAdd(&d.waiting, 1)] = item;
    }
    __syncthreads();
    int waiting = d.waiting;
    __syncthreads();
    if (waiting <= ITEMS - TEAMS * SIZE && from + TEAMS < groups) continue;
    score_listed(a, s, row0, d.items, waiting, 1, bound, d);
    __syncthreads();
    if (threadIdx.x == 0) d.waiting = 0;
    __syncthreads();
  }
}

/* Block (share of the groups, row); row counts from row0. A row that has more keys than there is room for is done
 * again, so that the rest of its groups need not be scored. */
template <int STEPS, int TILES>
__global__ static void __launch_bounds__(THREADS) gather(sk_topk_args a, int row0, sk_topk_scouting s) {
  enum { EACH = LIST / 2 / THREADS };
  __shared__ desk d;
  int row = blockIdx.y, share = (s.groups + gridDim.x - 1) / gridDim.x;
  int end = min((int)(blockIdx.x + 1) * share, s.groups);
  const float *best = s.best + (int64_t)row * s.stride;
  float bound = s.bounds[row];
  float2 width = s.widths[row];
  for (int i = threadIdx.x; i < SK_TOPK_MAX_D; i += THREADS)
    d.u[i] = i < a.d ? a.u[(int64_t)(row0 + row) * a.d + i] : 0.0f;
  if (threadIdx.x == 0) d.listed = d.waiting = 0;
  __syncthreads();
  for (int first = blockIdx.x * share; first < end;) {
    bool may[EACH];
#pragma unroll
    for (int i = 0; i < EACH; i++) {
      int g = first + i * THREADS + threadIdx.x;
      may[i] = sk_topk_may_hold(s, best, min(g, end - 1), width, bound) && g < end;
    }
#pragma unroll
    for (int i = 0; i < EACH; i++)
      if (may[i]) d.list[atomicAdd(&d.listed, 1)] = first + i * THREADS + threadIdx.x;
    if (threadIdx.x == 0) d.enough = *(volatile int *)&s.kept[row] > SK_TOPK_KEYS;
    __syncthreads();
    int listed = d.listed;
    if (d.enough) return;
    __syncthreads();
    first += LIST / 2;
    if (listed <= LIST / 2 && first < end) continue; /* there is room for another half */
    if constexpr (STEPS > 0)
      score_left<STEPS, TILES>(a, s, row0, bound, d);
    else
      score_listed(a, s, row0, d.list, listed * s.size, s.size, bound, d);
    __syncthreads();
    if (threadIdx.x == 0) d.listed = 0;
    __syncthreads();
  }
}

void sk_cuda_topk_gather(sk_backend *be, const sk_topk_args *a, int row0, int rows, const sk_topk_scouting *s) {
  enum { BUSY = 528 };
  cudaStream_t stream = sk_cuda_stream(be);
  unsigned shares = sk_cuda_blocks(BUSY, rows), most = sk_cuda_blocks(s->groups, LIST / 4);
  const dim3 grid(shares < most ? shares : most, rows);
#define GATHER(STEPS, TILES) gather<STEPS, TILES><<<grid, THREADS, 0, stream>>>(*a, row0, *s)
  if (!s->planes.items)
    GATHER(0, 4);
  else
    SK_PLANES_SWITCH(s->steps, GATHER)
#undef GATHER
}
