/* Every field that is kept of a user, overwritten in every way: what was kept is read as it was, or the key is named,
 * and the other user of the call is served. What no checksum can tell is listed here, and nothing else may pass. */
#include "tests/store/history_parts.h"
#include "tests/store/redis/history_rig.h"
#include "tests/support/seed.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(redis_harm, .init = live_start, .fini = live_stop, .timeout = 600);

enum { LONG = 6000, STEPS = 5400, MORE = 600, PARTS = 3, PART_SIZE = 100, USERS = 2, DISLIKED = 77 };

static const char *const names[USERS] = {"ann", "bob"};
static const uint64_t begins[USERS] = {0, 100}; /* numbers of their first steps */

/* Each is a body that makes the new value `n` of the old one, `v`. */
static const struct {
  const char *name, *lua;
} harms[] = {
    {"empty", "n=''"},
    {"one byte", "n='x'"},
    {"noise of the right size", "n=noise(#v)"},
    {"noise of a wrong size", "n=noise(#v+5)"},
    {"noise that is longer", "n=noise(#v+16)"},
    {"cut off", "n=v:sub(1,#v-16)"},
    {"another user's", "n=redis.call('HGET',KEYS[1]:gsub('ann','bob'),f)"},
    {"deleted", "redis.call('HDEL',KEYS[1],f)"},
    {"key deleted", "redis.call('DEL',KEYS[1])"},
    {"ones", "n=string.rep(string.char(255),#v)"},
    {"another type", "redis.call('DEL',KEYS[1]) redis.call('RPUSH',KEYS[1],'x')"},
};
enum { HARMS = sizeof harms / sizeof *harms };

/* `silent`: a letter for each harm; 'x': nobody can tell it, as the bytes might be ours, or the user new. Params, pages
 * and states have checksums; a head, m and what belongs to it are of one birth; the items of a set ascend; steps and
 * dislikes have their size alone. */
typedef struct place {
  const char *part, *field, *silent;
} place;

static const place of_histories[] = {
    {"", "h", "........x.."},       {"", "s", "..x.x.x.xx."},       {"", "p", "........x.."},
    {"", "d", "..x.x.x.xx."},       {":pages", "m", "..........."}, {":pages", "s", ".....xx...."},
    {":pages", "r", ".....xx...."}, {":pages", "3", "..........."}, {":state", "h", "..........."},
    {":state", "1", "..........."},
};

/* Of a head without a birth the checksum of the params tells a part. */
static const place of_windows[] = {
    {"", "h", "........x.."}, {"", "s", "..x.xxx.xx."}, {"", "p", "........x.."}, {"", "d", "..x.x.x.xx."}};

/* ---- What there is ---- */

static solid_step steps[USERS][LONG];

/* Steps `from` .. `to` - 1 of a user; what became of him. */
static solid_status push(solid_store *store, size_t who, uint64_t from, uint64_t to) {
  static solid_position positions[LONG];
  for (uint64_t n = from; n < to; n++) {
    steps[who][n - from] = history_step(begins[who] + n);
    positions[n - from] = (solid_position){1, n};
  }
  solid_append append = {
      .user = live_text(names[who]), .steps = steps[who], .positions = positions, .count = (size_t)(to - from)};
  solid_step room[50];
  solid_window window = {.steps = room};
  solid_status of_user;
  cr_assert_eq(store->ops->advance(store, &append, 1, &window, NULL, &of_user), SOLID_OK, "%s", solid_last_error());
  return of_user;
}

static void put_all(solid_store *store, size_t who, uint64_t seq) {
  static uint8_t data[PARTS][PART_SIZE];
  solid_step step = {DISLIKED + (uint64_t)who, 1}, room[50];
  solid_position position = {2, seq};
  const uint8_t dislike = 1;
  solid_append append = {
      .user = live_text(names[who]), .steps = &step, .positions = &position, .dislikes = &dislike, .count = 1};
  solid_window window = {.steps = room};
  solid_status of_user;
  cr_assert_eq(store->ops->advance(store, &append, 1, &window, NULL, &of_user), SOLID_OK, "%s", solid_last_error());
  if (of_user) return;
  live_put(store, names[who], window.seq, 4.0f + (float)who);
  solid_state_part parts[PARTS];
  for (uint32_t k = 0; k < PARTS; k++) {
    memset(data[k], (int)(who * PARTS + k), PART_SIZE);
    parts[k] = (solid_state_part){k, PART_SIZE, data[k]};
  }
  const solid_state_put put = {
      .user = append.user, .stamp = {window.birth, window.seq, 1, 2, 30}, .parts = parts, .n = PARTS};
  uint8_t stored;
  if (window.birth)
    cr_assert_eq(store->ops->put_states(store, &put, 1, &stored, &of_user), SOLID_OK, "%s", solid_last_error());
}

