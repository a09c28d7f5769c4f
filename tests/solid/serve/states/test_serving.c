/* Questions and events of users with long histories: answers are those of the whole window encoded anew, wherever the
 * state came from. */
#include "tests/solid/serve/states/scene.h"
#include "tests/support/seed.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { USERS = 70 };

/* Window, session and what is stored, in every combination. */
static void judge_sources(const spot *at) {
  scene *x = scene_open(at, 4, 1024);
  if (!x) return;
  solid_scored out[V];
  const uint32_t *items = x->items, *session = items + 2 * LONG;
  uint32_t with[LONG + 80];
  serving_append(&x->s, x->s.store, "anna", items, LONG);
  cr_assert_eq(scene_ask(x, "anna", NULL, 0, out), SOLID_FROM_GENERATION);
  scene_judge(x, "made from the history", out, items, LONG, items, LONG, EXACT);
  cr_assert_eq(scene_ask(x, "anna", NULL, 0, out), SOLID_FROM_CACHE);
  scene_judge(x, "as stored", out, items, LONG, items, LONG, EXACT);
  serving_append(&x->s, x->s.store, "anna", items + LONG, 1);
  cr_assert_eq(scene_ask(x, "anna", NULL, 0, out), SOLID_FROM_CACHE_FRESH);
  scene_judge(x, "a fresh click", out, items, LONG + 1, items, LONG, ROUNDED);
  memcpy(with, items, (LONG + 1) * sizeof *with);
  memcpy(with + LONG + 1, session, 3 * sizeof *with);
  cr_assert_eq(scene_ask(x, "anna", session, 3, out), SOLID_FROM_CACHE_FRESH);
  scene_judge(x, "and a session", out, with, LONG + 4, items, LONG, ROUNDED);
  cr_assert_eq(scene_ask(x, "anna", NULL, 0, out), SOLID_FROM_CACHE_FRESH);
  scene_judge(x, "a session leaves nothing", out, items, LONG + 1, items, LONG, ROUNDED);
  serving_append(&x->s, x->s.store, "anna", items + LONG + 1, 70);
  scene_ask(x, "anna", NULL, 0, out);
  scene_judge(x, "over the end of a chunk", out, items, LONG + 71, items, LONG, ROUNDED);
  cr_assert_eq(scene_ask(x, "", session, 3, out), SOLID_FROM_SESSION);
  scene_judge(x, "nobody's session", out, session, 3, session, 3, EXACT);
  serving_append(&x->s, x->s.store, "ben", items, 3);
  cr_assert_eq(scene_ask(x, "ben", session, 2, out), SOLID_FROM_GENERATION);
  memcpy(with, items, 3 * sizeof *with), memcpy(with + 3, session, 2 * sizeof *with);
  scene_judge(x, "a short history and a session", out, with, 5, items, 3, EXACT);
  cr_assert_eq(scene_ask(x, "ben", NULL, 0, out), SOLID_FROM_CACHE);
  scene_judge(x, "stored without the session", out, items, 3, items, 3, EXACT);
  scene_close(x);
}

Test(serving_states, answers_are_those_of_the_window) {
  for (int i = 0; i < SPOTS; i++) judge_sources(&spots[i]);
}

/* Events one by one and in heaps, more users than there are slots; the state is in the store after every batch. */
static void judge_events(const spot *at) {
  scene *x = scene_open(at, 8, 1024);
  if (!x) return;
  solid_scored out[V];
  char name[16];
  for (size_t round = 0; round < 3; round++)
    for (size_t u = 0; u < USERS; u++) {
      snprintf(name, sizeof name, "user-%zu", u);
      scene_push(x, name, x->items + u + 30 * round, 30);
    }
  for (size_t u = 0; u < USERS; u += 9) {
    snprintf(name, sizeof name, "user-%zu", u);
    cr_assert_eq(scene_ask(x, name, NULL, 0, out), SOLID_FROM_CACHE);
    scene_judge(x, name, out, x->items + u, 90, x->items + u, 90, ROUNDED);
    scene_ask(x, name, x->items, 2, out);
    uint32_t with[92];
    memcpy(with, x->items + u, 90 * sizeof *with), memcpy(with + 90, x->items, 2 * sizeof *with);
    scene_judge(x, "with a session", out, with, 92, x->items + u, 90, ROUNDED);
  }
  scene_push(x, "anna", x->items, LONG);
  for (size_t i = 0; i < 40; i++) scene_push(x, "anna", x->items + LONG + i, 1);
  cr_assert_eq(scene_ask(x, "anna", NULL, 0, out), SOLID_FROM_CACHE);
  scene_judge(x, "one by one", out, x->items, LONG + 40, x->items, LONG + 40, EXACT);
  scene_close(x);
}

