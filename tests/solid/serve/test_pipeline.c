#include "solid/pipeline.h"
#include "solid/worker.h"
#include "store/memory_store.h"
#include "tests/support/alloc_watch.h"
#include "tests/support/compare.h"
#include "tests/support/fault_store.h"
#include "tests/support/seed.h"
#include "tests/support/serving.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint32_t element = SOLID_F32; /* in which pipelines keep parameters */

static solid_pipeline *pipeline_of(const serving *s, solid_store *store, uint32_t max_batch) {
  solid_pipeline_options options = SOLID_PIPELINE_OPTIONS_INIT;
  options.max_batch = max_batch;
  options.element = element;
  solid_pipeline *pipeline = NULL;
  cr_assert_eq(solid_pipeline_new(&pipeline, s->model, store, &options), SOLID_OK, "%s", solid_last_error());
  return pipeline;
}

static solid_pipeline_stats stats_of(const solid_pipeline *pipeline) {
  solid_pipeline_stats stats = {.struct_size = sizeof stats};
  cr_assert_eq(solid_pipeline_get_stats(pipeline, &stats), SOLID_OK);
  return stats;
}

/* What is stored of one user, with the sizes of the model. */
typedef struct record {
  solid_window window;
  solid_params params;
  uint8_t found;
} record;

static record record_read(const serving *s, solid_store *store, const char *user) {
  record r = {.window = {.steps = calloc(store->window, sizeof(solid_step))},
              .params = {.h = calloc(s->info.width, sizeof(float)),
                         .values = calloc(s->info.params + 1, sizeof(float)),
                         .width = s->info.width,
                         .count = s->info.params}};
  solid_status of_user = SOLID_OK;
  solid_bytes id = serving_text(user);
  cr_assert_eq(store->ops->get(store, &id, 1, s->info.generation, &r.window, &r.params, &r.found, &of_user), SOLID_OK,
               "%s", solid_last_error());
  cr_assert_eq(of_user, SOLID_OK);
  return r;
}

static void record_free(record *r) {
  free(r->window.steps);
  free(r->params.h);
  free(r->params.values);
}

/* The window is exactly the newest L of items[0 .. n), applied once each; the params are the model's for it. */
static void judge_user(const serving *s, solid_store *store, const char *user, const uint32_t *items, size_t n) {
  static const double rounding[] = {1e-5, 1e-3, 5e-3}; /* by element; of i8 to the greatest of 32 values, below 1 */
  record r = record_read(s, store, user);
  size_t L = s->info.window, kept = n < L ? n : L, d = s->info.width, P = s->info.params;
  cr_assert_eq(r.window.seq, n, "%s: %llu events applied, wanted %zu", user, (unsigned long long)r.window.seq, n);
  cr_assert_eq(r.window.count, kept);
  for (size_t i = 0; i < kept; i++)
    cr_assert_eq(solid_model_item_by_hash(s->model, r.window.steps[i].item), items[n - kept + i], "%s: step %zu", user,
                 i);
  cr_assert_eq(r.found, n > 0, "%s: found %d", user, r.found);
  if (n) {
    float *h = calloc(d, sizeof *h), *params = calloc(P + 1, sizeof *params);
    double *want = calloc(d + P, sizeof *want);
    uint32_t offsets[2] = {0, (uint32_t)n};
    solid_windows windows = {1, offsets, items};
    solid_worker *worker = NULL;
    cr_assert_eq(solid_worker_new(&worker, s->model, 1), SOLID_OK);
    cr_assert_eq(solid_worker_generate(worker, &windows, h, params), SOLID_OK);
    solid_worker_free(worker);
    for (size_t i = 0; i < d; i++) want[i] = h[i];
    for (size_t i = 0; i < P; i++) want[d + i] = params[i];
    cr_assert_eq(r.params.seq, n);
    compare_floats("h", r.params.h, want, d, 1e-5, 1e-5);
    compare_floats("params", r.params.values, want + d, P, rounding[element], rounding[element]);
    free(h), free(params), free(want);
  }
  record_free(&r);
}

