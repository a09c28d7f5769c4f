#include "solid/train/fit/fit.h"
#include "solid/extend.h"
#include "solid/train/data/attributes.h"
#include "solid/train/fit/recode.h"
#include "solid/train/fit/state.h"
#include "solid/train/split.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define STEP_SITE 0x5eed0000u /* keeps the seeds of steps apart from those of epochs */

static solid_status upload_values(sol_fit *t, sol_array array, const float *host) {
  return t->be->ops->upload(t->be, t->step.values[array], host, t->step.total * sizeof(float));
}

/* The best weights become the current ones, and their average. */
static solid_status start_weights(sol_fit *t) {
  solid_status status = upload_values(t, SOL_WEIGHTS, t->best);
  if (status == SOLID_OK && t->step.values[SOL_AVERAGE] != NULL) status = upload_values(t, SOL_AVERAGE, t->best);
  if (status == SOLID_OK) status = t->be->ops->sync(t->be);
  return status == SOLID_OK ? SOLID_OK : solid_fail(status, "%s", t->be->err);
}

/* Blocks add to an item's vector what is as long as a norm makes it. One that begins short is lost in that at first,
 * and what compares items begins to be learned only when it has grown. */
static void scale_items(sol_fit *t) {
  float factor = (float)t->options.item_scale / SOL_ITEM_SCALE;
  sol_weights weights;
  sol_weights_bind(&weights, &t->config, t->best);
  for (size_t i = 0; i < (size_t)t->config.items * t->config.width; i++) weights.items[i] *= factor;
}

/* Runs one step and one validation of the largest sizes, so that the kernels' scratch and what they load on first use
 * exist before the first epoch; then restores the state. */
static solid_status warm_up(sol_fit *t) {
  size_t n = t->options.batch < t->feed.users ? t->options.batch : t->feed.users, row = 0;
  uint32_t *offsets = t->feed.offsets, *items = t->feed.inputs;
  if (n > t->feed.max_rows) n = t->feed.max_rows;
  for (size_t i = 0; i < n; i++) {
    size_t spare = t->feed.max_rows - row - (n - 1 - i);
    offsets[i] = (uint32_t)row;
    row += spare < t->config.window ? spare : t->config.window;
  }
  offsets[n] = (uint32_t)row;
  for (size_t i = 0; i < row; i++) { /* as many different items as there can be */
    items[i] = (uint32_t)(2 * i % t->config.items);
    t->feed.targets[i] = (int32_t)((2 * i + 1) % t->config.items);
  }
  solid_status status =
      sol_step_gradients(&t->step, &t->options, 0, &(solid_windows){n, offsets, items}, t->feed.targets);
  if (status == SOLID_OK) status = sol_step_update(&t->step, &t->options, 1);
  sol_weights weights;
  sol_weights_bind(&weights, &t->config, t->step.values[SOL_WEIGHTS]);
  if (status == SOLID_OK) status = sol_validator_warm_up(&t->validator, &weights, &t->step);
  if (status == SOLID_OK) status = sol_step_clear(&t->step);
  return status == SOLID_OK ? start_weights(t) : status;
}

static solid_status set_attributes(sol_fit *t) {
  if (t->config.slots == 0) return SOLID_OK;
  t->attributes = sol_attributes_table(t->dataset, t->config.slots);
  if (t->attributes == NULL) return solid_fail(SOLID_ENOMEM, "attributes of %u items", t->config.items);
  return sol_step_set_attributes(&t->step, t->attributes);
}

/* Negatives are drawn by training events. */
static solid_status set_popularity(sol_fit *t) {
  if (t->options.negatives == 0) return SOLID_OK;
  float *count = malloc(((size_t)t->config.items + 1) * sizeof *count);
  if (count == NULL) return solid_fail(SOLID_ENOMEM, "events of %u items", t->config.items);
  solid_split_popularity(t->dataset, count);
  solid_status status = sol_step_set_popularity(&t->step, count);
  free(count);
  return status;
}