Test(serving_states, of_writers_are_those_of_the_window) {
  for (int i = 0; i < SPOTS; i++) judge_events(&spots[i]);
}

/* Beyond twice what the model reads the state begins anew with the newest window. */
Test(serving_states, begin_anew_when_they_are_twice_as_long_as_the_window) {
  scene *x = scene_open(&spots[0], 1, 1024);
  solid_scored out[V];
  size_t n = 2100, began = n - x->s.info.window;
  for (size_t at = 0; at < n; at += 300) scene_push(x, "anna", x->items + at, n - at < 300 ? n - at : 300);
  scene_ask(x, "anna", NULL, 0, out);
  double most = 0;
  for (int i = 0; i < V; i++) most = fmax(most, fabs((double)out[i].score));
  cr_assert(isfinite(most) && most > 0);

  scene_judge(x, "begun anew", out, x->items + began, n - began, x->items, n, EXACT);
  scene_close(x);
}

/* One user with 100,000 events beside 255 with ten: memory goes by the rows in flight. */
Test(serving_states, one_long_history_beside_many_short_ones) {
  enum { ALL = 256, MANY = 100000 };
  scene *x = scene_open(&spots[0], ALL, 131072);
  static uint32_t items[MANY];
  static char names[ALL][16];
  static solid_scored out[ALL * V];
  static solid_answer answers[ALL];
  solid_bytes users[ALL];
  solid_query query = SOLID_QUERY_INIT;
  seed_rng rng = seed_start(3);
  for (size_t i = 0; i < MANY; i++) items[i] = (uint32_t)seed_below(&rng, V);
  for (size_t u = 0; u < ALL; u++) {
    snprintf(names[u], sizeof names[u], "user-%zu", u);
    users[u] = serving_text(names[u]), answers[u].struct_size = sizeof answers[u];
    serving_append(&x->s, x->s.store, names[u], items + u, u == 77 ? MANY - 77 : 10);
  }
  query.k = V, query.exclude_seen = 0;
  cr_assert_eq(solid_recommend_batch(x->rec, users, ALL, &query, out, answers), SOLID_OK, "%s", solid_last_error());
  scene_judge(x, "of 100,000", out + 77 * V, items + 77, MANY - 77, items + 77, MANY - 77, EXACT);
  scene_judge(x, "of ten", out + 9 * V, items + 9, 10, items + 9, 10, EXACT);
  scene_close(x);
}

/* ---- Seen items ---- */

Test(serving_states, items_of_the_whole_history_are_seen) {
  scene *x = scene_open(&spots[0], 1, 1024);
  solid_scored out[V];
  solid_query query = SOLID_QUERY_INIT;
  solid_answer answer = {.struct_size = sizeof answer};
  uint32_t items[LONG];
  for (size_t i = 0; i < LONG; i++) items[i] = i < 5 ? (uint32_t)i : 5 + (uint32_t)(i % 20);
  scene_push(x, "anna", items, LONG);
  query.k = V, query.exclude_seen = 1;
  cr_assert_eq(solid_recommend(x->rec, serving_text("anna"), &query, out, &answer), SOLID_OK, "%s", solid_last_error());
  for (uint32_t i = 0; i < answer.count; i++) cr_assert_geq(out[i].item, 25, "item %u was taken", out[i].item);
  cr_assert_eq(answer.count, V - 25);
  scene_close(x);
}
