#include "solid/train/fit/head.h"
#include "kernels/ops.h"
#include <math.h>

/* Buffers of one tile; side = rank or d, m = side * side + side. */
typedef struct tile {
  float *layer[SOL_GENERATED_LAYERS];      /* (t, m) the generated layers */
  float *item_layer[SOL_GENERATED_LAYERS]; /* (t, m) the item branch before the clip */
  float *dlayer, *ditem_layer;             /* (t, m) */
  float *x;                                /* (t, side) down(h), with a rank */
  float *out[SOL_GENERATED_LAYERS];        /* (t, side) of each layer */
  float *y;                                /* (t, d) the head's output after dropout; its gradient later */
  float *u, *du;                           /* (t, d) */
  float *dx;                               /* (t, side) */
} tile;

static size_t tile_bind(tile *t, const sol_config *config, size_t rows, float *base) {
  size_t m = sol_config_layer_params(config), side = sol_config_layer_width(config), used = 0;
  *t = (tile){0};
  if (config->head == SOLID_HEAD_STATIC) return 0;
  int both = config->head == SOLID_HEAD_SOLID;
  for (int l = 0; l < SOL_GENERATED_LAYERS; l++) {
    t->layer[l] = sol_take(base, &used, rows * m);
    t->item_layer[l] = both ? sol_take(base, &used, rows * m) : t->layer[l];
    t->out[l] = sol_take(base, &used, rows * side);
  }
  t->dlayer = sol_take(base, &used, rows * m);
  t->ditem_layer = both ? sol_take(base, &used, rows * m) : t->dlayer;
  t->x = config->rank > 0 ? sol_take(base, &used, rows * side) : NULL;
  t->y = sol_take(base, &used, rows * config->width);
  t->u = sol_take(base, &used, rows * config->width);
  t->du = sol_take(base, &used, rows * config->width);
  t->dx = sol_take(base, &used, rows * side);
  return used;
}

/* Devices that like large tiles still shall not spend more than this on one. */
#define MAX_TILE_BYTES ((size_t)2 << 30)
#define MIN_TILE_ROWS  ((size_t)256)

size_t sol_head_tile_rows(const sk_backend *be, const sol_config *config) {
  tile t;
  size_t row_bytes = tile_bind(&t, config, 16, NULL) / 16 * sizeof(float) + 1;
  size_t rows = (size_t)be->ops->tile_rows, most = MAX_TILE_BYTES / row_bytes;
  if (rows > most) rows = most / 16 * 16;
  return rows > MIN_TILE_ROWS ? rows : MIN_TILE_ROWS;
}

size_t sol_head_floats(const sk_backend *be, const sol_config *config, size_t rows) {
  tile t;
  size_t most = sol_head_tile_rows(be, config);
  return tile_bind(&t, config, rows < most ? rows : most, NULL);
}

/* The part of the arguments that a tile sees: its rows only. */
typedef struct tile_pass {
  sol_run *run;
  const sol_pass *pass;
  const sol_dropout *drop;
  const sol_weights *grads;
  sol_head_args a; /* shifted to the tile's first row */
  int32_t n;
  uint64_t seed; /* of the mask of all rows */
  int64_t first; /* float of the mask that the tile begins at */
} tile_pass;

static void layer_forward(const tile_pass *p, const tile *t, int l, const float *x) {
  const sol_config *config = p->pass->config;
  const sol_weights *w = p->pass->weights;
  int32_t side = (int32_t)sol_config_layer_width(config), m = (int32_t)sol_config_layer_params(config);
  int both = p->a.z_item != NULL && p->a.z_semantic != NULL;
  sol_op_generate(p->run, &(sk_generate_args){.n = p->n,
                                              .d = (int32_t)config->width,
                                              .m = m,
                                              .zi = p->a.z_item,
                                              .gi = w->item.layer_w[l],
                                              .bi = w->item.layer_b[l],
                                              .zs = p->a.z_semantic,
                                              .gs = w->semantic.layer_w[l],
                                              .bs = w->semantic.layer_b[l],
                                              .clip = both ? config->clip : INFINITY,
                                              .stride = m,
                                              .w = t->layer[l],
                                              .wi_saved = both ? t->item_layer[l] : NULL});
  sol_op_apply(p->run, &(sk_apply_args){.n = p->n,
                                        .in = side,
                                        .out = side,
                                        .f = l + 1 < SOL_GENERATED_LAYERS ? SK_TANH : SK_IDENTITY,
                                        .x = x,
                                        .w = t->layer[l],
                                        .stride = m,
                                        .y = t->out[l]});
}

