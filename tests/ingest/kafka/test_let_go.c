/* A handle that librdkafka does not end is left behind; linked with --wrap=rd_kafka_destroy_flags. */
#include "ingest/kafka/let_go.h"
#include "solid/base/clock.h"
#include <criterion/criterion.h>
#include <stdatomic.h>

void __wrap_rd_kafka_destroy_flags(rd_kafka_t *rk, int flags);

static atomic_int is_stuck, asked, ended, last_flags;

void __wrap_rd_kafka_destroy_flags(rd_kafka_t *rk, int flags) {
  (void)rk;
  atomic_store(&last_flags, flags);
  atomic_fetch_add(&asked, 1);
  while (atomic_load(&is_stuck)) sol_sleep_ms(1);
  atomic_fetch_add(&ended, 1);
}

TestSuite(let_go, .timeout = 600);

static void begin(int stuck) {
  atomic_store(&is_stuck, stuck);
  atomic_store(&asked, 0);
  atomic_store(&ended, 0);
}

Test(let_go, of_a_handle_that_ends) {
  begin(0);
  cr_assert_eq(sol_let_go(NULL, 8, 600000), 1);
  cr_assert(atomic_load(&ended) == 1 && atomic_load(&last_flags) == 8);
}

Test(let_go, of_a_handle_that_does_not_end) {
  begin(1);
  cr_assert_eq(sol_let_go(NULL, 0, 1100), 0, "it is left behind");
  while (!atomic_load(&asked)) sol_sleep_ms(1);
  cr_assert_eq(atomic_load(&ended), 0);
  atomic_store(&is_stuck, 0); /* what was left ends later, and frees what it held */
  while (!atomic_load(&ended)) sol_sleep_ms(1);
  sol_sleep_ms(50);
}
