#include "solid/infer/head.h"
#include <math.h>

sol_dual sol_generated_layer(const sol_config *config, const sol_weights *weights, int l, const float *z_item,
                             const float *z_semantic) {
  return (sol_dual){.zi = z_item,
                    .zs = z_semantic,
                    .item = weights->item.layer[l],
                    .semantic = weights->semantic.layer[l],
                    .clip = z_item && z_semantic ? config->clip : INFINITY};
}

const float *sol_head_layers(sol_run *run, const sol_config *config, const sol_weights *weights, int32_t n,
                             const float *h, sol_layer_fn layer, const void *user, const sol_head_room *room) {
  int32_t d = (int32_t)config->width, side = (int32_t)sol_config_layer_width(config);
  const float *x = h;
  if (config->rank > 0) {
    linear(run, n, d, side, h, weights->down, room->x);
    x = room->x;
  }
  for (int l = 0; l < SOL_GENERATED_LAYERS; l++) {
    layer(run, user, l, n, side, sol_layer_activation(l), x, room->out[l]);
    x = room->out[l];
  }
  return x;
}

/* ---- Inference ---- */

static size_t room_bind(sol_head_room *room, const sol_config *config, size_t n, float *base) {
  size_t side = sol_config_layer_width(config), used = 0;
  room->x = sol_take(base, &used, n * side);
  for (int l = 0; l < SOL_GENERATED_LAYERS; l++) room->out[l] = sol_take(base, &used, n * side);
  return used;
}

size_t sol_apply_floats(const sol_config *config, size_t n) {
  sol_head_room room;
  return room_bind(&room, config, n, NULL);
}

/* u = h + y, y by way of `layer`. */
static solid_status user_vectors(const sol_pass *pass, int32_t n, const float *h, sol_layer_fn layer, const void *user,
                                 float *u) {
  sol_run run = {pass->be, SOLID_OK};
  const sol_config *config = pass->config;
  int32_t d = (int32_t)config->width, side = (int32_t)sol_config_layer_width(config);
  const float *y = NULL;
  sol_head_room room;
  room_bind(&room, config, (size_t)n, pass->scratch);
  if (config->head != SOLID_HEAD_STATIC) y = sol_head_layers(&run, config, pass->weights, n, h, layer, user, &room);
  if (u != h) sol_op_copy(&run, u, h, (size_t)n * config->width);
  if (!y) return run.status;
  if (config->rank > 0)
    linear_add(&run, n, side, d, y, pass->weights->up, u);
  else
    add(&run, (int64_t)n * d, y, u);
  return run.status;
}

typedef struct stored_layers {
  const sol_config *config;
  const float *params;
  const int32_t *index;
} stored_layers;

static void apply_stored(sol_run *run, const void *user, int l, int32_t n, int32_t side, sk_activation f,
                         const float *x, float *y) {
  const stored_layers *at = user;
  const float *w = at->params + (size_t)l * sol_config_layer_params(at->config);
  apply(run, n, side, side, f, x, w, sol_config_params(at->config), at->index, y);
}

solid_status sol_apply(const sol_pass *pass, int32_t n, const float *h, const float *params, const int32_t *index,
                       float *u) {
  return user_vectors(pass, n, h, apply_stored, &(stored_layers){pass->config, params, index}, u);
}

typedef struct branch_states {
  const sol_pass *pass;
  const float *z_item, *z_semantic;
} branch_states;

static void apply_made(sol_run *run, const void *user, int l, int32_t n, int32_t side, sk_activation f, const float *x,
                       float *y) {
  const branch_states *at = user;
  const sol_config *config = at->pass->config;
  generate_apply(run, n, (int32_t)config->width, side, side, f,
                 sol_generated_layer(config, at->pass->weights, l, at->z_item, at->z_semantic), x, y);
}

solid_status sol_generate_apply(const sol_pass *pass, int32_t n, const float *h, const float *z_item,
                                const float *z_semantic, float *u) {
  return user_vectors(pass, n, h, apply_made, &(branch_states){pass, z_item, z_semantic}, u);
}
