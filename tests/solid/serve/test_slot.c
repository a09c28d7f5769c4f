/* The slot: which generation a user has, what is kept and what goes, and 200 switches under load. */
#include "solid/model/model_file.h"
#include "solid/model/model_parts.h"
#include "solid/slot.h"
#include "store/memory_store.h"
#include "tests/support/serving.h"
#include "tests/support/tiny_model.h"
#include <criterion/criterion.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum { USERS = 40, THREADS = 3, SWITCHES = 200, K = 5, MODELS = 3 };

static solid_context *ctx;

/* Models of another rank each, over the same items. */
static solid_model *model_of(int which) {
  static const uint32_t ranks[MODELS] = {0, 4, 8};
  sol_config config = tiny_config(SOLID_HEAD_SOLID, ranks[which]);
  return tiny_model(ctx, &config, (uint64_t)which + 1);
}

static uint64_t generation_of(const solid_model *model) {
  solid_model_info info = {.struct_size = sizeof info};
  cr_assert_eq(solid_model_get_info(model, &info), SOLID_OK);
  return info.generation;
}

static void open_context(void) {
  cr_assert_eq(solid_context_new(&ctx, NULL), SOLID_OK, "%s", solid_last_error());
}

static void close_context(void) {
  solid_context_free(ctx);
}

TestSuite(slot, .init = open_context, .fini = close_context);

/* A slot with n seats over one memory. */
typedef struct rig_slot {
  solid_slot *slot;
  solid_store *stores[THREADS + 1]; /* the last one is for switches */
} rig_slot;

static rig_slot open_slot(void) {
  rig_slot rig = {0};
  solid_model *model = model_of(0);
  cr_assert_eq(solid_store_open_memory(&rig.stores[0], model, NULL), SOLID_OK, "%s", solid_last_error());
  solid_model_free(model);
  for (int i = 1; i <= THREADS; i++) cr_assert_eq(solid_memory_store_share(&rig.stores[i], rig.stores[0]), SOLID_OK);
  solid_pipeline_options pipeline = SOLID_PIPELINE_OPTIONS_INIT;
  solid_recommender_options recommender = SOLID_RECOMMENDER_OPTIONS_INIT;
  solid_slot_options options = SOLID_SLOT_OPTIONS_INIT;
  pipeline.max_batch = 4;
  recommender.element = pipeline.element = SOLID_F32;
  options.seats = THREADS;
  options.stores = rig.stores;
  options.pipeline = &pipeline;
  options.recommender = &recommender;
  cr_assert_eq(solid_slot_new(&rig.slot, &options), SOLID_OK, "%s", solid_last_error());
  return rig;
}

static void close_slot(rig_slot *rig) {
  solid_slot_free(rig->slot);
  for (int i = 0; i <= THREADS; i++) solid_store_close(rig->stores[i]);
}

static uint64_t add(rig_slot *rig, int which) {
  solid_model *model = model_of(which);
  uint64_t generation = generation_of(model);
  cr_assert_eq(solid_slot_add(rig->slot, model), SOLID_OK, "%s", solid_last_error());
  return generation;
}

static void switch_to(rig_slot *rig, uint64_t generation, uint32_t share) {
  solid_status status = solid_slot_switch(rig->slot, rig->stores[THREADS], generation, share);
  cr_assert_eq(status, SOLID_OK, "%s", solid_last_error());
}

static solid_bytes user_name(int user, char text[16]) {
  snprintf(text, 16, "user-%d", user);
  return (solid_bytes){text, strlen(text)};
}

Test(slot, a_users_generation_is_a_function_of_the_record_and_the_id) {
  const solid_live live = {3, 11, 22, 2500};
  int current = 0;
  char text[16];
  for (int user = 0; user < 4000; user++) {
    solid_bytes id = user_name(user, text);
    uint64_t generation = solid_live_generation(&live, id);
    cr_assert(generation == 11 || generation == 22);
    cr_assert_eq(generation, solid_live_generation(&live, id));
    current += generation == 11;
    /* Who has the current one keeps it when its share grows. */
    const solid_live wider = {4, 11, 22, 6000};
    if (generation == 11) cr_assert_eq(solid_live_generation(&wider, id), 11);
  }
  cr_assert(current > 850 && current < 1150, "%d of 4000 users have the current generation, a quarter expected",
            current);
  const solid_live none = {1, 11, 0, 0}, all = {1, 11, 22, SOLID_SHARES};
  for (int user = 0; user < 100; user++) {
    cr_assert_eq(solid_live_generation(&none, user_name(user, text)), 11);
    cr_assert_eq(solid_live_generation(&all, user_name(user, text)), 11);
  }
}

