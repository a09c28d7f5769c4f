/* What changes with the number of steps: learning rate and moving average. */
#include "solid/train/fit/options.h"
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

static double rate_at(const solid_train_options *o, uint64_t number) {
  return (double)sol_train_options_at(o, number, 100).rate;
}

Test(schedule, rate_falls_along_a_half_cosine) {
  solid_train_options o = SOLID_TRAIN_OPTIONS_INIT;
  o.rate = 0.01f;
  for (uint64_t n = 1; n < 200; n += 7) cr_expect_eq(sol_train_options_at(&o, n, 100).rate, o.rate);
  o.rate_end = 0.2f;
  cr_expect_float_eq(rate_at(&o, 50), 0.006, 1e-8); /* half way: the mean of 1 and 0.2 */
  cr_expect_float_eq(rate_at(&o, 25), 0.01 * (0.2 + 0.8 * (1 + sqrt(0.5)) / 2), 1e-8);
  cr_expect_float_eq(rate_at(&o, 100), 0.002, 1e-8);
  cr_expect_float_eq(rate_at(&o, 1000), 0.002, 1e-8); /* more steps than planned */
}

Test(schedule, average_forgets_the_initial_weights) {
  solid_train_options o = SOLID_TRAIN_OPTIONS_INIT;
  cr_expect_eq(sol_train_options_at(&o, 1, 100).average, 0); /* there is none */
  o.average = 0.99f;
  cr_expect_float_eq(sol_train_options_at(&o, 1, 100).average, 2.0 / 11, 1e-6);
  cr_expect_float_eq(sol_train_options_at(&o, 90, 100).average, 0.91, 1e-6);
  cr_expect_eq(sol_train_options_at(&o, 5000, 100).average, o.average);
}

Test(schedule, refuses_shares_above_one) {
  solid_train_options o = SOLID_TRAIN_OPTIONS_INIT;
  o.rate_end = 1.5f;
  cr_expect_eq(solid_train_options_check(&o), SOLID_ERANGE);
  cr_expect(strstr(solid_last_error(), "rate_end = 1.5") != NULL, "%s", solid_last_error());
  o.rate_end = 1, o.cuts = 2;
  cr_expect_eq(solid_train_options_check(&o), SOLID_ERANGE);
  o.cuts = 1, o.check = 0;
  cr_expect_eq(solid_train_options_check(&o), SOLID_ERANGE);
}
