/* The exact k best at the price of an inexact product.
 *
 * 1. scout: u e^T on the tensor cores with operands rounded to BF16; of each group of neighbouring items only the
 *    greatest score is written. It is off by at most slack |u| |e_v| (Cauchy-Schwarz; slack bounds the rounding of both
 *    operands and of the sums), so a group's true best lies in best +- slack |u| max |e|.
 * 2. choose, one block a row: groups fall into PARTS parts; the k-th greatest of the parts' lower bounds is a bound T
 *    that k items reach. Groups whose upper bound is below T hold none of the k best. The items of the others, hardly
 *    more than k groups, are scored again in FP32, and those that reach T are sorted.
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
  TEAMS = CHOOSERS / LANES,
  AT_ONCE = 4, /* items of a team */
  TILE_FLOATS = 1 << 26
};
typedef unsigned long long key;

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
  if (t == 0 && row < rows) width[row] = slack * sqrtf(norm_low);
  if (t == 0 && row + 8 < rows) width[row + 8] = slack * sqrtf(norm_high);
}

__device__ static void mma(float (&c)[4], const uint4 &a, unsigned b0, unsigned b1) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a.x), "r"(a.y), "r"(a.z), "r"(a.w), "r"(b0), "r"(b1));
}

/* Bits of the items of a group that do not count in this row. */
__device__ static unsigned absent(const sk_topk_args &a, int row, int item, int size) {
  unsigned out = 0;
  if (a.mask && item < a.items) out = (unsigned)(a.mask[(int64_t)row * a.mask_words + item / 64] >> (item % 64));
  if (item + size > a.items) out |= item < a.items ? 0xffffffffu << (a.items - item) : 0xffffffffu;
  return out & ((1u << size) - 1);
}

/* A warp keeps 8 * TILES items in registers and walks all users. Column n of tile j is item
 * (n / 2) * 2 * TILES + 2 * j + n % 2, so that a lane's columns 2t, 2t + 1 of all tiles are a group of neighbours. */
template <int STEPS, int TILES>
__global__ static void __launch_bounds__(THREADS, 2)
    scout(sk_topk_args a, int row0, int rows, int stride, bool aligned, const uint4 *users, float *best, float *norm) {
  const int size = 2 * TILES;
  int lane = threadIdx.x % SK_WARP, g = lane / 4, t = lane % 4;
  int first = (blockIdx.x * WARPS + threadIdx.x / SK_WARP) * 8 * TILES, group = first / size + t;
  unsigned b[TILES][STEPS][2];
  float longest = 0.0f;
#pragma unroll
  for (int j = 0; j < TILES; j++) {
    int item = first + g / 2 * size + 2 * j + g % 2;
    float squares = 0.0f;
#pragma unroll
    for (int s = 0; s < STEPS; s++) {
      float4 x = item < a.items ? sk_load4(a.e + (int64_t)item * a.d, 16 * s + 4 * t, a.d, aligned) : float4{};
      b[j][s][0] = pack(x.x, x.y), b[j][s][1] = pack(x.z, x.w);
      squares += square(x);
    }
    squares += __shfl_xor_sync(0xffffffffu, squares, 1);
    squares += __shfl_xor_sync(0xffffffffu, squares, 2);
    longest = fmaxf(longest, sqrtf(squares));
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
      unsigned out = absent(a, row0 + row, group * size, size);
      float top = -INFINITY;
#pragma unroll
      for (int j = 0; j < TILES; j++) {
        float x = c[j][2 * half], y = c[j][2 * half + 1];
        if (out) x = out >> (2 * j) & 1 ? -INFINITY : x, y = out >> (2 * j + 1) & 1 ? -INFINITY : y;
        top = fmaxf(top, fmaxf(x, y));
      }
      best[(int64_t)row * stride + group] = top;
    }
  }
}

/* ---- Choose ---- */

