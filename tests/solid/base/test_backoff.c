#include "solid/base/backoff.h"
#include <criterion/criterion.h>

static void waits(sol_backoff backoff, const int64_t *wanted, size_t n) {
  for (int round = 0; round < 2; round++) {
    for (size_t i = 0; i < n; i++) cr_assert_eq(sol_backoff_next(&backoff), wanted[i], "wait %zu", i);
    backoff.next_ms = 0;
  }
}

Test(backoff, doubles_up_to_its_most) {
  waits((sol_backoff){100, 1000, 0}, (const int64_t[]){100, 200, 400, 800, 1000, 1000, 1000}, 7);
  waits((sol_backoff){1, 8, 0}, (const int64_t[]){1, 2, 4, 8, 8}, 5);
  waits((sol_backoff){5, 5, 0}, (const int64_t[]){5, 5, 5}, 3);
  waits((sol_backoff){50, 20, 0}, (const int64_t[]){20, 20, 20}, 3);
  waits((sol_backoff){0, 8, 0}, (const int64_t[]){0, 0, 0}, 3);
}

Test(backoff, does_not_overflow) {
  sol_backoff backoff = {1, INT64_MAX, 0};
  int64_t last = 0;
  for (int i = 0; i < 200; i++) {
    int64_t wait = sol_backoff_next(&backoff);
    cr_assert_geq(wait, last);
    last = wait;
  }
  cr_assert_eq(last, INT64_MAX);
}

Test(backoff, tries_again_what_may_pass) {
  for (int s = -13; s <= 0; s++) {
    sol_retry retry = {.backoff = {1, 2, 0}, .drain_ms = 50};
    cr_assert_eq(sol_retry_again(&retry, (solid_status)s, 0, 1000), solid_status_is_retriable((solid_status)s));
  }
}

Test(backoff, gives_up_when_told_to_stop_for_long_enough) {
  sol_retry retry = {.drain_ms = 50};
  cr_assert(sol_retry_again(&retry, SOLID_EIO, 0, 1000));
  cr_assert(sol_retry_again(&retry, SOLID_EIO, 1, 2000), "the time runs from the stop");
  cr_assert(sol_retry_again(&retry, SOLID_EIO, 1, 2049));
  cr_assert_not(sol_retry_again(&retry, SOLID_EIO, 1, 2050));
  sol_retry hurried = {.drain_ms = 0};
  cr_assert_not(sol_retry_again(&hurried, SOLID_EIO, 1, 1000));
}

Test(backoff, waits_no_longer_than_it_goes_on) {
  sol_retry retry = {.backoff = {100, 800, 0}, .drain_ms = 250};
  cr_assert_eq(sol_retry_wait(&retry, 0, 1000), 100, "not told to stop");
  cr_assert_eq(sol_retry_wait(&retry, 500, 1000), 500, "at least so long");
  cr_assert(sol_retry_again(&retry, SOLID_EIO, 1, 2000));
  cr_assert_eq(sol_retry_wait(&retry, 0, 2000), 250);
  cr_assert_eq(sol_retry_wait(&retry, 500, 2100), 150);
}
