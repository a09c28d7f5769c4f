/* adamw_rows: AdamW (kernels/adamw.h) over rows of a table of which every step gives only a few a gradient. A row waits
 * until it is asked for and then takes all the steps that it missed, those without a gradient:
 *
 *   for s = taken_i + 1 .. count:       g = 0, but grad_i * min(1, max_norm / sqrt(*sumsq)) in step `count` with `grad`
 *     m = b1 m + (1 - b1) g     v = b2 v + (1 - b2) g^2
 *     w -= lr_s (mhat / (sqrt(vhat) + eps) + decay w)     average += (1 - keep_s) (w - average), where there is one
 *   taken_i = count
 *
 * What missed steps do. j steps after a gradient m is b1^j m, v is b2^j v, and the step is
 *   w -= fade_s w + rate_s b1^j m / (root_s b2^(j/2) sqrt(v) + eps)
 *   rate_s = lr_s / (1 - b1^s)   root_s = 1 / sqrt(1 - b2^s)   fade_s = lr_s decay   gain_s = 1 - keep_s
 * which has no closed form, as rates change and eps counts. It is done step by step for the first SK_ADAMW_LOOP = 192
 * of them. After them m has gone (b1^192 = 2e-9 of it, which is dropped), and what is left is linear in w and average:
 *   w' = fall w     average' = stay average + come w     v' = b2^k v
 * with factors that depend on `taken` alone and come from a table. Bound: |m| / sqrt(v) is below 7.3 for b1 = .9 and
 * b2 = .999, and (b1 / sqrt(b2))^192 = 1.8e-9, so that all steps after the 192nd move a weight by less than 1.4e-7 of a
 * rate together.
 *
 * The tables are the caller's: `past` has a row for each step since all rows were last brought up to date, `tail` one
 * for each number of steps that a row may have taken. */
#ifndef SK_ADAMW_ROWS_H
#define SK_ADAMW_ROWS_H

#include "kernels/adamw.h"
#include <math.h>
#include <stdint.h>

enum { SK_ADAMW_LOOP = 192 };

typedef struct sk_adamw_past {
  float rate, root, fade, gain;
} sk_adamw_past;

typedef struct sk_adamw_tail {
  float fall, stay, come, v;
} sk_adamw_tail;

typedef struct sk_adamw_power {
  float m, root_v; /* b1^j, b2^(j/2) */
} sk_adamw_power;

typedef struct sk_adamw_rows_args {
  int32_t n, d;
  const int32_t *index;         /* (n) rows, each once; NULL = rows 0 .. n - 1 */
  int32_t *taken;               /* (rows) steps of `past` that each row has taken */
  int32_t count;                /* steps that they shall have taken; with grad no row has taken the last one */
  const sk_adamw_past *past;    /* (count) */
  const sk_adamw_tail *tail;    /* (steps without a gradient + 1): count + 1, or count with grad */
  const sk_adamw_power *powers; /* (SK_ADAMW_LOOP + 1) */
  float b1, b2, eps;
  const float *grad, *sumsq; /* (n, d) in the order of index, or NULL; as in adamw, or NULL */
  float max_norm;
  float *w, *m, *v, *average; /* (rows, d); average may be NULL */
} sk_adamw_rows_args;

SK_NO_SCRATCH(adamw_rows)

/* Step `number` (from 1) of a training, for `past`. */
static inline sk_adamw_past sk_adamw_past_of(int64_t number, float lr, float decay, float b1, float b2, float keep) {
  double s = (double)number;
  return (sk_adamw_past){.rate = (float)((double)lr / (1.0 - pow((double)b1, s))),
                         .root = (float)(1.0 / sqrt(1.0 - pow((double)b2, s))),
                         .fade = (float)((double)lr * (double)decay),
                         .gain = (float)(1.0 - (double)keep)};
}

/* One more step without a gradient behind a tail of `count` steps: tail (count + 2) in double, rows of fall, stay,
 * come, v. That of no steps is {1, 1, 0, 1}. */
static inline void sk_adamw_tail_add(double (*tail)[4], int32_t count, sk_adamw_past step, float b2) {
  double fall = 1.0 - (double)step.fade, gain = (double)step.gain;
  for (int32_t t = 0; t <= count; t++) {
    tail[t][0] *= fall;
    tail[t][1] *= 1.0 - gain;
    tail[t][2] = (1.0 - gain) * tail[t][2] + gain * tail[t][0];
    tail[t][3] *= (double)b2;
  }
  tail[count + 1][0] = tail[count + 1][1] = tail[count + 1][3] = 1.0;
  tail[count + 1][2] = 0.0;
}

static inline void sk_adamw_powers(float b1, float b2, sk_adamw_power powers[SK_ADAMW_LOOP + 1]) {
  for (int j = 0; j <= SK_ADAMW_LOOP; j++)
    powers[j] = (sk_adamw_power){(float)pow((double)b1, (double)j), (float)pow((double)b2, 0.5 * (double)j)};
}

#endif
