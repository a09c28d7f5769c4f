#include "tests/walk/walk.h"
#include "solid/model/model_parts.h"
#include "tests/ref/ref_model.h"
#include "tests/support/compare.h"
#include "tests/support/fault_store.h"
#include "tests/support/seed.h"
#include <criterion/criterion.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { USERS = 12, MOST = 600, K = 8, READERS = 7 };

/* What the users did, as it ought to be stored. */
typedef struct diary {
  char names[USERS][16];
  uint32_t items[USERS][MOST];
  size_t count[USERS];
  solid_event events[MOST];
  size_t n;
} diary;

static diary *diary_draw(const serving *s, uint64_t salt, size_t n) {
  diary *d = calloc(1, sizeof *d);
  seed_rng rng = seed_start(salt);
  for (int u = 0; u < USERS; u++) snprintf(d->names[u], sizeof d->names[u], "%llu-%d", (unsigned long long)salt, u);
  for (size_t i = 0; i < n; i++) {
    int user = seed_below(&rng, USERS);
    uint32_t item = (uint32_t)seed_below(&rng, (int32_t)s->info.items);
    d->events[i] = serving_event_at(s, d->names[user], item, (solid_position){(uint64_t)user % 2 + 1, i});
    d->items[user][d->count[user]++] = item;
  }
  d->n = n;
  return d;
}

static solid_pipeline *pipeline_of(const serving *s, solid_store *store) {
  solid_pipeline_options options = SOLID_PIPELINE_OPTIONS_INIT;
  options.max_batch = 5;
  options.element = SOLID_F32;
  solid_pipeline *pipeline = NULL;
  cr_assert_eq(solid_pipeline_new(&pipeline, s->model, store, &options), SOLID_OK, "%s", solid_last_error());
  return pipeline;
}

static solid_recommender *recommender_of(const serving *s, solid_store *store, size_t max_batch) {
  solid_recommender *rec = NULL;
  solid_recommender_options options = SOLID_RECOMMENDER_OPTIONS_INIT;
  options.max_batch = (uint32_t)max_batch;
  options.element = SOLID_F32;
  options.refresh_events = 0;
  cr_assert_eq(solid_recommender_new(&rec, s->model, store, &options), SOLID_OK, "%s", solid_last_error());
  return rec;
}

static void push(solid_pipeline *pipeline, const solid_event *events, size_t n) {
  cr_assert_eq(solid_pipeline_push(pipeline, events, n, NULL), SOLID_OK, "%s", solid_last_error());
}

/* u of a window in double, by the naive model, rounded once at the end. */
static void naive_vector(const serving *s, const uint32_t *items, size_t n, float *u) {
  const sol_config *config = sol_model_config(s->model);
  size_t total = sol_tensors_total(config), d = config->width;
  double *values = malloc(total * sizeof *values), *h = malloc(2 * d * sizeof *h);
  for (size_t i = 0; i < total; i++) values[i] = s->model->device_weights[i];
  ref_model model = {config, values, s->model->file.codes, s->model->file.attributes};
  ref_model_user(&model, items, n, h, NULL, h + d);
  for (size_t i = 0; i < d; i++) u[i] = (float)h[d + i];
  free(values);
  free(h);
}

