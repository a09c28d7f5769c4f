/* The exact k best at the price of an inexact product.
 *
 * 1. scout: u e^T on the tensor cores with operands rounded to BF16; of each group of neighbouring items only the
 *    greatest score is written. It is off by at most slack |u| |e_v| (Cauchy-Schwarz; slack bounds the rounding of both
 *    operands and of the sums), so a group's true best lies in best +- slack |u| max |e|.
 * 2. find_parts, find_bound: groups fall into PARTS parts; the k-th greatest of the parts' lower bounds is a bound that
 *    k items reach.
 * 3. gather: groups whose upper bound is below it hold none of the k best. The items of the others, hardly more than k
 *    groups, are scored again in FP32 by several blocks a row; those that reach the bound wait as keys.
 * 4. choose, one block a row: the keys are sorted. A row with too many of them (scores that hardly differ) is done
 *    again by this block alone, which raises the bound as it goes.
 *
 * A key is the score's order-preserving bits above the complement of the index, so that the greatest key is the best
 * score with the lowest index; 0 is "no item". Whatever is not comparable (NaN, infinite bounds) counts as "may be
 * among the best" and is scored in FP32. Widths and k beyond these kernels sort whole rows with CUB. */
#include "kernels/cuda/cuda.cuh"
#include <cub/device/device_radix_sort.cuh>
#include <cuda_bf16.h>

enum {
  THREADS = 256,
  WARPS = THREADS / SK_WARP,
  CHOOSERS = 1024, /* threads that choose */
  PARTS = 2 * CHOOSERS,
  MAX_K = PARTS / 2,
  MAX_D = 256,
  KEYS = 4096, /* that wait for being sorted */
  LIST = 2048, /* groups that wait for being scored */
  LANES = 8,   /* that score an item together */
  AT_ONCE = 4, /* items of LANES threads */
  TILE_FLOATS = 1 << 26,
  MAX_ROWS = 2048 /* at a time */
};
typedef unsigned long long key;

/* What MAX_D squares may lose at most where they fall below the least normal float, 2^-126: a length with it is a bound
 * of tiny vectors' too. */
#define LOST_SQUARES 0x1p-118f

__device__ static unsigned ordered(float x) {
  unsigned bits = __float_as_uint(x);
  return bits >> 31 ? ~bits : bits | 0x80000000u;
}

__device__ static float unordered(unsigned bits) {
  return __uint_as_float(bits >> 31 ? bits & 0x7fffffffu : ~bits);
}

__device__ static key key_of(float score, int index) {
  return (key)ordered(score == 0.0f ? 0.0f : score) << 32 | (0xffffffffu - (unsigned)index);
}

__device__ static void unpack_key(key k, int32_t *index, float *score) {
  *index = k ? (int)(0xffffffffu - (unsigned)k) : -1;
  *score = k ? unordered((unsigned)(k >> 32)) : -INFINITY;
}

/* ---- Scout ---- */

/* Operands lie in the order of mma.m16n8k16's registers with the 16 inputs of a step permuted alike on both sides: lane
 * (g, t) = (lane / 4, lane % 4) holds the inputs 4t .. 4t + 3 of its row or column. */
__device__ static unsigned pack(float low, float high) {
  __nv_bfloat162 x = __floats2bfloat162_rn(low, high);
  return *(unsigned *)&x;
}

__device__ static float square(float4 x) {
  return x.x * x.x + x.y * x.y + x.z * x.z + x.w * x.w;
}

