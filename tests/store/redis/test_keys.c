#include "store/redis/command.h"
#include "store/redis/keys.h"
#include "tests/support/seed.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

/* What a Redis Cluster hashes of a key: the bytes between the first '{' and the first '}' behind it, unless there are
 * none; then the whole key. */
static solid_bytes hashed_part(solid_bytes key) {
  const char *open = memchr(key.data, '{', key.size);
  if (!open) return key;
  const char *close = memchr(open + 1, '}', (size_t)(key.data + key.size - open - 1));
  if (!close || close == open + 1) return key;
  return (solid_bytes){open + 1, (size_t)(close - open - 1)};
}

static int same(solid_bytes a, solid_bytes b) {
  return a.size == b.size && !memcmp(a.data, b.data, a.size);
}

static solid_bytes key_of(solid_bytes user, char room[SOL_KEY_MAX]) {
  return (solid_bytes){room, sol_key_write("solid:", user, room)};
}

Test(keys, are_as_documented) {
  char room[SOL_KEY_MAX];
  const struct {
    const char *user, *key;
  } cases[] = {{"ann", "solid:{ann}"}, {"}", "solid:{%7D}"}, {"a{b}", "solid:{a{b%7D}"}, {"5%", "solid:{5%25}"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    solid_bytes key = key_of((solid_bytes){cases[i].user, strlen(cases[i].user)}, room);
    cr_assert(same(key, (solid_bytes){cases[i].key, strlen(cases[i].key)}), "%s: %.*s", cases[i].user, (int)key.size,
              key.data);
  }
}

/* Over ids made of the awkward bytes: what stands beside a user's key hashes as it does, and two users never share one.
 */
Test(keys, stay_together_and_apart) {
  enum { IDS = 400, LONGEST = 6 };
  static char ids[IDS][LONGEST], rooms[IDS][SOL_KEY_MAX];
  solid_bytes users[IDS], keys[IDS];
  seed_rng rng = seed_start(2);
  for (int i = 0; i < IDS; i++) {
    users[i] = (solid_bytes){ids[i], 1 + (size_t)seed_below(&rng, LONGEST)};
    for (size_t j = 0; j < users[i].size; j++) ids[i][j] = "{}%27D5:w"[seed_below(&rng, 9)];
    char room[SOL_KEY_MAX + 16];
    keys[i] = key_of(users[i], rooms[i]);
    solid_bytes other = key_of(users[i], room);
    other.size += (size_t)snprintf(room + other.size, 16, ":damaged");
    solid_bytes tag = hashed_part(keys[i]);
    cr_assert(same(tag, hashed_part(other)), "%.*s hashes apart", (int)users[i].size, ids[i]);
    cr_assert(tag.size < keys[i].size);
    char copy[SOL_KEY_MAX];
    memcpy(copy, keys[i].data, keys[i].size);
    cr_assert(same(sol_key_read("solid:", copy, keys[i].size), users[i]), "%.*s is read as another", (int)users[i].size,
              ids[i]);
    cr_assert_eq(sol_key_read("solid:", room, other.size).size, 0, "what lies beside a user is none");
    for (int j = 0; j < i; j++)
      cr_assert_eq(same(keys[i], keys[j]), same(users[i], users[j]), "%.*s and %.*s", (int)users[i].size, ids[i],
                   (int)users[j].size, ids[j]);
  }
}

Test(keys, longest_fits) {
  char id[SOLID_ID_MAX], prefix[SOL_KEY_PREFIX_MAX + 2], room[SOL_KEY_MAX];
  memset(id, '}', sizeof id);
  memset(prefix, 'x', sizeof prefix);
  prefix[SOL_KEY_PREFIX_MAX] = 0;
  cr_assert(sol_key_prefix_ok(prefix));
  cr_assert_eq(sol_key_write_part(prefix, (solid_bytes){id, sizeof id}, SOL_KEY_PAGES, room), SOL_KEY_MAX);
  cr_assert_eq(sol_key_write_part(prefix, (solid_bytes){id, sizeof id}, SOL_KEY_STATE, room), SOL_KEY_MAX);
  prefix[SOL_KEY_PREFIX_MAX] = 'x';
  prefix[SOL_KEY_PREFIX_MAX + 1] = 0;
  cr_assert(!sol_key_prefix_ok(prefix) && !sol_key_prefix_ok("a{") && !sol_key_prefix_ok("}"));
}

/* A command on the stack asks for nothing that was left there: no bound of its answer, no slot, no script. */
Test(command, begins_empty_whatever_was_there) {
  sol_command cmd;
  memset(&cmd, 0xff, sizeof cmd);
  sol_command_begin(&cmd);
  cr_assert(cmd.argc == 0 && cmd.key_at == 0 && cmd.script == 0);
  cr_assert(cmd.first_field == 0 && cmd.n_fields == 0 && cmd.most == 0);
}
