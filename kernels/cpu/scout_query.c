/* A vector as whole numbers, what its bounds are made of, and the bounds themselves (kernels/scout.h). */
#include "kernels/cpu/scout_query.h"
#include "kernels/cpu/scout_dots.h"
#include <math.h>
#include <string.h>

#define GROUP SK_SCOUT_GROUP
#define SHARE 8.0f /* as in scout.c: the first part counts as an eighth of the vector at least */

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

int sk_scout_query(const sk_scout *scout, const float *u, float *turned, int8_t *const *w, sk_query *q) {
  int64_t d = scout->d, lead = scout->part[0].d;
  double sum = 0.0;
  for (int64_t c = 0; c < d; c++) sum += (double)u[c] * (double)u[c];
  if (!(sqrt(sum) >= (double)SK_SCOUT_LEAST && sqrt(sum) <= (double)SK_SCOUT_MOST)) return 0; /* or NaN */
  for (int64_t r = 0; r < d; r++) {
    double dot = 0.0;
    for (int64_t c = 0; c < d; c++) dot += (double)scout->axes[r * d + c] * (double)u[c];
    turned[r] = (float)dot;
  }
  for (int p = 0; p < SK_SCOUT_PARTS; p++)
    q[p] = make_query(&scout->part[p], turned + (p ? lead : 0), p ? 0.0f : root_above(sum) / SHARE, w[p]);
  return 1;
}

/* ---- Bounds of all items ---- */

/* upper (64) = or += those of one part. */
static void bound(const sk_scout_part *part, const sk_query *q, const int32_t *dots, int64_t group, int adds,
                  float *upper) {
  const sk_scout_bounds *b = &part->bounds[group];
  float shift = q->base + q->far * b->size + q->near * b->reach;
  for (int64_t i = 0; i < GROUP; i++) {
    uint32_t bits = (uint32_t)part->scale[group * GROUP + i] << 16;
    float scale;
    memcpy(&scale, &bits, sizeof scale);
    upper[i] = (adds ? upper[i] : 0.0f) + scale * (q->step * (float)dots[i] + shift);
  }
}

int sk_scout_upper(const sk_scout *scout, const float *u, int64_t first, int64_t groups, float *upper) {
  enum { AT_ONCE = 16 };
  float turned[SK_SCOUT_MAX_D];
  int8_t numbers[SK_SCOUT_PARTS][SK_SCOUT_MAX_D] = {{0}}, *const w[] = {numbers[0], numbers[1]};
  int32_t dots[AT_ONCE * GROUP];
  sk_query q[SK_SCOUT_PARTS];
  if (!sk_scout_query(scout, u, turned, w, q)) return 0;
  for (int64_t g = 0; g < groups; g += AT_ONCE)
    for (int p = 0; p < SK_SCOUT_PARTS; p++) {
      const sk_scout_part *part = &scout->part[p];
      int64_t n = groups - g < AT_ONCE ? groups - g : AT_ONCE, block = (first + g) * (GROUP / SK_SCOUT_BLOCK);
      if (!part->lines) continue;
      const sk_scout_dots_args a = {.rows = part->rows + block * part->lines * SK_SCOUT_LINE,
                                    .lines = part->lines,
                                    .blocks = n * (GROUP / SK_SCOUT_BLOCK),
                                    .users = 1,
                                    .w = w[p],
                                    .dots = dots};
      sk_scout_form_here()->dots(&a);
      for (int64_t i = 0; i < n; i++)
        bound(part, &q[p], dots + i * GROUP, first + g + i, p > 0, upper + (g + i) * GROUP);
    }
  return 1;
}
