#include "solid/base/arena.h"
#include "solid/base/handshake.h"
#include "solid/extend.h"
#include "solid/model/model_parts.h"
#include "solid/serve/forgetting.h"
#include "solid/serve/pipeline_parts.h"
#include <stdlib.h>
#include <string.h>

static void batch_bind(solid_pipeline *pipeline, sol_arena *arena) {
  sol_user_batch *batch = &pipeline->batch;
  size_t users = pipeline->max_batch,
         L = pipeline->info.window < pipeline->tail ? pipeline->info.window : pipeline->tail;
  size_t kept = pipeline->keeper ? users : 0;
  batch->appends = sol_arena_take(arena, users, sizeof *batch->appends);
  batch->windows = sol_arena_take(arena, users, sizeof *batch->windows);
  batch->applied = sol_arena_take(arena, users, sizeof *batch->applied);
  batch->statuses = sol_arena_take(arena, users, sizeof *batch->statuses);
  batch->steps = sol_arena_take(arena, users, pipeline->tail * sizeof *batch->steps);
  batch->offsets = sol_arena_take(arena, users + 1, sizeof *batch->offsets);
  batch->items = sol_arena_take(arena, users, L * sizeof *batch->items);
  batch->users = sol_arena_take(arena, users, sizeof *batch->users);
  batch->params = sol_arena_take(arena, users, sizeof *batch->params);
  batch->wishes = sol_arena_take(arena, kept, sizeof *batch->wishes);
  batch->h = sol_arena_take(arena, kept, pipeline->info.width * sizeof *batch->h);
}

/* Of all keepers that the pipeline had. */
static solid_state_stats states_of(const solid_pipeline *pipeline) {
  solid_state_stats all = pipeline->stats.states, now = sol_keeper_get_stats(pipeline->keeper);
  all.cached += now.cached, all.read += now.read, all.made += now.made;
  all.refused += now.refused, all.unsaved += now.unsaved;
  return all;
}

/* Makes what runs the model, in the place of what ran one before; after a failure that stays. Writers store the state
 * of every batch. */
static solid_status run_model(solid_pipeline *pipeline, const solid_model *model) {
  const sol_keeper_options options = {.users = pipeline->max_batch, .bytes = pipeline->state_cache, .behind = 1};
  sol_worker_use use = pipeline->element == SOLID_F16 ? SOL_WORKER_HALVES : SOL_WORKER_GENERATE;
  int is_kept = sol_keeper_serves(model, pipeline->store);
  solid_worker *worker = NULL;
  sol_keeper *keeper = NULL;
  solid_status status = is_kept ? sol_keeper_new(&keeper, model, pipeline->store, &options) : SOLID_OK;
  if (!status && is_kept) status = sol_worker_new_given(&worker, model, pipeline->max_batch, use);
  if (!status && !is_kept) status = sol_worker_new(&worker, model, pipeline->max_batch, use);
  if (status) {
    sol_keeper_free(keeper);
    return status;
  }
  pipeline->stats.states = states_of(pipeline);
  solid_worker_free(pipeline->worker);
  sol_keeper_free(pipeline->keeper);
  pipeline->worker = worker;
  pipeline->keeper = keeper;
  pipeline->model = model;
  return SOLID_OK;
}

solid_pipeline_options solid_pipeline_options_default(void) {
  return (solid_pipeline_options)SOLID_PIPELINE_OPTIONS_INIT;
}