/* Rows of u in tiles of 16 as fragments (tiles, steps, lanes), and slack |u| of each. One warp a tile. */
__global__ static void take_users(sk_topk_args a, int row0, int rows, int steps, float slack, uint4 *users,
                                  float *width) {
  int lane = threadIdx.x, g = lane / 4, t = lane % 4, row = blockIdx.x * 16 + g;
  const float *low = a.u + (int64_t)(row0 + row) * a.d, *high = low + 8 * (int64_t)a.d;
  float norm_low = 0.0f, norm_high = 0.0f;
  for (int s = 0; s < steps; s++) {
    float4 x = row < rows ? sk_load4(low, 16 * s + 4 * t, a.d, false) : float4{};
    float4 y = row + 8 < rows ? sk_load4(high, 16 * s + 4 * t, a.d, false) : float4{};
    users[((int64_t)blockIdx.x * steps + s) * SK_WARP + lane] = {pack(x.x, x.y), pack(y.x, y.y), pack(x.z, x.w),
                                                                 pack(y.z, y.w)};
    norm_low += square(x), norm_high += square(y);
  }
  for (int step = 1; step < 4; step *= 2) {
    norm_low += __shfl_xor_sync(0xffffffffu, norm_low, step);
    norm_high += __shfl_xor_sync(0xffffffffu, norm_high, step);
  }
  if (t == 0 && row < rows) width[row] = slack * sqrtf(norm_low + LOST_SQUARES);
  if (t == 0 && row + 8 < rows) width[row + 8] = slack * sqrtf(norm_high + LOST_SQUARES);
}

__device__ static void mma(float (&c)[4], const uint4 &a, unsigned b0, unsigned b1) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a.x), "r"(a.y), "r"(a.z), "r"(a.w), "r"(b0), "r"(b1));
}

/* Bits of the items of a group that do not count in this row: those beyond the last and, if asked, the masked. */
__device__ static unsigned absent(const sk_topk_args &a, int row, int item, int size, bool masked) {
  unsigned out = 0;
  if (masked && a.mask && item < a.items)
    out = (unsigned)(a.mask[(int64_t)row * a.mask_words + item / 64] >> (item % 64));
  if (item + size > a.items) out |= item < a.items ? 0xffffffffu << (a.items - item) : 0xffffffffu;
  return out & ((1u << size) - 1);
}

/* The greatest of a lane's scores of a group in row g (half 0) or g + 8 of a tile; bit i of out: item i is absent. */
template <int TILES>
__device__ static float greatest(const float (&c)[TILES][4], int half, unsigned out) {
  float top = -INFINITY;
  if (out == 0) {
#pragma unroll
    for (int j = 0; j < TILES; j++) top = fmaxf(top, fmaxf(c[j][2 * half], c[j][2 * half + 1]));
    return top;
  }
#pragma unroll
  for (int j = 0; j < TILES; j++) {
    if (!(out >> (2 * j) & 1)) top = fmaxf(top, c[j][2 * half]);
    if (!(out >> (2 * j + 1) & 1)) top = fmaxf(top, c[j][2 * half + 1]);
  }
  return top;
}

/* A warp keeps 8 * TILES items in registers and walks all users. Column n of tile j is item
 * (n / 2) * 2 * TILES + 2 * j + n % 2, so that a lane's columns 2t, 2t + 1 of all tiles are a group of neighbours.
 * WHOLE: a row of e is 16 * STEPS floats, aligned; then many loads are on their way at once. */
template <int STEPS, int TILES, bool WHOLE>
__global__ static void __launch_bounds__(THREADS, 2)
    scout(sk_topk_args a, int row0, int rows, int stride, const uint4 *users, float *best, float *norm) {
  const int size = 2 * TILES;
  int lane = threadIdx.x % SK_WARP, g = lane / 4, t = lane % 4;
  int first = (blockIdx.x * WARPS + threadIdx.x / SK_WARP) * 8 * TILES, group = first / size + t;
  unsigned b[TILES][STEPS][2], beyond = absent(a, 0, group * size, size, false);
  float longest = 0.0f;
#pragma unroll
  for (int j = 0; j < TILES; j++) {
    const float *item = a.e + (int64_t)min(first + g / 2 * size + 2 * j + g % 2, a.items - 1) * a.d;
    float squares = 0.0f;
#pragma unroll
    for (int s = 0; s < STEPS; s++) {
      float4 x = WHOLE ? *(const float4 *)(item + 16 * s + 4 * t) : sk_load4(item, 16 * s + 4 * t, a.d, false);
      b[j][s][0] = pack(x.x, x.y), b[j][s][1] = pack(x.z, x.w);
      squares += square(x);
    }
    squares += __shfl_xor_sync(0xffffffffu, squares, 1);
    squares += __shfl_xor_sync(0xffffffffu, squares, 2);
    longest = fmaxf(longest, sqrtf(squares + LOST_SQUARES));
  }
  longest = fmaxf(longest, __shfl_xor_sync(0xffffffffu, longest, 4)); /* columns n and n + 1 share a group */
  longest = __shfl_sync(0xffffffffu, longest, 8 * t);
  if (g == 0 && group < stride) norm[group] = longest;
  for (int tile = 0; tile * 16 < rows; tile++) {
    float c[TILES][4] = {};
    const uint4 *from = users + (int64_t)tile * STEPS * SK_WARP + lane;
#pragma unroll
    for (int s = 0; s < STEPS; s++) {
      uint4 user = __ldg(from + s * SK_WARP);
#pragma unroll
      for (int j = 0; j < TILES; j++) mma(c[j], user, b[j][s][0], b[j][s][1]);
    }
#pragma unroll
    for (int half = 0; half < 2; half++) {
      int row = tile * 16 + g + 8 * half;
      if (row >= rows || group >= stride) continue;
      unsigned out = a.mask ? absent(a, row0 + row, group * size, size, true) : beyond;
      best[(int64_t)row * stride + group] = greatest<TILES>(c, half, out);
    }
  }
}