/* What must agree between model, options and data. */
static solid_status check_task(const sol_fit_task *task) {
  const sol_config *config = task->config;
  const solid_train_options *options = task->options;
  solid_status status = sol_config_check(config);
  if (status == SOLID_OK) status = solid_train_options_check(options);
  if (status != SOLID_OK) return status;
  if (options->item_dropout > 0 && config->levels == 0)
    return solid_fail(SOLID_EINVAL, "item_dropout = %g: a model without codes knows items by nothing else",
                      options->item_dropout);
  if (options->swap > 0 && config->levels == 0)
    return solid_fail(SOLID_EINVAL, "swap = %g: a model without codes does not know which items are alike",
                      options->swap);
  if (config->items != task->dataset->items)
    return solid_fail(SOLID_EINVAL, "config of %u items, data of %u", config->items, task->dataset->items);
  if (config->slots > 0 && config->attributes < task->dataset->attributes.count)
    return solid_fail(SOLID_EINVAL, "config of %u attributes, data of %u", config->attributes,
                      task->dataset->attributes.count);
  return SOLID_OK;
}

solid_status sol_fit_open(sol_fit **out, sk_backend *be, const sol_fit_task *task) {
  solid_status status = check_task(task);
  if (status != SOLID_OK) return status;
  sol_fit *t = calloc(1, sizeof *t);
  if (t == NULL) return solid_fail(SOLID_ENOMEM, "no memory for a fit");
  t->be = be;
  t->config = *task->config;
  t->options = *task->options;
  t->codes = task->codes;
  t->dataset = task->dataset;
  t->refit_epochs = task->refit_epochs;
  status = sol_feed_open(&t->feed, t->dataset, t->config.window, &t->options, t->refit_epochs > 0);
  if (status == SOLID_OK)
    status = sol_step_open(&t->step, be, &t->config, t->codes, t->options.batch, t->feed.max_rows, &t->options);
  if (status == SOLID_OK) status = set_attributes(t);
  if (status == SOLID_OK) status = set_popularity(t);
  if (status == SOLID_OK)
    status = sol_validator_open(&t->validator, be, &t->config, t->dataset, t->options.repeats,
                                t->options.negatives > 0 ? SOL_VALIDATOR_PIECE : 0);
  if (status == SOLID_OK && (t->best = malloc(t->step.total * sizeof *t->best)) == NULL)
    status = solid_fail(SOLID_ENOMEM, "%zu weights", t->step.total);
  if (status == SOLID_OK) {
    sol_weights_init(&t->config, t->options.seed, t->best);
    scale_items(t);
    status = start_weights(t);
  }
  if (status == SOLID_OK && be->ops->records) status = warm_up(t);
  if (status != SOLID_OK) {
    sol_fit_close(t);
    return status;
  }
  *out = t;
  return SOLID_OK;
}

solid_status sol_fit_begin_with(sol_fit *fit, const float *weights) {
  memcpy(fit->best, weights, fit->step.total * sizeof *fit->best);
  return start_weights(fit);
}

void sol_fit_close(sol_fit *fit) {
  if (fit == NULL) return;
  sol_feed_close(&fit->feed);
  sol_step_close(&fit->step);
  sol_validator_close(&fit->validator);
  sol_code_learner_close(&fit->learner);
  sol_mates_close(&fit->mates);
  free(fit->attributes);
  if (fit->owns_backend) fit->be->ops->close(fit->be);
  free(fit->best);
  free(fit);
}

static solid_status run_steps(sol_fit *t, solid_step_fn on_step, void *user) {
  sol_feed_shuffle(&t->feed, t->options.seed, t->report.epoch);
  uint32_t n =
      sol_feed_count(&t->feed); /* may differ from epoch to epoch: a schedule goes by the share of the epochs */
  uint64_t done = (uint64_t)n * t->report.epoch;
  for (uint32_t i = 0; i < n; i++) {
    solid_windows inputs;
    const int32_t *targets;
    sol_feed_get(&t->feed, i, &inputs, &targets);
    uint64_t seed = sol_site_seed(t->options.seed ^ STEP_SITE, t->steps);
    solid_train_options now = sol_train_options_at(&t->options, done + i + 1, (uint64_t)n * t->options.epochs);
    solid_status status = sol_step_gradients(&t->step, &now, seed, &inputs, targets);
    if (status == SOLID_OK) status = sol_step_update(&t->step, &now, ++t->steps);
    if (status != SOLID_OK) return status;
    if (on_step == NULL || !on_step(user, i + 1, n)) continue;
    status = sol_step_settle(&t->step);
    return status == SOLID_OK ? solid_fail(SOLID_ECANCELLED, "step %u of %u", i + 1, n) : status;
  }
  return sol_step_settle(&t->step);
}

