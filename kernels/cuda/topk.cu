/* The exact k best at the price of an inexact product.
 *
 * 1. topk_scout.cu: u e^T on the tensor cores with operands rounded to BF16; of each group of neighbouring items only
 * the greatest score is written. It is off by at most slack |u| |e_v| (Cauchy-Schwarz; slack bounds the rounding of
 * both operands and of the sums), so a group's true best lies in best +- slack |u| max |e|.
 * 2. find_parts, find_bound: groups fall into PARTS parts; the k-th greatest of the parts' lower bounds is a bound that
 *    k items reach.
 * 3. gather: groups whose upper bound is below it hold none of the k best. The items of the others, hardly more than k
 *    groups, are scored again in FP32 by several blocks a row; those that reach the bound wait as keys.
 * 4. choose, one block a row: the keys are sorted. A row with too many of them (scores that hardly differ) is done
 *    again by this block alone, which raises the bound as it goes.
 *
 * Whatever is not comparable (NaN, infinite bounds) counts as "may be among the best" and is scored in FP32. Widths and
 * k beyond these kernels: topk_sort.cu. */
#include "kernels/cuda/topk.cuh"

enum {
  THREADS = 256,
  CHOOSERS = 1024, /* threads that choose */
  PARTS = SK_TOPK_PARTS,
  KEYS = SK_TOPK_KEYS, /* that wait for being sorted */
  LIST = 2048,         /* groups that wait for being scored */
  LANES = 8,           /* that score an item together */
  AT_ONCE = 4          /* items of LANES threads */
};
static_assert((int)PARTS == 2 * (int)CHOOSERS && (int)SK_TOPK_MAX_K <= (int)CHOOSERS, "a thread has two parts");

/* part (rows, PARTS): the greatest lower bound of the groups of each part. Block (part of PARTS, row). */
__global__ static void __launch_bounds__(THREADS)
    find_parts(int groups, int stride, const float *bests, const float *norm, const float *widths, unsigned *parts) {
  int part = blockIdx.x * THREADS + threadIdx.x, row = blockIdx.y;
  const float *best = bests + (int64_t)row * stride;
  float width = widths[row], low = -INFINITY;
#pragma unroll 8
  for (int g = part; g < groups; g += PARTS) low = fmaxf(low, best[g] - norm[g] * width); /* fmaxf passes over NaN */
  parts[(int64_t)row * PARTS + part] = sk_topk_ordered(low);
}

/* bound of each row: the k-th greatest part, digit by digit from the top. One block a row. */
__global__ static void __launch_bounds__(CHOOSERS) find_bound(int k, const unsigned *parts, float *bounds, int *kept) {
  __shared__ int count[256];
  __shared__ unsigned found[2]; /* the digits so far; how many are wanted of those that share them */
  unsigned x[PARTS / CHOOSERS], prefix = 0, wanted = (unsigned)k;
  for (int i = 0; i < PARTS / CHOOSERS; i++) x[i] = parts[(int64_t)blockIdx.x * PARTS + i * CHOOSERS + threadIdx.x];
  for (int shift = 24; shift >= 0; shift -= 8) {
    if (threadIdx.x < 256) count[threadIdx.x] = 0;
    __syncthreads();
#pragma unroll
    for (int i = 0; i < PARTS / CHOOSERS; i++)
      if (shift == 24 || x[i] >> (shift + 8) == prefix) atomicAdd(&count[x[i] >> shift & 255], 1);
    __syncthreads();
    if (threadIdx.x < SK_WARP) { /* lane l holds digits 255 - 8 l - 7 .. 255 - 8 l */
      int last = 255 - 8 * threadIdx.x, mine = 0;
      for (int i = 0; i < 8; i++) mine += count[last - i];
      int before = mine;
      for (int step = 1; step < SK_WARP; step *= 2) {
        int other = __shfl_up_sync(0xffffffffu, before, step);
        if (threadIdx.x >= step) before += other;
      }
      before -= mine;
      if (before < (int)wanted && before + mine >= (int)wanted) {
        int digit = last;
        while (before + count[digit] < (int)wanted) before += count[digit--];
        found[0] = prefix << 8 | (unsigned)digit;
        found[1] = wanted - (unsigned)before;
      }
    }
    __syncthreads();
    prefix = found[0], wanted = found[1];
  }
  if (threadIdx.x > 0) return;
  bounds[blockIdx.x] = sk_topk_unordered(prefix);
  kept[blockIdx.x] = 0;
}

