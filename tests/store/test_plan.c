/* What solid_plan_user says of Redis against what Redis says of itself. */
#include "store/memory_store.h"
#include "store/plan.h"
#include "store/redis_store.h"
#include "tests/support/redis_server.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static redis_server server;

static void start_server(void) {
  if (!redis_server_installed()) cr_skip_test("redis-server is not installed");
  cr_assert_eq(redis_server_start(&server, 0, NULL), 0);
}

static void stop_server(void) {
  if (server.port) redis_server_stop(&server);
}

static const solid_plan_sizes cases[] = {
    {50, 64, 544, SOLID_F16, 8, 6, 1, 0, 0, 0, 0},         {50, 64, 8320, SOLID_F32, 8, 6, 1, 0, 0, 0, 0},
    {50, 64, 8320, SOLID_I8, 8, 6, 1, 0, 0, 0, 0},         {20, 32, 0, SOLID_F16, 8, 6, 1, 0, 0, 0, 0},
    {100, 128, 544, SOLID_I8, 36, 6, 1, 0, 0, 0, 0},       {200, 64, 2112, SOLID_F16, 200, 6, 1, 0, 0, 0, 0},
    {50, 64, 544, SOLID_F32, 8, 6, 1, 0, 0, 0, 0},         {50, 64, 544, SOLID_F16, 8, 6, 1, 1000, 0, 0, 0},
    {300, 64, 544, SOLID_F16, 8, 6, 1, 10000, 4000, 0, 0}, {50, 64, 544, SOLID_F16, 8, 6, 1, 10000, 0, 300000, 70},
    {50, 64, 544, SOLID_F16, 8, 6, 1, 50000, 0, 0, 0},
};

/* Enough users for an average, and no more than a test has time for. */
static size_t users_of(const solid_plan_sizes *sizes, size_t most) {
  return sizes->history > 5000 ? 2 : sizes->history ? 50 : most;
}

/* Steps some hours apart, of as many different items as are planned, one after the other. */
static void append_all(solid_store *store, solid_bytes user, const solid_plan_sizes *sizes, solid_window *window) {
  static solid_step steps[100], room[65536];
  static solid_position positions[100];
  size_t n = sizes->history ? sizes->history : sizes->window, taken = sizes->taken ? sizes->taken : n;
  for (size_t from = 0; from < n; from += 100) {
    size_t count = n - from < 100 ? n - from : 100;
    for (size_t i = 0; i < count; i++) {
      uint64_t item = (from + i) % taken;
      steps[i] = (solid_step){(item + 1) * UINT64_C(0x9e3779b97f4a7c15), (int64_t)((from + i) * 20000000)};
      positions[i] = (solid_position){7, 1000000 + from + i};
    }
    solid_append append = {.user = user, .steps = steps, .positions = positions, .count = count};
    solid_status of_user;
    *window = (solid_window){.steps = room};
    cr_assert_eq(store->ops->advance(store, &append, 1, window, NULL, &of_user), SOLID_OK, "%s", solid_last_error());
  }
}

