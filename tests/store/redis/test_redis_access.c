/* What a user of the server has to be allowed. */
#include "tests/store/redis/live_redis.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

TestSuite(redis_access, .init = live_start, .fini = live_stop, .timeout = 600);

static void count_user(void *count, solid_bytes user) {
  (void)user;
  (*(size_t *)count)++;
}

/* A user with the commands that the README lists may do all that a store does. */
Test(redis_access, the_commands_of_the_readme_suffice) {
  char line[2000] = "";
  FILE *readme = fopen(SOLID_STORE_README, "r");
  cr_assert_not_null(readme);
  while (strncmp(line, "    ACL SETUSER solid ", 22)) cr_assert(fgets(line, sizeof line, readme));
  fclose(readme);
  line[strcspn(line, "\n")] = 0;
  live_ask(line + 4, "OK");
  solid_redis_store_options options = live_options();
  options.username = "solid", options.password = "secret";
  options.history = 600, options.ttl_ms = 60000;
  solid_store *store = live_open_with(&options);
  const solid_bytes ann = live_text("ann");
  const solid_item_entry entry = {.id = live_text("new")};
  solid_items_version items = {.count = 0};
  int done = 0;
  int64_t age_ms;
  uint64_t cursor = 0;
  size_t n = 0;
  store->follows_items = 1;
  for (uint64_t i = 0; i < 900; i++)
    cr_assert_eq(live_append(store, "ann", i, NULL), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(live_put(store, "ann", 900, 1.0f), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(live_get_ok(store, "ann"), 1.0f);
  cr_assert_eq(store->ops->items_append(store, &items, &entry, 1, &items, &done), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(store->ops->stream_load(store, live_text("s"), NULL, &n), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(store->ops->stream_save(store, live_text("s"), live_text(""), live_text("a"), &done), SOLID_OK);
  cr_assert_eq(store->ops->safe_age(store, &age_ms), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(store->ops->list(store, 10, &cursor, count_user, &n), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(n, 1);
  live_ask("HSET solid:{ann} h rubbish", "0");
  cr_assert_eq(live_append(store, "ann", 1, NULL), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(live_append(store, "ann", 2, NULL), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(solid_forget(store, &ann, 1, NULL), SOLID_OK, "%s", solid_last_error());
  solid_store_close(store);
}