/* u . e, by LANES threads; u in shared memory. */
__device__ static float score(const float *u, const float *e, int d, int lane, bool aligned) {
  float sum = 0.0f;
  for (int i = 4 * lane; i < d; i += 4 * LANES) {
    float4 x = sk_load4(e, i, d, aligned), y = sk_load4(u, i, d, true);
    sum += x.x * y.x + x.y * y.y + x.z * y.z + x.w * y.w;
  }
  for (int step = 1; step < LANES; step *= 2) sum += __shfl_xor_sync(0xffffffffu, sum, step);
  return sum;
}

/* FP32 scores of items first ... of the listed groups, AT_ONCE for each of the block's teams; a thread holds all of its
 * team's. item: a.items where there is none. */
template <int TEAMS>
__device__ static void score_some(const sk_topk_args &a, const int *list, int first, int tasks, int size, bool aligned,
                                  const float *u, int (&item)[AT_ONCE], float (&s)[AT_ONCE]) {
#pragma unroll
  for (int i = 0; i < AT_ONCE; i++) {
    int task = first + i * TEAMS + threadIdx.x / LANES;
    item[i] = task < tasks ? list[task / size] * size + task % size : a.items;
    s[i] = score(u, a.e + (int64_t)min(item[i], a.items - 1) * a.d, a.d, threadIdx.x % LANES, aligned);
  }
}

/* May the item be among the best? Asked by one thread of each team. */
__device__ static bool reaches(const sk_topk_args &a, int row, int item, float s, float bound) {
  return threadIdx.x % LANES == 0 && s >= bound && s > -INFINITY && !sk_topk_absent(a, row, item, 1, true);
}

/* Block (share of the groups, row); row counts from row0. keys (rows, KEYS), kept (rows): more than KEYS are counted
 * but not written. */
__global__ static void __launch_bounds__(THREADS)
    gather(sk_topk_args a, int row0, int groups, int stride, int size, bool aligned, const float *bests,
           const float *norm, const float *widths, const float *bounds, sk_topk_key *keys, int *kept) {
  __shared__ int list[LIST], listed;
  __shared__ __align__(16) float u[SK_TOPK_MAX_D];
  int row = blockIdx.y, share = (groups + gridDim.x - 1) / gridDim.x, end = min((int)(blockIdx.x + 1) * share, groups);
  const float *best = bests + (int64_t)row * stride;
  float width = widths[row], bound = bounds[row];
  for (int i = threadIdx.x; i < SK_TOPK_MAX_D; i += THREADS)
    u[i] = i < a.d ? a.u[(int64_t)(row0 + row) * a.d + i] : 0.0f;
  if (threadIdx.x == 0) listed = 0;
  __syncthreads();
  for (int first = blockIdx.x * share; first < end;) {
    float high[LIST / 2 / THREADS];
#pragma unroll
    for (int i = 0; i < LIST / 2 / THREADS; i++) {
      int g = min(first + i * THREADS + (int)threadIdx.x, end - 1);
      high[i] = best[g] + norm[g] * width;
    }
#pragma unroll
    for (int i = 0; i < LIST / 2 / THREADS; i++) {
      int g = first + i * THREADS + threadIdx.x;
      if (g < end && !(high[i] < bound)) list[atomicAdd(&listed, 1)] = g;
    }
    __syncthreads();
    int waiting = listed;
    __syncthreads();
    first += LIST / 2;
    if (waiting <= LIST / 2 && first < end) continue; /* there is room for another half */
    for (int task = 0; task < waiting * size; task += THREADS / LANES * AT_ONCE) {
      int item[AT_ONCE];
      float s[AT_ONCE];
      score_some<THREADS / LANES>(a, list, task, waiting * size, size, aligned, u, item, s);
#pragma unroll
      for (int i = 0; i < AT_ONCE; i++) {
        if (!reaches(a, row0 + row, item[i], s[i], bound)) continue;
        int place = atomicAdd(&kept[row], 1);
        if (place < KEYS) keys[(int64_t)row * KEYS + place] = sk_topk_key_of(s[i], item[i]);
      }
    }
    __syncthreads();
    if (threadIdx.x == 0) listed = 0;
    __syncthreads();
  }
}