/* ---- Choose ---- */

/* part (rows, PARTS): the greatest lower bound of the groups of each part. Block (part of PARTS, row). */
__global__ static void __launch_bounds__(THREADS)
    find_parts(int groups, int stride, const float *bests, const float *norm, const float *widths, unsigned *parts) {
  int part = blockIdx.x * THREADS + threadIdx.x, row = blockIdx.y;
  const float *best = bests + (int64_t)row * stride;
  float width = widths[row], low = -INFINITY;
#pragma unroll 8
  for (int g = part; g < groups; g += PARTS) low = fmaxf(low, best[g] - norm[g] * width); /* fmaxf passes over NaN */
  parts[(int64_t)row * PARTS + part] = ordered(low);
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
  bounds[blockIdx.x] = unordered(prefix);
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

/* May it be among the best? The thread of a team that speaks for it. */
__device__ static bool reaches(const sk_topk_args &a, int row, int item, float s, float bound) {
  return threadIdx.x % LANES == 0 && s >= bound && s > -INFINITY && !absent(a, row, item, 1, true);
}

/* Block (share of the groups, row); row counts from row0. keys (rows, KEYS), kept (rows): more than KEYS are counted
 * but not written. */
__global__ static void __launch_bounds__(THREADS)
    gather(sk_topk_args a, int row0, int groups, int stride, int size, bool aligned, const float *bests,
           const float *norm, const float *widths, const float *bounds, key *keys, int *kept) {
  __shared__ int list[LIST], listed;
  __shared__ __align__(16) float u[MAX_D];
  int row = blockIdx.y, share = (groups + gridDim.x - 1) / gridDim.x, end = min((int)(blockIdx.x + 1) * share, groups);
  const float *best = bests + (int64_t)row * stride;
  float width = widths[row], bound = bounds[row];
  for (int i = threadIdx.x; i < MAX_D; i += THREADS) u[i] = i < a.d ? a.u[(int64_t)(row0 + row) * a.d + i] : 0.0f;
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
        if (place < KEYS) keys[(int64_t)row * KEYS + place] = key_of(s[i], item[i]);
      }
    }
    __syncthreads();
    if (threadIdx.x == 0) listed = 0;
    __syncthreads();
  }
}

/* Descending; n is a power of two, `at` in shared memory. All threads enter and leave together. */
__device__ static void sort_down(key *at, int n) {
  for (int width = 2; width <= n; width *= 2)
    for (int step = width / 2; step > 0; step /= 2) {
      __syncthreads();
      for (int i = threadIdx.x; i < n / 2; i += CHOOSERS) {
        int low = 2 * i - (i & (step - 1)), high = low + step;
        key x = at[low], y = at[high];
        if ((x < y) == ((low & width) == 0) && x != y) at[low] = y, at[high] = x;
      }
    }
  __syncthreads();
}

struct __align__(16) chooser { /* shared by the block of a row */
  key keys[KEYS];
  int list[LIST];
  float u[MAX_D];
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
    c->bound = fmaxf(c->bound, unordered((unsigned)(c->keys[k - 1] >> 32)));
  }
  __syncthreads();
}

