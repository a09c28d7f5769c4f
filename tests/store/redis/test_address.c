/* Where Redis is, as texts say it; slots against the server's own examples. */
#include "solid/status.h"
#include "store/redis/address.h"
#include "store/redis/keys.h"
#include "store/redis/slots.h"
#include "store/redis_store.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static void expect(const char *text, size_t n, const char *first, const char *last, int is_tls, const char *master,
                   int database) {
  sol_address address;
  char name[300];
  cr_assert_eq(sol_address_read(&address, text), SOLID_OK, "%s: %s", text, solid_last_error());
  cr_assert_eq(address.n_places, n, "%s: %zu places", text, address.n_places);
  sol_place_write(&address.places[0], name, sizeof name);
  cr_assert_str_eq(name, first, "%s: %s", text, name);
  sol_place_write(&address.places[n - 1], name, sizeof name);
  cr_assert_str_eq(name, last, "%s: %s", text, name);
  cr_assert_eq(address.is_tls, is_tls, "%s", text);
  cr_assert_str_eq(address.master, master, "%s", text);
  cr_assert_eq(address.has_database, database >= 0, "%s", text);
  if (database >= 0) cr_assert_eq(address.database, (uint32_t)database, "%s", text);
}

Test(address, every_form) {
  expect("db:6379", 1, "db:6379", "db:6379", 0, "", -1);
  expect("db:6379,[::1]:7", 2, "db:6379", "[::1]:7", 0, "", -1);
  expect("/run/redis.sock", 1, "/run/redis.sock", "/run/redis.sock", 0, "", -1);
  expect("unix:/run/redis.sock", 1, "/run/redis.sock", "/run/redis.sock", 0, "", -1);
  expect("unix:///run/redis.sock", 1, "/run/redis.sock", "/run/redis.sock", 0, "", -1);
  expect("redis://db", 1, "db:6379", "db:6379", 0, "", -1);
  expect("redis://db/", 1, "db:6379", "db:6379", 0, "", -1);
  expect("redis://db:1/7", 1, "db:1", "db:1", 0, "", 7);
  expect("redis://a,b:2,[::1]", 3, "a:6379", "[::1]:6379", 0, "", -1);
  expect("rediss://a:1,b:2/0", 2, "a:1", "b:2", 1, "", 0);
  expect("sentinel://a,b:5/mine", 2, "a:26379", "b:5", 0, "mine", -1);
  expect("sentinels://a/mine/3", 1, "a:26379", "a:26379", 1, "mine", 3);
}

Test(address, what_is_none) {
  static const char *const texts[] = {"",
                                      "db",
                                      "db:",
                                      "db:0",
                                      "db:70000",
                                      "db:1x",
                                      ":1",
                                      "[::1:1",
                                      "[::1]1",
                                      "db:1,",
                                      "db:1/2",
                                      "http://db",
                                      "redis://",
                                      "redis://a,,b",
                                      "redis://a/b",
                                      "redis://a/1/2",
                                      "sentinel://a",
                                      "sentinel://a/",
                                      "unix:",
                                      "unix:run",
                                      "sentinel://a/m/x",
                                      "redis://a:-1",
                                      "redis://u@db",
                                      "rediss://u:p@db"};
  sol_address address;
  char many[400] = "redis://a", path[200] = "/";
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    cr_assert_eq(sol_address_read(&address, texts[i]), SOLID_EINVAL, "'%s'", texts[i]);
  cr_assert(strstr(solid_last_error(), "--redis-password-file") && !strstr(solid_last_error(), "u:p"), "%s",
            solid_last_error());
  for (int i = 0; i < SOL_HOSTS_MAX; i++) strcat(many, ",b");
  cr_assert_eq(sol_address_read(&address, many), SOLID_EINVAL);
  memset(path + 1, 'x', SOL_PATH_ROOM);
  cr_assert_eq(sol_address_read(&address, path), SOLID_EINVAL);
  cr_assert_eq(solid_redis_address_check(NULL), SOLID_EINVAL);
  cr_assert_eq(solid_redis_address_check("db:1"), SOLID_OK);
}

/* Values of CLUSTER KEYSLOT of Redis 7.0. */
Test(slots, as_redis_says) {
  static const struct {
    const char *key;
    uint32_t slot;
  } cases[] = {
      {"123456789", 12739},    {"foo", 12182}, {"{foo}bar", 12182}, {"a{foo}bar{zap}", 12182}, {"foo{}{bar}", 8363},
      {"foo{{bar}}zap", 4015}, {"", 0}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    cr_assert_eq(sol_slot_of(cases[i].key, strlen(cases[i].key)), cases[i].slot, "%s: %u", cases[i].key,
                 sol_slot_of(cases[i].key, strlen(cases[i].key)));
}

/* Whatever the id: all keys of a user have the slot of the user's key. */
Test(slots, a_user_has_one) {
  static const char *const ids[] = {"ann", "}", "{", "{}", "}{", "a}b", "%7D", "{x}y", "\xff\x00"};
  for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
    char key[SOL_KEY_MAX + 16];
    size_t size = sol_key_write("p:", (solid_bytes){ids[i], strlen(ids[i])}, key);
    uint32_t slot = sol_slot_of(key, size);
    memcpy(key + size, ":damaged", 8);
    cr_assert_eq(sol_slot_of(key, size + 8), slot, "%s", ids[i]);
    key[size] = '}', key[size + 1] = '{';
    cr_assert_eq(sol_slot_of(key, size + 8), slot, "%s", ids[i]);
  }
}

Test(slots, each_has_a_tag) {
  static uint32_t tags[SOL_SLOTS];
  sol_slot_tags(tags);
  for (uint32_t slot = 0; slot < SOL_SLOTS; slot++) {
    char key[40];
    int size = snprintf(key, sizeof key, "p:epoch:{%u}", tags[slot]);
    cr_assert_eq(sol_slot_of(key, (size_t)size), slot);
  }
}
