/* The users of a batch: their steps into the store, and parameters for those who are due. */
#include "solid/base/clock.h"
#include "solid/extend.h"
#include "solid/model/model_parts.h"
#include "solid/serve/pipeline_parts.h"
#include <stdio.h>

static size_t smaller(size_t a, size_t b) {
  return a < b ? a : b;
}

/* The store's status of a user as what it says of the events: what was appended stays, where it is what lies beside the
 * record that is not ours. */
static solid_status status_of_events(const sol_user_batch *batch, size_t i) {
  return batch->statuses[i] == SOLID_EFORMAT && batch->applied[i] ? SOLID_OK : batch->statuses[i];
}

/* Windows of the sub-batch as packed dense items, for the users whose window was stored, who are due and of whom this
 * model knows at least one item; returns how many those are. */
static size_t pack_windows(solid_pipeline *pipeline, size_t n) {
  sol_user_batch *batch = &pipeline->batch;
  size_t users = 0, rows = 0;
  int64_t now_ms = sol_wall_ms();
  uint32_t applied = (uint32_t)sol_model_applied(pipeline->model) & 0xffffff;
  batch->offsets[0] = 0;
  for (size_t i = 0; i < n; i++) {
    if (batch->statuses[i]) continue;
    if (!solid_generate_is_due(&pipeline->generate, &batch->windows[i], pipeline->info.generation, now_ms)) continue;
    size_t known = sol_known_items(pipeline->model, &batch->windows[i], smaller(pipeline->info.window, pipeline->tail),
                                   batch->items + rows);
    if (!known) continue;
    rows += known;
    batch->users[users] = batch->appends[i].user;
    batch->params[users] = (solid_params){.seq = batch->windows[i].seq,
                                          .generation = pipeline->info.generation,
                                          .width = pipeline->info.width,
                                          .count = pipeline->info.params,
                                          .element = pipeline->element,
                                          .life = batch->windows[i].life,
                                          .items = applied};
    if (pipeline->keeper)
      batch->wishes[users] = (sol_wish){
          .user = batch->users[users], .window = &batch->windows[i], .h = batch->h + users * pipeline->info.width};
    batch->offsets[++users] = (uint32_t)rows;
  }
  return users;
}

/* One status is the verdict of all events of a user. Returns how many they are. */
static size_t judge_user(const solid_pipeline *pipeline, size_t group, solid_status status, solid_status *verdicts) {
  const sol_groups *groups = &pipeline->groups;
  for (size_t m = groups->offsets[group]; m < groups->offsets[group + 1]; m++)
    if (verdicts) verdicts[groups->members[m]] = status;
  return groups->offsets[group + 1] - groups->offsets[group];
}

/* Right behind the store's call, whose text this is. */
static void note_newer(solid_pipeline *pipeline, size_t n) {
  for (size_t i = 0; i < n && !pipeline->newer[0]; i++)
    if (pipeline->batch.statuses[i] == SOLID_EUNSUPPORTED)
      snprintf(pipeline->newer, sizeof pipeline->newer, "%s", solid_last_error());
}

/* `count` events of the group were applied before: the first ones that have a stream, since offsets of a stream grow.
 * If a user's events come from several streams in one batch, only their number is exact. */
static void tell_duplicates(solid_pipeline *pipeline, size_t group, size_t count, solid_status *verdicts) {
  const sol_groups *groups = &pipeline->groups;
  if (pipeline->is_again) return;
  pipeline->stats.duplicates += count;
  for (size_t m = groups->offsets[group]; verdicts && count && m < groups->offsets[group + 1]; m++) {
    if (!pipeline->stream.positions[m].stream) continue;
    verdicts[groups->members[m]] = SOLID_EDUPLICATE;
    count--;
  }
}

/* Windows of groups first .. first + n, with the new steps appended. */
static solid_status append_steps(solid_pipeline *pipeline, size_t first, size_t n, solid_status *verdicts) {
  sol_user_batch *batch = &pipeline->batch;
  const sol_groups *groups = &pipeline->groups;
  for (size_t i = 0; i < n; i++) {
    size_t from = groups->offsets[first + i];
    batch->appends[i] =
        (solid_append){.user = groups->users[first + i],
                       .steps = pipeline->stream.steps + from,
                       .positions = pipeline->stream.positions + from,
                       .dislikes = pipeline->stream.has_dislikes ? pipeline->stream.dislikes + from : NULL,
                       .count = groups->offsets[first + i + 1] - from};
    batch->windows[i] = (solid_window){.steps = batch->steps + i * pipeline->tail,
                                       .most = pipeline->keeper ? (uint32_t)pipeline->tail : 0};
    batch->statuses[i] = SOLID_EUNKNOWN; /* where a store that fails says nothing of its users */
    batch->applied[i] = 0;
  }
  int64_t began_ns = sol_steady_ns();
  solid_status status = pipeline->store->ops->advance(pipeline->store, batch->appends, n, batch->windows,
                                                      batch->applied, batch->statuses);
  note_newer(pipeline, n);
  for (size_t i = 0; i < n; i++) {
    solid_status of_events = status_of_events(batch, i);
    size_t count = judge_user(pipeline, first + i, of_events, verdicts);
    if (of_events && !status) pipeline->stats.set_aside += count;
    if (of_events) continue;
    pipeline->stats.applied += batch->applied[i];
    tell_duplicates(pipeline, first + i, count - batch->applied[i], verdicts);
  }
  if (status) return status;
  sol_follow(&pipeline->follower, pipeline->items, pipeline->store, pipeline->model);
  pipeline->stats.advances++;
  pipeline->stats.advance_ns += sol_steady_ns() - began_ns;
  return SOLID_OK;
}

/* Of whom the store cannot take them: the events are in the record all the same, and keep their verdict. */
static solid_status put_params(solid_pipeline *pipeline, size_t users) {
  sol_user_batch *batch = &pipeline->batch;
  int64_t began_ns = sol_steady_ns();
  solid_status status =
      pipeline->store->ops->put_params(pipeline->store, batch->users, batch->params, users, batch->statuses);
  if (!status) {
    note_newer(pipeline, users);
    pipeline->stats.puts++;
    pipeline->stats.put_ns += sol_steady_ns() - began_ns;
  }
  for (size_t i = 0; i < users && !status; i++) pipeline->stats.generated += batch->statuses[i] == SOLID_OK;
  return status;
}

solid_status sol_pipeline_users(solid_pipeline *pipeline, size_t first, size_t n, solid_status *verdicts) {
  sol_user_batch *batch = &pipeline->batch;
  solid_status status = append_steps(pipeline, first, n, verdicts);
  size_t users = status ? 0 : pack_windows(pipeline, n);
  if (!users) return status;
  solid_windows windows = {users, batch->offsets, batch->items};
  sol_made made;
  int64_t began_ns = sol_steady_ns();
  if (pipeline->keeper) status = sol_keeper_grant(pipeline->keeper, batch->wishes, users);
  if (!status) status = sol_worker_generate(pipeline->worker, &windows, &made);
  pipeline->stats.generate_ns += sol_steady_ns() - began_ns;
  for (size_t i = 0; i < users && !status; i++) {
    batch->params[i].h = (pipeline->keeper ? batch->h : made.h) + i * pipeline->info.width;
    if (made.halves)
      batch->params[i].halves = made.halves + i * pipeline->info.params;
    else if (made.params)
      batch->params[i].values = made.params + i * pipeline->info.params;
  }
  return status ? status : put_params(pipeline, users);
}
