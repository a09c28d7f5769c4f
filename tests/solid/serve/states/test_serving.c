/* Questions and events of users with long histories: answers are those of the whole window encoded anew, wherever the
 * state came from. */
#include "solid/model/context.h"
#include "solid/pipeline.h"
#include "solid/recommender.h"
#include "solid/serve/states/keeper.h"
#ifdef TEST_REDIS
#include "store/redis_store.h"
#endif
#include "tests/support/redis_server.h"
#include "tests/support/seed.h"
#include "tests/support/serving.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where it runs: a device and a store. On CUDA windows are encoded, unless the table goes by another name. */
typedef struct spot {
  const char *device, *renamed;
  int redis;
} spot;

static const spot spots[] = {{"cpu", NULL, 0},  {"recording", NULL, 0},          {"recording", "cuda", 0},
                             {"cuda", NULL, 0}, {"cuda", "cuda with states", 0}, {"cpu", NULL, 1}};
enum { SPOTS = sizeof spots / sizeof *spots, V = 40, LONG = 900, USERS = 70 };

/* What a state that was read may differ by, kept in bytes of 8 bits. */
static const double exact = 2e-4, rounded = 6e-2;

typedef struct scene {
  serving s;
  uint32_t items[4 * LONG];
  solid_recommender *rec;
  solid_pipeline *pipeline;
  uint64_t offset;
  redis_server server;
  sk_backend_ops ops; /* of a table that was renamed */
} scene;

/* NULL where this build or machine has no Redis. */
static solid_store *open_redis(scene *x) {
  solid_store *store = NULL;
#ifdef TEST_REDIS
  solid_redis_store_options options = SOLID_REDIS_STORE_OPTIONS_INIT;
  if (redis_server_installed()) cr_assert_eq(redis_server_start(&x->server, 0, NULL), 0);
  options.port = x->server.port;
  if (options.port)
    cr_assert_eq(solid_store_open_redis(&store, x->s.model, &options), SOLID_OK, "%s", solid_last_error());
#else
  (void)x;
#endif
  if (!store) fprintf(stderr, "[SKIP] redis-server is not installed, or the build has no Redis\n");
  return store;
}

