/* Shared by the files of topk: topk.cu (the order of things, and the choice), topk_scout.cu (the inexact product),
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

/* Arrays that scout and choice share, in the workspace. */
typedef struct sk_topk_scouting {
  int steps, size, groups, stride, rows; /* of 16 inputs; items a group; groups; floats a row of best; rows at a time */
  bool aligned;
  uint4 *users;
  sk_topk_key *keys;
  float *widths, *bounds, *norm, *best;
  unsigned *parts;
  int *kept;
} sk_topk_scouting;

/* s->users, widths, norm and best of rows row0 .. row0 + rows. */
void sk_cuda_topk_scout(sk_backend *be, const sk_topk_args *a, int row0, int rows, const sk_topk_scouting *s);

/* Any width and k. */
solid_status sk_cuda_topk_sort(sk_backend *be, const sk_topk_args *a);

#endif