solid_status solid_pipeline_new(solid_pipeline **out, const solid_model *model, solid_store *store,
                                const solid_pipeline_options *options) {
  solid_pipeline_options all = SOLID_PIPELINE_OPTIONS_INIT;
  if (!out || !model || !store) return solid_fail(SOLID_EINVAL, "pipeline: out, model or store is NULL");
  solid_status status = sol_struct_take(&all, sizeof all, options, "pipeline options");
  if (status) return status;
  if (all.max_batch == 0) return solid_fail(SOLID_EINVAL, "pipeline: max_batch is 0");
  if (all.element > SOLID_I8)
    return solid_fail(SOLID_EINVAL, "pipeline: element type %u is none of f32, f16, i8", all.element);
  if (all.generate.mode > SOLID_GENERATE_TIME || (all.generate.mode >= SOLID_GENERATE_EVENTS && !all.generate.every))
    return solid_fail(SOLID_EINVAL,
                      "pipeline: generate has mode %u and every %llu: solid_generate_read says what there is",
                      all.generate.mode, (unsigned long long)all.generate.every);

  solid_pipeline *pipeline = calloc(1, sizeof *pipeline);
  if (!pipeline) return solid_fail(SOLID_ENOMEM, "out of memory: pipeline");
  pipeline->store = store;
  pipeline->state_cache = all.state_cache;
  pipeline->max_batch = all.max_batch;
  pipeline->element = all.element;
  pipeline->generate = all.generate;
  pipeline->items = all.items;
  if (all.items && !store->follows_items) store->follows_items = 1;
  pipeline->info.struct_size = sizeof pipeline->info;
  sol_arena arena = {NULL, 0};
  status = solid_model_get_info(model, &pipeline->info);
  if (!status) status = sol_store_check(store, &pipeline->info);
  if (!status) status = run_model(pipeline, model);
  if (status) goto done;
  pipeline->tail = pipeline->keeper ? SOL_KEEPER_TAIL : store->window;

  batch_bind(pipeline, &arena);
  pipeline->memory = sol_arena_memory(&arena);
  if (!pipeline->memory) {
    status = solid_fail(SOLID_ENOMEM, "out of memory: pipeline for %zu users at once", pipeline->max_batch);
    goto done;
  }
  arena = (sol_arena){pipeline->memory, 0};
  batch_bind(pipeline, &arena);

done:
  if (status) {
    solid_pipeline_free(pipeline);
    return status;
  }
  *out = pipeline;
  return SOLID_OK;
}

solid_status solid_pipeline_switch(solid_pipeline *pipeline, const solid_model *model) {
  solid_model_info info = {.struct_size = sizeof info};
  if (!pipeline || !model) return solid_fail(SOLID_EINVAL, "pipeline switch: pipeline or model is NULL");
  solid_status status = solid_model_get_info(model, &info);
  if (!status && info.generation != pipeline->info.generation)
    status = solid_fail(SOLID_EMISMATCH, "pipeline switch: generation %016llx is not %016llx",
                        (unsigned long long)info.generation, (unsigned long long)pipeline->info.generation);
  if (!status) status = run_model(pipeline, model);
  if (!status) pipeline->info = info;
  return status;
}

void solid_pipeline_free(solid_pipeline *pipeline) {
  if (!pipeline) return;
  solid_worker_free(pipeline->worker);
  sol_keeper_free(pipeline->keeper);
  sol_groups_clear(&pipeline->groups);
  sol_stream_clear(&pipeline->stream);
  free(pipeline->memory);
  free(pipeline);
}

/* Of an item in the log alone the model knows nothing, or nothing yet; another one may. */
static solid_status judge(const solid_pipeline *pipeline, const solid_event *event) {
  solid_status status = sol_id_check(event->user);
  if (event->worth == SOLID_WORTH_FORGET) return status;
  if (!status) status = sol_id_check(event->item);
  if (!status && event->worth > SOLID_WORTH_FORGET) status = SOLID_EINVAL;
  if (!status && solid_model_item_index(pipeline->model, event->item) == SOLID_NO_ITEM &&
      !(pipeline->items && solid_item_log_has(pipeline->items, event->item)))
    status = SOLID_ENOTFOUND;
  return status;
}

/* Before an item is called unknown the log is read again, once a call: it may be newer than what the store told last.
 * If the store is away now, the events have to come again. */
static solid_status look_again(solid_pipeline *pipeline) {
  solid_status status = solid_item_log_follow(pipeline->items, pipeline->store);
  if (status) return solid_status_is_retriable(status) ? status : SOLID_OK;
  (void)(solid_item_log_apply(pipeline->items, pipeline->model, SOLID_ITEMS_AT_ONCE, NULL) == SOLID_OK);
  return SOLID_OK;
}