static scene *open_scene_of(const spot *at, size_t batch, uint32_t window) {
  scene *x = calloc(1, sizeof *x);
  x->s = serving_open_long(at->device, window, 12);
  if (!x->s.ctx) {
    free(x);
    return NULL;
  }
  if (at->renamed) {
    x->ops = *x->s.ctx->ops, x->ops.name = at->renamed;
    x->s.ctx->ops = &x->ops;
  }
  if (at->redis) {
    solid_store_close(x->s.store);
    x->s.store = open_redis(x);
    if (!x->s.store) {
      serving_close(&x->s);
      free(x);
      return NULL;
    }
  }
  seed_rng rng = seed_start(8);
  for (size_t i = 0; i < 4 * LONG; i++) x->items[i] = (uint32_t)seed_below(&rng, V);
  solid_recommender_options reading = SOLID_RECOMMENDER_OPTIONS_INIT;
  solid_pipeline_options writing = SOLID_PIPELINE_OPTIONS_INIT;
  reading.max_batch = writing.max_batch = (uint32_t)batch, reading.element = writing.element = SOLID_F32;
  reading.refresh_events = 0;
  cr_assert_eq(sol_keeper_serves(x->s.model, x->s.store), strcmp(x->s.ctx->ops->name, "cuda") != 0);
  cr_assert_eq(solid_recommender_new(&x->rec, x->s.model, x->s.store, &reading), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(solid_pipeline_new(&x->pipeline, x->s.model, x->s.store, &writing), SOLID_OK, "%s", solid_last_error());
  return x;
}

static scene *open_scene(const spot *at, size_t batch) {
  return open_scene_of(at, batch, 1024);
}

static void close_scene(scene *x) {
  solid_recommender_free(x->rec);
  solid_pipeline_free(x->pipeline);
  serving_close(&x->s);
#ifdef TEST_REDIS
  if (x->server.pid) redis_server_stop(&x->server);
#endif
  free(x);
}

static void push(scene *x, const char *user, const uint32_t *items, size_t n) {
  solid_event *events = calloc(n, sizeof *events);
  for (size_t i = 0; i < n; i++) events[i] = serving_event(&x->s, user, items[i], ++x->offset);
  cr_assert_eq(solid_pipeline_push(x->pipeline, events, n, NULL), SOLID_OK, "%s", solid_last_error());
  free(events);
}

static solid_source ask(scene *x, const char *user, const uint32_t *session, size_t n, solid_scored *out) {
  solid_query query = SOLID_QUERY_INIT;
  solid_answer answer = {.struct_size = sizeof answer};
  solid_bytes ids[8], id = serving_text(user);
  for (size_t i = 0; i < n; i++) ids[i] = solid_model_item_id(x->s.model, session[i]);
  query.k = V, query.exclude_seen = 0, query.session = ids, query.n_session = (uint32_t)n;
  cr_assert_eq(solid_recommend(x->rec, id, &query, out, &answer), SOLID_OK, "%s", solid_last_error());
  return (solid_source)answer.source;
}

/* Scores of all items under the window `seen`, with layers made from the first `made` of its items. */
static void judge(const scene *x, const char *what, const solid_scored *got, const uint32_t *seen, size_t n,
                  const uint32_t *made_of, size_t made, double tolerance) {
  float u[64];
  solid_scored want[V];
  double by_item[V], most = 0;
  serving_vector(&x->s, seen, n, made_of, made, u);
  cr_assert_eq(serving_rank(&x->s, u, NULL, V, want), V);
  for (int i = 0; i < V; i++) by_item[want[i].item] = (double)want[i].score;
  for (int i = 0; i < V; i++) most = fmax(most, fabs(by_item[i]));
  for (int i = 0; i < V; i++)
    cr_assert(fabs((double)got[i].score - by_item[got[i].item]) <= tolerance * most,
              "%s: item %u has %.6f, want %.6f, of up to %.3f", what, got[i].item, (double)got[i].score,
              by_item[got[i].item], most);
}

/* Window, session and what is stored, in every combination. */
static void judge_sources(const spot *at) {
  scene *x = open_scene(at, 4);
  if (!x) return;
  solid_scored out[V];
  const uint32_t *items = x->items, *session = items + 2 * LONG;
  uint32_t with[LONG + 80];
  serving_append(&x->s, x->s.store, "anna", items, LONG);
  cr_assert_eq(ask(x, "anna", NULL, 0, out), SOLID_FROM_GENERATION);
  judge(x, "made from the history", out, items, LONG, items, LONG, exact);
  cr_assert_eq(ask(x, "anna", NULL, 0, out), SOLID_FROM_CACHE);
  judge(x, "as stored", out, items, LONG, items, LONG, exact);
  serving_append(&x->s, x->s.store, "anna", items + LONG, 1);
  cr_assert_eq(ask(x, "anna", NULL, 0, out), SOLID_FROM_CACHE_FRESH);
  judge(x, "a fresh click", out, items, LONG + 1, items, LONG, rounded);
  memcpy(with, items, (LONG + 1) * sizeof *with);
  memcpy(with + LONG + 1, session, 3 * sizeof *with);
  cr_assert_eq(ask(x, "anna", session, 3, out), SOLID_FROM_CACHE_FRESH);
  judge(x, "and a session", out, with, LONG + 4, items, LONG, rounded);
  cr_assert_eq(ask(x, "anna", NULL, 0, out), SOLID_FROM_CACHE_FRESH);
  judge(x, "a session leaves nothing", out, items, LONG + 1, items, LONG, rounded);
  serving_append(&x->s, x->s.store, "anna", items + LONG + 1, 70);
  ask(x, "anna", NULL, 0, out);
  judge(x, "over the end of a chunk", out, items, LONG + 71, items, LONG, rounded);
  cr_assert_eq(ask(x, "", session, 3, out), SOLID_FROM_SESSION);
  judge(x, "nobody's session", out, session, 3, session, 3, exact);
  serving_append(&x->s, x->s.store, "ben", items, 3);
  cr_assert_eq(ask(x, "ben", session, 2, out), SOLID_FROM_GENERATION);
  memcpy(with, items, 3 * sizeof *with), memcpy(with + 3, session, 2 * sizeof *with);
  judge(x, "a short history and a session", out, with, 5, items, 3, exact);
  cr_assert_eq(ask(x, "ben", NULL, 0, out), SOLID_FROM_CACHE);
  judge(x, "stored without the session", out, items, 3, items, 3, exact);
  close_scene(x);
}

Test(serving_states, answers_are_those_of_the_window) {
  for (int i = 0; i < SPOTS; i++) judge_sources(&spots[i]);
}

/* Events one by one and in heaps, more users than there are slots; the state is in the store after every batch. */
static void judge_events(const spot *at) {
  scene *x = open_scene(at, 8);
  if (!x) return;
  solid_scored out[V];
  char name[16];
  for (size_t round = 0; round < 3; round++)
    for (size_t u = 0; u < USERS; u++) {
      snprintf(name, sizeof name, "user-%zu", u);
      push(x, name, x->items + u + 30 * round, 30);
    }
  for (size_t u = 0; u < USERS; u += 9) {
    snprintf(name, sizeof name, "user-%zu", u);
    cr_assert_eq(ask(x, name, NULL, 0, out), SOLID_FROM_CACHE);
    judge(x, name, out, x->items + u, 90, x->items + u, 90, rounded);
    ask(x, name, x->items, 2, out);
    uint32_t with[92];
    memcpy(with, x->items + u, 90 * sizeof *with), memcpy(with + 90, x->items, 2 * sizeof *with);
    judge(x, "with a session", out, with, 92, x->items + u, 90, rounded);
  }
  push(x, "anna", x->items, LONG);
  for (size_t i = 0; i < 40; i++) push(x, "anna", x->items + LONG + i, 1);
  cr_assert_eq(ask(x, "anna", NULL, 0, out), SOLID_FROM_CACHE);
  judge(x, "one by one", out, x->items, LONG + 40, x->items, LONG + 40, exact);
  close_scene(x);
}

Test(serving_states, of_writers_are_those_of_the_window) {
  for (int i = 0; i < SPOTS; i++) judge_events(&spots[i]);
}

/* ---- States that are not right ---- */

static void take(scene *x, solid_window *window, solid_step *steps, solid_state *state) {
  solid_bytes user = serving_text("anna");
  solid_params params = {0};
  uint8_t found;
  solid_status of_user;
  *window = (solid_window){.steps = steps, .most = 1, .state = state};
  cr_assert_eq(x->s.store->ops->get(x->s.store, &user, 1, x->s.info.generation, window, &params, &found, &of_user),
               SOLID_OK);
}

/* A part of the stored state is replaced by another one under the same stamp. */
static void spoil(scene *x, uint32_t part, size_t cut, int flip) {
  static uint8_t room[1 << 20];
  solid_state_part parts[600];
  solid_step steps[1];
  solid_window window;
  sol_keeper_options none = {.users = 1, .behind = 1};
  sol_keeper *keeper = NULL;
  cr_assert_eq(sol_keeper_new(&keeper, x->s.model, x->s.store, &none), SOLID_OK);
  solid_state state = {.generation = x->s.info.generation, .count = 600, .parts = parts, .room = room};
  state.room_size = sizeof room, state.selector = sol_keeper_selector(keeper);
  sol_keeper_free(keeper);
  take(x, &window, steps, &state);
  cr_assert_eq(state.found, SOLID_STATE_FOUND);
  cr_assert_lt(part, state.n_read);
  uint8_t *bytes = room + (parts[part].data - room);
  parts[part].size -= (uint32_t)cut;
  if (flip) bytes[parts[part].size / 2] ^= 1;
  solid_state_put put = {.user = serving_text("anna"), .stamp = state.stamp, .parts = parts, .n = state.n_read};
  uint8_t stored;
  solid_status of_user;
  put.stamp.seq++, put.stamp.events++; /* a newer one, which is put */
  serving_append(&x->s, x->s.store, "anna", x->items + LONG, 1);
  cr_assert_eq(x->s.store->ops->put_states(x->s.store, &put, 1, &stored, &of_user), SOLID_OK, "%s", solid_last_error());
  cr_assert(stored);
}

Test(serving_states, that_are_damaged_are_made_again) {
  static const uint32_t parts[] = {0, 1, 2, 4};
  for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
    for (int flip = 0; flip < 2; flip++) {
      scene *x = open_scene(&spots[0], 1);
      solid_scored out[V];
      push(x, "anna", x->items, LONG);
      spoil(x, parts[i], flip ? 0 : 5, flip);
      cr_assert_eq(ask(x, "anna", NULL, 0, out), SOLID_FROM_CACHE_FRESH);
      judge(x, "made again", out, x->items, LONG + 1, x->items, LONG, exact);
      close_scene(x);
    }
}

static scene *writer;
static solid_store_ops racing;
static const solid_store_ops *real;

/* A writer stores a newer state between the reader's two trips. */
static solid_status get_states_late(solid_store *store, const solid_bytes *users, const uint64_t *births, size_t n,
                                    solid_state *states, solid_status *statuses) {
  scene *x = writer;
  writer = NULL;
  if (x) push(x, "anna", x->items + LONG + 1, 2);
  return real->get_states(store, users, births, n, states, statuses);
}

Test(serving_states, that_a_writer_stored_between_are_taken_as_they_are) {
  scene *x = open_scene(&spots[0], 1);
  solid_scored out[V];
  push(x, "anna", x->items, LONG);
  serving_append(&x->s, x->s.store, "anna", x->items + LONG, 1);
  real = x->s.store->ops, racing = *real, racing.get_states = get_states_late;
  x->s.store->ops = &racing, writer = x;
  cr_assert_eq(ask(x, "anna", NULL, 0, out), SOLID_FROM_CACHE_FRESH);
  cr_assert_null(writer, "no second trip");
  judge(x, "the newer state", out, x->items, LONG + 3, x->items, LONG, rounded);
  ask(x, "anna", NULL, 0, out);
  judge(x, "and after it", out, x->items, LONG + 3, x->items, LONG + 3, rounded);
  x->s.store->ops = real;
  close_scene(x);
}

/* Beyond twice what the model reads the state begins anew with the newest window. */
Test(serving_states, begin_anew_when_they_are_twice_as_long_as_the_window) {
  scene *x = open_scene(&spots[0], 1);
  solid_scored out[V];
  size_t n = 2100, began = n - x->s.info.window;
  for (size_t at = 0; at < n; at += 300) push(x, "anna", x->items + at, n - at < 300 ? n - at : 300);
  ask(x, "anna", NULL, 0, out);
  double most = 0;
  for (int i = 0; i < V; i++) most = fmax(most, fabs((double)out[i].score));
  cr_assert(isfinite(most) && most > 0);

  judge(x, "begun anew", out, x->items + began, n - began, x->items, n, exact);
  close_scene(x);
}

/* One user with 100,000 events beside 255 with ten: memory goes by the rows in flight. */
Test(serving_states, one_long_history_beside_many_short_ones) {
  enum { ALL = 256, MANY = 100000 };
  scene *x = open_scene_of(&spots[0], ALL, 131072);
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
  judge(x, "of 100,000", out + 77 * V, items + 77, MANY - 77, items + 77, MANY - 77, exact);
  judge(x, "of ten", out + 9 * V, items + 9, 10, items + 9, 10, exact);
  close_scene(x);
}

/* ---- Seen items ---- */

Test(serving_states, items_of_the_whole_history_are_seen) {
  scene *x = open_scene(&spots[0], 1);
  solid_scored out[V];
  solid_query query = SOLID_QUERY_INIT;
  solid_answer answer = {.struct_size = sizeof answer};
  uint32_t items[LONG];
  for (size_t i = 0; i < LONG; i++) items[i] = i < 5 ? (uint32_t)i : 5 + (uint32_t)(i % 20);
  push(x, "anna", items, LONG);
  query.k = V, query.exclude_seen = 1;
  cr_assert_eq(solid_recommend(x->rec, serving_text("anna"), &query, out, &answer), SOLID_OK, "%s", solid_last_error());
  for (uint32_t i = 0; i < answer.count; i++) cr_assert_geq(out[i].item, 25, "item %u was taken", out[i].item);
  cr_assert_eq(answer.count, V - 25);
  close_scene(x);
}