static solid_store *store_of(const serving *s, uint32_t window) {
  solid_memory_store_options options = SOLID_MEMORY_STORE_OPTIONS_INIT;
  options.window = window;
  solid_store *store = NULL;
  cr_assert_eq(solid_store_open_memory(&store, s->model, &options), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(store->window, window);
  return store;
}

Test(pipeline, stores_windows_and_parameters) {
  serving s = serving_open(SOLID_HEAD_SOLID, 20);
  solid_pipeline *pipeline = pipeline_of(&s, s.store, 256);
  const uint32_t anna[] = {1, 2, 3}, ben[] = {4, 1};
  solid_event events[5] = {serving_event(&s, "anna", 1, 0), serving_event(&s, "ben", 4, 1),
                           serving_event(&s, "anna", 2, 2), serving_event(&s, "anna", 3, 3),
                           serving_event(&s, "ben", 1, 4)};
  solid_status verdicts[5] = {1, 1, 1, 1, 1};
  cr_assert_eq(solid_pipeline_push(pipeline, events, 5, verdicts), SOLID_OK, "%s", solid_last_error());
  for (int i = 0; i < 5; i++) cr_assert_eq(verdicts[i], SOLID_OK);
  judge_user(&s, s.store, "anna", anna, 3);
  judge_user(&s, s.store, "ben", ben, 2);
  solid_pipeline_stats stats = stats_of(pipeline);
  cr_assert_eq(stats.events, 5);
  cr_assert_eq(stats.applied, 5);
  cr_assert_eq(stats.generated, 2);
  cr_assert_eq(stats.duplicates + stats.unknown_items + stats.invalid, 0);

  cr_assert_eq(solid_pipeline_push(pipeline, events, 5, verdicts), SOLID_OK, "a replay");
  for (int i = 0; i < 5; i++) cr_assert_eq(verdicts[i], SOLID_EDUPLICATE);
  judge_user(&s, s.store, "anna", anna, 3);
  judge_user(&s, s.store, "ben", ben, 2);
  stats = stats_of(pipeline);
  cr_assert_eq(stats.applied, 5);
  cr_assert_eq(stats.duplicates, 5);
  solid_pipeline_free(pipeline);
  serving_close(&s);
}

/* Of a user's events those that were applied are told, also when new ones stand behind them and one has no stream. */
Test(pipeline, tells_which_events_were_applied_before) {
  serving s = serving_open(SOLID_HEAD_SOLID, 30);
  solid_pipeline *pipeline = pipeline_of(&s, s.store, 256);
  solid_event events[6] = {serving_event_at(&s, "anna", 1, (solid_position){0, 0}),
                           serving_event(&s, "anna", 2, 1),
                           serving_event(&s, "ben", 4, 2),
                           serving_event(&s, "anna", 3, 3),
                           serving_event(&s, "anna", 1, 4),
                           serving_event(&s, "ben", 2, 5)};
  const solid_status want[6] = {SOLID_OK, SOLID_EDUPLICATE, SOLID_EDUPLICATE, SOLID_EDUPLICATE, SOLID_OK, SOLID_OK};
  solid_status verdicts[6];
  cr_assert_eq(solid_pipeline_push(pipeline, events + 1, 3, verdicts), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(solid_pipeline_push(pipeline, events, 6, verdicts), SOLID_OK, "%s", solid_last_error());
  for (int i = 0; i < 6; i++) cr_assert_eq(verdicts[i], want[i], "event %d: %s", i, solid_status_name(verdicts[i]));
  solid_pipeline_stats stats = stats_of(pipeline);
  cr_assert(stats.duplicates == 3 && stats.applied == 6);
  solid_pipeline_free(pipeline);
  serving_close(&s);
}

/* f16 comes from the back end as it is kept, the others come as floats. */
static void write_every_element(const char *device) {
  serving s = serving_open_on(device, SOLID_HEAD_SOLID, 0, 27);
  for (element = SOLID_F32; element <= SOLID_I8 && s.ctx; element++) {
    solid_store *store = serving_store(&s);
    solid_pipeline *pipeline = pipeline_of(&s, store, 3);
    const uint32_t anna[] = {1, 2, 3, 4}, ben[] = {2};
    solid_event events[5] = {serving_event(&s, "anna", 1, 0), serving_event(&s, "anna", 2, 1),
                             serving_event(&s, "ben", 2, 2), serving_event(&s, "anna", 3, 3),
                             serving_event(&s, "anna", 4, 4)};
    cr_assert_eq(solid_pipeline_push(pipeline, events, 5, NULL), SOLID_OK, "%s", solid_last_error());
    judge_user(&s, store, "anna", anna, 4);
    judge_user(&s, store, "ben", ben, 1);
    solid_pipeline_free(pipeline);
    solid_store_close(store);
  }
  serving_close(&s);
}

Test(pipeline, writes_every_element) {
  write_every_element("cpu");
  write_every_element("cuda");
}

Test(pipeline, gives_every_event_its_verdict) {
  serving s = serving_open(SOLID_HEAD_SOLID, 21);
  fault_store store;
  fault_store_wrap(&store, s.store);
  solid_pipeline *pipeline = pipeline_of(&s, &store.base, 256);
  char long_id[256];
  memset(long_id, 'x', sizeof long_id);
  solid_event events[9];
  for (int i = 0; i < 9; i++) events[i] = serving_event(&s, "anna", 1, (uint64_t)i);
  events[1].item = serving_text("no such item");
  events[2].user = (solid_bytes){NULL, 0};
  events[3].user = (solid_bytes){long_id, 256};
  events[4].user = (solid_bytes){long_id, 255};
  events[5].item = (solid_bytes){long_id, 256};
  events[6].item = (solid_bytes){"", 0};
  events[7].user = (solid_bytes){NULL, 4};
  events[8].worth = SOLID_WORTH_FORGET + 1;
  const solid_status want[9] = {SOLID_OK,     SOLID_ENOTFOUND, SOLID_ERANGE, SOLID_ERANGE, SOLID_OK,
                                SOLID_ERANGE, SOLID_ERANGE,    SOLID_EINVAL, SOLID_EINVAL};
  solid_status verdicts[9];
  cr_assert_eq(solid_pipeline_push(pipeline, events, 9, verdicts), SOLID_OK, "%s", solid_last_error());
  for (int i = 0; i < 9; i++) cr_assert_eq(verdicts[i], want[i], "event %d: %s", i, solid_status_name(verdicts[i]));
  const uint32_t anna[] = {1};
  judge_user(&s, s.store, "anna", anna, 1);
  solid_pipeline_stats stats = stats_of(pipeline);
  cr_assert_eq(stats.applied, 2);
  cr_assert_eq(stats.unknown_items, 1);
  cr_assert_eq(stats.invalid, 6);

  size_t calls = store.advance.calls;
  cr_assert_eq(solid_pipeline_push(pipeline, events + 1, 3, verdicts), SOLID_OK, "nothing to store is no failure");
  cr_assert_eq(solid_pipeline_push(pipeline, NULL, 0, NULL), SOLID_OK);
  cr_assert_eq(store.advance.calls, calls, "no round trip without a valid event");
  solid_pipeline_free(pipeline);
  serving_close(&s);
}

/* What concerns one user is the verdict of their events, in whichever call it shows, and stops nobody else. */
Test(pipeline, a_foreign_record_stops_nobody_else) {
  serving s = serving_open(SOLID_HEAD_SOLID, 28);
  fault_store store;
  fault_store_wrap(&store, s.store);
  store.foreign = "ben";
  solid_pipeline *pipeline = pipeline_of(&s, &store.base, 2);
  const uint32_t anna[] = {1, 2, 3}, cleo[] = {2};
  solid_event events[6] = {serving_event(&s, "anna", 1, 0), serving_event(&s, "ben", 4, 1),
                           serving_event(&s, "anna", 2, 2), serving_event(&s, "anna", 3, 3),
                           serving_event(&s, "ben", 1, 4),  serving_event(&s, "cleo", 2, 5)};
  events[2].item = serving_text("no such item");
  const solid_status want[6] = {SOLID_OK, SOLID_EFORMAT, SOLID_ENOTFOUND, SOLID_OK, SOLID_EFORMAT, SOLID_OK};
  solid_status verdicts[6] = {1, 1, 1, 1, 1, 1};
  const uint32_t kept[] = {anna[0], anna[2]};
  cr_assert_eq(solid_pipeline_push(pipeline, events, 6, verdicts), SOLID_OK, "%s", solid_last_error());
  for (int i = 0; i < 6; i++) cr_assert_eq(verdicts[i], want[i], "event %d: %s", i, solid_status_name(verdicts[i]));
  judge_user(&s, s.store, "anna", kept, 2);
  judge_user(&s, s.store, "cleo", cleo, 1);
  record r = record_read(&s, s.store, "ben");
  cr_assert_eq(r.found, 0, "no parameters of a window that was not given");
  record_free(&r);
  solid_pipeline_stats stats = stats_of(pipeline);
  cr_assert(stats.set_aside == 2 && stats.applied == 3 && stats.duplicates == 0 && stats.generated == 2);
  cr_assert_eq(solid_pipeline_push(pipeline, events, 6, NULL), SOLID_OK, "nobody asks for verdicts");
  solid_pipeline_free(pipeline);
  serving_close(&s);
}

/* A store may keep more than this model reads: a model that reads more may share it. */
Test(pipeline, reads_the_newest_of_a_longer_window) {
  serving s = serving_open(SOLID_HEAD_SOLID, 29);
  uint32_t L = s.info.window, items[64];
  cr_assert(L + 5 < 64 && L > 1);
  solid_store *longer = store_of(&s, L + 3);
  solid_pipeline *pipeline = pipeline_of(&s, longer, 4), *own = pipeline_of(&s, s.store, 4);
  for (uint32_t i = 0; i < L + 5; i++) {
    items[i] = i * 7 % s.info.items;
    solid_event event = serving_event(&s, "anna", items[i], i);
    cr_assert_eq(solid_pipeline_push(pipeline, &event, 1, NULL), SOLID_OK, "%s", solid_last_error());
    cr_assert_eq(solid_pipeline_push(own, &event, 1, NULL), SOLID_OK, "%s", solid_last_error());
  }
  record want = record_read(&s, s.store, "anna"), got = record_read(&s, longer, "anna");
  cr_assert_eq(want.window.count, L);
  cr_assert_eq(got.window.count, L + 3);
  for (uint32_t i = 0; i < L; i++) cr_assert_eq(got.window.steps[i + 3].item, want.window.steps[i].item);
  compare_bits("h", got.params.h, want.params.h, s.info.width);
  compare_bits("params", got.params.values, want.params.values, s.info.params);
  record_free(&want), record_free(&got);
  solid_pipeline_free(pipeline), solid_pipeline_free(own);
  solid_store_close(longer);
  serving_close(&s);
}

/* A random stream with replays, in batches of users smaller than the batches of events, against plain lists. */
static void judge_stream(uint32_t max_batch) {
  enum { USERS = 23, EVENTS = 400 };
  serving s = serving_open(SOLID_HEAD_SOLID, 22);
  fault_store store;
  fault_store_wrap(&store, s.store);
  solid_pipeline *pipeline = pipeline_of(&s, &store.base, max_batch);
  static char names[USERS][8];
  static uint32_t items[USERS][EVENTS];
  static solid_event events[EVENTS];
  size_t count[USERS] = {0};
  seed_rng rng = seed_start(max_batch);
  for (int i = 0; i < EVENTS; i++) {
    int user = seed_below(&rng, USERS);
    uint32_t item = (uint32_t)seed_below(&rng, (int32_t)s.info.items);
    snprintf(names[user], sizeof names[user], "user%d", user);
    events[i] = serving_event_at(&s, names[user], item, (solid_position){(uint64_t)user % 3 + 1, (uint64_t)i});
    items[user][count[user]++] = item;
  }
  for (size_t at = 0; at < EVENTS;) {
    size_t n = 1 + (size_t)seed_below(&rng, 90), from = at;
    if (n > EVENTS - at) n = EVENTS - at;
    if (seed_below(&rng, 3) == 0) from = (size_t)seed_below(&rng, (int32_t)at + 1); /* some of it once more */
    cr_assert_eq(solid_pipeline_push(pipeline, events + from, at + n - from, NULL), SOLID_OK, "%s", solid_last_error());
    at += n;
  }
  for (int u = 0; u < USERS; u++)
    if (count[u]) judge_user(&s, s.store, names[u], items[u], count[u]);
  size_t calls = store.advance.calls, puts = store.put_params.calls;
  cr_assert_eq(solid_pipeline_push(pipeline, events, EVENTS, NULL), SOLID_OK);
  cr_assert_eq(store.advance.calls - calls, (USERS + max_batch - 1) / max_batch, "one round trip a sub-batch");
  cr_assert_eq(store.put_params.calls, puts, "what is there is not made again");
  solid_pipeline_free(pipeline);
  serving_close(&s);
}

Test(pipeline, a_user_at_a_time) {
  judge_stream(1);
}
Test(pipeline, a_few_users_at_a_time) {
  judge_stream(7);
}
Test(pipeline, all_users_at_once) {
  judge_stream(64);
}

/* Whatever call to the store fails, before or after it took effect: the same batch again makes it right. */
Test(pipeline, a_replay_repairs_every_failure) {
  const uint32_t anna[] = {1, 2, 3}, ben[] = {4, 1}, cleo[] = {2};
  for (size_t call = 1; call <= 4; call++)
    for (int after = 0; after < 2; after++) {
      serving s = serving_open(SOLID_HEAD_SOLID, 23);
      fault_store store;
      fault_store_wrap(&store, s.store);
      solid_pipeline *pipeline = pipeline_of(&s, &store.base, 2);
      solid_event events[6] = {serving_event(&s, "anna", 1, 0), serving_event(&s, "ben", 4, 1),
                               serving_event(&s, "anna", 2, 2), serving_event(&s, "anna", 3, 3),
                               serving_event(&s, "ben", 1, 4),  serving_event(&s, "cleo", 2, 5)};
      fault_slot *slot = call % 2 ? &store.advance : &store.put_params;
      slot->fail_in = (call + 1) / 2;
      slot->after = after;
      slot->status = SOLID_ETIMEDOUT;
      solid_status status = solid_pipeline_push(pipeline, events, 6, NULL), verdicts[6];
      cr_assert_eq(status, SOLID_ETIMEDOUT, "call %zu: %s", call, solid_status_name(status));
      cr_assert_eq(solid_pipeline_push(pipeline, events, 6, verdicts), SOLID_OK);
      for (int i = 0; i < 6; i++) cr_assert_eq(verdicts[i], SOLID_OK, "what is tried again is no duplicate");
      cr_assert_eq(stats_of(pipeline).duplicates, 0);
      judge_user(&s, s.store, "anna", anna, 3);
      judge_user(&s, s.store, "ben", ben, 2);
      judge_user(&s, s.store, "cleo", cleo, 1);
      solid_pipeline_free(pipeline);
      serving_close(&s);
    }
}

/* Steps that another model put into the window and this one does not know are read over. */
Test(pipeline, reads_over_items_of_another_model) {
  serving s = serving_open(SOLID_HEAD_SOLID, 24);
  solid_step foreign[2] = {{solid_item_hash(serving_text("of another model")), 1}, {12345, 2}}, room[64];
  solid_position positions[2] = {{0, 0}, {0, 0}};
  solid_status of_user;
  solid_append append = {.user = serving_text("anna"), .steps = foreign, .positions = positions, .count = 2};
  solid_window window = {.steps = room};
  cr_assert_eq(s.store->ops->advance(s.store, &append, 1, &window, NULL, &of_user), SOLID_OK);
  solid_pipeline *pipeline = pipeline_of(&s, s.store, 8);
  solid_event event = serving_event(&s, "anna", 3, 7);
  cr_assert_eq(solid_pipeline_push(pipeline, &event, 1, NULL), SOLID_OK);
  record r = record_read(&s, s.store, "anna");
  const uint32_t known[] = {3};
  float *h = calloc(s.info.width, sizeof *h), *params = calloc(s.info.params, sizeof *params);
  uint32_t offsets[2] = {0, 1};
  solid_windows windows = {1, offsets, known};
  solid_worker *worker = NULL;
  cr_assert_eq(solid_worker_new(&worker, s.model, 1), SOLID_OK);
  cr_assert_eq(solid_worker_generate(worker, &windows, h, params), SOLID_OK);
  cr_assert_eq(r.window.count, 3);
  cr_assert_eq(r.params.seq, 3);
  compare_bits("h", r.params.h, h, s.info.width);
  compare_bits("params", r.params.values, params, s.info.params);
  free(h), free(params);
  record_free(&r);
  solid_worker_free(worker);
  solid_pipeline_free(pipeline);
  serving_close(&s);
}

Test(pipeline, static_head_keeps_the_state) {
  serving s = serving_open(SOLID_HEAD_STATIC, 25);
  cr_assert_eq(s.info.params, 0);
  solid_pipeline *pipeline = pipeline_of(&s, s.store, 8);
  const uint32_t anna[] = {5, 6};
  solid_event events[2] = {serving_event(&s, "anna", 5, 0), serving_event(&s, "anna", 6, 1)};
  cr_assert_eq(solid_pipeline_push(pipeline, events, 2, NULL), SOLID_OK, "%s", solid_last_error());
  judge_user(&s, s.store, "anna", anna, 2);
  solid_pipeline_free(pipeline);
  serving_close(&s);
}

Test(pipeline, refuses_bad_arguments) {
  serving s = serving_open(SOLID_HEAD_SOLID, 26);
  solid_store *shorter = store_of(&s, s.info.window - 1);
  solid_pipeline *pipeline = NULL;
  solid_pipeline_options options = SOLID_PIPELINE_OPTIONS_INIT;
  cr_assert_eq(solid_pipeline_new(&pipeline, s.model, shorter, NULL), SOLID_EMISMATCH, "%s", solid_last_error());
  cr_assert_eq(solid_pipeline_new(NULL, s.model, s.store, NULL), SOLID_EINVAL);
  cr_assert_eq(solid_pipeline_new(&pipeline, NULL, s.store, NULL), SOLID_EINVAL);
  cr_assert_eq(solid_pipeline_new(&pipeline, s.model, NULL, NULL), SOLID_EINVAL);
  options.element = 3;
  cr_assert_eq(solid_pipeline_new(&pipeline, s.model, s.store, &options), SOLID_EINVAL);
  options = solid_pipeline_options_default();
  options.max_batch = 0;
  cr_assert_eq(solid_pipeline_new(&pipeline, s.model, s.store, &options), SOLID_EINVAL);
  options = solid_pipeline_options_default();
  options.generate.mode = SOLID_GENERATE_TIME + 1;
  cr_assert_eq(solid_pipeline_new(&pipeline, s.model, s.store, &options), SOLID_EINVAL);
  options.generate = (solid_generate){SOLID_GENERATE_EVENTS, 0};
  cr_assert_eq(solid_pipeline_new(&pipeline, s.model, s.store, &options), SOLID_EINVAL);
  options = solid_pipeline_options_default();
  options.max_batch = 0;
  options.struct_size = 3;
  cr_assert_eq(solid_pipeline_new(&pipeline, s.model, s.store, &options), SOLID_EINVAL);
  options.struct_size = sizeof options + 1;
  cr_assert_eq(solid_pipeline_new(&pipeline, s.model, s.store, &options), SOLID_EINVAL);
  cr_assert_null(pipeline);
  options.struct_size = offsetof(solid_pipeline_options, max_batch); /* an older caller: the 0 there is not read */
  cr_assert_eq(solid_pipeline_new(&pipeline, s.model, s.store, &options), SOLID_OK, "%s", solid_last_error());
  solid_pipeline_free(pipeline);
  pipeline = pipeline_of(&s, s.store, 2);
  cr_assert_eq(solid_pipeline_push(pipeline, NULL, 1, NULL), SOLID_EINVAL);
  cr_assert_eq(solid_pipeline_push(NULL, NULL, 0, NULL), SOLID_EINVAL);
  solid_pipeline_stats stats = {.struct_size = 0};
  cr_assert_eq(solid_pipeline_get_stats(pipeline, &stats), SOLID_EINVAL);
  solid_pipeline_free(pipeline);
  solid_pipeline_free(NULL);
  solid_store_close(shorter);
  serving_close(&s);
}

Test(pipeline, survives_every_failing_allocation) {
  serving s = serving_open(SOLID_HEAD_SOLID, 27);
  size_t failures = 0;
  solid_pipeline_options options = SOLID_PIPELINE_OPTIONS_INIT;
  options.element = element;
  solid_pipeline *pipeline = NULL;
  while (!pipeline) {
    alloc_watch_fail(++failures);
    solid_status status = solid_pipeline_new(&pipeline, s.model, s.store, &options);
    alloc_watch_fail(0);
    cr_assert(status == SOLID_ENOMEM || (status == SOLID_OK && pipeline), "%s", solid_status_name(status));
  }
  cr_assert_gt(failures, 3);
  solid_event events[3] = {serving_event(&s, "anna", 1, 0), serving_event(&s, "ben", 4, 1),
                           serving_event(&s, "anna", 2, 2)};
  const uint32_t anna[] = {1, 2}, ben[] = {4};
  solid_status status = SOLID_ENOMEM;
  for (failures = 1; status != SOLID_OK; failures++) {
    alloc_watch_fail(failures);
    status = solid_pipeline_push(pipeline, events, 3, NULL);
    alloc_watch_fail(0);
    cr_assert(status == SOLID_ENOMEM || status == SOLID_OK, "%s", solid_last_error());
  }
  cr_assert_gt(failures, 3);
  judge_user(&s, s.store, "anna", anna, 2);
  judge_user(&s, s.store, "ben", ben, 1);
  solid_pipeline_free(pipeline);
  serving_close(&s);
}