/* The answer for user u is what the naive model says of the first `count` things that the user did. */
static void judge(const serving *s, solid_recommender *rec, const diary *d, int user, size_t count,
                  solid_source source) {
  solid_scored got[K], want[K];
  solid_answer answer = {.struct_size = sizeof answer};
  solid_query query = SOLID_QUERY_INIT;
  query.k = K;
  cr_assert_eq(solid_recommend(rec, serving_text(d->names[user]), &query, got, &answer), SOLID_OK, "%s",
               solid_last_error());
  if (!count) source = SOLID_FROM_POPULARITY;
  cr_assert_eq(answer.source, source, "%s, wanted %s", solid_source_name(answer.source), solid_source_name(source));
  cr_assert_eq(answer.window_seq, count);
  if (!count) return;
  uint8_t *seen = calloc(s->info.items, 1);
  float *u = calloc(s->info.width, sizeof *u);
  size_t kept = count < s->info.window ? count : s->info.window;
  for (size_t i = count - kept; i < count; i++) seen[d->items[user][i]] = 1;
  naive_vector(s, d->items[user], count, u);
  cr_assert_eq(serving_rank(s, u, seen, K, want), answer.count);
  for (size_t i = 0; i < answer.count; i++)
    cr_assert(compare_is_close(got[i].score, want[i].score, 2e-4, 2e-4), "seed %llu: %s, place %zu: %.9g, wanted %.9g",
              (unsigned long long)seed_value(), d->names[user], i, (double)got[i].score, (double)want[i].score);
  free(seen);
  free(u);
}

static void follow(const walk_store *walk, uint32_t rank) {
  serving s = serving_open_ranked(SOLID_HEAD_SOLID, rank, 70);
  solid_store *writes = walk->open(&s), *reads = walk->open(&s);
  solid_pipeline *pipeline = pipeline_of(&s, writes);
  solid_recommender *rec = recommender_of(&s, reads, 1);
  diary *d = diary_draw(&s, 100 + rank, 300);
  seed_rng rng = seed_start(200);
  size_t done[USERS] = {0};
  for (size_t at = 0; at < d->n;) {
    size_t n = 1 + (size_t)seed_below(&rng, 40), from = at;
    if (n > d->n - at) n = d->n - at;
    if (seed_below(&rng, 2)) from = (size_t)seed_below(&rng, (int32_t)at + 1);
    push(pipeline, d->events + from, at + n - from);
    for (size_t i = at; i < at + n; i++)
      for (int u = 0; u < USERS; u++) done[u] += d->events[i].user.data == d->names[u];
    at += n;
    for (int u = 0; u < USERS; u += 3) judge(&s, rec, d, u, done[u], SOLID_FROM_CACHE);
  }
  for (int u = 0; u < USERS; u++) judge(&s, rec, d, u, d->count[u], SOLID_FROM_CACHE);
  solid_recommender_free(rec);
  solid_pipeline_free(pipeline);
  solid_store_close(writes);
  solid_store_close(reads);
  free(d);
  serving_close(&s);
}

void walk_answers_follow_the_events(const walk_store *walk) {
  follow(walk, 0);
}

void walk_answers_follow_the_events_in_low_rank(const walk_store *walk) {
  follow(walk, 4);
}

/* From the event to a changed answer: first through the window alone, then through new parameters. */
void walk_one_click_changes_the_answer(const walk_store *walk) {
  serving s = serving_open(SOLID_HEAD_SOLID, 71);
  solid_store *store = walk->open(&s);
  solid_pipeline *pipeline = pipeline_of(&s, store);
  solid_recommender *rec = recommender_of(&s, store, 1);
  solid_scored answers[3][K];
  solid_answer answer = {.struct_size = sizeof answer};
  solid_query query = SOLID_QUERY_INIT;
  query.k = K;
  solid_bytes user = serving_text("clicker");
  solid_event events[3] = {serving_event_at(&s, "clicker", 1, (solid_position){0, 0}),
                           serving_event(&s, "clicker", 2, 1), serving_event(&s, "clicker", 30, 2)};
  const solid_source sources[3] = {SOLID_FROM_CACHE, SOLID_FROM_CACHE_FRESH, SOLID_FROM_CACHE};
  for (int step = 0; step < 3; step++) {
    const uint32_t click = 30;
    if (step == 0) push(pipeline, events, 2);
    if (step == 1) serving_append(&s, store, "clicker", &click, 1);
    if (step == 2) push(pipeline, events + 2, 1);
    cr_assert_eq(solid_recommend(rec, user, &query, answers[step], &answer), SOLID_OK, "%s", solid_last_error());
    cr_assert_eq(answer.source, sources[step], "step %d: %s", step, solid_source_name(answer.source));
    cr_assert_eq(answer.window_seq, 2u + (unsigned)step);
    cr_assert_eq(answer.params_seq, step == 2 ? 4u : 2u);
    for (size_t i = 0; i < answer.count; i++) cr_assert(step == 0 || answers[step][i].item != click, "seen");
    for (int before = 0; before < step; before++)
      cr_assert_neq(memcmp(answers[before], answers[step], sizeof *answers), 0);
  }
  solid_recommender_free(rec);
  solid_pipeline_free(pipeline);
  solid_store_close(store);
  serving_close(&s);
}

