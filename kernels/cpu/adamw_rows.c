#include "kernels/cpu/cpu.h"
#include <math.h>

#define BLOCK   32 /* rows */
#define COLUMNS 64 /* of a row at a time */

typedef struct rows_job {
  const sk_adamw_rows_args *a;
  float clip;
} rows_job;

/* `n` columns of a row. */
typedef struct piece {
  int64_t n;
  float *w, *m, *v, *average;
} piece;

static int is_moving(const piece *p) {
  int moving = 0;
  for (int64_t i = 0; i < p->n; i++) moving |= p->m[i] != 0.0f;
  return moving;
}

/* The first `steps` of the missed ones, with what m and v were before them. */
static void walk(const sk_adamw_rows_args *a, const sk_adamw_past *past, int32_t steps, const piece *p) {
  const int64_t n = p->n;
  const float eps = a->eps, *restrict m = p->m;
  float *restrict w = p->w, *restrict average = p->average, root[COLUMNS];
  for (int64_t i = 0; i < n; i++) root[i] = sqrtf(p->v[i]);
  for (int32_t j = 1; j <= steps; j++) {
    const sk_adamw_past s = past[j - 1];
    const float up = s.rate * a->powers[j].m, down = s.root * a->powers[j].root_v, fade = s.fade, gain = s.gain;
#pragma omp simd
    for (int64_t i = 0; i < n; i++) w[i] -= fade * w[i] + up * m[i] / (down * root[i] + eps);
    if (!average) continue;
#pragma omp simd
    for (int64_t i = 0; i < n; i++) average[i] += gain * (w[i] - average[i]);
  }
}

/* All missed steps: `taken` .. `taken + missed`. */
static void catch_up(const sk_adamw_rows_args *a, int32_t taken, int32_t missed, const piece *p) {
  int32_t steps = missed < SK_ADAMW_LOOP ? missed : SK_ADAMW_LOOP;
  if (!is_moving(p)) steps = 0;
  walk(a, a->past + taken, steps, p);
  const float m_left = missed > SK_ADAMW_LOOP ? 0.0f : a->powers[missed].m, v_left = a->tail[taken].v;
  for (int64_t i = 0; i < p->n; i++) p->m[i] *= m_left, p->v[i] *= v_left;
  if (steps == missed) return;
  const sk_adamw_tail tail = a->tail[taken + steps];
  if (p->average)
    for (int64_t i = 0; i < p->n; i++) p->average[i] = tail.stay * p->average[i] + tail.come * p->w[i];
  for (int64_t i = 0; i < p->n; i++) p->w[i] *= tail.fall;
}

static void step(const rows_job *job, const float *restrict grad, const piece *p) {
  const sk_adamw_rows_args *a = job->a;
  const sk_adamw_past s = a->past[a->count - 1];
  const float b1 = a->b1, b2 = a->b2, eps = a->eps, clip = job->clip;
  float *restrict w = p->w, *restrict m = p->m, *restrict v = p->v, *restrict average = p->average;
#pragma omp simd
  for (int64_t i = 0; i < p->n; i++) {
    float g = grad[i] * clip;
    m[i] = b1 * m[i] + (1.0f - b1) * g;
    v[i] = b2 * v[i] + (1.0f - b2) * g * g;
    w[i] -= s.fade * w[i] + s.rate * m[i] / (s.root * sqrtf(v[i]) + eps);
  }
  if (!average) return;
#pragma omp simd
  for (int64_t i = 0; i < p->n; i++) average[i] += s.gain * (w[i] - average[i]);
}

static void rows_block(const void *arg, int64_t block, void *local) {
  (void)local;
  const rows_job *job = arg;
  const sk_adamw_rows_args *a = job->a;
  int64_t d = a->d;
  for (int64_t i = block * BLOCK; i < sk_cpu_block_end(a->n, BLOCK, block); i++) {
    int64_t row = a->index ? a->index[i] : i;
    int32_t taken = a->taken[row], missed = a->count - (a->grad != NULL) - taken;
    for (int64_t from = 0; from < d; from += COLUMNS) {
      int64_t at = row * d + from;
      piece p = {d - from < COLUMNS ? d - from : COLUMNS, a->w + at, a->m + at, a->v + at, NULL};
      if (a->average) p.average = a->average + at;
      if (missed > 0) catch_up(a, taken, missed, &p);
      if (a->grad) step(job, a->grad + i * d + from, &p);
    }
    a->taken[row] = a->count;
  }
}

solid_status SK_CPU(adamw_rows)(sk_backend *be, const sk_adamw_rows_args *a) {
  rows_job job = {a, sk_adamw_clip(a->sumsq, a->max_norm)};
  sk_cpu_parallel(be, sk_cpu_blocks(a->n, BLOCK), rows_block, &job);
  return SOLID_OK;
}
