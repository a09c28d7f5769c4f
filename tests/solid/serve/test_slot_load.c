/* 200 switches between three models while threads ask: no answer is wrong, mixed or missing, and memory is flat. */
#include "tests/solid/serve/slot_rig.h"
#include <criterion/criterion.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

enum { SWITCHES = 200, K = 5 };

TestSuite(slot_load, .init = slot_begin, .fini = slot_end);

/* What each model answers each user, from a recommender that nobody else touches. */
static solid_scored wanted[SLOT_MODELS][SLOT_USERS][K];
static uint64_t generations[SLOT_MODELS];

typedef struct load {
  rig_slot *rig;
  uint32_t seat;
  atomic_int *stop;
  uint64_t answers, seen[SLOT_MODELS];
  char fault[256]; /* "" = none */
} load;

static void fill_users(rig_slot *rig) {
  solid_model *model = slot_model(0);
  for (int user = 0; user < SLOT_USERS; user++) {
    char text[16];
    solid_step steps[6], room[10];
    solid_position positions[6] = {{0, 0}};
    solid_status of_user;
    for (uint32_t i = 0; i < 6; i++)
      steps[i] = (solid_step){solid_item_hash(solid_model_item_id(model, ((uint32_t)user * 7 + i * 5) % 40)), 1000 + i};
    solid_append append = {.user = slot_user(user, text), .steps = steps, .positions = positions, .count = 6};
    solid_window window = {.steps = room};
    cr_assert_eq(rig->stores[0]->ops->advance(rig->stores[0], &append, 1, &window, NULL, &of_user), SOLID_OK);
  }
  solid_model_free(model);
}

static void fill_wanted(rig_slot *rig) {
  for (int m = 0; m < SLOT_MODELS; m++) {
    solid_model *model = slot_model(m);
    solid_recommender *recommender = NULL;
    solid_query query = SOLID_QUERY_INIT;
    solid_recommender_options options = SOLID_RECOMMENDER_OPTIONS_INIT;
    query.k = K;
    options.element = SOLID_F32;
    generations[m] = slot_generation(model);
    cr_assert_eq(solid_recommender_new(&recommender, model, rig->stores[0], &options), SOLID_OK);
    for (int user = 0; user < SLOT_USERS; user++) {
      char text[16];
      cr_assert_eq(solid_recommend(recommender, slot_user(user, text), &query, wanted[m][user], NULL), SOLID_OK);
    }
    solid_recommender_free(recommender);
    solid_model_free(model);
  }
}

static void compare(load *l, int user, const solid_seat *seat, const solid_scored *best) {
  int m = 0;
  while (m < SLOT_MODELS && generations[m] != seat->generation) m++;
  if (m == SLOT_MODELS) {
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
  for (int user = (int)l->seat; !atomic_load(l->stop) && !l->fault[0]; user = (user + 1) % SLOT_USERS) {
    char text[16];
    const solid_seat *seat = NULL;
    solid_scored best[K];
    solid_bytes id = slot_user(user, text);
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

Test(slot_load, two_hundred_switches_under_load, .timeout = 600) {
  rig_slot rig = slot_open();
  atomic_int stop = 0;
  pthread_t threads[SLOT_THREADS];
  load loads[SLOT_THREADS];
  fill_users(&rig);
  fill_wanted(&rig);
  slot_switch(&rig, slot_add(&rig, 0), SOLID_SHARES);
  for (uint32_t i = 0; i < SLOT_THREADS; i++) {
    loads[i] = (load){.rig = &rig, .seat = i, .stop = &stop};
    cr_assert_eq(pthread_create(&threads[i], NULL, ask, &loads[i]), 0);
  }
  size_t after_some = 0;
  for (int i = 1; i <= SWITCHES; i++) {
    slot_switch(&rig, slot_add(&rig, i % SLOT_MODELS), i % 4 ? SOLID_SHARES : SOLID_SHARES / 2);
    cr_assert_leq(solid_slot_count(rig.slot), 2 + SLOT_THREADS);
    if (i == 50) after_some = mallinfo2().uordblks;
  }
  atomic_store(&stop, 1);
  uint64_t seen[SLOT_MODELS] = {0};
  for (int i = 0; i < SLOT_THREADS; i++) {
    pthread_join(threads[i], NULL);
    cr_expect_str_empty(loads[i].fault);
    for (int m = 0; m < SLOT_MODELS; m++) seen[m] += loads[i].seen[m];
  }
  for (int m = 0; m < SLOT_MODELS; m++) cr_expect_gt(seen[m], 0, "model %d answered nobody", m);
  cr_expect_leq(solid_slot_count(rig.slot), 2);
  /* What 150 more switches may have left is less than one model of the two that are held. */
  size_t at_end = mallinfo2().uordblks;
  cr_expect_lt(at_end, after_some + after_some / 4 + (1 << 16), "%zu bytes after 50 switches, %zu at the end",
               after_some, at_end);
  slot_close(&rig);
}
