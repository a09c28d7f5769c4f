#include "examples/plan/plan_state.h"
#include "examples/common/ground.h"
#include "solid/extend.h"
#include "solid/recommender.h"
#include "store/memory_store.h"
#include <stdio.h>
#include <stdlib.h>

enum { USERS = 4 };
static const double SECONDS = 1; /* enough for a figure */

/* Drawn items an hour apart. */
static solid_status append(solid_store *store, const solid_model *model, solid_bytes user, uint32_t history) {
  solid_model_info info = {.struct_size = sizeof info};
  solid_status status = solid_model_get_info(model, &info), of_user = SOLID_OK;
  solid_step *steps = calloc(history, sizeof *steps), *room = calloc(store->window, sizeof *room);
  solid_position *positions = calloc(history, sizeof *positions);
  if (!steps || !room || !positions) status = solid_fail(SOLID_ENOMEM, "out of memory: %u events", history);
  uint32_t drawn = 1;
  for (uint32_t i = 0; i < history && !status; i++) {
    drawn = drawn * 1664525 + 1013904223;
    solid_bytes item = solid_model_item_id(model, (uint32_t)((uint64_t)drawn * info.items >> 32));
    steps[i] = (solid_step){solid_item_hash(item), (int64_t)i * 3600000};
  }
  const solid_append all = {.user = user, .steps = steps, .positions = positions, .count = history};
  solid_window window = {.steps = room};
  if (!status) status = store->ops->advance(store, &all, 1, &window, NULL, &of_user);
  free(steps);
  free(room);
  free(positions);
  return status ? status : of_user;
}

/* Seconds of a user, the first one apart, who finds everything cold. */
static solid_status ask(solid_recommender *rec, const solid_bytes *ids, double *each) {
  solid_status status = SOLID_OK;
  double all = 0;
  for (int i = 0; i < USERS && !status && all < SECONDS; i++) {
    solid_query query = SOLID_QUERY_INIT;
    solid_answer answer = {.struct_size = sizeof answer};
    solid_scored best;
    query.k = 1, query.exclude_seen = 0;
    int64_t begun = sol_steady_ns();
    status = solid_recommend(rec, ids[i], &query, &best, &answer);
    double took = 1e-9 * (double)(sol_steady_ns() - begun);
    all += i ? took : 0;
    *each = i ? all / i : took;
  }
  return status;
}

solid_status plan_rebuild(const solid_model *model, uint32_t history, int64_t users) {
  static const solid_bytes ids[USERS] = {{"1", 1}, {"2", 1}, {"3", 1}, {"4", 1}};
  solid_memory_store_options options = SOLID_MEMORY_STORE_OPTIONS_INIT;
  solid_store *store = NULL;
  solid_recommender *rec = NULL;
  double each = 0;
  options.history = history;
  solid_status status = solid_store_open_memory(&store, model, &options);
  for (int i = 0; i < USERS && !status; i++) status = append(store, model, ids[i], history);
  if (!status) status = solid_recommender_new(&rec, model, store, NULL);
  if (!status) status = ask(rec, ids, &each);
  if (!status)
    printf("a new model: %.4g ms of one core for a user of %u events, measured here; %.4g hours for %lld users\n",
           each * 1e3, history, each * (double)users / 3600, (long long)users);
  solid_recommender_free(rec);
  solid_store_close(store);
  return status;
}