static solid_status judge_all(solid_pipeline *pipeline, const solid_event *events, size_t n, solid_status *verdicts) {
  int has_looked = !pipeline->items;
  sol_catch_up(pipeline->items, pipeline->model);
  for (size_t i = 0; i < n; i++) {
    solid_status verdict = judge(pipeline, &events[i]);
    if (verdict == SOLID_ENOTFOUND && !has_looked) {
      solid_status status = look_again(pipeline);
      if (status) return status;
      has_looked = 1;
      verdict = judge(pipeline, &events[i]);
    }
    pipeline->stream.keep[i] = verdict == SOLID_OK && events[i].worth <= SOLID_WORTH_DISLIKE;
    pipeline->stats.unknown_items += verdict == SOLID_ENOTFOUND;
    pipeline->stats.invalid += verdict != SOLID_OK && verdict != SOLID_ENOTFOUND;
    int is_due = pipeline->stream.keep[i] || (!verdict && events[i].worth == SOLID_WORTH_FORGET);
    if (verdicts) verdicts[i] = is_due ? SOL_NOT_DONE : verdict;
  }
  pipeline->stats.events += n;
  return SOLID_OK;
}

/* Lays the steps of each group side by side, as solid_append wants them. */
static void lay_out_steps(solid_pipeline *pipeline, const solid_event *events) {
  const sol_groups *groups = &pipeline->groups;
  pipeline->stream.has_dislikes = 0;
  for (size_t m = 0; m < groups->offsets[groups->count]; m++) {
    const solid_event *event = &events[groups->members[m]];
    pipeline->stream.dislikes[m] = event->worth == SOLID_WORTH_DISLIKE;
    pipeline->stream.has_dislikes |= pipeline->stream.dislikes[m];
    pipeline->stream.steps[m] = (solid_step){solid_item_hash(event->item), event->time_ms};
    pipeline->stream.positions[m] = event->position;
  }
}

static solid_status push(solid_pipeline *pipeline, const solid_event *events, size_t n, solid_status *verdicts) {
  pipeline->groups.count = 0;
  pipeline->newer[0] = 0;
  solid_status status = judge_all(pipeline, events, n, verdicts);
  sol_forgetting_batch forgetting = {pipeline->store, pipeline->stream.keep, verdicts, &pipeline->stats,
                                     pipeline->newer};
  if (!status) status = sol_forget_users(&forgetting, events, n);
  if (!status) status = sol_groups_make(&pipeline->groups, events, pipeline->stream.keep, n);
  if (!status) lay_out_steps(pipeline, events);
  for (size_t first = 0; first < pipeline->groups.count && !status; first += pipeline->max_batch) {
    size_t left = pipeline->groups.count - first;
    status = sol_pipeline_users(pipeline, first, left < pipeline->max_batch ? left : pipeline->max_batch, verdicts);
  }
  return !status && pipeline->newer[0] ? solid_fail(SOLID_EUNSUPPORTED, "%s", pipeline->newer) : status;
}

solid_status solid_pipeline_push(void *user, const solid_event *events, size_t n, solid_status *verdicts) {
  const solid_position none = {0, 0};
  solid_pipeline *pipeline = user;
  if (!pipeline || (n && !events)) return solid_fail(SOLID_EINVAL, "pipeline push: pipeline or events is NULL");
  for (size_t i = 0; i < n && verdicts; i++) verdicts[i] = SOL_NOT_DONE;
  sol_failed_call this_call = {n, n ? events[0].position : none, n ? events[n - 1].position : none};
  pipeline->is_again = n && memcmp(&this_call, &pipeline->failed, sizeof this_call) == 0;
  solid_status status = sol_stream_reserve(&pipeline->stream, n);
  if (!status) status = push(pipeline, events, n, verdicts);
  for (size_t i = 0; i < n && verdicts; i++)
    if (verdicts[i] == SOL_NOT_DONE) verdicts[i] = status;
  pipeline->failed = status ? this_call : (sol_failed_call){.n = 0};
  return status;
}

void solid_pipeline_set_generate(solid_pipeline *pipeline, const solid_generate *generate) {
  if (pipeline && generate) pipeline->generate = *generate;
}

solid_status solid_pipeline_get_stats(const solid_pipeline *pipeline, solid_pipeline_stats *stats) {
  if (!pipeline || !stats) return solid_fail(SOLID_EINVAL, "pipeline stats: pipeline or stats is NULL");
  solid_pipeline_stats all = pipeline->stats;
  all.states = states_of(pipeline);
  return sol_struct_give(stats, &all, sizeof all, "pipeline stats");
}