/* The service dies between window and parameters: answers are right all the same, and the replay puts all in order. */
void walk_a_lost_write_is_repaired(const walk_store *walk) {
  serving s = serving_open(SOLID_HEAD_SOLID, 72);
  solid_store *writes = walk->open(&s), *reads = walk->open(&s);
  fault_store faulty;
  fault_store_wrap(&faulty, writes);
  solid_pipeline *pipeline = pipeline_of(&s, &faulty.base);
  solid_recommender *rec = recommender_of(&s, reads, 1);
  diary *d = diary_draw(&s, 300, 60);
  faulty.put_params.fail_in = 1;
  faulty.put_params.status = SOLID_EIO;
  cr_assert_eq(solid_pipeline_push(pipeline, d->events, d->n, NULL), SOLID_EIO);
  for (size_t i = 0; i < d->n; i++) { /* a user of the sub-batch that was cut off */
    int user = (int)strtol(strchr(d->events[i].user.data, '-') + 1, NULL, 10);
    judge(&s, rec, d, user, d->count[user], SOLID_FROM_GENERATION);
    break;
  }
  push(pipeline, d->events, d->n);
  for (int u = 0; u < USERS; u++) judge(&s, rec, d, u, d->count[u], SOLID_FROM_CACHE);
  solid_recommender_free(rec);
  solid_pipeline_free(pipeline);
  solid_store_close(writes);
  solid_store_close(reads);
  free(d);
  serving_close(&s);
}

/* Windows outlive models: the next model finds them and makes its own parameters of them. */
void walk_a_new_model_takes_over(const walk_store *walk) {
  serving s = serving_open(SOLID_HEAD_SOLID, 73), next = serving_open(SOLID_HEAD_SOLID, 74);
  solid_store *store = walk->open(&s);
  solid_pipeline *pipeline = pipeline_of(&s, store);
  diary *d = diary_draw(&s, 400, 100);
  push(pipeline, d->events, d->n);
  solid_recommender *rec = recommender_of(&s, store, 1), *new_rec = recommender_of(&next, store, 1);
  for (int u = 0; u < USERS; u++) {
    judge(&s, rec, d, u, d->count[u], SOLID_FROM_CACHE);
    judge(&next, new_rec, d, u, d->count[u], SOLID_FROM_GENERATION);
    judge(&next, new_rec, d, u, d->count[u], SOLID_FROM_CACHE);
  }
  solid_recommender_free(rec);
  solid_recommender_free(new_rec);
  solid_pipeline_free(pipeline);
  solid_store_close(store);
  free(d);
  serving_close(&next);
  serving_close(&s);
}

/* One store, two models of different rank, side by side: each reads its own parameters and neither is given the
 * other's. */