/* Scores all of a row's groups that may hold one of the best, LIST at a time, whatever there is. */
__device__ static void choose_alone(const sk_topk_args &a, int row, int groups, int size, bool aligned,
                                    const float *best, const float *norm, float width, chooser *c) {
  const int TEAMS = CHOOSERS / LANES;
  for (int i = threadIdx.x; i < MAX_D; i += CHOOSERS) c->u[i] = i < a.d ? a.u[(int64_t)row * a.d + i] : 0.0f;
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
        if (reaches(a, row, item[i], s[i], bound)) c->keys[atomicAdd(&c->kept, 1)] = key_of(s[i], item[i]);
      __syncthreads();
    }
  }
}

__global__ static void __launch_bounds__(CHOOSERS)
    choose(sk_topk_args a, int row0, int groups, int stride, int size, bool aligned, const float *bests,
           const float *norm, const float *widths, const float *bounds, const key *keys, const int *kept) {
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
    unpack_key(i < c.kept ? c.keys[i] : 0, &a.index[at], &a.score[at]);
  }
}

/* What the kernels above share, in the workspace. */
typedef struct scouting {
  int steps, size, groups, stride, rows; /* of 16 inputs; items a group; groups; floats a row of best; rows at a time */
  bool aligned;
  uint4 *users;
  key *keys;
  float *widths, *bounds, *norm, *best;
  unsigned *parts;
  int *kept;
} scouting;

static void launch_scout(sk_backend *be, const sk_topk_args *a, int row0, int rows, const scouting *s) {
  cudaStream_t stream = sk_cuda_stream(be);
  unsigned blocks = sk_cuda_blocks(a->items, WARPS * 4 * s->size);
  bool whole = s->aligned && a->d == 16 * s->steps;
#define SCOUT(STEPS, TILES)                                                                                            \
  (whole ? scout<STEPS, TILES, true> : scout<STEPS, TILES, false>)<<<blocks, THREADS, 0, stream>>>(                    \
      *a, row0, rows, s->stride, s->users, s->best, s->norm)
  if (s->steps == 2)
    SCOUT(2, 8);
  else if (s->steps == 4)
    SCOUT(4, 8);
  else if (s->steps == 8)
    SCOUT(8, 4);
  else
    SCOUT(16, 2);
#undef SCOUT
}

static void launch_rows(sk_backend *be, const sk_topk_args *a, int row0, int rows, const scouting *s) {
  enum { BUSY = 528 };
  cudaStream_t stream = sk_cuda_stream(be);
  const float slack = 1.0f / 128 + 1.0f / 16384 + (float)a->d / (1 << 20);
  unsigned shares = sk_cuda_blocks(BUSY, rows), most = sk_cuda_blocks(s->groups, LIST / 4);
  if (shares > most) shares = most;
  take_users<<<sk_cuda_blocks(rows, 16), SK_WARP, 0, stream>>>(*a, row0, rows, s->steps, slack, s->users, s->widths);
  launch_scout(be, a, row0, rows, s);
  find_parts<<<dim3(PARTS / THREADS, rows), THREADS, 0, stream>>>(s->groups, s->stride, s->best, s->norm, s->widths,
                                                                  s->parts);
  find_bound<<<rows, CHOOSERS, 0, stream>>>(a->k, s->parts, s->bounds, s->kept);
  gather<<<dim3(shares, rows), THREADS, 0, stream>>>(*a, row0, s->groups, s->stride, s->size, s->aligned, s->best,
                                                     s->norm, s->widths, s->bounds, s->keys, s->kept);
  choose<<<rows, CHOOSERS, 0, stream>>>(*a, row0, s->groups, s->stride, s->size, s->aligned, s->best, s->norm,
                                        s->widths, s->bounds, s->keys, s->kept);
}

/* Binds s to memory, or counts its bytes where memory is NULL. */
static size_t bind(scouting *s, char *memory) {
  size_t used = 0, rows = (size_t)s->rows;
  auto take = [&](size_t bytes) {
    void *at = memory ? memory + used : NULL;
    used += (bytes + 15) / 16 * 16;
    return at;
  };
  s->users = (uint4 *)take(rows * s->steps * 16 * sizeof(uint16_t));
  s->keys = (key *)take(rows * KEYS * sizeof(key));
  s->parts = (unsigned *)take(rows * PARTS * sizeof(unsigned));
  s->widths = (float *)take(rows * sizeof(float));
  s->bounds = (float *)take(rows * sizeof(float));
  s->kept = (int *)take(rows * sizeof(int));
  s->norm = (float *)take((size_t)s->stride * sizeof(float));
  s->best = (float *)take(rows * s->stride * sizeof(float));
  return used;
}