static void tile_forward(const tile_pass *p, const tile *t) {
  const sol_config *config = p->pass->config;
  const sol_weights *w = p->pass->weights;
  int32_t d = (int32_t)config->width, side = (int32_t)sol_config_layer_width(config);
  int64_t floats = (int64_t)p->n * d;
  if (config->rank > 0)
    sol_op_linear(p->run, &(sk_linear_args){
                              .n = p->n, .in = d, .out = side, .x = p->a.h, .w = w->down_w, .b = w->down_b, .y = t->x});
  layer_forward(p, t, 0, config->rank > 0 ? t->x : p->a.h);
  layer_forward(p, t, 1, t->out[0]);
  if (config->rank > 0)
    sol_op_linear(p->run, &(sk_linear_args){
                              .n = p->n, .in = side, .out = d, .x = t->out[1], .w = w->up_w, .b = w->up_b, .y = t->y});
  sol_op_dropout(p->run, &(sk_dropout_args){.n = floats,
                                            .p = p->drop->p_y,
                                            .seed = p->seed,
                                            .first = p->first,
                                            .x = config->rank > 0 ? t->y : t->out[1],
                                            .y = t->u});
  sol_op_blend(p->run, &(sk_blend_args){.n = floats, .a = 1, .b = 1, .x = p->a.h, .y = t->u});
}

/* dx = or += the gradient of the layer's input. */
static void layer_backward(const tile_pass *p, const tile *t, int l, const float *x, const float *dy, int accumulate,
                           float *dx) {
  const sol_config *config = p->pass->config;
  const sol_weights *w = p->pass->weights, *g = p->grads;
  int32_t side = (int32_t)sol_config_layer_width(config), m = (int32_t)sol_config_layer_params(config);
  int both = p->a.z_item != NULL && p->a.z_semantic != NULL;
  sol_op_apply_backward(p->run, &(sk_apply_backward_args){.n = p->n,
                                                          .in = side,
                                                          .out = side,
                                                          .f = l + 1 < SOL_GENERATED_LAYERS ? SK_TANH : SK_IDENTITY,
                                                          .x = x,
                                                          .w = t->layer[l],
                                                          .stride = m,
                                                          .y = t->out[l],
                                                          .dy = dy,
                                                          .accumulate_dx = accumulate,
                                                          .dx = dx,
                                                          .dw = t->dlayer});
  sol_op_generate_backward(p->run, &(sk_generate_backward_args){.n = p->n,
                                                                .d = (int32_t)config->width,
                                                                .m = m,
                                                                .zi = p->a.z_item,
                                                                .gi = w->item.layer_w[l],
                                                                .zs = p->a.z_semantic,
                                                                .gs = w->semantic.layer_w[l],
                                                                .clip = both ? config->clip : INFINITY,
                                                                .dw = t->dlayer,
                                                                .wi_saved = t->item_layer[l],
                                                                .accumulate_dz = l + 1 < SOL_GENERATED_LAYERS,
                                                                .dwi = t->ditem_layer,
                                                                .dzi = p->a.dz_item,
                                                                .dgi = g->item.layer_w[l],
                                                                .dbi = g->item.layer_b[l],
                                                                .dzs = p->a.dz_semantic,
                                                                .dgs = g->semantic.layer_w[l],
                                                                .dbs = g->semantic.layer_b[l]});
}

