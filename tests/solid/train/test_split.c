/* Splits by hand, and what a leak would need: an event behind a boundary among those that train. */
#include "solid/train/codebook/cooccurrence.h"
#include "solid/train/data/split.h"
#include "tests/support/seed.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct event {
  const char *user, *item;
  int64_t time;
} event;

static sol_history history_of(const event *events, size_t n, int has_times) {
  sol_collector *collector = NULL;
  sol_collector_options options = {.sort_by_time = has_times, .has_times = has_times};
  sol_history history = {0};
  cr_assert_eq(sol_collector_new(&collector, &options), SOLID_OK);
  for (size_t i = 0; i < n; i++) {
    solid_event e = {{events[i].user, strlen(events[i].user)},
                     {events[i].item, strlen(events[i].item)},
                     {NULL, 0},
                     events[i].time,
                     {0, 0},
                     SOLID_WORTH_STEP};
    cr_assert_eq(sol_collector_push(collector, &e, 1, NULL), SOLID_OK);
  }
  cr_assert_eq(sol_collector_finish(collector, &history), SOLID_OK);
  sol_collector_free(collector);
  return history;
}

/* "train|valid|test" of user u: the items that train, then the known items and the target of each question. */
static void assert_parts(const sol_history *history, uint32_t u, const char *expected) {
  char made[256] = "";
  sol_range ranges[3] = {sol_split_train(history, u)}, known;
  for (int part = 0; part < 2; part++)
    if (sol_split_question(history, u, (sol_part)part, &known))
      ranges[1 + part] = (sol_range){known.begin, known.end + 1};
  for (int i = 0; i < 3; i++) {
    if (i) strcat(made, "|");
    for (size_t e = ranges[i].begin; e < ranges[i].end; e++) {
      solid_bytes id = sol_vocab_id(&history->item_ids, history->sequence[e]);
      strncat(made, id.data, id.size);
    }
  }
  cr_assert_str_eq(made, expected, "user %u: %s, not %s", u, made, expected);
}

/* Boundaries at 10 and 20. */
static const event timed[] = {
    {"u0", "a", 1},  {"u0", "b", 9},  {"u0", "c", 10},
    {"u0", "d", 19}, {"u0", "e", 20}, {"u0", "f", 30}, /* all parts */
    {"u1", "a", 2},  {"u1", "c", 25},                  /* no validation */
    {"u2", "b", 12}, {"u2", "c", 13}, {"u2", "d", 22}, /* begins in the validation part: known by the test */
    {"u3", "f", 21}, {"u3", "a", 22},                  /* nothing before any target */
    {"u4", "a", 3},  {"u4", "b", 4},                   /* only trains */
    {"u5", "c", 15}, {"u5", "d", 5},                   /* arrives out of order */
};
#define TIMED (sizeof timed / sizeof *timed)

Test(split, global_time_by_hand) {
  sol_history history = history_of(timed, TIMED, 1);
  sol_split_options options = {SOL_GLOBAL_TIME, 0.8, 0.1, 10, 20};
  cr_assert_eq(sol_split_apply(&history, &options), SOLID_OK, "%s", solid_last_error());
  const char *parts[] = {"ab|abc|abcde", "a||ac", "||bcd", "||", "ab||", "d|dc|"};
  for (uint32_t u = 0; u < 6; u++) assert_parts(&history, u, parts[u]);
  cr_assert_eq(sol_split_users(&history, SOL_PART_VALID), 2);
  cr_assert_eq(sol_split_users(&history, SOL_PART_TEST), 3);
  float count[6];
  sol_split_popularity(&history, count);
  const char *names = "abcdef";
  const float expected[] = {3, 2, 0, 1, 0, 0};
  for (int i = 0; i < 6; i++)
    cr_assert_eq(count[sol_vocab_find(&history.item_ids, (solid_bytes){names + i, 1})], expected[i], "%c", names[i]);
  char text[SOL_SPLIT_TEXT];
  sol_split_describe(&history, text);
  cr_assert_str_eq(text, "global-time 10 20");
  cr_assert_eq(sol_split_apply(&history, NULL), SOLID_OK);
  assert_parts(&history, 0, "abcd|abcde|abcdef");
  sol_split_describe(&history, text);
  cr_assert_str_eq(text, "leave-one-out");
  sol_history_clear(&history);
}

