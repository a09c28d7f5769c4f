#include "solid/train/fit/step.h"
#include "kernels/formula.h"
#include "solid/extend.h"
#include "solid/train/fit/head.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define ADAM_B1  0.9f
#define ADAM_B2  0.999f
#define ADAM_EPS 1e-8f

#define ITEM_DROPOUT_SITE ((uint64_t)1 << 32) /* apart from every sol_site */

static size_t step_bind(sol_step *s, const solid_train_options *options, float *base) {
  const sol_config *config = &s->config;
  size_t used = 0, rows = s->max_rows, floats = rows * config->width, table = (size_t)config->items * config->width;
  for (int i = 0; i < SOL_ARRAYS; i++)
    s->values[i] = i == SOL_AVERAGE && !(options->average > 0) ? NULL : sol_take(base, &used, s->total);
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
  return used;
}

/* Windows, targets, and with item dropout the rows of E that are left. */
static size_t batch_ints(const sol_step *s, const solid_train_options *options) {
  size_t ints = sol_batch_ints(&s->config, SOL_EVERY_ROW, s->max_windows, s->max_rows) + s->max_rows;
  return ints + (options->item_dropout > 0 ? s->config.items : 0);
}

solid_status sol_step_open(sol_step *step, sk_backend *be, const sol_config *config, const uint16_t *codes,
                           size_t windows, size_t rows, const solid_train_options *options) {
  *step = (sol_step){.be = be,
                     .config = *config,
                     .codes = codes,
                     .total = sol_tensors_total(config),
                     .max_windows = windows,
                     .max_rows = rows};
  size_t floats = step_bind(step, options, NULL);
  size_t ints = sol_step_semantic_ints(config) + batch_ints(step, options);
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
  run.status = be->ops->alloc_host(be, &host, SOL_BATCHES_AHEAD * batch_ints(step, options) * sizeof(int32_t));
  step->host = host;
  step_bind(step, options, step->block);
  sol_weights_bind(&step->weights, config, step->values[SOL_WEIGHTS]);
  sol_weights_bind(&step->grads, config, step->values[SOL_GRADS]);
  step->catalogue.codes = step->ints;
  step->catalogue.attributes = step->ints + sol_step_code_ints(config);
  if (config->levels == 0) step->tables.vectors = step->grads.items;
  run.status = run.status == SOLID_OK ? sol_step_clear(step) : solid_fail(run.status, "%s", be->err);
  if (run.status == SOLID_OK) run.status = sol_step_recode(step, codes);
  if (run.status == SOLID_OK) run.status = sol_step_set_attributes(step, NULL);
  if (run.status != SOLID_OK) sol_step_close(step);
  return run.status;
}

solid_status sol_step_clear(sol_step *step) {
  sol_run run = {step->be, SOLID_OK};
  sol_op_zero(&run, step->values[SOL_GRADS], step->total);
  sol_op_zero(&run, step->values[SOL_MOMENT1], step->total);
  sol_op_zero(&run, step->values[SOL_MOMENT2], step->total);
  sol_op_zero(&run, step->loss_sum, 1);
  return run.status == SOLID_OK ? SOLID_OK : solid_fail(run.status, "%s", step->be->err);
}

void sol_step_close(sol_step *step) {
  if (step->be != NULL) {
    step->be->ops->free(step->be, step->block);
    step->be->ops->free(step->be, step->ints);
    step->be->ops->sync(step->be); /* uploads may still read it */
    step->be->ops->free_host(step->be, step->host);
  }
  *step = (sol_step){0};
}

int sol_step_drops_item(uint64_t seed, float p, uint32_t item) {
  return (double)(sol_site_seed(sol_site_seed(seed, ITEM_DROPOUT_SITE), item) >> 11) * 0x1p-53 < (double)p;
}

/* A batch on the device. */
typedef struct brought {
  sol_batch batch;
  const int32_t *target; /* (rows) */
  const int32_t *left;   /* (V) with item dropout: the item's own index, -1 when it is dropped */
} brought;