static void put_state(solid_store *store, solid_bytes user, const solid_plan_sizes *sizes, const solid_window *window) {
  static const uint8_t bytes[8192];
  static solid_state_part parts[SOLID_STATE_PARTS];
  uint8_t stored = 0;
  solid_status of_user;
  uint32_t n = sizes->state_parts;
  if (!sizes->state_bytes) return;
  for (uint32_t k = 0; k < n; k++) parts[k] = (solid_state_part){k, sizes->state_bytes / n, bytes};
  solid_state_put put = {
      .user = user, .stamp = {window->birth, window->seq, 1, 2, window->seq}, .parts = parts, .n = n};
  cr_assert_eq(store->ops->put_states(store, &put, 1, &stored, &of_user), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(stored, 1);
}

static void fill(solid_store *store, const solid_plan_sizes *sizes, size_t users) {
  float *h = calloc(sizes->width + 1, sizeof *h), *values = calloc(sizes->params + 1, sizeof *values);
  for (size_t i = 0; i < users; i++) {
    char id[256];
    snprintf(id, sizeof id, "%0*zu", (int)sizes->id_bytes, i);
    solid_bytes user = {id, sizes->id_bytes};
    solid_window window;
    append_all(store, user, sizes, &window);
    solid_params params = {.h = h,
                           .values = values,
                           .seq = window.seq,
                           .generation = 1,
                           .width = sizes->width,
                           .count = sizes->params,
                           .element = sizes->element};
    solid_status of_user;
    cr_assert_eq(store->ops->put_params(store, &user, &params, 1, &of_user), SOLID_OK, "%s", solid_last_error());
    put_state(store, user, sizes, &window);
  }
  free(h);
  free(values);
}

static double ask_number(const char *command) {
  char answer[256] = "";
  cr_assert_eq(redis_server_ask(&server, command, answer, sizeof answer), 0, "%s", command);
  return atof(answer);
}

static double used_memory(void) {
  char answer[256] = "";
  const char *script = "EVAL \"return tonumber(redis.call('INFO','memory'):match('used_memory:(%d+)'))\" 0";
  cr_assert_eq(redis_server_ask(&server, script, answer, sizeof answer), 0);
  return atof(answer);
}

static solid_store *open_redis(const solid_plan_sizes *sizes) {
  solid_redis_store_options options = SOLID_REDIS_STORE_OPTIONS_INIT;
  solid_store *store = NULL;
  options.port = server.port;
  options.window = sizes->window;
  options.history = sizes->history;
  cr_assert_eq(solid_store_open_redis(&store, NULL, &options), SOLID_OK, "%s", solid_last_error());
  return store;
}

Test(plan, agrees_with_redis, .init = start_server, .fini = stop_server, .timeout = 600) {
  /* MEMORY USAGE leaves out the bucket of the key and its entry in the table of TTLs; used_memory does not. */
  enum { USERS = 1000, NOT_COUNTED = 8 + 24 + 8 };
  static const char *const keys[] = {"", ":pages", ":state"};
  solid_store *first = open_redis(&cases[0]);
  fill(first, &cases[0], 10); /* connection, scripts */
  solid_store_close(first);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    solid_plan plan;
    char command[512];
    cr_assert_eq(solid_plan_user(&cases[i], &plan), SOLID_OK);
    ask_number("FLUSHALL SYNC");
    solid_store *store = open_redis(&cases[i]);
    double before = used_memory(), usage = 0;
    size_t users = users_of(&cases[i], USERS);
    fill(store, &cases[i], users);
    double each = (used_memory() - before) / (double)users;
    for (size_t k = 0; k < 3; k++) {
      snprintf(command, sizeof command, "MEMORY USAGE solid:{%0*d}%s SAMPLES 0", (int)cases[i].id_bytes, 1, keys[k]);
      double bytes = ask_number(command);
      if (bytes > 0) usage += bytes + NOT_COUNTED;
    }
    fprintf(stderr, "case %zu: plan %zu, MEMORY USAGE %.0f, used_memory %.0f a user\n", i, plan.redis, usage, each);
    cr_expect_leq(fabs((double)plan.redis - usage), 0.10 * usage, "case %zu: plan %zu, MEMORY USAGE %.0f", i,
                  plan.redis, usage);
    int is_average = users > 10; /* else the server's own buffers weigh as much as the users */
    cr_expect_leq(fabs((double)plan.redis - each), is_average ? 0.10 * each : each,
                  "case %zu: plan %zu, used_memory %.0f a user", i, plan.redis, each);
    solid_store_close(store);
  }
}

Test(plan, agrees_with_the_memory_store) {
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    enum { USERS = 700 };
    solid_plan plan;
    size_t bytes;
    cr_assert_eq(solid_plan_user(&cases[i], &plan), SOLID_OK);
    solid_memory_store_options options = SOLID_MEMORY_STORE_OPTIONS_INIT;
    options.window = cases[i].window;
    options.history = cases[i].history;
    solid_store *store = NULL;
    cr_assert_eq(solid_store_open_memory(&store, NULL, &options), SOLID_OK);
    size_t users = users_of(&cases[i], USERS);
    fill(store, &cases[i], users);
    cr_assert_eq(solid_memory_store_usage(store, NULL, &bytes), SOLID_OK);
    double each = (double)bytes / (double)users, allowed = cases[i].history ? 0.12 : 0.02; /* lists grow by a quarter */
    cr_expect_leq(fabs((double)plan.memory - each), allowed * each, "case %zu: plan %zu, %.0f used", i, plan.memory,
                  each);
    solid_store_close(store);
  }
}

/* What INFO says that came in and went out, this question excepted. */
static double net(const char *which) {
  char script[160], answer[256] = "";
  snprintf(script, sizeof script,
           "EVAL \"return tonumber(redis.call('INFO','stats'):match('total_net_%s_bytes:(%%d+)'))\" 0", which);
  cr_assert_eq(redis_server_ask(&server, script, answer, sizeof answer), 0);
  return atof(answer);
}

enum { BATCH = 250, EVENTS_A_USER = 4 };

/* One event each of BATCH users, params with it, and then a question about each: as pipeline and recommender ask. */
typedef struct run {
  solid_append appends[BATCH];
  solid_window windows[BATCH];
  solid_params params[BATCH];
  solid_bytes users[BATCH];
  solid_status statuses[BATCH];
  uint8_t found[BATCH];
  char ids[BATCH][256];
  solid_step step;
  solid_position position;
} run;