/* Random data: every event that trains is older than every validation target, and those than every test target. */
Test(split, global_time_lets_nothing_through) {
  enum { EVENTS = 4000 };
  seed_rng rng = seed_start(4);
  static char users[EVENTS][8], items[EVENTS][8];
  static event events[EVENTS];
  for (int i = 0; i < EVENTS; i++) {
    snprintf(users[i], sizeof users[i], "u%d", seed_below(&rng, 300));
    snprintf(items[i], sizeof items[i], "i%d", seed_below(&rng, 50));
    events[i] = (event){users[i], items[i], seed_below(&rng, 1000)};
  }
  sol_history history = history_of(events, EVENTS, 1);
  sol_split_options options = {SOL_GLOBAL_TIME, 0.7, 0.2, 0, 0};
  cr_assert_eq(sol_split_apply(&history, &options), SOLID_OK, "%s", solid_last_error());
  int64_t valid_from = history.split.valid_from, test_from = history.split.test_from;
  size_t before_valid = 0, before_test = 0, train_events = 0;
  for (int i = 0; i < EVENTS; i++) {
    before_valid += events[i].time < valid_from;
    before_test += events[i].time < test_from;
  }
  cr_assert(before_valid <= 0.7 * EVENTS && before_valid > 0.69 * EVENTS);
  cr_assert(before_test <= 0.9 * EVENTS && before_test > 0.89 * EVENTS);
  for (uint32_t u = 0; u < history.users; u++) {
    sol_range train = sol_split_train(&history, u), known;
    train_events += train.end - train.begin;
    for (size_t e = train.begin; e < train.end; e++) cr_assert_lt(history.times[e], valid_from);
    if (sol_split_question(&history, u, SOL_PART_VALID, &known)) {
      cr_assert(history.times[known.end] >= valid_from && history.times[known.end] < test_from);
      cr_assert_lt(history.times[known.end - 1], valid_from);
    }
    if (sol_split_question(&history, u, SOL_PART_TEST, &known)) {
      cr_assert_geq(history.times[known.end], test_from);
      cr_assert_lt(history.times[known.end - 1], test_from);
    }
  }
  cr_assert_eq(train_events, before_valid, "every event before the boundary trains");
  sol_history_clear(&history);
}

/* What is fitted does not move when everything behind the boundary is replaced. */
Test(split, global_time_hides_the_future_from_what_is_fitted) {
  event changed[TIMED];
  for (size_t i = 0; i < TIMED; i++) {
    changed[i] = timed[i];
    if (timed[i].time >= 10) changed[i].item = timed[i].item[0] == 'e' ? "b" : "e";
  }
  sol_history histories[2];
  sol_cooccurrence made[2];
  float count[2][6];
  const event *sources[] = {timed, changed};
  for (int i = 0; i < 2; i++) {
    event padded[TIMED + 6]; /* every item first, in one order, so that both have the same indices */
    const char *const names[] = {"a", "b", "c", "d", "e", "f"};
    for (int v = 0; v < 6; v++) padded[v] = (event){"pad", names[v], -1};
    memcpy(padded + 6, sources[i], sizeof timed);
    histories[i] = history_of(padded, TIMED + 6, 1);
    sol_split_options options = {SOL_GLOBAL_TIME, 0.8, 0.1, 10, 20};
    cr_assert_eq(sol_split_apply(&histories[i], &options), SOLID_OK, "%s", solid_last_error());
    sol_split_popularity(&histories[i], count[i]);
    cr_assert_eq(sol_cooccurrence_count(&made[i], &histories[i], 2), SOLID_OK);
  }
  cr_assert_neq(sol_history_hash(&histories[0]), sol_history_hash(&histories[1]));
  cr_assert_arr_eq(count[0], count[1], sizeof count[0]);
  cr_assert_arr_eq(made[0].offsets, made[1].offsets, 7 * sizeof *made[0].offsets);
  cr_assert_arr_eq(made[0].values, made[1].values, made[0].offsets[6] * sizeof(float));
  for (int i = 0; i < 2; i++) {
    sol_cooccurrence_clear(&made[i]);
    sol_history_clear(&histories[i]);
  }
}