void walk_models_of_two_ranks_share_a_store(const walk_store *walk) {
  serving s = serving_open_ranked(SOLID_HEAD_SOLID, 0, 76), low = serving_open_ranked(SOLID_HEAD_SOLID, 4, 76);
  cr_assert_neq(s.info.params, low.info.params);
  solid_store *store = walk->open(&s);
  solid_pipeline *pipeline = pipeline_of(&s, store), *low_pipeline = pipeline_of(&low, store);
  solid_recommender *rec = recommender_of(&s, store, 1), *low_rec = recommender_of(&low, store, 1);
  diary *d = diary_draw(&s, 700, 100);
  push(pipeline, d->events, d->n);
  for (int u = 0; u < USERS; u++) judge(&s, rec, d, u, d->count[u], SOLID_FROM_CACHE);
  push(low_pipeline, d->events, d->n); /* duplicates of which this model makes its own parameters */
  for (int u = 0; u < USERS; u++) {
    judge(&low, low_rec, d, u, d->count[u], SOLID_FROM_CACHE);
    judge(&s, rec, d, u, d->count[u], SOLID_FROM_GENERATION);
  }
  solid_recommender_free(rec);
  solid_recommender_free(low_rec);
  solid_pipeline_free(pipeline);
  solid_pipeline_free(low_pipeline);
  solid_store_close(store);
  free(d);
  serving_close(&low);
  serving_close(&s);
}

/* ---- Threads ---- */

typedef struct reader {
  const serving *s;
  solid_recommender *rec;
  const diary *d;
  uint64_t salt;
  char wrong[160]; /* "" = all was well: Criterion's assertions belong to the main thread */
} reader;

/* Whatever the writer is at, an answer is whole: k different items, parameters no newer than the window. */
static void *read_on(void *arg) {
  reader *r = arg;
  seed_rng rng = seed_start(r->salt);
  solid_scored out[K];
  solid_answer answer = {.struct_size = sizeof answer};
  solid_query query = SOLID_QUERY_INIT;
  query.k = K;
  query.exclude_seen = 0;
  for (int i = 0; i < 200 && !r->wrong[0]; i++) {
    solid_bytes user = serving_text(r->d->names[seed_below(&rng, USERS)]);
    solid_status status = solid_recommend(r->rec, user, &query, out, &answer);
    if (status)
      snprintf(r->wrong, sizeof r->wrong, "%s", solid_last_error());
    else if (answer.count != K || answer.params_seq > answer.window_seq)
      snprintf(r->wrong, sizeof r->wrong, "%zu items, params %llu, window %llu", answer.count,
               (unsigned long long)answer.params_seq, (unsigned long long)answer.window_seq);
    for (int a = 0; a < K && !status; a++)
      for (int b = 0; b < a; b++)
        if (out[a].item == out[b].item) snprintf(r->wrong, sizeof r->wrong, "item %u twice", out[a].item);
  }
  return NULL;
}

void walk_threads_share_one_model(const walk_store *walk) {
  serving s = serving_open(SOLID_HEAD_SOLID, 75);
  diary *d = diary_draw(&s, 500, 400);
  solid_store *store = walk->open(&s), *stores[READERS];
  solid_pipeline *pipeline = pipeline_of(&s, store);
  reader readers[READERS];
  pthread_t threads[READERS];
  for (int i = 0; i < READERS; i++) {
    stores[i] = walk->open(&s);
    readers[i] = (reader){.s = &s, .rec = recommender_of(&s, stores[i], 1), .d = d, .salt = (uint64_t)(600 + i)};
    cr_assert_eq(pthread_create(&threads[i], NULL, read_on, &readers[i]), 0);
  }
  for (size_t at = 0; at < d->n; at += 10) push(pipeline, d->events + at, 10);
  for (int i = 0; i < READERS; i++) cr_assert_eq(pthread_join(threads[i], NULL), 0);
  for (int i = 0; i < READERS; i++) {
    cr_assert_eq(readers[i].wrong[0], 0, "reader %d: %s", i, readers[i].wrong);
    for (int u = i; u < USERS; u += READERS) judge(&s, readers[i].rec, d, u, d->count[u], SOLID_FROM_CACHE);
    solid_recommender_free(readers[i].rec);
    solid_store_close(stores[i]);
  }
  solid_pipeline_free(pipeline);
  solid_store_close(store);
  free(d);
  serving_close(&s);
}
