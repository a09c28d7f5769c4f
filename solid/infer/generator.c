/* The dual-parameter generator: from a user's window to the weights of a small network of the user's own.
 *
 *   item branch      z_i = MLP(GRU(E[items]))            MLP: linear, tanh, linear
 *   semantic branch  z_s = MLP(GRU(semantic[items]))
 *   per layer        W = clip(G_i z_i, +-t) + G_s z_s     (kernels/generate.h)
 *   user vector      u = h + y,  y = W2 tanh(W1 h + b1) + b2,  between shared down and up projections with a rank */
#include "solid/infer/head.h"

/* ---- Branches ---- */

static void drop_in_place(sol_run *run, int64_t n, float p, uint64_t seed, uint64_t site, float *x) {
  dropout(run, n, p, sol_site_seed(seed, site), 0, x, x);
}

/* The GRU's input products over all rows. */
static void branch_input(sol_run *run, const sol_pass *pass, const sol_branch_weights *w, sk_rows_part part,
                         sol_site site, const sol_dropout *drop, const sol_branch_state *s) {
  int32_t n = pass->batch->recent.rows, d = (int32_t)pass->config->width;
  sol_gather_items(run, (sol_item_rows){pass->config, pass->catalogue, part}, n, pass->batch->recent.items, s->input);
  drop_in_place(run, (int64_t)n * d, drop->p, drop->seed, (uint64_t)site, s->input);
  linear(run, n, d, 3 * d, s->input, w->gru.in, s->gates);
}

static void branch_gru(sol_run *run, const sol_pass *pass, const sol_branch_weights *w, int newest_only,
                       const sol_branch_state *s) {
  const sol_recent *read = &pass->batch->recent;
  sol_op_gru(run, &(sk_gru_args){.windows = read->windows,
                                 .rows = read->rows,
                                 .max_window = read->max_window,
                                 .d = (int32_t)pass->config->width,
                                 .offsets = read->offsets,
                                 .gx = s->gates,
                                 .w_hh = w->gru.recurrent.w,
                                 .b_hh = w->gru.recurrent.b,
                                 .newest_only = newest_only,
                                 .out = s->state,
                                 .saved = s->saved});
}

static void branch_mlp(sol_run *run, int32_t n, int32_t d, const sol_branch_weights *w, sol_site site,
                       const sol_dropout *drop, const sol_branch_state *s) {
  int64_t floats = (int64_t)n * d;
  linear(run, n, d, d, s->state, w->mlp1, s->sum);
  activate(run, floats, SK_TANH, s->sum, s->activated);
  drop_in_place(run, floats, drop->p_z, drop->seed, (uint64_t)site + 1, s->activated);
  linear(run, n, d, d, s->activated, w->mlp2, s->z);
  drop_in_place(run, floats, drop->p_z, drop->seed, (uint64_t)site + 2, s->z);
}

size_t sol_branch_state_bind(sol_branch_state *s, const sol_config *config, size_t rows, float *base) {
  size_t floats = rows * config->width, used = 0;
  s->input = sol_take(base, &used, floats);
  s->gates = sol_take(base, &used, 3 * floats);
  s->state = sol_take(base, &used, floats);
  s->saved = sol_take(base, &used, 4 * floats);
  s->sum = sol_take(base, &used, floats);
  s->activated = sol_take(base, &used, floats);
  s->z = sol_take(base, &used, floats);
  return used;
}

solid_status sol_branch_rows(const sol_pass *pass, const sol_branch_weights *weights, sk_rows_part part, sol_site site,
                             const sol_dropout *drop, const sol_branch_state *state) {
  sol_run run = {pass->be, SOLID_OK};
  branch_input(&run, pass, weights, part, site, drop, state);
  branch_gru(&run, pass, weights, 0, state);
  branch_mlp(&run, pass->batch->rows, (int32_t)pass->config->width, weights, site, drop, state);
  return run.status;
}

/* ---- Inference ---- */

/* One set of buffers serves both branches in turn: input and gates over the rows that are read, the rest over windows.
 */