static solid_status keep(sol_fit *t, solid_epoch *report) {
  report->best_ndcg10 = report->ndcg10;
  report->best_epoch = report->epoch;
  if (sol_fit_learns_codes(t)) sol_code_learner_keep(&t->learner);
  const float *values = t->step.values[sol_fit_kept(t)];
  solid_status status = t->be->ops->download(t->be, t->best, values, t->step.total * sizeof(float));
  if (status == SOLID_OK) status = t->be->ops->sync(t->be);
  return status == SOLID_OK ? SOLID_OK : solid_fail(status, "%s", t->be->err);
}

static solid_status validate(sol_fit *t, solid_epoch *report) {
  sol_weights weights;
  sol_weights_bind(&weights, &t->config, t->step.values[sol_fit_kept(t)]);
  sol_validation result;
  solid_status status = sol_validator_run(&t->validator, &weights, &t->step, &result);
  if (status != SOLID_OK) return status;
  report->ndcg10 = result.ndcg10;
  report->hit10 = result.hit10;
  if (report->best_epoch != 0 && !(report->ndcg10 > report->best_ndcg10)) return SOLID_OK;
  return keep(t, report);
}

solid_status sol_fit_epoch(sol_fit *fit, solid_step_fn on_step, void *user, solid_epoch *report) {
  sol_fit *t = fit;
  solid_epoch next = t->report;
  if (t->options.swap > 0 && t->feed.mates == NULL)
    return solid_fail(SOLID_EINVAL, "swap = %g: no mates were found", t->options.swap);
  solid_status status = sol_fit_recode(t);
  if (status == SOLID_OK) status = run_steps(t, on_step, user);
  if (status != SOLID_OK) return status;
  next.epoch++;
  status = sol_step_take_loss(&t->step, &next.loss);
  if (status == SOLID_OK) status = sol_step_density(&t->step, &next.density);
  if (status != SOLID_OK) return status;
  next.loss /= (double)t->feed.rows;
  if (!isfinite(next.loss))
    return solid_fail(SOLID_EINTERNAL, "loss of epoch %u is not finite: use a lower rate than %g", next.epoch,
                      t->options.rate);
  next.checked = next.epoch % t->options.check == 0 || next.epoch >= sol_fit_epochs(t);
  if (next.checked) status = t->refit_epochs > 0 ? keep(t, &next) : validate(t, &next);
  if (status != SOLID_OK) return status;
  next.finished = sol_fit_is_over(t, &next);
  t->report = next;
  if (report != NULL) *report = next;
  return SOLID_OK;
}

solid_status sol_fit_schedule(sol_fit *fit, const solid_schedule *schedule) {
  sol_fit *t = fit;
  solid_train_options options = t->options;
  if (schedule->epochs <= t->report.epoch)
    return solid_fail(SOLID_EINVAL, "schedule of %u epochs: %u are over", schedule->epochs, t->report.epoch);
  if (t->refit_epochs > 0 || t->options.window_from > 0)
    return solid_fail(SOLID_EINVAL, "schedule of %u epochs: a refit, and pieces that grow, have their own",
                      schedule->epochs);
  if (schedule->average > 0 && t->step.values[SOL_AVERAGE] == NULL)
    return solid_fail(SOLID_EINVAL, "schedule with an average of %g: the training has none", schedule->average);
  options.epochs = schedule->epochs;
  if (schedule->check > 0) options.check = schedule->check;
  if (schedule->average > 0) options.average = schedule->average;
  solid_status status = solid_train_options_check(&options);
  if (status != SOLID_OK) return status;
  t->options = options;
  t->told.epochs = schedule->epochs; /* what was told before stays told */
  if (schedule->check > 0) t->told.check = schedule->check;
  if (schedule->average > 0) t->told.average = schedule->average;
  return SOLID_OK;
}

const solid_epoch *sol_fit_report(const sol_fit *fit) {
  return &fit->report;
}

void sol_fit_size(const sol_fit *fit, uint32_t *users, size_t *rows) {
  *users = fit->feed.users;
  *rows = fit->feed.rows;
}

const float *sol_fit_best(const sol_fit *fit) {
  return fit->best;
}
