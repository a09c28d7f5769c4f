/* The dual-parameter generator: from a user's window to the weights of a small network of the user's own.
 *
 *   item branch      z_i = MLP(GRU(E[items]))            MLP: linear, tanh, linear
 *   semantic branch  z_s = MLP(GRU(semantic[items]))
 *   per layer        W = clip(G_i z_i, +-t) + G_s z_s     (kernels/generate.h)
 *   user vector      u = h + y,  y = W2 tanh(W1 h + b1) + b2,  between shared down and up projections with a rank */
#include "kernels/ops.h"
#include "solid/infer/forward.h"
#include <math.h>

/* ---- Branches ---- */

static void dropout(sol_run *run, size_t n, float p, uint64_t seed, uint64_t site, float *x) {
  if (p == 0.0f) return;
  sol_op_dropout(run, &(sk_dropout_args){.n = (int64_t)n, .p = p, .seed = sol_site_seed(seed, site), .x = x, .y = x});
}

/* The GRU's input products over all rows. */
static void branch_input(sol_run *run, const sol_pass *pass, const sol_branch_weights *w, const float *table,
                         sol_site site, const sol_dropout *drop, const sol_branch_state *s) {
  int32_t n = pass->batch->rows, d = (int32_t)pass->config->width;
  sol_op_embed(run, &(sk_embed_args){.n = n,
                                     .d = d,
                                     .rows = (int32_t)pass->config->items,
                                     .table = table,
                                     .index = pass->batch->items,
                                     .scale = 1,
                                     .out = s->input});
  dropout(run, (size_t)n * (size_t)d, drop->p, drop->seed, (uint64_t)site, s->input);
  sol_op_linear(
      run,
      &(sk_linear_args){.n = n, .in = d, .out = 3 * d, .x = s->input, .w = w->gru_wih, .b = w->gru_bih, .y = s->gates});
}

static void branch_gru(sol_run *run, const sol_pass *pass, const sol_branch_weights *w, int newest_only,
                       const sol_branch_state *s) {
  const sol_batch *batch = pass->batch;
  sol_op_gru(run, &(sk_gru_args){.windows = batch->windows,
                                 .rows = batch->rows,
                                 .max_window = batch->max_window,
                                 .d = (int32_t)pass->config->width,
                                 .offsets = batch->offsets,
                                 .gx = s->gates,
                                 .w_hh = w->gru_whh,
                                 .b_hh = w->gru_bhh,
                                 .newest_only = newest_only,
                                 .out = s->state,
                                 .saved = s->saved});
}

static void branch_mlp(sol_run *run, int32_t n, int32_t d, const sol_branch_weights *w, sol_site site,
                       const sol_dropout *drop, const sol_branch_state *s) {
  size_t floats = (size_t)n * (size_t)d;
  sol_op_linear(
      run, &(sk_linear_args){.n = n, .in = d, .out = d, .x = s->state, .w = w->mlp1_w, .b = w->mlp1_b, .y = s->sum});
  sol_op_activate(run, &(sk_activate_args){.n = (int64_t)floats, .f = SK_TANH, .x = s->sum, .y = s->hidden});
  dropout(run, floats, drop->p_z, drop->seed, (uint64_t)site + 1, s->hidden);
  sol_op_linear(
      run, &(sk_linear_args){.n = n, .in = d, .out = d, .x = s->hidden, .w = w->mlp2_w, .b = w->mlp2_b, .y = s->z});
  dropout(run, floats, drop->p_z, drop->seed, (uint64_t)site + 2, s->z);
}

size_t sol_branch_state_bind(sol_branch_state *s, const sol_config *config, size_t rows, float *base) {
  size_t floats = rows * config->width, used = 0;
  s->input = sol_take(base, &used, floats);
  s->gates = sol_take(base, &used, 3 * floats);
  s->state = sol_take(base, &used, floats);
  s->saved = sol_take(base, &used, 4 * floats);
  s->sum = sol_take(base, &used, floats);
  s->hidden = sol_take(base, &used, floats);
  s->z = sol_take(base, &used, floats);
  return used;
}

solid_status sol_branch_rows(const sol_pass *pass, const sol_branch_weights *weights, const float *table, sol_site site,
                             const sol_dropout *drop, const sol_branch_state *state) {
  sol_run run = {pass->be, SOLID_OK};
  branch_input(&run, pass, weights, table, site, drop, state);
  branch_gru(&run, pass, weights, 0, state);
  branch_mlp(&run, pass->batch->rows, (int32_t)pass->config->width, weights, site, drop, state);
  return run.status;
}

/* ---- Inference ---- */

typedef struct newest_plan {
  sol_branch_state branch; /* input and gates over rows, the rest over windows; one set serves both branches in turn */
  float *z_item, *z_semantic; /* (windows, d) */
} newest_plan;

static size_t newest_plan_bind(newest_plan *p, const sol_config *config, size_t windows, size_t rows, float *base) {
  size_t d = config->width, used = 0;
  *p = (newest_plan){0};
  if (config->head == SOLID_HEAD_STATIC) return 0;
  p->branch.input = sol_take(base, &used, rows * d);
  p->branch.gates = sol_take(base, &used, rows * 3 * d);
  p->branch.state = sol_take(base, &used, windows * d);
  p->branch.sum = p->branch.hidden = sol_take(base, &used, windows * d);
  p->z_item = sol_take(base, &used, windows * d);
  p->z_semantic = sol_take(base, &used, windows * d);
  return used;
}

