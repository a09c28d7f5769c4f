/* The exact k best at the price of an inexact product.
 *
 * 1. topk_scout.cu: u e^T on the tensor cores with operands rounded to BF16; of each group of neighbouring items only
 * the greatest score is written. It is off by at most slack |u| |e_v| (Cauchy-Schwarz; slack bounds the rounding of
 * both operands and of the sums), so a group's true best lies in best +- slack |u| max |e|. Or topk_planes.cu, from the
 * whole numbers of kernels/planes.h and with their bounds: for few rows, where reading items is what takes time, from
 * the high halves alone.
 * 2. find_parts, find_bound: groups fall into PARTS parts; the k-th greatest of the parts' lower bounds is a bound that
 *    k items reach. High halves alone bound little, so that each part's best group is looked at again in both.
 * 3. gather: groups whose upper bound is below it hold none of the k best. The items of the others, hardly more than k
 *    groups, are scored again in FP32 by several blocks a row (by planes, those whose own bounds leave them); those
 * that reach the bound wait as keys.
 * 4. choose, one block a row: the keys are sorted. A row with too many of them (scores that hardly differ) is done
 *    again by this block alone, which raises the bound as it goes.
 *
 * Whatever is not comparable (NaN, infinite bounds) counts as "may be among the best" and is scored in FP32. Widths and
 * k beyond these kernels: topk_sort.cu. */
#include "kernels/cuda/topk.cuh"

enum {
  CHOOSERS = 1024, /* threads that choose */
  PARTS = SK_TOPK_PARTS,
  KEYS = SK_TOPK_KEYS, /* that wait for being sorted */
  LIST = SK_TOPK_LIST  /* groups that wait for being scored */
};
static_assert((int)PARTS == 2 * (int)CHOOSERS && (int)SK_TOPK_MAX_K <= (int)CHOOSERS, "a thread has two parts");

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
__device__ static void choose_alone(const sk_topk_args &a, const sk_topk_scouting &s, int row0, chooser *c) {
  const int TEAMS = CHOOSERS / SK_TOPK_LANES;
  int row = row0 + (int)blockIdx.x;
  const float *best = s.best + (int64_t)blockIdx.x * s.stride;
  float2 width = s.widths[blockIdx.x];
  for (int i = threadIdx.x; i < SK_TOPK_MAX_D; i += CHOOSERS) c->u[i] = i < a.d ? a.u[(int64_t)row * a.d + i] : 0.0f;
  if (threadIdx.x == 0) c->kept = 0;
  for (int first = 0; first < s.groups; first += LIST) {
    __syncthreads();
    if (threadIdx.x == 0) c->listed = 0;
    __syncthreads();
    for (int g = first + threadIdx.x; g < min(first + LIST, s.groups); g += CHOOSERS)
      if (sk_topk_may_hold(s, best, g, width, c->bound)) c->list[atomicAdd(&c->listed, 1)] = g;
    __syncthreads();
    for (int task = 0; task < c->listed * s.size; task += TEAMS * SK_TOPK_AT_ONCE) {
      if (c->kept + TEAMS * SK_TOPK_AT_ONCE > KEYS) settle(c, a.k);
      float score[SK_TOPK_AT_ONCE], bound = c->bound;
      int item[SK_TOPK_AT_ONCE];
      sk_topk_score_some<TEAMS>(a, c->list, task, c->listed * s.size, s.size, s.aligned, c->u, item, score);
      __syncthreads(); /* everyone has read kept */
      for (int i = 0; i < SK_TOPK_AT_ONCE; i++)
        if (sk_topk_reaches(a, row, item[i], score[i], bound))
          c->keys[atomicAdd(&c->kept, 1)] = sk_topk_key_of(score[i], item[i]);
      __syncthreads();
    }
  }
}

__global__ static void __launch_bounds__(CHOOSERS) choose(sk_topk_args a, int row0, sk_topk_scouting s) {
  __shared__ chooser c;
  int row = row0 + blockIdx.x, waiting = s.kept[blockIdx.x];
  if (threadIdx.x == 0) c.kept = waiting, c.bound = s.bounds[blockIdx.x];
  if (waiting <= KEYS)
    for (int i = threadIdx.x; i < waiting; i += CHOOSERS) c.keys[i] = s.keys[(int64_t)blockIdx.x * KEYS + i];
  else
    choose_alone(a, s, row0, &c);
  settle(&c, a.k);
  for (int i = threadIdx.x; i < a.k; i += CHOOSERS) {
    int64_t at = (int64_t)row * a.k + i;
    sk_topk_unpack(i < c.kept ? c.keys[i] : 0, &a.index[at], &a.score[at]);
  }
}

static void launch_rows(sk_backend *be, const sk_topk_args *a, int row0, int rows, const sk_topk_scouting *s) {
  cudaStream_t stream = sk_cuda_stream(be);
  if (s->planes.items)
    sk_cuda_topk_planes(be, a, row0, rows, s);
  else
    sk_cuda_topk_scout(be, a, row0, rows, s);
  sk_cuda_topk_parts(be, a, row0, rows, s);
  find_bound<<<rows, CHOOSERS, 0, stream>>>(a->k, s->parts, s->bounds, s->kept);
  sk_cuda_topk_gather(be, a, row0, rows, s);
  choose<<<rows, CHOOSERS, 0, stream>>>(*a, row0, *s);
}

static sk_topk_scouting lay_out(const sk_topk_args *a, const sk_topk_cut *cut, char *at) {
  sk_topk_scouting s = {};
  s.steps = cut->steps, s.size = cut->size, s.groups = s.covered = cut->groups, s.stride = cut->stride;
  s.rows = cut->rows, s.aligned = sk_rows_aligned(a->e, a->d);
  s.users = (uint4 *)(at + cut->users);
  s.keys = (sk_topk_key *)(at + cut->keys);
  s.parts = (unsigned *)(at + cut->parts);
  s.widths = (float2 *)(at + cut->widths);
  s.factors = (sk_topk_factor *)(at + cut->factors);
  s.bounds = (float *)(at + cut->bounds);
  s.kept = (int *)(at + cut->kept);
  s.norm = s.reach = (uint32_t *)(at + cut->norm);
  s.best = (float *)(at + cut->best);
  if (!sk_topk_has_planes(a)) return s;
  s.planes = *a->planes;
  s.coarse = a->n <= SK_TOPK_FEW;
  s.reach = s.coarse ? s.planes.coarse : s.planes.fine;
  if (s.planes.items < a->items) s.covered = s.planes.items / s.size;
  return s;
}

static solid_status scout_and_choose(sk_backend *be, const sk_topk_args *a) {
  const sk_topk_cut cut = sk_topk_cut_of(a);
  void *memory = NULL;
  solid_status status = sk_cuda_workspace(be, cut.bytes, &memory);
  if (status != SOLID_OK) return status;
  const sk_topk_scouting s = lay_out(a, &cut, (char *)memory);
  for (int row0 = 0; row0 < a->n; row0 += s.rows)
    launch_rows(be, a, row0, a->n - row0 < s.rows ? a->n - row0 : s.rows, &s);
  return sk_cuda_launched(be, "topk");
}

solid_status sk_cuda_topk(sk_backend *be, const sk_topk_args *a) {
  if (a->rows) return sk_fail(be, SOLID_EUNSUPPORTED, "cuda topk: rows that are made when they are read");
  if (a->n == 0) return SOLID_OK;
  return sk_topk_is_scouted(a) ? scout_and_choose(be, a) : sk_cuda_topk_sort(be, a);
}
