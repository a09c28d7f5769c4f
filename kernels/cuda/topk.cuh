/* Shared by the files of topk: topk.cu (the order of things, and the choice), topk_gather.cu (which groups are left,
 * and their scores), topk_scout.cu (the inexact product of rows in FP32), topk_planes.cu (of rows in whole numbers),
 * topk_sort.cu (whole rows).
 *
 * A key is the score's order-preserving bits above the complement of the index, so that the greatest key is the best
 * score with the lowest index; 0 is "no item". */
#ifndef SK_TOPK_CUH
#define SK_TOPK_CUH

#include "kernels/cuda/cuda.cuh"

typedef unsigned long long sk_topk_key;

__device__ static inline unsigned sk_topk_ordered(float x) {
  unsigned bits = __float_as_uint(x);
  return bits >> 31 ? ~bits : bits | 0x80000000u;
}

__device__ static inline float sk_topk_unordered(unsigned bits) {
  return __uint_as_float(bits >> 31 ? bits & 0x7fffffffu : ~bits);
}

__device__ static inline sk_topk_key sk_topk_key_of(float score, int index) {
  return (sk_topk_key)sk_topk_ordered(score == 0.0f ? 0.0f : score) << 32 | (0xffffffffu - (unsigned)index);
}

__device__ static inline void sk_topk_unpack(sk_topk_key k, int32_t *index, float *score) {
  *index = k ? (int)(0xffffffffu - (unsigned)k) : -1;
  *score = k ? sk_topk_unordered((unsigned)(k >> 32)) : -INFINITY;
}

/* Bits of the items of a group that do not count in this row: those beyond the last and, if asked, the masked. */
__device__ static inline unsigned sk_topk_absent(const sk_topk_args &a, int row, int item, int size, bool masked) {
  unsigned out = 0;
  if (masked && a.mask && item < a.items)
    out = (unsigned)(a.mask[(int64_t)row * a.mask_words + item / 64] >> (item % 64));
  if (item + size > a.items) out |= item < a.items ? 0xffffffffu << (a.items - item) : 0xffffffffu;
  return out & ((1u << size) - 1);
}

/* A row by whole numbers: scores are step times sums, which begin with `base`. */
typedef struct sk_topk_factor {
  float step;
  int base;
} sk_topk_factor;

/* Arrays that scout, gathering and choice share, in the workspace. Of group g of a row, whose greatest inexact score is
 * best_g, all scores lie in best_g +- sk_topk_width(reach[g], widths[row]). Groups from `covered` on were not scored.
 */
typedef struct sk_topk_scouting {
  int steps;          /* of 16 inputs; by planes, of 32 */
  int size;           /* items a group */
  int groups, stride; /* floats a row of best */
  int rows, covered;
  bool aligned, coarse; /* by the planes of high halves alone */
  uint4 *users;
  sk_topk_key *keys;
  unsigned *parts;
  float2 *widths;
  sk_topk_factor *factors;
  float *bounds;
  int *kept;
  uint32_t *norm, *reach; /* reach: norm, or of the planes */
  float *best;
  sk_planes planes; /* with no items: none */
} sk_topk_scouting;

/* As in planes.h: size in the upper half, reach in the lower one. */
__device__ static inline float sk_topk_width(uint32_t reach, float2 width) {
  return __uint_as_float(reach & 0xffff0000u) * width.x + __uint_as_float(reach << 16) * width.y;
}

/* May hold one of the best; what is not comparable may. */
__device__ static inline bool sk_topk_may_hold(const sk_topk_scouting &s, const float *best, int g, float2 width,
                                               float bound) {
  return g >= s.covered || !(best[g] + sk_topk_width(s.reach[g], width) < bound);
}

/* ---- Scores in FP32 ---- */

enum {
  SK_TOPK_LANES = 8,   /* threads that score an item together */
  SK_TOPK_AT_ONCE = 4, /* items of SK_TOPK_LANES threads */
  SK_TOPK_LIST = 2048  /* groups that wait for being scored */
};

/* u . e; u in shared memory. */
__device__ static inline float sk_topk_score(const float *u, const float *e, int d, int lane, bool aligned) {
  float sum = 0.0f;
  for (int i = 4 * lane; i < d; i += 4 * SK_TOPK_LANES) {
    float4 x = sk_load4(e, i, d, aligned), y = sk_load4(u, i, d, true);
    sum += x.x * y.x + x.y * y.y + x.z * y.z + x.w * y.w;
  }
  for (int step = 1; step < SK_TOPK_LANES; step *= 2) sum += __shfl_xor_sync(0xffffffffu, sum, step);
  return sum;
}

/* Of items first ... of the listed groups, SK_TOPK_AT_ONCE for each of the block's teams; a thread holds all of its
 * team's. item: a.items where there is none. */
template <int TEAMS>
__device__ static inline void sk_topk_score_some(const sk_topk_args &a, const int *list, int first, int tasks, int size,
                                                 bool aligned, const float *u, int (&item)[SK_TOPK_AT_ONCE],
                                                 float (&s)[SK_TOPK_AT_ONCE]) {
#pragma unroll
  for (int i = 0; i < SK_TOPK_AT_ONCE; i++) {
    int task = first + i * TEAMS + threadIdx.x / SK_TOPK_LANES;
    item[i] = task < tasks ? list[task / size] * size + task % size : a.items;
    s[i] = sk_topk_score(u, a.e + (int64_t)min(item[i], a.items - 1) * a.d, a.d, threadIdx.x % SK_TOPK_LANES, aligned);
  }
}

/* May the item be among the best? Asked by one thread of each team. */
__device__ static inline bool sk_topk_reaches(const sk_topk_args &a, int row, int item, float s, float bound) {
  return threadIdx.x % SK_TOPK_LANES == 0 && s >= bound && s > -INFINITY && !sk_topk_absent(a, row, item, 1, true);
}

/* ---- Steps of a ranking of rows row0 .. row0 + rows ---- */

/* s->users, widths, norm and best. */
void sk_cuda_topk_scout(sk_backend *be, const sk_topk_args *a, int row0, int rows, const sk_topk_scouting *s);

/* s->users, widths, factors and best. */
void sk_cuda_topk_planes(sk_backend *be, const sk_topk_args *a, int row0, int rows, const sk_topk_scouting *s);

/* s->parts of s->best. */
void sk_cuda_topk_parts(sk_backend *be, const sk_topk_args *a, int row0, int rows, const sk_topk_scouting *s);

/* s->keys and kept, which are 0, by s->bounds. */
void sk_cuda_topk_gather(sk_backend *be, const sk_topk_args *a, int row0, int rows, const sk_topk_scouting *s);

/* Any width and k. */
solid_status sk_cuda_topk_sort(sk_backend *be, const sk_topk_args *a);

#endif