/* All keys of solid: under `to`, in the place of those that are there. */
static void copy_keys(const char *from, const char *to) {
  char command[400];
  snprintf(command, sizeof command,
           "EVAL \"for _,k in ipairs(redis.call('KEYS','%s:*')) do redis.call('DEL',k) end "
           "for _,k in ipairs(redis.call('KEYS','%s:*')) do redis.call('COPY',k,'%s'..k:sub(6)) end return 'OK'\" 0",
           to, from, to);
  live_ask(command, "OK");
}

static void harm(const char *part, const char *field, const char *lua) {
  char command[900];
  snprintf(command, sizeof command,
           "EVAL \"local f,n,x='%s',nil,42 local function noise(m) local t={} for i=1,m do x=x*16807%%2147483647 "
           "t[i]=string.char(math.floor(x/65536)%%256) end return table.concat(t) end "
           "local v=redis.call('HGET',KEYS[1],f) if not v then return 'none' end %s "
           "if n then redis.call('HSET',KEYS[1],f,n) end return 'OK'\" 1 solid:{ann}%s",
           field, lua, part);
  live_ask(command, "OK");
}

/* ---- What is read ---- */

static uint64_t dislikes[USERS][SOLID_DISLIKES_MAX], seen[USERS][2 * LONG];
static size_t n_seen[USERS];

static void take_seen(void *user, const uint64_t *items, size_t n) {
  size_t who = *(const size_t *)user;
  cr_assert_leq(n, 2 * LONG - n_seen[who]);
  memcpy(seen[who] + n_seen[who], items, n * sizeof *items);
  n_seen[who] += n;
}

static int compare(const void *left, const void *right) {
  uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
  return (a > b) - (a < b);
}

static size_t sort(uint64_t *items, size_t n) {
  size_t kept = 0;
  qsort(items, n, sizeof *items, compare);
  for (size_t i = 0; i < n; i++)
    if (!kept || items[kept - 1] != items[i]) items[kept++] = items[i];
  return kept;
}

/* 1 where all items were given, and no other; of who has no history the window is all there is. */
static int has_seen_all(size_t who, const solid_window *window) {
  static uint64_t expected[LONG];
  if (!window->birth) return window->seen_since == STEPS - window->count;
  for (size_t i = 0; i < window->count; i++) seen[who][n_seen[who]++] = window->steps[i].item;
  for (uint64_t n = 0; n < STEPS; n++) expected[n] = history_step(begins[who] + n).item;
  size_t m = sort(expected, STEPS), n = sort(seen[who], n_seen[who]);
  return window->seen_since == 0 && n == m && !memcmp(seen[who], expected, m * sizeof *expected);
}

static int has_steps(size_t who, const solid_window *window, size_t count) {
  int is_right = window->seq == STEPS && window->count == count;
  for (size_t i = 0; i < window->count && is_right; i++) {
    solid_step step = history_step(begins[who] + STEPS - count + i);
    is_right = step.item == window->steps[i].item && step.time_ms == window->steps[i].time_ms;
  }
  return is_right;
}

/* One question about both, of `most` steps; right[i] becomes 0 where what came is not what was kept. Params and states
 * that do not come are made anew, which is right. */
static void ask(solid_store *store, uint32_t most, int right[USERS], solid_status statuses[USERS]) {
  static uint8_t room[USERS][4096];
  solid_state_part parts[USERS][PARTS];
  solid_state states[USERS];
  params_room rooms[USERS];
  solid_bytes users[USERS];
  solid_window windows[USERS];
  solid_params params[USERS];
  size_t who[USERS] = {0, 1};
  uint8_t found[USERS];
  for (size_t i = 0; i < USERS; i++) {
    n_seen[i] = 0;
    users[i] = live_text(names[i]);
    params[i] = part_params_in(&rooms[i]);
    states[i] = (solid_state){.generation = 1, .selector = 2, .count = PARTS, .parts = parts[i], .room = room[i]};
    states[i].room_size = sizeof room[i];
    windows[i] = (solid_window){.steps = steps[i], .dislikes = dislikes[i], .most = most, .state = &states[i]};
    windows[i].take_seen = take_seen, windows[i].seen_user = &who[i];
  }
  cr_assert_eq(store->ops->get(store, users, USERS, 1, windows, params, found, statuses), SOLID_OK, "%s",
               solid_last_error());
  for (size_t i = 0; i < USERS; i++) {
    right[i] = has_steps(i, &windows[i], most < STEPS ? most : STEPS) && has_seen_all(i, &windows[i]) &&
               windows[i].n_dislikes == 1 && dislikes[i][0] == DISLIKED + i;
    if (found[i]) right[i] = right[i] && rooms[i].values[BODY_PARAMS - 1] == 4.0f + (float)i;
    if (states[i].found != SOLID_STATE_FOUND) continue;
    for (uint32_t k = 0; k < PARTS; k++) right[i] = right[i] && parts[i][k].data[PART_SIZE - 1] == i * PARTS + k;
  }
}

static int is_named(void) {
  return strstr(rig_lines, "solid:{ann}") != NULL;
}

/* ---- */