/* Descending; n is a power of two, `at` in shared memory. All threads enter and leave together. */
template <typename T>
__device__ static void sort_down(T *at, int n) {
  for (int width = 2; width <= n; width *= 2)
    for (int step = width / 2; step > 0; step /= 2) {
      __syncthreads();
      for (int i = threadIdx.x; i < n / 2; i += CHOOSERS) {
        int low = 2 * i - (i & (step - 1)), high = low + step;
        T x = at[low], y = at[high];
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

__device__ static float score(const chooser *c, const float *e, int d, int lane, bool aligned) {
  float sum = 0.0f;
  for (int i = 4 * lane; i < d; i += 4 * LANES) {
    float4 x = sk_load4(e, i, d, aligned), y = sk_load4(c->u, i, d, true);
    sum += x.x * y.x + x.y * y.y + x.z * y.z + x.w * y.w;
  }
  for (int step = 1; step < LANES; step *= 2) sum += __shfl_xor_sync(0xffffffffu, sum, step);
  return sum;
}

/* FP32 scores of the listed groups' items; those that reach the bound join the keys. */
__device__ static void score_list(const sk_topk_args &a, int row, int size, bool aligned, chooser *c) {
  int team = threadIdx.x / LANES, lane = threadIdx.x % LANES, tasks = c->listed * size;
  for (int first = 0; first < tasks; first += TEAMS * AT_ONCE) {
    if (c->kept + TEAMS * AT_ONCE > KEYS) settle(c, a.k);
    float s[AT_ONCE], bound = c->bound;
    int item[AT_ONCE];
#pragma unroll
    for (int i = 0; i < AT_ONCE; i++) {
      int task = first + i * TEAMS + team;
      item[i] = task < tasks ? c->list[task / size] * size + task % size : a.items;
      s[i] = score(c, a.e + (int64_t)min(item[i], a.items - 1) * a.d, a.d, lane, aligned);
    }
    __syncthreads(); /* everyone has read kept */
#pragma unroll
    for (int i = 0; i < AT_ONCE; i++)
      if (lane == 0 && s[i] >= bound && s[i] > -INFINITY && !absent(a, row, item[i], 1))
        c->keys[atomicAdd(&c->kept, 1)] = key_of(s[i], item[i]);
    __syncthreads();
  }
}

/* The k-th greatest of the parts' greatest lower bounds. */
__device__ static void find_bound(int k, int groups, const float *best, const float *norm, float width, chooser *c) {
  unsigned *part = (unsigned *)c->keys;
  float low[PARTS / CHOOSERS] = {-INFINITY, -INFINITY};
#pragma unroll 4
  for (int first = threadIdx.x; first < groups; first += PARTS)
#pragma unroll
    for (int i = 0; i < PARTS / CHOOSERS; i++) {
      int g = first + i * CHOOSERS;
      if (g < groups) low[i] = fmaxf(low[i], best[g] - norm[g] * width); /* fmaxf passes over NaN */
    }
  for (int i = 0; i < PARTS / CHOOSERS; i++) part[threadIdx.x + i * CHOOSERS] = ordered(low[i]);
  sort_down(part, PARTS);
  if (threadIdx.x == 0) c->bound = unordered(part[k - 1]);
  __syncthreads();
}

__global__ static void __launch_bounds__(CHOOSERS)
    choose(sk_topk_args a, int row0, int groups, int stride, int size, bool aligned, const float *bests,
           const float *norm, const float *widths) {
  __shared__ chooser c;
  int row = row0 + blockIdx.x;
  const float *best = bests + (int64_t)blockIdx.x * stride;
  float width = widths[blockIdx.x];
  for (int i = threadIdx.x; i < MAX_D; i += CHOOSERS) c.u[i] = i < a.d ? a.u[(int64_t)row * a.d + i] : 0.0f;
  if (threadIdx.x == 0) c.kept = 0;
  find_bound(a.k, groups, best, norm, width, &c);
  for (int first = 0, step = groups; first < groups;) {
    if (threadIdx.x == 0) c.listed = 0;
    __syncthreads();
    float bound = c.bound;
#pragma unroll 4
    for (int g = first + threadIdx.x; g < min(first + step, groups); g += CHOOSERS)
      if (!(best[g] + norm[g] * width < bound)) {
        int place = atomicAdd(&c.listed, 1);
        if (place < LIST) c.list[place] = g;
      }
    __syncthreads();
    if (c.listed > LIST) { /* once more, in pieces that fit whatever they hold */
      step = LIST;
      __syncthreads();
      continue;
    }
    score_list(a, row, size, aligned, &c);
    __syncthreads();
    first += step;
  }
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
  float *widths, *norm, *best;
} scouting;

static void launch_scout(sk_backend *be, const sk_topk_args *a, int row0, int rows, const scouting *s) {
  cudaStream_t stream = sk_cuda_stream(be);
  unsigned blocks = sk_cuda_blocks(a->items, WARPS * 4 * s->size);
#define SCOUT(STEPS, TILES)                                                                                            \
  scout<STEPS, TILES><<<blocks, THREADS, 0, stream>>>(*a, row0, rows, s->stride, s->aligned, s->users, s->best, s->norm)
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

static solid_status scout_and_choose(sk_backend *be, const sk_topk_args *a) {
  scouting s = {};
  s.steps = a->d <= 32 ? 2 : a->d <= 64 ? 4 : a->d <= 128 ? 8 : 16;
  s.size = s.steps <= 4 ? 16 : 64 / s.steps;
  s.groups = (int)sk_cuda_blocks(a->items, s.size);
  s.stride = (s.groups + 7) / 8 * 8;
  s.aligned = sk_rows_aligned(a->e, a->d);
  s.rows = TILE_FLOATS / s.stride < 16 ? 16 : TILE_FLOATS / s.stride / 16 * 16;
  if (s.rows > (a->n + 15) / 16 * 16) s.rows = (a->n + 15) / 16 * 16;
  size_t users = (size_t)s.rows * s.steps * 16 * sizeof(uint16_t);
  void *memory = NULL;
  solid_status status =
      sk_cuda_workspace(be, users + ((size_t)s.rows + s.stride + (size_t)s.rows * s.stride) * sizeof(float), &memory);
  if (status != SOLID_OK) return status;
  s.users = (uint4 *)memory;
  s.widths = (float *)((char *)memory + users);
  s.norm = s.widths + s.rows;
  s.best = s.norm + s.stride;
  const float slack = 1.0f / 128 + 1.0f / 16384 + (float)a->d / (1 << 20);
  for (int row0 = 0; row0 < a->n; row0 += s.rows) {
    int rows = a->n - row0 < s.rows ? a->n - row0 : s.rows;
    take_users<<<sk_cuda_blocks(rows, 16), SK_WARP, 0, sk_cuda_stream(be)>>>(*a, row0, rows, s.steps, slack, s.users,
                                                                             s.widths);
    launch_scout(be, a, row0, rows, &s);
    choose<<<rows, CHOOSERS, 0, sk_cuda_stream(be)>>>(*a, row0, s.groups, s.stride, s.size, s.aligned, s.best, s.norm,
                                                      s.widths);
  }
  return sk_cuda_launched(be, "topk");
}

/* ---- Whole rows ---- */

/* Masked items, NaN and -INFINITY become 0. */
__global__ static void make_keys(sk_topk_args a, int row, const float *s, key *keys) {
  int v = blockIdx.x * THREADS + threadIdx.x;
  if (v < a.items) keys[v] = !(s[v] > -INFINITY) || absent(a, row, v, 1) ? 0 : key_of(s[v], v);
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
