#include "solid/train/fit/step.h"
#include "kernels/formula.h"
#include "solid/extend.h"
#include "solid/train/fit/head.h"

static size_t step_bind(sol_step *s, const solid_train_options *options, float *base) {
  const sol_config *config = &s->config;
  size_t used = 0, rows = s->max_rows, floats = rows * config->width, table = (size_t)s->here.items * config->width;
  for (int i = 0; i < SOL_ARRAYS; i++) {
    size_t array = i == SOL_GRADS ? s->grad_total : s->total;
    s->values[i] = i == SOL_AVERAGE && !(options->average > 0) ? NULL : sol_take(base, &used, array);
  }
  s->loss_sum = sol_take(base, &used, 1);
  s->sumsq = sol_take(base, &used, 1);
  if (config->levels > 0) {
    s->catalogue.semantic = sol_take(base, &used, table);
    s->catalogue.vectors = sol_take(base, &used, table);
    s->tables.semantic = sol_take(base, &used, table);
    s->tables.vectors = sol_take(base, &used, table);
  }
  used += sol_encoder_state_bind(&s->encoder, config, s->max_windows, rows, base == NULL ? NULL : base + used);
  if (sol_config_has_item_branch(config)) {
    used += sol_branch_state_bind(&s->item, config, rows, base == NULL ? NULL : base + used);
    s->dz_item = sol_take(base, &used, floats);
  }
  if (sol_config_has_semantic_branch(config)) {
    used += sol_branch_state_bind(&s->semantic, config, rows, base == NULL ? NULL : base + used);
    s->dz_semantic = sol_take(base, &used, floats);
  }
  s->h = sol_take(base, &used, floats);
  s->dh = sol_take(base, &used, floats);
  s->loss = sol_take(base, &used, rows);
  if (options->item_dropout > 0) s->shown = sol_take(base, &used, table);
  s->head_work = sol_take(base, &used, sol_head_floats(s->be, config, rows));
  if (options->negatives > 0) used += sol_step_part_bind(s, base == NULL ? NULL : base + used);
  return used;
}

solid_status sol_step_open(sol_step *step, sk_backend *be, const sol_config *config, const uint16_t *codes,
                           size_t windows, size_t rows, const solid_train_options *options) {
  *step = (sol_step){.be = be,
                     .config = *config,
                     .codes = codes,
                     .total = sol_tensors_total(config),
                     .max_windows = windows,
                     .max_rows = rows};
  step->here = *config;
  if (options->negatives > 0) step->here.items = sol_step_part_most(step, options);
  step->grad_total = sol_tensors_total(&step->here);
  step->rest = step->total - sol_tensors_behind_items(config);
  size_t floats = step_bind(step, options, NULL);
  step->batch_ints = sol_step_batch_ints(step, options);
  size_t ints = sol_step_semantic_ints(config) + step->batch_ints;
  sol_run run = {be, SOLID_OK};
  void *block = NULL, *device_ints = NULL, *host = NULL;
  run.status = be->ops->alloc(be, &block, floats * sizeof(float));
  step->block = block;
  if (run.status == SOLID_OK) run.status = be->ops->alloc(be, &device_ints, ints * sizeof(int32_t));
  step->ints = device_ints;
  if (run.status != SOLID_OK) {
    sol_step_close(step);
    return solid_fail(run.status, "%zu MiB for batches of %zu rows: %s", (floats + ints) * 4 / (1u << 20), rows,
                      be->err);
  }
  run.status = be->ops->alloc_host(be, &host, SOL_BATCHES_AHEAD * step->batch_ints * sizeof(int32_t));
  step->host = host;
  if (run.status != SOLID_OK) run.status = solid_fail(run.status, "%s", be->err);
  step_bind(step, options, step->block);
  if (run.status == SOLID_OK && options->negatives > 0) run.status = sol_step_part_open(step, options);
  sol_weights_bind(&step->weights, config, step->values[SOL_WEIGHTS]);
  sol_weights_bind(&step->grads, &step->here, step->values[SOL_GRADS]);
  step->catalogue.codes = step->ints;
  step->catalogue.attributes = step->ints + sol_step_code_ints(config);
  if (config->levels == 0) step->tables.vectors = step->grads.items;
  if (run.status == SOLID_OK) run.status = sol_step_clear(step);
  if (run.status == SOLID_OK) run.status = sol_step_recode(step, codes);
  if (run.status == SOLID_OK) run.status = sol_step_set_attributes(step, NULL);
  if (run.status != SOLID_OK) sol_step_close(step);
  return run.status;
}

solid_status sol_step_clear(sol_step *step) {
  sol_run run = {step->be, SOLID_OK};
  sol_op_zero(&run, step->values[SOL_GRADS], step->grad_total);
  sol_op_zero(&run, step->values[SOL_MOMENT1], step->total);
  sol_op_zero(&run, step->values[SOL_MOMENT2], step->total);
  sol_op_zero(&run, step->loss_sum, 1);
  sol_step_part_begin(&run, step);
  return run.status == SOLID_OK ? SOLID_OK : solid_fail(run.status, "%s", step->be->err);
}

void sol_step_close(sol_step *step) {
  if (step->be != NULL) {
    step->be->ops->free(step->be, step->block);
    step->be->ops->free(step->be, step->ints);
    step->be->ops->sync(step->be); /* uploads may still read it */
    step->be->ops->free_host(step->be, step->host);
    sol_step_part_close(step);
  }
  *step = (sol_step){0};
}

