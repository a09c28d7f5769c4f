#include "tests/ref/ref_attend.h"
#include "tests/ref/ref_dropout.h"
#include <math.h>
#include <string.h>

/* 1 / (1 - p) or 0 by the stream of kernels/dropout.h. */
static double keep(const sk_attend_args *a, uint64_t index) {
  uint32_t c[4] = {(uint32_t)(index / 4), (uint32_t)(index / 4 >> 32), 0, 0};
  uint32_t k[2] = {(uint32_t)a->seed, (uint32_t)(a->seed >> 32)};
  ref_philox(c, k);
  return (c[index % 4] >> 8) / 16777216.0 >= (double)a->p ? 1.0 / (1.0 - (double)a->p) : 0.0;
}

/* One query and head: the keys that it may read, by their rows and positions. */
typedef struct question {
  int32_t w, head, row; /* of q */
  int64_t position, origin;
} question;

static int64_t key_position(const sk_attend_pairs *p, const question *ask, int32_t row) {
  if (p->kv_positions) return p->kv_positions[(int64_t)ask->head * p->kv_position_stride + row];
  return p->kv_offsets ? row - p->kv_offsets[ask->w] : row;
}

static int64_t query_position(const sk_attend_pairs *p, int32_t w, int32_t row) {
  if (p->q_positions) return p->q_positions[row];
  if (!p->kv_offsets) return row;
  const int32_t *offsets = p->q_offsets ? p->q_offsets : p->kv_offsets;
  return p->kv_offsets[w + 1] - p->kv_offsets[w] - (offsets[w + 1] - row);
}

/* Rows of a list, or of the window; returns their number and sets *rows, or *first where they follow one another. */
static int32_t side(const sk_attend_pairs *p, const sk_attend_list *list, const int32_t *offsets, int32_t w,
                    int32_t head, const int32_t **rows, int32_t *first) {
  *rows = NULL;
  *first = offsets ? offsets[w] : 0;
  if (!list->rows) return offsets[w + 1] - offsets[w];
  *rows = list->rows + (int64_t)head * list->stride + (list->begin ? list->begin : offsets)[w];
  return list->count[head * p->windows + w];
}

static double score(const sk_attend_args *a, const question *ask, const double *q, const double *k, int32_t row) {
  double s = 0;
  for (int32_t c = 0; c < a->pairs.dh; c++)
    s += q[(int64_t)ask->row * a->q_stride + ask->head * a->pairs.dh + c] *
         k[(int64_t)row * a->kv_stride + ask->head * a->pairs.dh + c];
  return s / sqrt((double)a->pairs.dh);
}

/* Bucket 16 + 4 e + f holds the distances from 16 * 2^e * (1 + f / 4) on. */
static double bias_of(const double *bias, const question *ask, int64_t distance) {
  int32_t bucket = distance < 16 ? (int32_t)distance : 15;
  if (!bias) return 0;
  for (double edge = 16; distance >= 16 && edge < 16777216; edge *= 2)
    for (int part = 0; part < 4; part++) bucket += (double)distance >= edge * (1 + part / 4.0);
  return bias[ask->head * SK_ATTEND_BUCKETS + bucket];
}

static void attend_one(const sk_attend_args *a, const question *ask, const ref_attend_values *x, double *out,
                       double *lse) {
  const sk_attend_pairs *p = &a->pairs;
  const int32_t *rows;
  int32_t first, n = side(p, &p->kept, p->kv_offsets, ask->w, ask->head, &rows, &first);
  int64_t at = (int64_t)ask->row * p->heads + ask->head, span = a->span > 0 ? a->span : p->max_keys;
  double *o = out + at * p->dh, max = -INFINITY, sum = 0;
  memset(o, 0, sizeof *o * (size_t)p->dh);
  for (int pass = 0; pass < 3; pass++)
    for (int32_t j = 0; j < n; j++) {
      int32_t row = rows ? rows[j] : first + j;
      int64_t position = key_position(p, ask, row);
      if (position > ask->position) continue;
      double s = score(a, ask, x->q, x->k, row) + bias_of(x->bias, ask, ask->position - position);
      if (pass == 0) max = fmax(max, s);
      if (pass == 1) sum += exp(s - max);
      if (pass < 2) continue;
      double share = exp(s - max) / sum;
      uint64_t index =
          ((uint64_t)(ask->origin + ask->position) * (uint64_t)p->heads + (uint64_t)ask->head) * (uint64_t)span +
          (uint64_t)position;
      if (a->p > 0) share *= keep(a, index);
      for (int32_t c = 0; c < p->dh; c++) o[c] += share * x->v[(int64_t)row * a->kv_stride + ask->head * p->dh + c];
    }
  if (lse) lse[at] = sum == 0 ? -INFINITY : max + log(sum);
}

void ref_attend(const sk_attend_args *a, const double *q, const double *k, const double *v, double *out, double *lse) {
  ref_attend_biased(a, &(ref_attend_values){q, k, v, NULL}, out, lse);
}

void ref_attend_biased(const sk_attend_args *a, const ref_attend_values *x, double *out, double *lse) {
  const sk_attend_pairs *p = &a->pairs;
  const int32_t *offsets = p->q_offsets ? p->q_offsets : p->kv_offsets;
  for (int64_t i = 0; i < (int64_t)offsets[p->windows] * p->heads; i++) {
    memset(out + i * p->dh, 0, sizeof *out * (size_t)p->dh);
    if (lse) lse[i] = -INFINITY;
  }
  for (int32_t w = 0; w < p->windows; w++)
    for (int32_t h = 0; h < p->heads; h++) {
      const int32_t *rows;
      int32_t first, n = side(p, &p->active, offsets, w, h, &rows, &first);
      for (int32_t i = 0; i < n; i++) {
        question ask = {w, h, rows ? rows[i] : first + i, 0, p->kv_offsets ? p->kv_offsets[w] : 0};
        ask.position = query_position(p, w, ask.row);
        attend_one(a, &ask, x, out, lse);
      }
    }
}
