/* The element functions of the CPU back end against double, over bit patterns of every kind of float. */
#include "kernels/cpu/vmath.h"
#include <criterion/criterion.h>
#include <stdio.h>

#define STEP 1021 /* of the walk through all 2^32 bit patterns: a prime, so that every exponent is met */

/* Distance in units of the last place of what is right; 0 where both are NaN or the same infinity. */
static double distance(float got, double want) {
  if (isnan(want) || isnan(got)) return isnan(want) && isnan(got) ? 0.0 : INFINITY;
  float rounded = (float)want;
  if (isinf(rounded) || isinf(got)) return rounded == got ? 0.0 : INFINITY;
  float next = nextafterf(fabsf(rounded), INFINITY);
  double unit = isinf(next) ? 2.028240960365167e31 : (double)next - fabs((double)rounded);
  return fabs((double)got - want) / unit;
}

static void walk(const char *name, float (*f)(float), double (*reference)(double), double limit, float lowest) {
  double worst = 0.0;
  float at = 0.0f;
  for (uint64_t bits = 0; bits < (uint64_t)1 << 32; bits += STEP) {
    float x = sk_from_bits((uint32_t)bits);
    if (x < lowest) continue;
    double d = distance(f(x), reference((double)x));
    if (d > worst) worst = d, at = x;
  }
  cr_expect(worst <= limit, "%s(%a): %g units off, allowed %g", name, (double)at, worst, limit);
}

static double sigmoid(double x) {
  return 1.0 / (1.0 + exp(-x));
}

Test(vmath, exp_is_close_everywhere) {
  walk("exp", sk_exp, exp, 1.5, -INFINITY);
}

Test(vmath, log_is_close_everywhere) {
  walk("log", sk_log, log, 1.5, -INFINITY);
}

Test(vmath, tanh_is_close_everywhere) {
  walk("tanh", sk_tanh, tanh, 2.0, -INFINITY);
}

Test(vmath, sigmoid_is_close_down_to_its_end) {
  walk("sigmoid", sk_sigmoid, sigmoid, 2.5, -87.0f);
  cr_expect_eq(sk_sigmoid(-200.0f), 0.0f);
  cr_expect_eq(sk_sigmoid(-INFINITY), 0.0f);
}

/* Numbers that halves hold come back as they are; what lies between two goes to the nearer, or to the even one. */
Test(vmath, halves_are_the_nearest) {
  for (uint32_t half = 0; half < 0x7c00; half++) {
    double unit = half < 0x800 ? 0x1p-24 : ldexp(1.0, (int)(half >> 10) - 25);
    double value = half < 0x400 ? half * 0x1p-24 : (1024 + (half & 1023)) * unit;
    float tie = (float)(value + unit / 2), past = nextafterf(tie, INFINITY), before = nextafterf(tie, 0.0f);
    uint32_t next = half == 0x7bff ? half : half + 1;
    cr_assert_eq(sk_half((float)value), half);
    cr_assert_eq(sk_half(-(float)value), half | 0x8000);
    cr_assert_eq(sk_half(before), half);
    cr_assert_eq(sk_half(past), next);
    cr_assert_eq(sk_half(tie), half % 2 ? next : half);
  }
  cr_expect_eq(sk_half(INFINITY), 0x7bff);
  cr_expect_eq(sk_half(-1e30f), 0xfbff);
  cr_expect_eq(sk_half(NAN) & 0x7fff, 0x7fff);
}

Test(vmath, dot_products_take_every_length) {
  float x[40], rows[4][48];
  for (int i = 0; i < 40; i++) x[i] = (float)(i + 1);
  for (int j = 0; j < 4; j++)
    for (int i = 0; i < 48; i++) rows[j][i] = (float)(j * 7 + i % 5);
  for (int n = 0; n <= 40; n++) {
    float four[4];
    sk_dot4(x, rows[0], 48, n, four);
    for (int j = 0; j < 4; j++) {
      double want = 0.0;
      for (int i = 0; i < n; i++) want += (double)x[i] * (double)rows[j][i];
      cr_expect_eq((double)four[j], want, "dot4 of %d, row %d: %g, want %g", n, j, (double)four[j], want);
      cr_expect_eq((double)sk_dot(x, rows[j], n), want);
    }
  }
}
