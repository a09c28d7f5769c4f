/* A user's vector as whole numbers of -127 .. 127, and what its bounds are made of (kernels/scout.h). */
#include "kernels/cpu/topk_scout.h"
#include <math.h>

#define SHARE 8.0f /* as in scout.c: the first part counts as an eighth of the user at least */

/* ---- The user as whole numbers ---- */

/* Rounded up by far more than the sum's own rounding. */
static float root_above(double sum) {
  return (float)(sqrt(sum) * (1.0 + 0x1p-20));
}

/* Fills w (lines * 8), zeroed. */
static sk_query make_query(const sk_scout_part *part, const float *x, float share, int8_t *w) {
  float most = 0.0f;
  double sum = 0.0, far = 0.0;
  int64_t total = 0;
  for (int64_t c = 0; c < part->d; c++) {
    sum += (double)x[c] * (double)x[c];
    most = fabsf(x[c]) > most ? fabsf(x[c]) : most;
  }
  sk_query q = {.step = most / 127.0f, .near = root_above(sum)};
  q.near = q.near > share ? q.near : share;
  for (int64_t c = 0; c < part->d; c++) {
    float n = q.step > 0.0f ? rintf(x[c] / q.step) : 0.0f;
    n = n > 127.0f ? 127.0f : n < -127.0f ? -127.0f : n;
    double t = (double)x[c] - (double)q.step * (double)n;
    w[c] = (int8_t)n;
    total += w[c];
    far += t * t;
  }
  q.base = -7.5f * q.step * (float)total;
  q.far = root_above(far);
  return q;
}

int SK_CPU(scout_queries)(sk_search *s, sk_scout_desk *desk, int user) {
  const sk_scout *scout = s->a->scout;
  int64_t d = s->a->d, lead = scout->part[0].d;
  const float *u = s->a->u + s->row * d;
  float turned[SK_SCOUT_MAX_D];
  double sum = 0.0;
  for (int64_t c = 0; c < d; c++) sum += (double)u[c] * (double)u[c];
  if (!(sqrt(sum) >= (double)SK_SCOUT_LEAST && sqrt(sum) <= (double)SK_SCOUT_MOST)) return 0; /* or NaN */
  for (int64_t r = 0; r < d; r++) {
    double dot = 0.0;
    for (int64_t c = 0; c < d; c++) dot += (double)scout->axes[r * d + c] * (double)u[c];
    turned[r] = (float)dot;
  }
  for (int64_t i = 0; i < SK_SCOUT_LEAD; i++) s->lead[i] = i < lead ? turned[i] : 0.0f;
  for (int p = 0; p < SK_SCOUT_PARTS; p++)
    s->part[p] = make_query(&scout->part[p], turned + (p ? lead : 0), p ? 0.0f : root_above(sum) / SHARE,
                            desk->w[p] + user * scout->part[p].lines * 8);
  for (int p = 0; p < SK_SCOUT_PARTS && sk_is_approximate(s->a); p++) s->part[p].far = s->part[p].near = 0.0f;
  return 1;
}