Test(slot, keeps_current_and_previous_and_lets_the_others_go) {
  rig_slot rig = open_slot();
  const solid_seat *seat = NULL, *old = NULL;
  solid_bytes ann = serving_text("ann");
  cr_assert_eq(solid_slot_take(rig.slot, 0, ann, &seat), SOLID_ENOTFOUND);
  uint64_t generation[MODELS];
  generation[0] = add(&rig, 0);
  switch_to(&rig, generation[0], SOLID_SHARES);
  cr_assert_eq(solid_slot_take(rig.slot, 0, ann, &old), SOLID_OK);
  cr_assert_eq(old->generation, generation[0]);
  for (int i = 1; i < MODELS; i++) {
    generation[i] = add(&rig, i);
    switch_to(&rig, generation[i], SOLID_SHARES);
  }
  cr_assert_eq(solid_slot_count(rig.slot), 3, "the first one waits for its seat");
  cr_assert_not(solid_slot_holds(rig.slot, generation[0]));
  solid_scored best[K];
  cr_assert_eq(solid_recommend(old->recommender, ann, NULL, (solid_scored[10]){{0, 0}}, NULL), SOLID_OK);
  solid_slot_give(rig.slot, old);
  cr_assert_eq(solid_slot_count(rig.slot), 2);
  switch_to(&rig, generation[1], SOLID_SHARES); /* the way back */
  solid_live live = solid_slot_get_live(rig.slot);
  cr_assert_eq(live.current, generation[1]);
  cr_assert_eq(live.previous, generation[2]);
  cr_assert_eq(solid_slot_take(rig.slot, 1, ann, &seat), SOLID_OK);
  solid_query query = SOLID_QUERY_INIT;
  query.k = K;
  cr_assert_eq(solid_recommend(seat->recommender, ann, &query, best, NULL), SOLID_OK);
  solid_slot_give(rig.slot, seat);
  cr_assert_eq(solid_slot_take(rig.slot, THREADS, ann, &seat), SOLID_EINVAL);
  close_slot(&rig);
}

Test(slot, refuses_what_is_not_loaded_and_changes_nothing) {
  rig_slot rig = open_slot();
  uint64_t first = add(&rig, 0);
  switch_to(&rig, first, SOLID_SHARES);
  const solid_live other = {7, 4711, first, 5000}, none = {0};
  cr_assert_eq(solid_slot_follow(rig.slot, &other), SOLID_ENOTFOUND);
  cr_assert(strstr(solid_last_error(), "0000000000001267"), "%s", solid_last_error());
  cr_assert_eq(solid_slot_follow(rig.slot, &none), SOLID_EINVAL);
  cr_assert_eq(solid_slot_switch(rig.slot, rig.stores[THREADS], 4711, 1), SOLID_ENOTFOUND);
  cr_assert_eq(solid_slot_get_live(rig.slot).current, first);
  close_slot(&rig);
}

Test(slot, refuses_a_model_that_reads_longer_windows_than_the_store_keeps) {
  rig_slot rig = open_slot();
  sol_config config = tiny_config(SOLID_HEAD_SOLID, 0);
  config.window *= 2;
  solid_model *model = tiny_model(ctx, &config, 9);
  cr_assert_eq(solid_slot_add(rig.slot, model), SOLID_EMISMATCH);
  cr_assert(strstr(solid_last_error(), "10") && strstr(solid_last_error(), "20"), "%s", solid_last_error());
  solid_model_free(model); /* still the caller's */
  close_slot(&rig);
}

