#include "tests/store/store_body.h"
#include <criterion/criterion.h>

void body_live_generations_change_one_version_at_a_time(const store_maker *maker) {
  solid_store *store = maker->open(0), *other = maker->open(0);
  solid_live live = {9, 9, 9, 9};
  cr_assert_eq(store->ops->read_live(store, &live), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(live.version | live.current | live.previous | live.share, 0);
  const solid_live first = {1, UINT64_MAX, 0, SOLID_SHARES}, second = {2, 7, UINT64_MAX, 2500};
  cr_assert_eq(store->ops->write_live(store, &first), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(other->ops->write_live(other, &first), SOLID_EMISMATCH, "somebody was first");
  cr_assert_eq(other->ops->write_live(other, &second), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(store->ops->write_live(store, &second), SOLID_EMISMATCH);
  cr_assert_eq(store->ops->read_live(store, &live), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(live.version, 2);
  cr_assert_eq(live.current, 7);
  cr_assert_eq(live.previous, UINT64_MAX);
  cr_assert_eq(live.share, 2500);
  const solid_live bad[] = {{0, 7, 0, 1}, {3, 0, 7, 1}, {3, 7, 7, 1}, {3, 7, 8, SOLID_SHARES + 1}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    cr_assert_eq(store->ops->write_live(store, &bad[i]), SOLID_EINVAL, "record %zu", i);
  solid_store_close(store);
  solid_store_close(other);
}
