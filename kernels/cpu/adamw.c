#include "kernels/cpu/cpu.h"
#include <math.h>

#define BLOCK 8192

typedef struct step_args {
  sk_adamw_args a;
  float clip;             /* of the gradient */
  float m_scale, v_scale; /* 1 / (1 - b^step) */
} step_args;

static void step_block(const void *arg, int64_t block, void *local) {
  (void)local;
  const step_args *s = arg;
  const sk_adamw_args *a = &s->a;
  const int64_t begin = block * BLOCK, n = sk_cpu_block_end(a->n, BLOCK, block) - begin;
  const float *restrict grad = a->grad + begin;
  float *restrict w = a->w + begin, *restrict m = a->m + begin, *restrict v = a->v + begin;
  const float b1 = a->b1, b2 = a->b2, lr = a->lr, eps = a->eps, decay = a->decay;
  const float clip = s->clip, m_scale = s->m_scale, v_scale = s->v_scale;
#pragma omp simd
  for (int64_t i = 0; i < n; i++) {
    float g = grad[i] * clip;
    m[i] = b1 * m[i] + (1.0f - b1) * g;
    v[i] = b2 * v[i] + (1.0f - b2) * g * g;
    w[i] -= lr * (m[i] * m_scale / (sqrtf(v[i] * v_scale) + eps) + decay * w[i]);
  }
  if (!a->average) return;
  float *restrict average = a->average + begin;
  const float keep = a->average_keep;
#pragma omp simd
  for (int64_t i = 0; i < n; i++) average[i] = keep * average[i] + (1.0f - keep) * w[i];
}

solid_status SK_CPU(adamw)(sk_backend *be, const sk_adamw_args *a) {
  step_args s = {.a = *a, .clip = sk_adamw_clip(a->sumsq, a->max_norm)};
  s.m_scale = (float)(1.0 / (1.0 - pow((double)a->b1, (double)a->step)));
  s.v_scale = (float)(1.0 / (1.0 - pow((double)a->b2, (double)a->step)));
  sk_cpu_parallel(be, sk_cpu_blocks(a->n, BLOCK), step_block, &s);
  return SOLID_OK;
}