static run *make_run(const solid_plan_sizes *sizes, float *floats, solid_step *steps) {
  static run r;
  for (size_t i = 0; i < BATCH; i++) {
    snprintf(r.ids[i], sizeof r.ids[i], "%0*zu", (int)sizes->id_bytes, i);
    r.users[i] = (solid_bytes){r.ids[i], sizes->id_bytes};
    r.appends[i] = (solid_append){.user = r.users[i], .steps = &r.step, .positions = &r.position, .count = 1};
    r.windows[i] = (solid_window){.steps = steps + i * sizes->window};
    r.params[i] = (solid_params){.h = floats,
                                 .values = floats + sizes->width,
                                 .generation = 1,
                                 .width = sizes->width,
                                 .count = sizes->params,
                                 .element = sizes->element};
  }
  return &r;
}

static uint64_t trips_of(solid_store *store) {
  solid_redis_store_stats stats = {.struct_size = sizeof stats};
  cr_assert_eq(solid_redis_store_get_stats(store, &stats), SOLID_OK);
  return stats.round_trips;
}

static void expect_near(const char *what, size_t i, double planned, double measured) {
  fprintf(stderr, "case %zu: %s: plan %.0f, measured %.1f\n", i, what, planned, measured);
  cr_expect_leq(fabs(planned - measured), 0.02 * measured + 4, "case %zu: %s: plan %.0f, measured %.1f", i, what,
                planned, measured);
}

Test(plan, agrees_with_the_wire, .init = start_server, .fini = stop_server, .timeout = 600) {
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const solid_plan_sizes *sizes = &cases[i];
    if (sizes->history) continue; /* pages come and go: tests/bench/bench_history.c measures what that takes */
    solid_plan_traffic plan;
    float *floats = calloc((size_t)sizes->width + sizes->params + 1, sizeof *floats);
    solid_step *steps = calloc(BATCH * (size_t)sizes->window, sizeof *steps);
    run *r = make_run(sizes, floats, steps);
    cr_assert_eq(solid_plan_wire(sizes, &plan), SOLID_OK);
    ask_number("FLUSHALL SYNC");
    solid_store *store = open_redis(sizes);
    fill(store, sizes, BATCH);
    double in = net("input"), out = net("output");
    uint64_t trips = trips_of(store);
    for (uint32_t k = 1; k <= EVENTS_A_USER; k++) {
      r->position = (solid_position){7, 2000000 + k};
      cr_assert_eq(store->ops->advance(store, r->appends, BATCH, r->windows, NULL, r->statuses), SOLID_OK);
      for (size_t u = 0; u < BATCH; u++) r->params[u].seq = r->windows[u].seq;
      cr_assert_eq(store->ops->put_params(store, r->users, r->params, BATCH, r->statuses), SOLID_OK);
    }
    cr_assert_eq(trips_of(store) - trips, EVENTS_A_USER * plan.event_trips);
    expect_near("bytes in, an event", i, (double)plan.event_in, (net("input") - in) / (BATCH * EVENTS_A_USER));
    expect_near("bytes out, an event", i, (double)plan.event_out, (net("output") - out) / (BATCH * EVENTS_A_USER));
    in = net("input"), out = net("output"), trips = trips_of(store);
    cr_assert_eq(store->ops->get(store, r->users, BATCH, 1, r->windows, r->params, r->found, r->statuses), SOLID_OK);
    cr_assert_eq(trips_of(store) - trips, plan.answer_trips);
    for (size_t u = 0; u < BATCH; u++) cr_assert(r->found[u] && r->windows[u].count == sizes->window);
    expect_near("bytes in, an answer", i, (double)plan.answer_in, (net("input") - in) / BATCH);
    expect_near("bytes out, an answer", i, (double)plan.answer_out, (net("output") - out) / BATCH);
    solid_store_close(store);
    free(floats);
    free(steps);
  }
}

Test(plan, refuses_bad_sizes) {
  solid_plan plan;
  solid_plan_sizes sizes = cases[0];
  sizes.window = 0;
  cr_assert_eq(solid_plan_user(&sizes, &plan), SOLID_EINVAL);
  sizes = cases[0];
  sizes.id_bytes = 256;
  cr_assert_eq(solid_plan_user(&sizes, &plan), SOLID_EINVAL);
  sizes = cases[0];
  sizes.history = 49;
  cr_assert_eq(solid_plan_user(&sizes, &plan), SOLID_EINVAL);
  sizes.history = SOLID_HISTORY_MAX + 1;
  cr_assert_eq(solid_plan_user(&sizes, &plan), SOLID_EINVAL);
  sizes = cases[0];
  sizes.state_bytes = SOLID_STATE_MAX + 1;
  cr_assert_eq(solid_plan_user(&sizes, &plan), SOLID_EINVAL);
  cr_assert_eq(solid_plan_user(NULL, &plan), SOLID_EINVAL);
}
