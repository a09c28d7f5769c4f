/* Splits by hand, and what a leak would need: an event behind a boundary among those that train. */
#include "solid/train/codebook/cooccurrence.h"
#include "solid/train/split.h"
#include "tests/support/seed.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct event {
  const char *user, *item;
  int64_t time;
} event;

static solid_dataset history_of(const event *events, size_t n, int has_times) {
  solid_collector *collector = NULL;
  solid_collector_options options = {.sort_by_time = has_times, .has_times = has_times};
  solid_dataset dataset = {0};
  cr_assert_eq(solid_collector_new(&collector, &options), SOLID_OK);
  for (size_t i = 0; i < n; i++) {
    solid_event e = {{events[i].user, strlen(events[i].user)},
                     {events[i].item, strlen(events[i].item)},
                     {NULL, 0},
                     events[i].time,
                     {0, 0},
                     SOLID_WORTH_STEP,
                     0};
    cr_assert_eq(solid_collector_push(collector, &e, 1, NULL), SOLID_OK);
  }
  cr_assert_eq(solid_collector_finish(collector, &dataset), SOLID_OK);
  solid_collector_free(collector);
  return dataset;
}

/* "train|valid|test" of user u: the items that train, then the known items and the target of each question. */
static void assert_parts(const solid_dataset *dataset, uint32_t u, const char *expected) {
  char made[256] = "";
  solid_range ranges[3] = {solid_split_train(dataset, u)}, known;
  for (int part = 0; part < 2; part++)
    if (solid_split_question(dataset, u, (solid_part)part, &known))
      ranges[1 + part] = (solid_range){known.begin, known.end + 1};
  for (int i = 0; i < 3; i++) {
    if (i) strcat(made, "|");
    for (size_t e = ranges[i].begin; e < ranges[i].end; e++) {
      solid_bytes id = solid_vocab_id(&dataset->item_ids, dataset->sequence[e]);
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
  solid_dataset dataset = history_of(timed, TIMED, 1);
  solid_split_options options = {SOLID_GLOBAL_TIME, 0.8, 0.1, 10, 20};
  cr_assert_eq(solid_split_apply(&dataset, &options), SOLID_OK, "%s", solid_last_error());
  const char *parts[] = {"ab|abc|abcde", "a||ac", "||bcd", "||", "ab||", "d|dc|"};
  for (uint32_t u = 0; u < 6; u++) assert_parts(&dataset, u, parts[u]);
  cr_assert_eq(solid_split_users(&dataset, SOLID_PART_VALID), 2);
  cr_assert_eq(solid_split_users(&dataset, SOLID_PART_TEST), 3);
  float count[6];
  solid_split_popularity(&dataset, count);
  const char *names = "abcdef";
  const float expected[] = {3, 2, 0, 1, 0, 0};
  for (int i = 0; i < 6; i++)
    cr_assert_eq(count[solid_vocab_find(&dataset.item_ids, (solid_bytes){names + i, 1})], expected[i], "%c", names[i]);
  char text[SOLID_SPLIT_TEXT];
  solid_split_describe(&dataset, text);
  cr_assert_str_eq(text, "global-time 10 20");
  cr_assert_eq(solid_split_apply(&dataset, NULL), SOLID_OK);
  assert_parts(&dataset, 0, "abcd|abcde|abcdef");
  solid_split_describe(&dataset, text);
  cr_assert_str_eq(text, "leave-one-out");
  solid_dataset_clear(&dataset);
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
  solid_dataset dataset = history_of(events, EVENTS, 1);
  solid_split_options options = {SOLID_GLOBAL_TIME, 0.7, 0.2, 0, 0};
  cr_assert_eq(solid_split_apply(&dataset, &options), SOLID_OK, "%s", solid_last_error());
  int64_t valid_from = dataset.split.valid_from, test_from = dataset.split.test_from;
  size_t before_valid = 0, before_test = 0, train_events = 0;
  for (int i = 0; i < EVENTS; i++) {
    before_valid += events[i].time < valid_from;
    before_test += events[i].time < test_from;
  }
  cr_assert(before_valid <= 0.7 * EVENTS && before_valid > 0.69 * EVENTS);
  cr_assert(before_test <= 0.9 * EVENTS && before_test > 0.89 * EVENTS);
  for (uint32_t u = 0; u < dataset.users; u++) {
    solid_range train = solid_split_train(&dataset, u), known;
    train_events += train.end - train.begin;
    for (size_t e = train.begin; e < train.end; e++) cr_assert_lt(dataset.times[e], valid_from);
    if (solid_split_question(&dataset, u, SOLID_PART_VALID, &known)) {
      cr_assert(dataset.times[known.end] >= valid_from && dataset.times[known.end] < test_from);
      cr_assert_lt(dataset.times[known.end - 1], valid_from);
    }
    if (solid_split_question(&dataset, u, SOLID_PART_TEST, &known)) {
      cr_assert_geq(dataset.times[known.end], test_from);
      cr_assert_lt(dataset.times[known.end - 1], test_from);
    }
  }
  cr_assert_eq(train_events, before_valid, "every event before the boundary trains");
  solid_dataset_clear(&dataset);
}

/* What is fitted does not move when everything behind the boundary is replaced. */
Test(split, global_time_hides_the_future_from_what_is_fitted) {
  event changed[TIMED];
  for (size_t i = 0; i < TIMED; i++) {
    changed[i] = timed[i];
    if (timed[i].time >= 10) changed[i].item = timed[i].item[0] == 'e' ? "b" : "e";
  }
  solid_dataset histories[2];
  sol_cooccurrence made[2];
  float count[2][6];
  const event *sources[] = {timed, changed};
  for (int i = 0; i < 2; i++) {
    event padded[TIMED + 6]; /* every item first, in one order, so that both have the same indices */
    const char *const names[] = {"a", "b", "c", "d", "e", "f"};
    for (int v = 0; v < 6; v++) padded[v] = (event){"pad", names[v], -1};
    memcpy(padded + 6, sources[i], sizeof timed);
    histories[i] = history_of(padded, TIMED + 6, 1);
    solid_split_options options = {SOLID_GLOBAL_TIME, 0.8, 0.1, 10, 20};
    cr_assert_eq(solid_split_apply(&histories[i], &options), SOLID_OK, "%s", solid_last_error());
    solid_split_popularity(&histories[i], count[i]);
    cr_assert_eq(sol_cooccurrence_count(&made[i], &histories[i], 2, NULL), SOLID_OK);
  }
  cr_assert_neq(solid_dataset_hash(&histories[0]), solid_dataset_hash(&histories[1]));
  cr_assert_arr_eq(count[0], count[1], sizeof count[0]);
  cr_assert_arr_eq(made[0].offsets, made[1].offsets, 7 * sizeof *made[0].offsets);
  cr_assert_arr_eq(made[0].values, made[1].values, made[0].offsets[6] * sizeof(float));
  for (int i = 0; i < 2; i++) {
    sol_cooccurrence_clear(&made[i]);
    solid_dataset_clear(&histories[i]);
  }
}

Test(split, per_user_ratio_by_hand) {
  const char *rows[] = {"ab", "abc", "abcd", "abcdefghij", "abcdefghijklmnopqrst"};
  event events[64];
  char users[5][16], items[26][2];
  size_t n = 0;
  for (int i = 0; i < 26; i++) items[i][0] = (char)('a' + i), items[i][1] = 0;
  for (int u = 0; u < 5; u++) {
    snprintf(users[u], sizeof users[u], "u%d", u);
    for (const char *c = rows[u]; *c; c++) events[n++] = (event){users[u], items[*c - 'a'], 0};
  }
  solid_dataset dataset = history_of(events, n, 0);
  solid_split_options options = {SOLID_PER_USER_RATIO, 0.8, 0.1, 0, 0};
  cr_assert_eq(solid_split_apply(&dataset, &options), SOLID_OK, "%s", solid_last_error());
  const char *parts[] = {"ab||", "a|ab|abc", "ab|abc|abcd", "abcdefgh|abcdefghi|abcdefghij",
                         "abcdefghijklmnop|abcdefghijklmnopq|abcdefghijklmnopqrs"};
  for (uint32_t u = 0; u < 5; u++) assert_parts(&dataset, u, parts[u]);
  options.train = 0.5, options.valid = 0.3;
  cr_assert_eq(solid_split_apply(&dataset, &options), SOLID_OK);
  assert_parts(&dataset, 3, "abcde|abcdef|abcdefghi");
  solid_dataset_clear(&dataset);
}

Test(split, given_bounds_by_hand) {
  event events[16];
  const char *const rows[] = {"abcd", "ab", "abc"}, *const letters[] = {"a", "b", "c", "d"};
  char users[3][8];
  size_t n = 0;
  for (int u = 0; u < 3; u++) {
    snprintf(users[u], sizeof users[u], "u%d", u);
    for (const char *c = rows[u]; *c; c++) events[n++] = (event){users[u], letters[*c - 'a'], 0};
  }
  solid_dataset dataset = history_of(events, n, 0);
  char text[SOLID_SPLIT_TEXT];
  solid_split_bounds bounds[] = {{1, 1, 3}, {6, SOLID_NO_EVENT, SOLID_NO_EVENT}, {7, 8, SOLID_NO_EVENT}};
  cr_assert_eq(solid_split_give(&dataset, bounds), SOLID_OK, "%s", solid_last_error());
  assert_parts(&dataset, 0, "a|ab|abcd");
  assert_parts(&dataset, 1, "ab||");
  assert_parts(&dataset, 2, "a|abc|");
  solid_split_describe(&dataset, text);
  cr_assert_str_eq(text, "given, 2 validation and 1 test targets");
  const solid_split_bounds wrong[] = {{0, 0, 3}, {2, 1, 3}, {1, 3, 3}, {1, 1, 4}, {1, 4, SOLID_NO_EVENT}, {5, 5, 6}};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    bounds[0] = wrong[i];
    cr_assert_eq(solid_split_give(&dataset, bounds), SOLID_EINVAL, "bounds %zu", i);
  }
  assert_parts(&dataset, 0, "a|ab|abcd"); /* as before */
  bounds[0] = (solid_split_bounds){4, SOLID_NO_EVENT, SOLID_NO_EVENT};
  cr_assert_eq(solid_split_give(&dataset, bounds), SOLID_ENOTFOUND);
  cr_assert_str_eq(solid_last_error(), "none of 3 users has a test target");
  solid_dataset_clear(&dataset);
}

static void assert_refused(solid_dataset *dataset, solid_split_options options, solid_status expected,
                           const char *text) {
  cr_assert_eq(solid_split_apply(dataset, &options), expected, "%s", text);
  cr_assert_not_null(strstr(solid_last_error(), text), "\"%s\" lacks \"%s\"", solid_last_error(), text);
}

Test(split, refuses) {
  solid_dataset dataset = history_of(timed, TIMED, 1), untimed = history_of(timed, TIMED, 0);
  assert_refused(&untimed, (solid_split_options){SOLID_GLOBAL_TIME, .8, .1, 0, 0}, SOLID_EINVAL, "the data has none");
  assert_refused(&dataset, (solid_split_options){SOLID_GLOBAL_TIME, .8, .1, 20, 20}, SOLID_EINVAL, "is not before");
  assert_refused(&dataset, (solid_split_options){SOLID_GLOBAL_TIME, .8, .3, 0, 0}, SOLID_EINVAL, "shares of 0.8");
  assert_refused(&dataset, (solid_split_options){SOLID_PER_USER_RATIO, 0, .1, 0, 0}, SOLID_EINVAL, "shares of 0");
  assert_refused(&dataset, (solid_split_options){(solid_split_kind)9, .8, .1, 0, 0}, SOLID_EINVAL, "split 9");
  assert_refused(&dataset, (solid_split_options){SOLID_GLOBAL_TIME, .8, .1, 1, 2}, SOLID_ENOTFOUND, "a training event");
  assert_refused(&dataset, (solid_split_options){SOLID_GLOBAL_TIME, .8, .1, 26, 27}, SOLID_ENOTFOUND,
                 "a validation target");
  assert_refused(&dataset, (solid_split_options){SOLID_GLOBAL_TIME, .8, .1, 10, 99}, SOLID_ENOTFOUND, "a test target");
  assert_parts(&dataset, 4, "ab||");
  cr_assert_eq(dataset.split.kind, SOLID_LEAVE_ONE_OUT, "a refused split changed nothing");
  dataset.times[0] = 100; /* u0's first event */
  assert_refused(&dataset, (solid_split_options){SOLID_GLOBAL_TIME, .8, .1, 10, 20}, SOLID_EFORMAT,
                 "user \"u0\": event 2");
  const event short_ones[] = {{"u0", "a", 1}, {"u1", "b", 2}, {"u1", "a", 3}};
  solid_dataset tiny = history_of(short_ones, 3, 1);
  assert_refused(&tiny, (solid_split_options){SOLID_LEAVE_ONE_OUT, 0, 0, 0, 0}, SOLID_ENOTFOUND,
                 "none of 2 users has 3");
  assert_refused(&tiny, (solid_split_options){SOLID_PER_USER_RATIO, .8, .1, 0, 0}, SOLID_ENOTFOUND,
                 "fewest that a ratio splits");
  solid_dataset_clear(&tiny);
  solid_dataset_clear(&dataset);
  solid_dataset_clear(&untimed);
}

Test(times, are_given_user_by_user) {
  const event events[] = {{"u0", "a", 0}, {"u0", "b", 1}, {"u1", "a", 2}, {"u1", "b", 3}, {"u1", "c", 4}};
  solid_dataset dataset = history_of(events, 5, 0);
  const int64_t given[] = {5, 5, 7}, backwards[] = {5, 4, 7};
  cr_assert_eq(solid_dataset_set_times(&dataset, 1, given, 2), SOLID_EMISMATCH);
  cr_assert_str_eq(solid_last_error(), "user \"u1\" has 2 times and 3 events");
  cr_assert_eq(solid_dataset_set_times(&dataset, 1, backwards, 3), SOLID_EFORMAT);
  cr_assert_eq(dataset.has_times, 0);
  cr_assert_eq(solid_dataset_set_times(&dataset, 1, given, 3), SOLID_OK);
  cr_assert(dataset.has_times && dataset.times[0] == SOLID_NO_TIME && dataset.times[1] == SOLID_NO_TIME);
  cr_assert_arr_eq(dataset.times + 2, given, sizeof given);
  solid_split_options options = {SOLID_GLOBAL_TIME, 0.8, 0.1, 6, 8};
  cr_assert_eq(solid_split_apply(&dataset, &options), SOLID_ENOTFOUND, "nothing at 8 or later");
  const event longer[] = {{"u0", "a", 0}, {"u1", "a", 2}, {"u1", "b", 3}, {"u1", "c", 4}};
  const int64_t apart[] = {1, 6, 8};
  solid_dataset other = history_of(longer, 4, 0);
  cr_assert_eq(solid_dataset_set_times(&other, 1, apart, 3), SOLID_OK);
  options.train = 0.8;
  cr_assert_eq(solid_split_apply(&other, &options), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(other.split.untimed, 1);
  assert_parts(&other, 0, "||");
  assert_parts(&other, 1, "a|ab|abc");
  solid_dataset_clear(&other);
  solid_dataset_clear(&dataset);
}

Test(ties, are_shuffled_within_their_time) {
  enum { RUNS = 600 };
  const event events[] = {{"u", "a", 1}, {"u", "b", 2}, {"u", "c", 2}, {"u", "d", 2}, {"u", "e", 3}, {"v", "a", 1}};
  int places[3][3] = {{0}};
  for (uint64_t seed = 0; seed < RUNS; seed++) {
    solid_dataset dataset = history_of(events, 6, 1), again = history_of(events, 6, 1);
    cr_assert_eq(solid_dataset_shuffle_ties(&dataset, seed), SOLID_OK);
    cr_assert_eq(solid_dataset_shuffle_ties(&again, seed), SOLID_OK);
    cr_assert_arr_eq(dataset.sequence, again.sequence, 6 * sizeof(uint32_t), "a function of the seed");
    cr_assert(dataset.sequence[0] == 0 && dataset.sequence[4] == 4 && dataset.sequence[5] == 0);
    for (uint32_t i = 1; i < 4; i++) {
      cr_assert(dataset.sequence[i] >= 1 && dataset.sequence[i] <= 3);
      places[dataset.sequence[i] - 1][i - 1]++;
    }
    solid_dataset_clear(&dataset);
    solid_dataset_clear(&again);
  }
  for (int item = 0; item < 3; item++)
    for (int place = 0; place < 3; place++)
      cr_assert(abs(places[item][place] - RUNS / 3) < 60, "item %d stands %d times in place %d", item,
                places[item][place], place);
  solid_dataset dataset = history_of(events, 6, 1), untimed = history_of(events, 6, 0);
  char text[SOLID_SPLIT_TEXT];
  cr_assert_eq(solid_dataset_shuffle_ties(&dataset, 3), SOLID_OK);
  cr_assert_eq(solid_split_apply(&dataset, NULL), SOLID_OK, "%s", solid_last_error());
  solid_split_describe(&dataset, text);
  cr_assert_str_eq(text, "leave-one-out, ties shuffled by 3");
  cr_assert_eq(solid_dataset_shuffle_ties(&untimed, 3), SOLID_EINVAL);
  solid_dataset_clear(&dataset);
  solid_dataset_clear(&untimed);
}

Test(duplicates, are_counted) {
  const event events[] = {{"u", "a", 1}, {"u", "b", 1}, {"u", "a", 1}, {"u", "a", 1}, {"u", "a", 2},
                          {"u", "a", 2}, {"v", "a", 2}, {"v", "b", 2}, {"v", "a", 3}};
  solid_dataset dataset = history_of(events, 9, 1), untimed = history_of(events, 9, 0);
  size_t count = 99;
  cr_assert_eq(solid_dataset_duplicates(&dataset, &count), SOLID_OK);
  cr_assert_eq(count, 3);
  const int64_t joined[] = {1, 2, 3, 1, 2,
                            2, 5, 4, 5}; /* of u a, b, a, a, a, a and of v a, b, a: parts one after the other */
  memcpy(dataset.times, joined, sizeof joined);
  cr_assert_eq(solid_dataset_duplicates(&dataset, &count), SOLID_OK);
  cr_assert_eq(count, 3);
  cr_assert_eq(solid_dataset_duplicates(&untimed, &count), SOLID_OK);
  cr_assert_eq(count, 0);
  solid_dataset_clear(&dataset);
  solid_dataset_clear(&untimed);
}