static size_t branch_bind(sol_branch_state *s, const sol_config *config, size_t windows, size_t rows, float *base) {
  size_t d = config->width, read = sol_batch_recent_rows(config, windows, rows), used = 0;
  *s = (sol_branch_state){0};
  if (config->head == SOLID_HEAD_STATIC) return 0;
  s->input = sol_take(base, &used, read * d);
  s->gates = sol_take(base, &used, read * 3 * d);
  s->state = sol_take(base, &used, windows * d);
  s->sum = s->activated = sol_take(base, &used, windows * d);
  return used;
}

/* The same, and z (windows, d) of each branch. */
static size_t generator_bind(sol_branch_state *s, float *z[2], const sol_config *config, size_t windows, size_t rows,
                             float *base) {
  size_t used = branch_bind(s, config, windows, rows, base);
  for (int i = 0; i < 2; i++) z[i] = used ? sol_take(base, &used, windows * config->width) : NULL;
  return used;
}

size_t sol_generator_floats(const sol_config *config, size_t windows, size_t rows) {
  sol_branch_state state;
  float *z[2];
  size_t generate = generator_bind(&state, z, config, windows, rows, NULL), apply = sol_apply_floats(config, windows);
  return generate > apply ? generate : apply;
}

static void branch_newest(sol_run *run, const sol_pass *pass, const sol_branch_weights *w, sk_rows_part part,
                          sol_branch_state *s, float *z) {
  static const sol_dropout none = {0};
  s->z = z;
  branch_input(run, pass, w, part, SOL_SITE_INPUT, &none, s);
  branch_gru(run, pass, w, 1, s);
  branch_mlp(run, pass->batch->windows, (int32_t)pass->config->width, w, SOL_SITE_INPUT, &none, s);
}

static void branches(sol_run *run, const sol_pass *pass, sol_branch_state *s, float *z_item, float *z_semantic) {
  const sol_weights *w = pass->weights;
  if (sol_config_has_item_branch(pass->config)) branch_newest(run, pass, &w->item, SK_ROWS_OWN, s, z_item);
  if (sol_config_has_semantic_branch(pass->config))
    branch_newest(run, pass, &w->semantic, SK_ROWS_SHARED, s, z_semantic);
}

solid_status sol_branches(const sol_pass *pass, float *z_item, float *z_semantic) {
  sol_run run = {pass->be, SOLID_OK};
  sol_branch_state state;
  branch_bind(&state, pass->config, (size_t)pass->batch->windows, (size_t)pass->batch->rows, pass->scratch);
  branches(&run, pass, &state, z_item, z_semantic);
  return run.status;
}

/* One of w and half is NULL. */
static solid_status generate_layers(const sol_pass *pass, float *w, uint16_t *half) {
  sol_run run = {pass->be, SOLID_OK};
  const sol_config *config = pass->config;
  int item = sol_config_has_item_branch(config), semantic = sol_config_has_semantic_branch(config);
  if (!item && !semantic) return SOLID_OK;
  int32_t n = pass->batch->windows, d = (int32_t)config->width, m = (int32_t)sol_config_layer_params(config);
  int64_t P = sol_config_params(config);
  sol_branch_state state;
  float *z[2];
  generator_bind(&state, z, config, (size_t)n, (size_t)pass->batch->rows, pass->scratch);
  branches(&run, pass, &state, z[0], z[1]);
  for (int l = 0; l < SOL_GENERATED_LAYERS; l++) {
    sol_dual layer = sol_generated_layer(config, pass->weights, l, item ? z[0] : NULL, semantic ? z[1] : NULL);
    if (half)
      generate_halves(&run, n, d, m, layer, half + (int64_t)l * m, P);
    else
      generate(&run, n, d, m, layer, w + (int64_t)l * m, P, NULL);
  }
  return run.status;
}

solid_status sol_generate(const sol_pass *pass, float *params) {
  return generate_layers(pass, params, NULL);
}

solid_status sol_generate_halves(const sol_pass *pass, uint16_t *params) {
  return generate_layers(pass, NULL, params);
}

size_t sol_forward_floats(const sol_config *config, size_t windows, size_t rows) {
  size_t encoder = sol_encoder_floats(config, windows, rows), generator = sol_generator_floats(config, windows, rows);
  return encoder > generator ? encoder : generator;
}
