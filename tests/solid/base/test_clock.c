#include "solid/base/clock.h"
#include <criterion/criterion.h>
#include <time.h>

Test(clock, the_steady_one_never_goes_back) {
  int64_t last = sol_steady_ns();
  for (int i = 0; i < 10000; i++) {
    int64_t now = sol_steady_ns();
    cr_assert_geq(now, last);
    last = now;
  }
}

/* The units agree: each lies between two readings of another. */
Test(clock, units_agree) {
  for (int i = 0; i < 100; i++) {
    int64_t before = sol_steady_ns(), ms = sol_steady_ms();
    double s = sol_steady_s();
    int64_t after = sol_steady_ns();
    cr_assert(before / 1000000 <= ms && ms <= after / 1000000);
    cr_assert(1e-9 * (double)before <= s && s <= 1e-9 * (double)after);
  }
}

Test(clock, the_wall_counts_from_1970) {
  time_t before = time(NULL);
  int64_t ms = sol_wall_ms();
  time_t after = time(NULL);
  cr_assert(1000 * ((int64_t)before - 1) <= ms && ms <= 1000 * ((int64_t)after + 1));
}

Test(clock, sleep_lasts) {
  int64_t before = sol_steady_ns();
  sol_sleep_ns(2000000);
  cr_assert_geq(sol_steady_ns() - before, 2000000);
  before = sol_steady_ns();
  sol_sleep_ms(3);
  cr_assert_geq(sol_steady_ns() - before, 3000000);
  sol_sleep_ns(0);
  sol_sleep_ms(-5);
}