/* to (V here, d) = the rows of `from` that item dropout left, zero elsewhere. */
static void leave_items(sol_run *run, const sol_step *s, const int32_t *left, const float *from, float *to) {
  int32_t V = (int32_t)s->here.items;
  gather(run, V, (int32_t)s->here.width, V, from, left, 0, to);
}

static solid_status forward(sol_step *s, const sol_pass *pass, const sol_dropout *drop, const int32_t *left) {
  const sol_weights *w = &s->weights;
  sol_weights shown = s->weights;
  sol_run run = {s->be, SOLID_OK};
  if (sol_step_has_part(s)) shown.items = sol_step_part_items(&run, s);
  if (s->shown != NULL) {
    leave_items(&run, s, left, shown.items, s->shown);
    shown.items = s->shown;
  }
  solid_status status = run.status;
  if (status == SOLID_OK) status = sol_catalogue_compute(s->be, &s->here, &shown, &s->catalogue);
  if (status == SOLID_OK) status = sol_encode_rows(pass, drop, &s->encoder, s->h);
  if (status == SOLID_OK && s->dz_item != NULL)
    status = sol_branch_rows(pass, &w->item, SK_ROWS_OWN, SOL_SITE_ITEM_INPUT, drop, &s->item);
  if (status == SOLID_OK && s->dz_semantic != NULL)
    status = sol_branch_rows(pass, &w->semantic, SK_ROWS_SHARED, SOL_SITE_SEMANTIC_INPUT, drop, &s->semantic);
  return status;
}

static solid_status backward(sol_step *s, const sol_pass *pass, const sol_dropout *drop, const int32_t *left) {
  const sol_weights *w = &s->weights, *g = &s->grads;
  solid_status status = SOLID_OK;
  if (s->dz_item != NULL)
    status = sol_branch_rows_backward(pass, &w->item, SOL_SITE_ITEM_INPUT, drop, &s->item, s->encoder.work, s->dz_item,
                                      &g->item, g->items);
  if (status == SOLID_OK && s->dz_semantic != NULL)
    status = sol_branch_rows_backward(pass, &w->semantic, SOL_SITE_SEMANTIC_INPUT, drop, &s->semantic, s->encoder.work,
                                      s->dz_semantic, &g->semantic, s->tables.semantic);
  if (status == SOLID_OK) status = sol_encode_rows_backward(pass, drop, &s->encoder, s->dh, g, &s->tables);
  if (status == SOLID_OK) status = sol_catalogue_backward(pass, &s->tables, g);
  if (s->shown == NULL) return status;
  sol_run run = {s->be, status};
  leave_items(&run, s, left, g->items, s->shown); /* dropped embeddings have no gradient */
  sol_op_copy(&run, g->items, s->shown, (size_t)s->here.items * s->here.width);
  return run.status;
}

static void clear_gradients(sol_run *run, sol_step *s) {
  size_t table = (size_t)s->here.items * s->here.width;
  sol_op_zero(run, s->grads.items, table);
  sol_op_zero(run, s->values[SOL_GRADS] + s->grad_total - s->rest, s->rest);
  if (s->here.levels == 0) return;
  sol_op_zero(run, s->tables.vectors, table);
  sol_op_zero(run, s->tables.semantic, table);
}

solid_status sol_step_gradients(sol_step *step, const solid_train_options *options, uint64_t seed,
                                const solid_windows *inputs, const int32_t *targets) {
  sol_run run = {step->be, SOLID_OK};
  sol_brought b = {0};
  run.status = sol_step_bring(step, options, seed, inputs, targets, &b);
  step->last = b.batch;
  clear_gradients(&run, step);
  sol_pass pass = {.be = step->be,
                   .config = &step->here,
                   .weights = &step->weights,
                   .catalogue = &step->catalogue,
                   .batch = &b.batch};
  sol_dropout drop = {.p = options->dropout, .p_z = options->dropout_z, .p_y = options->dropout_y, .seed = seed};
  if (run.status == SOLID_OK) run.status = forward(step, &pass, &drop, b.left);
  sol_head_args head = {.h = step->h,
                        .z_item = step->item.z,
                        .z_semantic = step->semantic.z,
                        .target = b.target,
                        .offset = b.offset,
                        .whole = (int32_t)step->config.items,
                        .smoothing = options->smoothing,
                        .weight = b.batch.rows > 0 ? 1.0f / (float)b.batch.rows : 0.0f,
                        .loss = step->loss,
                        .dh = step->dh,
                        .dz_item = step->dz_item,
                        .dz_semantic = step->dz_semantic,
                        .work = step->head_work};
  if (run.status == SOLID_OK) run.status = sol_head_step(&pass, &drop, &head, &step->grads, &step->tables);
  if (run.status == SOLID_OK) run.status = backward(step, &pass, &drop, b.left);
  sol_op_reduce(&run, &(sk_reduce_args){
                          .n = b.batch.rows, .kind = SK_SUM, .x = step->loss, .accumulate = 1, .out = step->loss_sum});
  return run.status == SOLID_OK ? SOLID_OK : solid_fail(run.status, "%s", step->be->err);
}

solid_status sol_step_take_loss(sol_step *step, double *sum) {
  sol_run run = {step->be, SOLID_OK};
  float value = 0;
  run.status = step->be->ops->download(step->be, &value, step->loss_sum, sizeof value);
  if (run.status == SOLID_OK) run.status = step->be->ops->sync(step->be);
  sol_op_zero(&run, step->loss_sum, 1);
  if (run.status != SOLID_OK) return solid_fail(run.status, "%s", step->be->err);
  *sum = value;
  return SOLID_OK;
}
