#include "solid/train/fit/head.h"
#include "solid/infer/head.h"

/* Buffers of one tile; side = rank or d, m = side * side + side. */
typedef struct tile {
  float *layer[SOL_GENERATED_LAYERS];      /* (t, m) the generated layers */
  float *item_layer[SOL_GENERATED_LAYERS]; /* (t, m) the item branch before the clip */
  float *dlayer, *ditem_layer;             /* (t, m) */
  sol_head_room room;                      /* (t, side) down(h), with a rank, and of each layer */
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
    t->room.out[l] = sol_take(base, &used, rows * side);
  }
  t->dlayer = sol_take(base, &used, rows * m);
  t->ditem_layer = both ? sol_take(base, &used, rows * m) : t->dlayer;
  t->room.x = config->rank > 0 ? sol_take(base, &used, rows * side) : NULL;
  t->y = sol_take(base, &used, rows * config->width);
  t->u = sol_take(base, &used, rows * config->width);
  t->du = sol_take(base, &used, rows * config->width);
  t->dx = sol_take(base, &used, rows * side);
  return used;
}

/* The most floats of a tile, also on devices that prefer large tiles. */
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

/* The arguments of one tile: its own rows. */
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

static sol_dual layer_of(const tile_pass *p, int l) {
  return sol_generated_layer(p->pass->config, p->pass->weights, l, p->a.z_item, p->a.z_semantic);
}

typedef struct tile_work {
  const tile_pass *p;
  const tile *t;
} tile_work;

/* Keeps the layers for the backward pass, and their values before the clip. */
static void layer_forward(sol_run *run, const void *user, int l, int32_t n, int32_t side, sk_activation f,
                          const float *x, float *y) {
  const tile_work *work = user;
  const sol_config *config = work->p->pass->config;
  const tile *t = work->t;
  int32_t m = (int32_t)sol_config_layer_params(config);
  float *saved = t->item_layer[l] == t->layer[l] ? NULL : t->item_layer[l];
  generate(run, n, (int32_t)config->width, m, layer_of(work->p, l), t->layer[l], m, saved);
  apply(run, n, side, side, f, x, t->layer[l], m, NULL, y);
}

/* u = h + drop(y) */
static void tile_forward(const tile_pass *p, const tile *t) {
  const sol_config *config = p->pass->config;
  int32_t d = (int32_t)config->width, side = (int32_t)sol_config_layer_width(config);
  int64_t floats = (int64_t)p->n * d;
  const float *y =
      sol_head_layers(p->run, config, p->pass->weights, p->n, p->a.h, layer_forward, &(tile_work){p, t}, &t->room);
  if (config->rank > 0) {
    linear(p->run, p->n, side, d, y, p->pass->weights->up, t->y);
    y = t->y;
  }
  dropout(p->run, floats, p->drop->p_y, p->seed, p->first, y, t->u);
  add(p->run, floats, p->a.h, t->u);
}

/* dx = or += the gradient of the layer's input. */
static void layer_backward(const tile_pass *p, const tile *t, int l, const float *x, const float *dy, int accumulate,
                           float *dx) {
  const sol_config *config = p->pass->config;
  const sol_weights *g = p->grads;
  int32_t side = (int32_t)sol_config_layer_width(config), m = (int32_t)sol_config_layer_params(config);
  apply_backward(p->run, p->n, side, side, sol_layer_activation(l), x, t->layer[l], m, t->room.out[l], dy, accumulate,
                 dx, t->dlayer);
  generate_backward(p->run, p->n, (int32_t)config->width, m, layer_of(p, l), g->item.layer[l], g->semantic.layer[l],
                    t->dlayer, t->item_layer[l], t->ditem_layer, l + 1 < SOL_GENERATED_LAYERS, p->a.dz_item,
                    p->a.dz_semantic);
}

static void tile_backward(const tile_pass *p, const tile *t) {
  const sol_config *config = p->pass->config;
  const sol_weights *w = p->pass->weights, *g = p->grads;
  int32_t n = p->n, d = (int32_t)config->width, side = (int32_t)sol_config_layer_width(config);
  int64_t floats = (int64_t)n * d;
  int ranked = config->rank > 0;
  sol_op_copy(p->run, p->a.dh, t->du, (size_t)floats);
  dropout(p->run, floats, p->drop->p_y, p->seed, p->first, t->du, t->y);
  if (ranked) linear_backward(p->run, n, side, d, t->room.out[1], w->up, g->up, t->y, 0, t->dx);
  /* du has been read: its memory takes the gradient between the two layers */
  layer_backward(p, t, 1, t->room.out[0], ranked ? t->dx : t->y, 0, t->du);
  layer_backward(p, t, 0, ranked ? t->room.x : p->a.h, t->du, !ranked, ranked ? t->dx : p->a.dh);
  if (ranked) linear_backward(p->run, n, d, side, p->a.h, w->down, g->down, t->dx, 1, p->a.dh);
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
                                      .offset = args->offset,
                                      .whole = args->whole,
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
