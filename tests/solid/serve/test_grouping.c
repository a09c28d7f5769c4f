#include "solid/serve/grouping.h"
#include "tests/support/seed.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static solid_bytes text(const char *data) {
  return (solid_bytes){data, strlen(data)};
}

Test(grouping, keeps_the_order_of_the_stream) {
  solid_event events[6] = {{.user = text("b")}, {.user = text("a")}, {.user = text("b")},
                           {.user = text("c")}, {.user = text("a")}, {.user = text("b")}};
  uint8_t keep[6] = {1, 1, 1, 0, 1, 1};
  sol_groups groups = {0};
  cr_assert_eq(sol_groups_make(&groups, events, keep, 6), SOLID_OK);
  cr_assert_eq(groups.count, 2, "c has no event that counts");
  const size_t offsets[] = {0, 3, 5}, members[] = {0, 2, 5, 1, 4};
  cr_assert_eq(groups.users[0].data[0], 'b');
  cr_assert_eq(groups.users[1].data[0], 'a');
  for (size_t i = 0; i < 3; i++) cr_assert_eq(groups.offsets[i], offsets[i]);
  for (size_t i = 0; i < 5; i++) cr_assert_eq(groups.members[i], members[i]);
  sol_groups_clear(&groups);
}

Test(grouping, nothing) {
  sol_groups groups = {0};
  cr_assert_eq(sol_groups_make(&groups, NULL, NULL, 0), SOLID_OK);
  cr_assert_eq(groups.count, 0);
  cr_assert_eq(groups.offsets[0], 0);
  sol_groups_clear(&groups);
  sol_groups_clear(&groups);
}

/* Against the quadratic way, with batches that grow and shrink and ids that differ in length and in a zero byte. */
Test(grouping, agrees_with_the_naive_way) {
  enum { MOST = 700 };
  static char ids[MOST][8];
  static solid_event events[MOST];
  static uint8_t keep[MOST];
  seed_rng rng = seed_start(11);
  sol_groups groups = {0};
  for (int round = 0; round < 40; round++) {
    size_t n = (size_t)seed_below(&rng, round % 2 ? MOST : 20);
    for (size_t i = 0; i < n; i++) {
      memset(ids[i], 0, sizeof ids[i]);
      snprintf(ids[i], sizeof ids[i], "u%d", seed_below(&rng, 60));
      events[i].user = (solid_bytes){ids[i], strlen(ids[i]) + (size_t)seed_below(&rng, 2)};
      keep[i] = seed_below(&rng, 5) > 0;
    }
    cr_assert_eq(sol_groups_make(&groups, events, keep, n), SOLID_OK);
    size_t at = 0, group = 0;
    static uint8_t done[MOST];
    memset(done, 0, sizeof done);
    for (size_t i = 0; i < n; i++) {
      if (done[i] || !keep[i]) continue;
      cr_assert_eq(groups.offsets[group], at, "seed %llu", (unsigned long long)seed_value());
      for (size_t j = i; j < n; j++) {
        const solid_bytes *a = &events[i].user, *b = &events[j].user;
        if (!keep[j] || a->size != b->size || memcmp(a->data, b->data, a->size) != 0) continue;
        cr_assert_eq(groups.members[at++], j, "seed %llu", (unsigned long long)seed_value());
        done[j] = 1;
      }
      group++;
    }
    cr_assert_eq(groups.count, group);
    cr_assert_eq(groups.offsets[group], at);
  }
  sol_groups_clear(&groups);
}