/* Floats of sol_apply over n rows: the layers' inputs and outputs. */
static size_t apply_floats(const sol_config *config, size_t n) {
  size_t used = 0;
  for (int i = 0; i < 3; i++) sol_take(NULL, &used, n * sol_config_layer_width(config));
  return used;
}

size_t sol_generator_floats(const sol_config *config, size_t windows, size_t rows) {
  newest_plan plan;
  size_t generate = newest_plan_bind(&plan, config, windows, rows, NULL), apply = apply_floats(config, windows);
  return generate > apply ? generate : apply;
}

static void branch_newest(sol_run *run, const sol_pass *pass, const sol_branch_weights *w, const float *table,
                          sol_branch_state *s, float *z) {
  static const sol_dropout none = {0};
  s->z = z;
  branch_input(run, pass, w, table, SOL_SITE_INPUT, &none, s);
  branch_gru(run, pass, w, 1, s);
  branch_mlp(run, pass->batch->windows, (int32_t)pass->config->width, w, SOL_SITE_INPUT, &none, s);
}

/* One of w and half is NULL. */
static solid_status generate(const sol_pass *pass, float *w, uint16_t *half) {
  sol_run run = {pass->be, SOLID_OK};
  const sol_config *config = pass->config;
  const sol_weights *weights = pass->weights;
  int item = sol_config_has_item_branch(config), semantic = sol_config_has_semantic_branch(config);
  if (!item && !semantic) return SOLID_OK;
  newest_plan plan;
  newest_plan_bind(&plan, config, (size_t)pass->batch->windows, (size_t)pass->batch->rows, pass->scratch);
  if (item) branch_newest(&run, pass, &weights->item, pass->catalogue->items, &plan.branch, plan.z_item);
  if (semantic) branch_newest(&run, pass, &weights->semantic, pass->catalogue->semantic, &plan.branch, plan.z_semantic);
  uint32_t m = sol_config_layer_params(config);
  for (int l = 0; l < SOL_GENERATED_LAYERS; l++)
    sol_op_generate(&run, &(sk_generate_args){.n = pass->batch->windows,
                                              .d = (int32_t)config->width,
                                              .m = (int32_t)m,
                                              .zi = item ? plan.z_item : NULL,
                                              .gi = weights->item.layer_w[l],
                                              .bi = weights->item.layer_b[l],
                                              .zs = semantic ? plan.z_semantic : NULL,
                                              .gs = weights->semantic.layer_w[l],
                                              .bs = weights->semantic.layer_b[l],
                                              .clip = semantic ? config->clip : INFINITY,
                                              .stride = sol_config_params(config),
                                              .w = w ? w + (size_t)l * m : NULL,
                                              .half = half ? half + (size_t)l * m : NULL});
  return run.status;
}

solid_status sol_generate(const sol_pass *pass, float *params) {
  return generate(pass, params, NULL);
}

solid_status sol_generate_halves(const sol_pass *pass, uint16_t *params) {
  return generate(pass, NULL, params);
}

solid_status sol_apply(const sol_pass *pass, int32_t n, const float *h, const float *params, const int32_t *index,
                       float *u) {
  sol_run run = {pass->be, SOLID_OK};
  const sol_config *config = pass->config;
  const sol_weights *w = pass->weights;
  int32_t d = (int32_t)config->width, side = (int32_t)sol_config_layer_width(config);
  size_t floats = (size_t)n * config->width, used = 0;
  if (config->head == SOLID_HEAD_STATIC) {
    if (u != h) sol_op_copy(&run, u, h, floats);
    return run.status;
  }
  float *x = sol_take(pass->scratch, &used, (size_t)n * (size_t)side);
  float *middle = sol_take(pass->scratch, &used, (size_t)n * (size_t)side);
  float *y = sol_take(pass->scratch, &used, (size_t)n * (size_t)side);
  if (config->rank > 0)
    sol_op_linear(&run,
                  &(sk_linear_args){.n = n, .in = d, .out = side, .x = h, .w = w->down_w, .b = w->down_b, .y = x});
  sk_apply_args layer = {.n = n,
                         .in = side,
                         .out = side,
                         .f = SK_TANH,
                         .x = config->rank > 0 ? x : h,
                         .w = params,
                         .stride = sol_config_params(config),
                         .index = index,
                         .y = middle};
  sol_op_apply(&run, &layer);
  layer.f = SK_IDENTITY, layer.x = middle, layer.w = params + sol_config_layer_params(config), layer.y = y;
  sol_op_apply(&run, &layer);
  if (u != h) sol_op_copy(&run, u, h, floats);
  if (config->rank > 0)
    sol_op_linear(&run, &(sk_linear_args){
                            .n = n, .in = side, .out = d, .x = y, .w = w->up_w, .b = w->up_b, .accumulate = 1, .y = u});
  else
    sol_op_blend(&run, &(sk_blend_args){.n = (int64_t)floats, .a = 1, .b = 1, .x = y, .y = u});
  return run.status;
}

size_t sol_forward_floats(const sol_config *config, size_t windows, size_t rows) {
  size_t encoder = sol_encoder_floats(config, windows, rows), generator = sol_generator_floats(config, windows, rows);
  return encoder > generator ? encoder : generator;
}