static solid_status scout_and_choose(sk_backend *be, const sk_topk_args *a) {
  scouting s = {};
  s.steps = a->d <= 32 ? 2 : a->d <= 64 ? 4 : a->d <= 128 ? 8 : 16;
  s.size = s.steps <= 4 ? 16 : 64 / s.steps;
  s.groups = (int)sk_cuda_blocks(a->items, s.size);
  s.stride = (s.groups + 7) / 8 * 8;
  s.aligned = sk_rows_aligned(a->e, a->d);
  s.rows = TILE_FLOATS / s.stride < 16 ? 16 : TILE_FLOATS / s.stride / 16 * 16;
  if (s.rows > MAX_ROWS) s.rows = MAX_ROWS;
  if (s.rows > (a->n + 15) / 16 * 16) s.rows = (a->n + 15) / 16 * 16;
  void *memory = NULL;
  solid_status status = sk_cuda_workspace(be, bind(&s, NULL), &memory);
  if (status != SOLID_OK) return status;
  bind(&s, (char *)memory);
  for (int row0 = 0; row0 < a->n; row0 += s.rows)
    launch_rows(be, a, row0, a->n - row0 < s.rows ? a->n - row0 : s.rows, &s);
  return sk_cuda_launched(be, "topk");
}

/* ---- Whole rows ---- */

/* Masked items, NaN and -INFINITY become 0. */
__global__ static void make_keys(sk_topk_args a, int row, const float *s, key *keys) {
  int v = blockIdx.x * THREADS + threadIdx.x;
  if (v < a.items) keys[v] = !(s[v] > -INFINITY) || absent(a, row, v, 1, true) ? 0 : key_of(s[v], v);
}

__global__ static void unpack(sk_topk_args a, int row, const key *keys) {
  int place = blockIdx.x * THREADS + threadIdx.x;
  int64_t at = (int64_t)row * a.k + place;
  if (place < a.k) unpack_key(keys[place], &a.index[at], &a.score[at]);
}

static solid_status sort_rows(sk_backend *be, const sk_topk_args *a) {
  cudaStream_t stream = sk_cuda_stream(be);
  size_t bytes = 0, keys = (size_t)a->items * sizeof(key);
  cudaError_t error =
      cub::DeviceRadixSort::SortKeysDescending(NULL, bytes, (const key *)NULL, (key *)NULL, a->items, 0, 64, stream);
  solid_status status = sk_cuda_status(be, error, "topk sort size");
  void *memory = NULL;
  if (status == SOLID_OK) status = sk_cuda_workspace(be, 3 * keys + bytes, &memory);
  key *from = (key *)memory, *to = from + a->items;
  float *s = (float *)(to + a->items);
  for (int row = 0; row < a->n && status == SOLID_OK; row++) {
    status = sk_cuda_product(be, false, true, 1, a->items, a->d, a->u + (int64_t)row * a->d, a->d, a->e, a->d, 0.0f, s,
                             a->items);
    if (status != SOLID_OK) return status;
    make_keys<<<sk_cuda_blocks(a->items, THREADS), THREADS, 0, stream>>>(*a, row, s, from);
    error =
        cub::DeviceRadixSort::SortKeysDescending(to + 2 * (size_t)a->items, bytes, from, to, a->items, 0, 64, stream);
    if ((status = sk_cuda_status(be, error, "topk sort")) != SOLID_OK) return status;
    unpack<<<sk_cuda_blocks(a->k, THREADS), THREADS, 0, stream>>>(*a, row, to);
    status = sk_cuda_launched(be, "topk");
  }
  return status;
}

solid_status sk_cuda_topk(sk_backend *be, const sk_topk_args *a) {
  if (a->n == 0) return SOLID_OK;
  return a->k <= MAX_K && a->d <= MAX_D ? scout_and_choose(be, a) : sort_rows(be, a);
}
