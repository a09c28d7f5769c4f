#include "tests/support/compare.h"
#include "tests/support/seed.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define MAX_FAULTS 10

int compare_is_close(double got, double want, double absolute, double relative) {
  if (isnan(got) || isnan(want)) return isnan(got) && isnan(want);
  if (isinf(got) || isinf(want)) return got == want;
  return fabs(got - want) <= absolute + relative * fabs(want);
}

/* Prints one fault; the caller fails after the last. */
static void report(const char *what, size_t i, double got, double want) {
  fprintf(stderr, "%s[%zu]: got %.9g, want %.9g (SOLID_SEED=%llu)\n", what, i, got, want,
          (unsigned long long)seed_value());
}

static void judge(const char *what, size_t faults, size_t n) {
  if (faults > 0) cr_assert_fail("%s: %zu of %zu values differ", what, faults, n);
}

void compare_floats(const char *what, const float *got, const double *want, size_t n, double absolute,
                    double relative) {
  size_t faults = 0;
  for (size_t i = 0; i < n; i++)
    if (!compare_is_close((double)got[i], want[i], absolute, relative) && ++faults <= MAX_FAULTS)
      report(what, i, (double)got[i], want[i]);
  judge(what, faults, n);
}

void compare_doubles(const char *what, const double *got, const double *want, size_t n, double absolute,
                     double relative) {
  size_t faults = 0;
  for (size_t i = 0; i < n; i++)
    if (!compare_is_close(got[i], want[i], absolute, relative) && ++faults <= MAX_FAULTS)
      report(what, i, got[i], want[i]);
  judge(what, faults, n);
}

void compare_ints(const char *what, const int32_t *got, const int32_t *want, size_t n) {
  size_t faults = 0;
  for (size_t i = 0; i < n; i++)
    if (got[i] != want[i] && ++faults <= MAX_FAULTS) report(what, i, got[i], want[i]);
  judge(what, faults, n);
}

void compare_bits(const char *what, const float *got, const float *want, size_t n) {
  size_t faults = 0;
  for (size_t i = 0; i < n; i++)
    if (memcmp(&got[i], &want[i], sizeof got[i]) != 0 && ++faults <= MAX_FAULTS)
      report(what, i, (double)got[i], (double)want[i]);
  judge(what, faults, n);
}

void compare_gradient(const char *what, double (*f)(void *context), void *context, double *x, size_t n,
                      const double *gradient) {
  size_t faults = 0;
  for (size_t i = 0; i < n; i++) {
    double at = x[i], h = 1e-5 * (1.0 + fabs(at));
    x[i] = at + h;
    double above = f(context);
    x[i] = at - h;
    double below = f(context);
    x[i] = at;
    double slope = (above - below) / (2.0 * h);
    if (!compare_is_close(gradient[i], slope, 1e-6, 1e-5) && ++faults <= MAX_FAULTS)
      report(what, i, gradient[i], slope);
  }
  judge(what, faults, n);
}