/* Packs and uploads. */
static solid_status bring_batch(sol_step *s, const solid_train_options *options, uint64_t seed,
                                const solid_windows *inputs, const int32_t *targets, brought *out) {
  size_t rows = inputs->offsets[inputs->n] - inputs->offsets[0];
  size_t ints = sol_batch_ints(&s->config, SOL_EVERY_ROW, inputs->n, rows);
  assert(inputs->n <= s->max_windows && rows <= s->max_rows && sol_batch_rows(s->config.window, inputs) == rows);
  int32_t *device = s->ints + sol_step_semantic_ints(&s->config);
  size_t slot = s->brought++ % SOL_BATCHES_AHEAD;
  int32_t *host = s->host + slot * batch_ints(s, options);
  solid_status status = slot == 0 ? s->be->ops->sync(s->be) : SOLID_OK; /* none is still on its way */
  if (status != SOLID_OK) return status;
  sol_batch_pack(&out->batch, &s->config, SOL_EVERY_ROW, inputs, host, device);
  memcpy(host + ints, targets, rows * sizeof *targets);
  out->target = device + ints;
  ints += rows;
  out->left = device + ints;
  for (uint32_t v = 0; v < s->config.items && s->shown != NULL; v++)
    host[ints++] = sol_step_drops_item(seed, options->item_dropout, v) ? -1 : (int32_t)v;
  return s->be->ops->upload(s->be, device, host, ints * sizeof(int32_t));
}

/* to (V, d) = the rows of `from` that item dropout left, zero elsewhere. */
static void leave_items(sol_run *run, const sol_step *s, const int32_t *left, const float *from, float *to) {
  int32_t V = (int32_t)s->config.items;
  gather(run, V, (int32_t)s->config.width, V, from, left, 0, to);
}

static solid_status forward(sol_step *s, const sol_pass *pass, const sol_dropout *drop, const int32_t *left) {
  const sol_weights *w = &s->weights;
  sol_weights shown = s->weights;
  sol_run run = {s->be, SOLID_OK};
  if (s->shown != NULL) {
    leave_items(&run, s, left, w->items, s->shown);
    shown.items = s->shown;
  }
  solid_status status = run.status;
  if (status == SOLID_OK) status = sol_catalogue_compute(s->be, &s->config, &shown, &s->catalogue);
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
  sol_op_copy(&run, g->items, s->shown, (size_t)s->config.items * s->config.width);
  return run.status;
}

static void clear_gradients(sol_run *run, sol_step *s) {
  size_t table = (size_t)s->config.items * s->config.width;
  sol_op_zero(run, s->values[SOL_GRADS], s->total);
  if (s->config.levels == 0) return;
  sol_op_zero(run, s->tables.vectors, table);
  sol_op_zero(run, s->tables.semantic, table);
}

solid_status sol_step_gradients(sol_step *step, const solid_train_options *options, uint64_t seed,
                                const solid_windows *inputs, const int32_t *targets) {
  sol_run run = {step->be, SOLID_OK};
  brought b = {0};
  run.status = bring_batch(step, options, seed, inputs, targets, &b);
  step->last = b.batch;
  clear_gradients(&run, step);
  sol_pass pass = {.be = step->be,
                   .config = &step->config,
                   .weights = &step->weights,
                   .catalogue = &step->catalogue,
                   .batch = &b.batch};
  sol_dropout drop = {.p = options->dropout, .p_z = options->dropout_z, .p_y = options->dropout_y, .seed = seed};
  if (run.status == SOLID_OK) run.status = forward(step, &pass, &drop, b.left);
  sol_head_args head = {.h = step->h,
                        .z_item = step->item.z,
                        .z_semantic = step->semantic.z,
                        .target = b.target,
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

solid_status sol_step_update(sol_step *step, const solid_train_options *options, uint64_t number) {
  sol_run run = {step->be, SOLID_OK};
  sol_tensor tensors[SOL_MAX_TENSORS];
  size_t n = sol_tensors_list(&step->config, tensors), end = 0;
  sol_op_reduce(
      &run, &(sk_reduce_args){
                .n = (int64_t)step->total, .kind = SK_SUM_SQUARES, .x = step->values[SOL_GRADS], .out = step->sumsq});
  for (size_t first = 0; first < n; first = end) { /* runs of tensors of one group; the gaps are zero and stay so */
    int generator = tensors[first].generator;
    for (end = first + 1; end < n && tensors[end].generator == generator; end++) {
    }
    size_t from = tensors[first].offset, to = end < n ? tensors[end].offset : step->total;
    sol_op_adamw(
        &run, &(sk_adamw_args){.n = (int64_t)(to - from),
                               .lr = options->rate,
                               .b1 = ADAM_B1,
                               .b2 = ADAM_B2,
                               .eps = ADAM_EPS,
                               .decay = generator ? 0 : options->decay,
                               .step = (int64_t)number,
                               .grad = step->values[SOL_GRADS] + from,
                               .sumsq = step->sumsq,
                               .max_norm = options->max_norm,
                               .w = step->values[SOL_WEIGHTS] + from,
                               .m = step->values[SOL_MOMENT1] + from,
                               .v = step->values[SOL_MOMENT2] + from,
                               .average = step->values[SOL_AVERAGE] == NULL ? NULL : step->values[SOL_AVERAGE] + from,
                               .average_keep = options->average});
  }
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