Test(slot, a_process_follows_the_record_that_another_one_wrote) {
  rig_slot writer = open_slot();
  rig_slot reader = {0};
  solid_slot_options options = SOLID_SLOT_OPTIONS_INIT;
  cr_assert_eq(solid_memory_store_share(&reader.stores[0], writer.stores[0]), SOLID_OK);
  options.seats = 1;
  options.stores = reader.stores;
  cr_assert_eq(solid_slot_new(&reader.slot, &options), SOLID_OK, "%s", solid_last_error());
  uint64_t a = add(&writer, 0), b = add(&writer, 1);
  switch_to(&writer, a, SOLID_SHARES);
  switch_to(&writer, b, 5000);
  add(&reader, 0);
  add(&reader, 1);
  solid_live live = {0};
  cr_assert_eq(solid_live_read(reader.stores[0], &live), SOLID_OK);
  cr_assert_eq(solid_slot_follow(reader.slot, &live), SOLID_OK, "%s", solid_last_error());
  int of_b = 0;
  for (int user = 0; user < USERS; user++) {
    char text[16];
    const solid_seat *here = NULL, *there = NULL;
    cr_assert_eq(solid_slot_take(writer.slot, 0, user_name(user, text), &here), SOLID_OK);
    cr_assert_eq(solid_slot_take(reader.slot, 0, user_name(user, text), &there), SOLID_OK);
    cr_assert_eq(here->generation, there->generation);
    of_b += here->generation == b;
    solid_slot_give(writer.slot, here);
    solid_slot_give(reader.slot, there);
  }
  cr_assert(of_b > 5 && of_b < USERS - 5, "%d of %d", of_b, USERS);
  close_slot(&reader);
  close_slot(&writer);
}

