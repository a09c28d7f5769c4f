/* What a user took long ago does not come again where the store keeps a history, and only there. */
#include "store/memory_store.h"
#include "tests/solid/serve/asking.h"
#include <criterion/criterion.h>
#include <string.h>

enum { EVENTS = 1500, AGAIN = 6 };

static solid_store *open_history(const serving *s, uint32_t history) {
  solid_store *store = NULL;
  solid_memory_store_options options = SOLID_MEMORY_STORE_OPTIONS_INIT;
  options.history = history;
  cr_assert_eq(solid_store_open_memory(&store, s->model, &options), SOLID_OK, "%s", solid_last_error());
  return store;
}

/* First items 0 .. AGAIN - 1, then others for so long that they are in pages or dropped; item 20 on and a few more are
 * never taken. */
static void take_all(const serving *s, solid_store *store, const char *user) {
  static uint32_t items[EVENTS];
  for (uint32_t i = 0; i < EVENTS; i++) items[i] = i < AGAIN ? i : AGAIN + i % (20 - AGAIN);
  cr_assert_eq(serving_append(s, store, user, items, EVENTS), EVENTS);
}

static int has(const solid_scored *out, size_t n, uint32_t first, uint32_t end) {
  for (size_t i = 0; i < n; i++)
    if (out[i].item >= first && out[i].item < end) return 1;
  return 0;
}

Test(recommender, what_was_ever_taken_is_left_out) {
  const struct {
    uint32_t history, exclude;
    int comes_again;
    uint64_t since;
  } cases[] = {{2000, SOLID_SEEN_EVER, 0, 0},
               {600, SOLID_SEEN_EVER, 0, 0},
               {600, SOLID_SEEN_WINDOW, 1, 0},
               {0, SOLID_SEEN_EVER, 1, EVENTS},
               {2000, SOLID_SEEN_STAYS, 1, 0}};
  serving s = serving_open(SOLID_HEAD_SOLID, 51);
  uint32_t V = s.info.items;
  cr_assert(V > 21 && V <= MOST_ITEMS);
  static solid_scored out[MOST_ITEMS];
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    solid_store *store = open_history(&s, cases[i].history);
    solid_recommender *rec = asking_recommender(&s, store, 2);
    solid_query query = asking_query(V);
    query.exclude_seen = (int32_t)cases[i].exclude;
    take_all(&s, store, "anna");
    serving_append(&s, store, "ben", ben_items, 2);
    solid_answer answer = asking_answer(rec, "anna", &query, out);
    cr_assert_eq(has(out, answer.count, 0, AGAIN), cases[i].comes_again, "case %zu", i);
    if (!cases[i].comes_again) cr_assert_eq(answer.count, V - 20, "%zu of %u items", answer.count, V);
    if (cases[i].exclude == SOLID_SEEN_EVER)
      cr_assert_eq(answer.seen_since, cases[i].since ? EVENTS - s.info.window : 0, "case %zu", i);
    solid_bytes both[] = {serving_text("anna"), serving_text("ben")}; /* one's items are not the other's */
    query.k = V;
    static solid_scored lists[2 * MOST_ITEMS];
    solid_answer answers[2] = {{.struct_size = sizeof answer}, {.struct_size = sizeof answer}};
    cr_assert_eq(solid_recommend_batch(rec, both, 2, &query, lists, answers), SOLID_OK, "%s", solid_last_error());
    cr_assert_eq(answers[0].count, answer.count);
    cr_assert_eq(answers[1].count, V - (cases[i].exclude == SOLID_SEEN_STAYS ? 0 : 2));
    solid_recommender_free(rec);
    solid_store_close(store);
  }
  serving_close(&s);
}

/* Of a user whose window says nothing to the model there is popularity, without what was taken before. */
Test(recommender, popularity_leaves_out_what_was_ever_taken) {
  serving s = serving_open(SOLID_HEAD_SOLID, 52);
  solid_store *store = open_history(&s, 2000);
  solid_recommender *rec = asking_recommender(&s, store, 1);
  solid_query query = asking_query(s.info.items);
  static solid_scored out[MOST_ITEMS];
  static solid_step steps[1000], room[MOST_ITEMS];
  static solid_position positions[1000];
  take_all(&s, store, "anna");
  for (size_t i = 0; i < 1000; i++) steps[i] = (solid_step){i, 0};
  solid_append append = {.user = serving_text("anna"), .steps = steps, .positions = positions, .count = 1000};
  solid_window window = {.steps = room};
  solid_status of_user;
  cr_assert_eq(store->ops->advance(store, &append, 1, &window, NULL, &of_user), SOLID_OK);
  solid_answer answer = asking_answer(rec, "anna", &query, out);
  cr_assert_eq(answer.source, SOLID_FROM_POPULARITY);
  cr_assert_eq(answer.count, s.info.items - 20);
  cr_assert_not(has(out, answer.count, 0, 20));
  solid_recommender_free(rec);
  solid_store_close(store);
  serving_close(&s);
}

Test(recommender, refuses_what_is_no_way_to_see) {
  serving s = serving_open(SOLID_HEAD_SOLID, 53);
  solid_recommender *rec = asking_recommender(&s, s.store, 1);
  solid_query query = asking_query(K);
  solid_scored out[K];
  for (int32_t value = -1; value <= 3; value += 4) {
    query.exclude_seen = value;
    cr_assert_eq(solid_recommend(rec, serving_text("anna"), &query, out, NULL), SOLID_EINVAL);
  }
  solid_recommender_free(rec);
  serving_close(&s);
}