Test(split, per_user_ratio_by_hand) {
  const char *rows[] = {"ab", "abc", "abcd", "abcdefghij", "abcdefghijklmnopqrst"};
  event events[64];
  char users[5][4], items[26][2];
  size_t n = 0;
  for (int i = 0; i < 26; i++) items[i][0] = (char)('a' + i), items[i][1] = 0;
  for (int u = 0; u < 5; u++) {
    snprintf(users[u], sizeof users[u], "u%d", u);
    for (const char *c = rows[u]; *c; c++) events[n++] = (event){users[u], items[*c - 'a'], 0};
  }
  sol_history history = history_of(events, n, 0);
  sol_split_options options = {SOL_PER_USER_RATIO, 0.8, 0.1, 0, 0};
  cr_assert_eq(sol_split_apply(&history, &options), SOLID_OK, "%s", solid_last_error());
  const char *parts[] = {"ab||", "a|ab|abc", "ab|abc|abcd", "abcdefgh|abcdefghi|abcdefghij",
                         "abcdefghijklmnop|abcdefghijklmnopq|abcdefghijklmnopqrs"};
  for (uint32_t u = 0; u < 5; u++) assert_parts(&history, u, parts[u]);
  options.train = 0.5, options.valid = 0.3;
  cr_assert_eq(sol_split_apply(&history, &options), SOLID_OK);
  assert_parts(&history, 3, "abcde|abcdef|abcdefghi");
  sol_history_clear(&history);
}

static void assert_refused(sol_history *history, sol_split_options options, solid_status expected, const char *text) {
  cr_assert_eq(sol_split_apply(history, &options), expected, "%s", text);
  cr_assert_not_null(strstr(solid_last_error(), text), "\"%s\" lacks \"%s\"", solid_last_error(), text);
}

Test(split, refuses) {
  sol_history history = history_of(timed, TIMED, 1), untimed = history_of(timed, TIMED, 0);
  assert_refused(&untimed, (sol_split_options){SOL_GLOBAL_TIME, .8, .1, 0, 0}, SOLID_EINVAL, "the data has none");
  assert_refused(&history, (sol_split_options){SOL_GLOBAL_TIME, .8, .1, 20, 20}, SOLID_EINVAL, "is not before");
  assert_refused(&history, (sol_split_options){SOL_GLOBAL_TIME, .8, .3, 0, 0}, SOLID_EINVAL, "shares of 0.8");
  assert_refused(&history, (sol_split_options){SOL_PER_USER_RATIO, 0, .1, 0, 0}, SOLID_EINVAL, "shares of 0");
  assert_refused(&history, (sol_split_options){(sol_split_kind)9, .8, .1, 0, 0}, SOLID_EINVAL, "split 9");
  assert_refused(&history, (sol_split_options){SOL_GLOBAL_TIME, .8, .1, 1, 2}, SOLID_ENOTFOUND, "a training event");
  assert_refused(&history, (sol_split_options){SOL_GLOBAL_TIME, .8, .1, 26, 27}, SOLID_ENOTFOUND,
                 "a validation target");
  assert_refused(&history, (sol_split_options){SOL_GLOBAL_TIME, .8, .1, 10, 99}, SOLID_ENOTFOUND, "a test target");
  assert_parts(&history, 4, "ab||");
  cr_assert_eq(history.split.kind, SOL_LEAVE_ONE_OUT, "a refused split changed nothing");
  history.times[0] = 100; /* u0's first event */
  assert_refused(&history, (sol_split_options){SOL_GLOBAL_TIME, .8, .1, 10, 20}, SOLID_EFORMAT, "user \"u0\": event 2");
  const event short_ones[] = {{"u0", "a", 1}, {"u1", "b", 2}, {"u1", "a", 3}};
  sol_history tiny = history_of(short_ones, 3, 1);
  assert_refused(&tiny, (sol_split_options){SOL_LEAVE_ONE_OUT, 0, 0, 0, 0}, SOLID_ENOTFOUND, "none of 2 users has 3");
  assert_refused(&tiny, (sol_split_options){SOL_PER_USER_RATIO, .8, .1, 0, 0}, SOLID_ENOTFOUND,
                 "fewest that a ratio splits");
  sol_history_clear(&tiny);
  sol_history_clear(&history);
  sol_history_clear(&untimed);
}