Test(slot, the_record_changes_one_version_at_a_time) {
  rig_slot rig = open_slot();
  solid_store *store = rig.stores[0], *other = rig.stores[1];
  solid_live live = {9, 9, 9, 9};
  cr_assert_eq(solid_live_read(store, &live), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(live.version | live.current | live.previous | live.share, 0);
  const solid_live first = {1, UINT64_MAX, 0, SOLID_SHARES}, second = {2, 7, UINT64_MAX, 2500};
  cr_assert_eq(solid_live_write(store, &first), SOLID_OK, "%s", solid_last_error());
  const solid_live late = {1, 8, 0, SOLID_SHARES};
  cr_assert_eq(solid_live_write(other, &late), SOLID_EMISMATCH, "somebody was first");
  cr_assert_eq(solid_live_write(other, &second), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(solid_live_write(store, &second), SOLID_EMISMATCH);
  cr_assert_eq(solid_live_read(store, &live), SOLID_OK, "%s", solid_last_error());
  cr_assert(live.version == 2 && live.current == 7 && live.previous == UINT64_MAX && live.share == 2500);
  const solid_live bad[] = {{0, 7, 0, 1}, {3, 0, 7, 1}, {3, 7, 7, 1}, {3, 7, 8, SOLID_SHARES + 1}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    cr_assert_eq(solid_live_write(store, &bad[i]), SOLID_EINVAL, "record %zu", i);
  close_slot(&rig);
}

Test(slot, what_is_only_like_a_record_is_none) {
  rig_slot rig = open_slot();
  solid_store *store = rig.stores[0];
  const char *const texts[] = {"x",
                               "solid-live 1 version 1 current 0000000000000007 previous 0000000000000000 share 1 ",
                               "solid-live 1 version 1 current 7 previous 0 share 10000",
                               "solid-live 2 version 1 current 0000000000000007 previous 0000000000000000 share 1"};
  solid_bytes name = serving_text("live generations"), seen = {"", 0};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    int saved = 0;
    solid_live live;
    cr_assert_eq(store->ops->stream_save(store, name, seen, serving_text(texts[i]), &saved), SOLID_OK);
    cr_assert_eq(saved, 1);
    cr_assert_eq(solid_live_read(store, &live), SOLID_EFORMAT, "%s", texts[i]);
    seen = serving_text(texts[i]);
  }
  close_slot(&rig);
}

/* ---- Under load ---- */

/* What each model answers each user, from a recommender that nobody else touches. */
static solid_scored wanted[MODELS][USERS][K];
static uint64_t generations[MODELS];

typedef struct load {
  rig_slot *rig;
  uint32_t seat;
  atomic_int *stop;
  uint64_t answers, seen[MODELS];
  char fault[256]; /* "" = none */
} load;

static void fill_users(rig_slot *rig) {
  solid_model *model = model_of(0);
  for (int user = 0; user < USERS; user++) {
    char text[16];
    solid_step steps[6], room[10];
    solid_position positions[6] = {{0, 0}};
    solid_status of_user;
    for (uint32_t i = 0; i < 6; i++)
      steps[i] = (solid_step){solid_item_hash(solid_model_item_id(model, ((uint32_t)user * 7 + i * 5) % 40)), 1000 + i};
    solid_append append = {.user = user_name(user, text), .steps = steps, .positions = positions, .count = 6};
    solid_window window = {.steps = room};
    cr_assert_eq(rig->stores[0]->ops->advance(rig->stores[0], &append, 1, &window, NULL, &of_user), SOLID_OK);
  }
  solid_model_free(model);
}

static void fill_wanted(rig_slot *rig) {
  for (int m = 0; m < MODELS; m++) {
    solid_model *model = model_of(m);
    solid_recommender *recommender = NULL;
    solid_query query = SOLID_QUERY_INIT;
    solid_recommender_options options = SOLID_RECOMMENDER_OPTIONS_INIT;
    query.k = K;
    options.element = SOLID_F32;
    generations[m] = generation_of(model);
    cr_assert_eq(solid_recommender_new(&recommender, model, rig->stores[0], &options), SOLID_OK);
    for (int user = 0; user < USERS; user++) {
      char text[16];
      cr_assert_eq(solid_recommend(recommender, user_name(user, text), &query, wanted[m][user], NULL), SOLID_OK);
    }
    solid_recommender_free(recommender);
    solid_model_free(model);
  }
}

static void compare(load *l, int user, const solid_seat *seat, const solid_scored *best) {
  int m = 0;
  while (m < MODELS && generations[m] != seat->generation) m++;
  if (m == MODELS) {
    snprintf(l->fault, sizeof l->fault, "a generation that nobody added");
    return;
  }
  l->seen[m]++;
  for (int i = 0; i < K; i++) {
    float differs = best[i].score - wanted[m][user][i].score;
    if (best[i].item != wanted[m][user][i].item || differs > 1e-4f || differs < -1e-4f)
      snprintf(l->fault, sizeof l->fault, "model %d, user %d, place %d: item %u score %g, wanted %u and %g", m, user, i,
               best[i].item, (double)best[i].score, wanted[m][user][i].item, (double)wanted[m][user][i].score);
  }
}

static void *ask(void *argument) {
  load *l = argument;
  solid_query query = SOLID_QUERY_INIT;
  query.k = K;
  for (int user = (int)l->seat; !atomic_load(l->stop) && !l->fault[0]; user = (user + 1) % USERS) {
    char text[16];
    const solid_seat *seat = NULL;
    solid_scored best[K];
    solid_bytes id = user_name(user, text);
    solid_status status = solid_slot_take(l->rig->slot, l->seat, id, &seat);
    if (!status) status = solid_recommend(seat->recommender, id, &query, best, NULL);
    if (status)
      snprintf(l->fault, sizeof l->fault, "%s", solid_last_error());
    else
      compare(l, user, seat, best);
    solid_slot_give(l->rig->slot, seat);
    l->answers++;
  }
  return NULL;
}

Test(slot, two_hundred_switches_under_load, .timeout = 240) {
  rig_slot rig = open_slot();
  atomic_int stop = 0;
  pthread_t threads[THREADS];
  load loads[THREADS];
  fill_users(&rig);
  fill_wanted(&rig);
  switch_to(&rig, add(&rig, 0), SOLID_SHARES);
  for (uint32_t i = 0; i < THREADS; i++) {
    loads[i] = (load){.rig = &rig, .seat = i, .stop = &stop};
    cr_assert_eq(pthread_create(&threads[i], NULL, ask, &loads[i]), 0);
  }
  size_t after_some = 0;
  for (int i = 1; i <= SWITCHES; i++) {
    switch_to(&rig, add(&rig, i % MODELS), i % 4 ? SOLID_SHARES : SOLID_SHARES / 2);
    cr_assert_leq(solid_slot_count(rig.slot), 2 + THREADS);
    if (i == 50) after_some = mallinfo2().uordblks;
  }
  atomic_store(&stop, 1);
  uint64_t seen[MODELS] = {0};
  for (int i = 0; i < THREADS; i++) {
    pthread_join(threads[i], NULL);
    cr_expect_str_empty(loads[i].fault);
    for (int m = 0; m < MODELS; m++) seen[m] += loads[i].seen[m];
  }
  for (int m = 0; m < MODELS; m++) cr_expect_gt(seen[m], 0, "model %d answered nobody", m);
  cr_expect_leq(solid_slot_count(rig.slot), 2);
  /* What 150 more switches may have left is less than one model of the two that are held. */
  size_t at_end = mallinfo2().uordblks;
  cr_expect_lt(at_end, after_some + after_some / 4 + (1 << 16), "%zu bytes after 50 switches, %zu at the end",
               after_some, at_end);
  close_slot(&rig);
}
