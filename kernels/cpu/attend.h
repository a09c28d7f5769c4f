/* Shared by the parts of attend and its backward pass. Short windows without lists go through attend.c and
 * attend_backward.c, everything else through attend_tiles.c and attend_tiles_backward.c. */
#ifndef SK_CPU_ATTEND_H
#define SK_CPU_ATTEND_H

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/vmath.h"

#define SK_ATTEND_SHORT 1024 /* keys of a window whose scores of one row stay in the cache */

/* s_j = q . k_j, key j at k + j * stride, j = 0 .. n-1 */
void SK_CPU(attend_scores)(const float *q, const float *k, int64_t stride, int64_t n, int64_t dh, float *s);

/* out += sum_j p_j v_j */
void SK_CPU(attend_mix)(const float *p, const float *v, int64_t stride, int64_t n, int64_t dh, float *out);

typedef struct sk_attend_mask {
  float p;
  uint64_t seed;
} sk_attend_mask;

/* keep_j = 1 / (1 - p) or 0 for n places of the stream from `index` on. */
void SK_CPU(attend_keep)(const sk_attend_mask *mask, uint64_t index, int64_t n, float *keep);

/* The place in dropout's stream of the pair (query position x of a window that counts from `origin`, key position 0).
 */
static inline uint64_t sk_attend_index(const sk_attend_pairs *p, int64_t span, int64_t origin, int64_t head,
                                       int64_t x) {
  uint64_t wide = (uint64_t)(span > 0 ? span : p->max_keys);
  return ((uint64_t)(origin + x) * (uint64_t)p->heads + (uint64_t)head) * wide;
}

/* One side of one head and window: entry i is row rows[i], or first + i, and stands at positions[that row], or at
 * shift + that row. */
typedef struct sk_attend_side {
  int64_t n, first, shift;
  const int32_t *rows, *positions;
} sk_attend_side;

static inline int64_t sk_attend_row(const sk_attend_side *side, int64_t i) {
  return side->rows ? side->rows[i] : side->first + i;
}

static inline int64_t sk_attend_position(const sk_attend_side *side, int64_t i) {
  int64_t row = sk_attend_row(side, i);
  return side->positions ? side->positions[row] : side->shift + row;
}

static inline const int32_t *sk_attend_q_offsets(const sk_attend_pairs *p) {
  return p->q_offsets ? p->q_offsets : p->kv_offsets;
}

static inline int64_t sk_attend_origin(const sk_attend_pairs *p, int64_t w) {
  return p->kv_offsets ? p->kv_offsets[w] : 0;
}

static inline void sk_attend_listed(const sk_attend_pairs *p, const sk_attend_list *list, const int32_t *offsets,
                                    int64_t w, int64_t head, sk_attend_side *side) {
  if (!list->rows) return;
  const int32_t *begin = list->begin ? list->begin : offsets;
  side->rows = list->rows + head * list->stride + begin[w];
  side->n = list->count[head * p->windows + w];
}

static inline sk_attend_side sk_attend_side_of_keys(const sk_attend_pairs *p, int64_t w, int64_t head) {
  sk_attend_side side = {0};
  if (p->kv_offsets) {
    side.first = p->kv_offsets[w];
    side.n = p->kv_offsets[w + 1] - side.first;
    side.shift = -side.first;
  }
  if (p->kv_positions) side.positions = p->kv_positions + head * p->kv_position_stride;
  sk_attend_listed(p, &p->kept, p->kv_offsets, w, head, &side);
  return side;
}

static inline sk_attend_side sk_attend_side_of_queries(const sk_attend_pairs *p, int64_t w, int64_t head) {
  const int32_t *offsets = sk_attend_q_offsets(p);
  sk_attend_side side = {.first = offsets[w], .n = offsets[w + 1] - offsets[w], .positions = p->q_positions};
  if (p->kv_offsets) side.shift = p->kv_offsets[w + 1] - p->kv_offsets[w] - offsets[w + 1];
  sk_attend_listed(p, &p->active, offsets, w, head, &side);
  return side;
}

/* seen_i for queries from .. from + n - 1: how many keys stand no later. Both sides are sorted, so these are the first
 * keys. */
void SK_CPU(attend_seen)(const sk_attend_side *queries, int64_t from, int64_t n, const sk_attend_side *keys,
                         int64_t *seen);

/* line_d = sqrt(dh) bias of distance d, d = 0 .. n-1, as scores are before they are scaled. */
void SK_CPU(attend_line)(const float *bias, int64_t head, int64_t dh, int64_t n, float *line);

/* s_j += sqrt(dh) bias of the distance from the query at `position` to keys from .. from + n - 1. */
void SK_CPU(attend_bias_keys)(const float *bias, const sk_attend_pairs *p, int64_t head, int64_t position,
                              const sk_attend_side *keys, int64_t from, int64_t n, float *s);

/* Scratch of dbias: what each of `blocks` blocks of work adds, (heads, SK_ATTEND_BUCKETS). */
static inline size_t sk_attend_shares(const sk_attend_backward_args *a, int64_t blocks) {
  return a->bias ? sizeof(float) * (size_t)blocks * (size_t)a->pairs.heads * SK_ATTEND_BUCKETS : 0;
}

/* dbias += the blocks' shares, in their order. */
void SK_CPU(attend_add_shares)(const sk_attend_backward_args *a, const float *shares, int64_t blocks);

/* Rows of entries from .. from + n - 1 of one head's array side by side, (n, dh). */
void SK_CPU(attend_gather)(const sk_attend_side *side, int64_t from, int64_t n, const float *x, int64_t stride,
                           int64_t dh, float *out);

/* keep (n) of the query at position x and keys from .. from + n - 1; index: sk_attend_index of x. */
void SK_CPU(attend_keep_keys)(const sk_attend_mask *mask, uint64_t index, const sk_attend_side *keys, int64_t from,
                              int64_t n, float *keep);

solid_status SK_CPU(attend_tiles)(sk_backend *be, const sk_attend_args *a);
solid_status SK_CPU(attend_tiles_backward)(sk_backend *be, const sk_attend_backward_args *a);

/* In: p = q k and ds = dout v of n keys, keep of dropout, lse, mean = dout . out. Out: p = the weights that forward
 * used, ds = the gradient of q k. */
static inline void sk_attend_gradient(int64_t n, float scale, float lse, float mean, const float *keep, float *p,
                                      float *ds) {
#pragma omp simd
  for (int64_t j = 0; j < n; j++) {
    float share = sk_exp(p[j] * scale - lse);
    ds[j] = share * (ds[j] * keep[j] - mean) * scale;
    p[j] = share * keep[j];
  }
}

#endif
