#include "solid/base/random.h"
#include <criterion/criterion.h>

/* Published values of splitmix64 from state 0. */
Test(random, is_splitmix64) {
  const uint64_t wanted[] = {0xe220a8397b1dcdafULL, 0x6e789e6aa1b965f4ULL, 0x06c45d188009454fULL,
                             0xf88bb8a8724c81ecULL};
  sol_random random = {0};
  for (uint64_t i = 0; i < 4; i++) {
    cr_assert_eq(sol_random_next(&random), wanted[i]);
    cr_assert_eq(sol_random_at(0, i), wanted[i], "number %llu by itself", (unsigned long long)i);
  }
}

/* Mean and variance of 100,000 draws lie within five deviations of theirs. */
Test(random, distributions_have_their_moments) {
  enum { N = 100000 };
  sol_random random = sol_random_start(1, 2);
  double sum[3] = {0}, squares[3] = {0};
  for (int i = 0; i < N; i++) {
    double x[3] = {sol_random_uniform(&random), (double)sol_random_below(&random, 7), sol_random_normal(&random)};
    cr_assert(x[0] >= 0 && x[0] < 1 && x[1] < 7);
    for (int k = 0; k < 3; k++) sum[k] += x[k], squares[k] += x[k] * x[k];
  }
  const double mean[] = {0.5, 3, 0}, variance[] = {1.0 / 12, 4, 1};
  for (int k = 0; k < 3; k++) {
    double m = sum[k] / N, v = squares[k] / N - m * m;
    cr_assert_float_eq(m, mean[k], 5 * sqrt(variance[k] / N));
    cr_assert_float_eq(v, variance[k], 5 * variance[k] * sqrt(2.0 / N));
  }
}

Test(random, purposes_have_streams_of_their_own) {
  sol_random a = sol_random_start(5, 1), b = sol_random_start(5, 2), again = sol_random_start(5, 1);
  uint64_t first = sol_random_next(&a);
  cr_assert_neq(first, sol_random_next(&b));
  cr_assert_eq(first, sol_random_next(&again));
}