Test(times, are_given_user_by_user) {
  const event events[] = {{"u0", "a", 0}, {"u0", "b", 1}, {"u1", "a", 2}, {"u1", "b", 3}, {"u1", "c", 4}};
  sol_history history = history_of(events, 5, 0);
  const int64_t given[] = {5, 5, 7}, backwards[] = {5, 4, 7};
  cr_assert_eq(sol_history_set_times(&history, 1, given, 2), SOLID_EMISMATCH);
  cr_assert_str_eq(solid_last_error(), "user \"u1\" has 2 times and 3 events");
  cr_assert_eq(sol_history_set_times(&history, 1, backwards, 3), SOLID_EFORMAT);
  cr_assert_eq(history.has_times, 0);
  cr_assert_eq(sol_history_set_times(&history, 1, given, 3), SOLID_OK);
  cr_assert(history.has_times && history.times[0] == SOL_NO_TIME && history.times[1] == SOL_NO_TIME);
  cr_assert_arr_eq(history.times + 2, given, sizeof given);
  sol_split_options options = {SOL_GLOBAL_TIME, 0.8, 0.1, 6, 8};
  cr_assert_eq(sol_split_apply(&history, &options), SOLID_ENOTFOUND, "nothing at 8 or later");
  const event longer[] = {{"u0", "a", 0}, {"u1", "a", 2}, {"u1", "b", 3}, {"u1", "c", 4}};
  const int64_t apart[] = {1, 6, 8};
  sol_history other = history_of(longer, 4, 0);
  cr_assert_eq(sol_history_set_times(&other, 1, apart, 3), SOLID_OK);
  options.train = 0.8;
  cr_assert_eq(sol_split_apply(&other, &options), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(other.split.untimed, 1);
  assert_parts(&other, 0, "||");
  assert_parts(&other, 1, "a|ab|abc");
  sol_history_clear(&other);
  sol_history_clear(&history);
}

Test(ties, are_shuffled_within_their_time) {
  enum { RUNS = 600 };
  const event events[] = {{"u", "a", 1}, {"u", "b", 2}, {"u", "c", 2}, {"u", "d", 2}, {"u", "e", 3}, {"v", "a", 1}};
  int places[3][3] = {{0}};
  for (uint64_t seed = 0; seed < RUNS; seed++) {
    sol_history history = history_of(events, 6, 1), again = history_of(events, 6, 1);
    cr_assert_eq(sol_history_shuffle_ties(&history, seed), SOLID_OK);
    cr_assert_eq(sol_history_shuffle_ties(&again, seed), SOLID_OK);
    cr_assert_arr_eq(history.sequence, again.sequence, 6 * sizeof(uint32_t), "a function of the seed");
    cr_assert(history.sequence[0] == 0 && history.sequence[4] == 4 && history.sequence[5] == 0);
    for (uint32_t i = 1; i < 4; i++) {
      cr_assert(history.sequence[i] >= 1 && history.sequence[i] <= 3);
      places[history.sequence[i] - 1][i - 1]++;
    }
    sol_history_clear(&history);
    sol_history_clear(&again);
  }
  for (int item = 0; item < 3; item++)
    for (int place = 0; place < 3; place++)
      cr_assert(abs(places[item][place] - RUNS / 3) < 60, "item %d stands %d times in place %d", item,
                places[item][place], place);
  sol_history history = history_of(events, 6, 1), untimed = history_of(events, 6, 0);
  char text[SOL_SPLIT_TEXT];
  cr_assert_eq(sol_history_shuffle_ties(&history, 3), SOLID_OK);
  cr_assert_eq(sol_split_apply(&history, NULL), SOLID_OK, "%s", solid_last_error());
  sol_split_describe(&history, text);
  cr_assert_str_eq(text, "leave-one-out, ties shuffled by 3");
  cr_assert_eq(sol_history_shuffle_ties(&untimed, 3), SOLID_EINVAL);
  sol_history_clear(&history);
  sol_history_clear(&untimed);
}

Test(duplicates, are_counted) {
  const event events[] = {{"u", "a", 1}, {"u", "b", 1}, {"u", "a", 1}, {"u", "a", 1}, {"u", "a", 2},
                          {"u", "a", 2}, {"v", "a", 2}, {"v", "b", 2}, {"v", "a", 3}};
  sol_history history = history_of(events, 9, 1), untimed = history_of(events, 9, 0);
  size_t count = 99;
  cr_assert_eq(sol_history_duplicates(&history, &count), SOLID_OK);
  cr_assert_eq(count, 3);
  cr_assert_eq(sol_history_duplicates(&untimed, &count), SOLID_OK);
  cr_assert_eq(count, 0);
  sol_history_clear(&history);
  sol_history_clear(&untimed);
}