static void begin(solid_store *store) {
  for (size_t i = 0; i < USERS; i++) {
    cr_assert(!push(store, i, 0, 5000) && !push(store, i, 5000, STEPS));
    put_all(store, i, STEPS);
  }
  if (store->history == LONG) live_ask("HEXISTS solid:{ann}:pages r", "1");
  if (store->history == LONG) live_ask("HEXISTS solid:{bob}:pages r", "1");
  copy_keys("solid", "saved");
}

/* Two pages more, parameters and a state: what was harmed has begun anew, and nothing more is said. */
static void expect_repaired(solid_store *store, const char *what) {
  int right[USERS];
  solid_status statuses[USERS];
  cr_expect(!push(store, 0, STEPS + 1, STEPS + MORE), "%s: %s", what, solid_last_error());
  put_all(store, 0, STEPS + MORE);
  *rig_lines = 0;
  for (uint32_t most = 50; most <= 200 && most <= store->history; most += 150) ask(store, most, right, statuses);
  cr_expect(!is_named(), "%s: is not repaired: %s", what, rig_lines);
}

static void expect_told(const place *places, size_t n, uint32_t history) {
  solid_store *store = rig_open(50, history);
  begin(store);
  solid_store_close(store);
  for (size_t p = 0; p < n; p++)
    for (size_t k = 0; k < HARMS; k++) {
      int right[USERS], is_right = 1, is_set_aside = 0;
      char what[100];
      snprintf(what, sizeof what, "solid:{ann}%s, field %s, %s", places[p].part, places[p].field, harms[k].name);
      copy_keys("saved", "solid");
      store = rig_open(50, history); /* one that has said nothing yet */
      *rig_lines = 0;
      harm(places[p].part, places[p].field, harms[k].lua);
      for (uint32_t most = 50; most <= store->history; most += LONG - 50) {
        solid_status statuses[USERS];
        ask(store, most, right, statuses);
        cr_expect(right[1] && !statuses[1], "%s: the other user", what);
        cr_expect(!statuses[0] || statuses[0] == SOLID_EFORMAT, "%s: %s", what, solid_last_error());
        is_right = is_right && right[0], is_set_aside = is_set_aside || statuses[0];
      }
      int is_silent = !is_right && !is_named();
      cr_expect_eq(is_silent, places[p].silent[k] == 'x', "%s: %s: %s", what, is_silent ? "silent" : "told", rig_lines);
      cr_expect(!push(store, 1, STEPS, STEPS + 1), "%s: the other user", what);
      solid_status status = push(store, 0, STEPS, STEPS + 1);
      cr_expect(!status || (is_set_aside && is_named()), "%s: %s", what, solid_last_error());
      if (!is_set_aside) expect_repaired(store, what); /* else it is mended by a person alone */
      solid_store_close(store);
    }
}

Test(redis_harm, no_field_of_a_history_is_misread_silently) {
  expect_told(of_histories, sizeof of_histories / sizeof *of_histories, LONG);
}

Test(redis_harm, no_field_of_a_window_is_misread_silently) {
  expect_told(of_windows, sizeof of_windows / sizeof *of_windows, 0);
}

/* Bytes are changed, put in and left out: what comes of it concerns this user alone, and the calls go well. The version
 * of a record stays: a later one stops who writes. */
static void expect_alone(const place *places, size_t n, uint32_t history) {
  enum { ROUNDS = 150 };
  seed_rng rng = seed_start(history);
  solid_store *store = rig_open(50, history);
  begin(store);
  for (int round = 0; round < ROUNDS; round++) {
    copy_keys("saved", "solid");
    for (int i = 0; i < 2; i++) {
      const place *at = &places[seed_below(&rng, (int32_t)n)];
      int is_head = !*at->part && *at->field == 'h';
      char lua[200];
      snprintf(lua, sizeof lua, "local p=%d+%d%%(#v-3) n=v:sub(1,p)..string.char(%d):rep(%d)..v:sub(p+%d)", 3 * is_head,
               seed_below(&rng, 1 << 20), seed_below(&rng, 256), seed_below(&rng, 3), 1 + seed_below(&rng, 18));
      harm(at->part, at->field, lua);
    }
    for (uint32_t most = 50; most <= store->history; most += LONG - 50) {
      int right[USERS];
      solid_status statuses[USERS];
      ask(store, most, right, statuses);
      cr_expect(right[1] && !statuses[1], "seed %lu, round %d", (unsigned long)seed_value(), round);
    }
    cr_expect(!push(store, 0, STEPS, STEPS + MORE - 1), "seed %lu, round %d", (unsigned long)seed_value(), round);
    cr_expect(!push(store, 1, STEPS, STEPS + 1), "seed %lu, round %d", (unsigned long)seed_value(), round);
  }
  cr_expect_eq(live_stats(store).connections, 1);
  solid_store_close(store);
}

Test(redis_harm, changed_bytes_of_a_history_are_its_own_trouble) {
  expect_alone(of_histories, sizeof of_histories / sizeof *of_histories, LONG);
}

Test(redis_harm, changed_bytes_of_a_window_are_its_own_trouble) {
  expect_alone(of_windows, sizeof of_windows / sizeof *of_windows, 0);
}