/* Descending; n is a power of two, `at` in shared memory. All threads enter and leave together. */
__device__ static void sort_down(sk_topk_key *at, int n) {
  for (int width = 2; width <= n; width *= 2)
    for (int step = width / 2; step > 0; step /= 2) {
      __syncthreads();
      for (int i = threadIdx.x; i < n / 2; i += CHOOSERS) {
        int low = 2 * i - (i & (step - 1)), high = low + step;
        sk_topk_key x = at[low], y = at[high];
        if ((x < y) == ((low & width) == 0) && x != y) at[low] = y, at[high] = x;
      }
    }
  __syncthreads();
}

struct __align__(16) chooser { /* shared by the block of a row */
  sk_topk_key keys[KEYS];
  int list[LIST];
  float u[SK_TOPK_MAX_D];
  int listed, kept;
  float bound; /* k items are known to reach it */
};

/* Sorts the keys that wait and keeps the k best. */
__device__ static void settle(chooser *c, int k) {
  int n = 2;
  __syncthreads();
  int kept = c->kept;
  while (n < kept) n *= 2;
  for (int i = kept + threadIdx.x; i < n; i += CHOOSERS) c->keys[i] = 0;
  sort_down(c->keys, n);
  if (threadIdx.x == 0 && kept >= k) {
    c->kept = k;
    c->bound = fmaxf(c->bound, sk_topk_unordered((unsigned)(c->keys[k - 1] >> 32)));
  }
  __syncthreads();
}

/* Scores all of a row's groups that may hold one of the best, LIST at a time, however many they are. */
__device__ static void choose_alone(const sk_topk_args &a, int row, int groups, int size, bool aligned,
                                    const float *best, const float *norm, float width, chooser *c) {
  const int TEAMS = CHOOSERS / LANES;
  for (int i = threadIdx.x; i < SK_TOPK_MAX_D; i += CHOOSERS) c->u[i] = i < a.d ? a.u[(int64_t)row * a.d + i] : 0.0f;
  if (threadIdx.x == 0) c->kept = 0;
  for (int first = 0; first < groups; first += LIST) {
    __syncthreads();
    if (threadIdx.x == 0) c->listed = 0;
    __syncthreads();
    for (int g = first + threadIdx.x; g < min(first + LIST, groups); g += CHOOSERS)
      if (!(best[g] + norm[g] * width < c->bound)) c->list[atomicAdd(&c->listed, 1)] = g;
    __syncthreads();
    for (int task = 0; task < c->listed * size; task += TEAMS * AT_ONCE) {
      if (c->kept + TEAMS * AT_ONCE > KEYS) settle(c, a.k);
      float s[AT_ONCE], bound = c->bound;
      int item[AT_ONCE];
      score_some<TEAMS>(a, c->list, task, c->listed * size, size, aligned, c->u, item, s);
      __syncthreads(); /* everyone has read kept */
      for (int i = 0; i < AT_ONCE; i++)
        if (reaches(a, row, item[i], s[i], bound)) c->keys[atomicAdd(&c->kept, 1)] = sk_topk_key_of(s[i], item[i]);
      __syncthreads();
    }
  }
}