static void tile_backward(const tile_pass *p, const tile *t) {
  const sol_config *config = p->pass->config;
  const sol_weights *w = p->pass->weights, *g = p->grads;
  int32_t d = (int32_t)config->width, side = (int32_t)sol_config_layer_width(config);
  size_t floats = (size_t)p->n * (size_t)d;
  int ranked = config->rank > 0;
  sol_op_copy(p->run, p->a.dh, t->du, floats);
  sol_op_dropout(
      p->run, &(sk_dropout_args){
                  .n = (int64_t)floats, .p = p->drop->p_y, .seed = p->seed, .first = p->first, .x = t->du, .y = t->y});
  if (ranked)
    sol_op_linear_backward(p->run, &(sk_linear_backward_args){.n = p->n,
                                                              .in = side,
                                                              .out = d,
                                                              .x = t->out[1],
                                                              .w = w->up_w,
                                                              .dy = t->y,
                                                              .dx = t->dx,
                                                              .dw = g->up_w,
                                                              .db = g->up_b});
  /* du has been read: its memory takes the gradient between the two layers */
  layer_backward(p, t, 1, t->out[0], ranked ? t->dx : t->y, 0, t->du);
  layer_backward(p, t, 0, ranked ? t->x : p->a.h, t->du, !ranked, ranked ? t->dx : p->a.dh);
  if (ranked)
    sol_op_linear_backward(p->run, &(sk_linear_backward_args){.n = p->n,
                                                              .in = d,
                                                              .out = side,
                                                              .x = p->a.h,
                                                              .w = w->down_w,
                                                              .dy = t->dx,
                                                              .accumulate_dx = 1,
                                                              .dx = p->a.dh,
                                                              .dw = g->down_w,
                                                              .db = g->down_b});
}

static sol_head_args from_row(const sol_head_args *a, size_t row, size_t d) {
  sol_head_args shifted = *a;
  shifted.h += row * d, shifted.dh += row * d;
  shifted.target += row, shifted.loss += row;
  if (a->z_item != NULL) shifted.z_item += row * d, shifted.dz_item += row * d;
  if (a->z_semantic != NULL) shifted.z_semantic += row * d, shifted.dz_semantic += row * d;
  return shifted;
}

solid_status sol_head_step(const sol_pass *pass, const sol_dropout *drop, const sol_head_args *args,
                           const sol_weights *grads, const sol_catalogue_grads *tables) {
  sol_run run = {pass->be, SOLID_OK};
  const sol_config *config = pass->config;
  int plain = config->head == SOLID_HEAD_STATIC;
  tile t;
  int32_t rows = pass->batch->rows, step = plain ? rows : (int32_t)sol_head_tile_rows(pass->be, config);
  tile_bind(&t, config, (size_t)(rows < step ? rows : step), args->work);
  for (int32_t row = 0; row < rows; row += step) {
    tile_pass p = {.run = &run,
                   .pass = pass,
                   .drop = drop,
                   .grads = grads,
                   .a = from_row(args, (size_t)row, config->width),
                   .n = rows - row < step ? rows - row : step,
                   .seed = sol_site_seed(drop->seed, SOL_SITE_OUTPUT),
                   .first = (int64_t)row * config->width};
    if (!plain) tile_forward(&p, &t);
    sol_op_xent(&run, &(sk_xent_args){.n = p.n,
                                      .d = (int32_t)config->width,
                                      .items = (int32_t)config->items,
                                      .u = plain ? p.a.h : t.u,
                                      .e = pass->catalogue->vectors,
                                      .target = p.a.target,
                                      .smoothing = args->smoothing,
                                      .weight = args->weight,
                                      .loss = p.a.loss,
                                      .du = plain ? p.a.dh : t.du,
                                      .de = tables->vectors});
    if (!plain) tile_backward(&p, &t);
  }
  return run.status;
}