__global__ static void __launch_bounds__(CHOOSERS)
    choose(sk_topk_args a, int row0, int groups, int stride, int size, bool aligned, const float *bests,
           const float *norm, const float *widths, const float *bounds, const sk_topk_key *keys, const int *kept) {
  __shared__ chooser c;
  int row = row0 + blockIdx.x, waiting = kept[blockIdx.x];
  if (threadIdx.x == 0) c.kept = waiting, c.bound = bounds[blockIdx.x];
  if (waiting <= KEYS)
    for (int i = threadIdx.x; i < waiting; i += CHOOSERS) c.keys[i] = keys[(int64_t)blockIdx.x * KEYS + i];
  else
    choose_alone(a, row, groups, size, aligned, bests + (int64_t)blockIdx.x * stride, norm, widths[blockIdx.x], &c);
  settle(&c, a.k);
  for (int i = threadIdx.x; i < a.k; i += CHOOSERS) {
    int64_t at = (int64_t)row * a.k + i;
    sk_topk_unpack(i < c.kept ? c.keys[i] : 0, &a.index[at], &a.score[at]);
  }
}

static void launch_rows(sk_backend *be, const sk_topk_args *a, int row0, int rows, const sk_topk_scouting *s) {
  enum { BUSY = 528 };
  cudaStream_t stream = sk_cuda_stream(be);
  unsigned shares = sk_cuda_blocks(BUSY, rows), most = sk_cuda_blocks(s->groups, LIST / 4);
  if (shares > most) shares = most;
  sk_cuda_topk_scout(be, a, row0, rows, s);
  find_parts<<<dim3(PARTS / THREADS, rows), THREADS, 0, stream>>>(s->groups, s->stride, s->best, s->norm, s->widths,
                                                                  s->parts);
  find_bound<<<rows, CHOOSERS, 0, stream>>>(a->k, s->parts, s->bounds, s->kept);
  gather<<<dim3(shares, rows), THREADS, 0, stream>>>(*a, row0, s->groups, s->stride, s->size, s->aligned, s->best,
                                                     s->norm, s->widths, s->bounds, s->keys, s->kept);
  choose<<<rows, CHOOSERS, 0, stream>>>(*a, row0, s->groups, s->stride, s->size, s->aligned, s->best, s->norm,
                                        s->widths, s->bounds, s->keys, s->kept);
}

static solid_status scout_and_choose(sk_backend *be, const sk_topk_args *a) {
  const sk_topk_cut cut = sk_topk_cut_of(a);
  void *memory = NULL;
  solid_status status = sk_cuda_workspace(be, cut.bytes, &memory);
  if (status != SOLID_OK) return status;
  char *at = (char *)memory;
  sk_topk_scouting s = {};
  s.steps = cut.steps, s.size = cut.size, s.groups = cut.groups, s.stride = cut.stride, s.rows = cut.rows;
  s.aligned = sk_rows_aligned(a->e, a->d);
  s.users = (uint4 *)(at + cut.users);
  s.keys = (sk_topk_key *)(at + cut.keys);
  s.parts = (unsigned *)(at + cut.parts);
  s.widths = (float *)(at + cut.widths);
  s.bounds = (float *)(at + cut.bounds);
  s.kept = (int *)(at + cut.kept);
  s.norm = (float *)(at + cut.norm);
  s.best = (float *)(at + cut.best);
  for (int row0 = 0; row0 < a->n; row0 += s.rows)
    launch_rows(be, a, row0, a->n - row0 < s.rows ? a->n - row0 : s.rows, &s);
  return sk_cuda_launched(be, "topk");
}

solid_status sk_cuda_topk(sk_backend *be, const sk_topk_args *a) {
  if (a->n == 0) return SOLID_OK;
  return sk_topk_is_scouted(a) ? scout_and_choose(be, a) : sk_cuda_topk_sort(be, a);
}
