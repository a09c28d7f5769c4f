#include "solid/infer/slate/fused.h"
#include "solid/base/arena.h"
#include "solid/extend.h"
#include "solid/model/context.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Of n users: what goes up, and what comes down; each one piece. */
typedef struct fused_call {
  float *h, *u; /* (n, d) */
  uint64_t *excluded;
  int32_t *lead;
  float *lead_score; /* (n, K) */
  size_t up;         /* bytes */
  int32_t *item;
  float *item_score; /* (n, K) */
  float *log_p;      /* (n) */
  size_t down;       /* bytes */
} fused_call;

struct sol_fused {
  sk_backend *be;
  const sol_config *config;
  const float *vectors;
  size_t most, words;
  sk_slate_args args; /* all but what a call brings */
  void *trie, *grid, *calls, *scores, *host_calls;
};

/* ---- What stays ---- */

static sk_slate_net net_of(const sol_config *config, const sol_decoder_weights *w) {
  uint32_t heads = sol_config_slate_heads(config), blocks = config->slate_blocks + heads - 1;
  sk_slate_net net = {.d = (int32_t)config->width,
                      .heads = (int32_t)config->heads,
                      .blocks = (int32_t)blocks,
                      .first_head = (int32_t)config->slate_blocks - 1,
                      .out_heads = (int32_t)heads,
                      .state_w = w->state.w,
                      .state_b = w->state.b,
                      .user_w = w->user.w,
                      .user_b = w->user.b,
                      .codes = w->codes,
                      .rows = w->rows,
                      .columns = w->columns,
                      .out = w->out};
  for (uint32_t b = 0; b < blocks; b++) {
    const sol_block_weights *k = &w->block[b];
    net.block[b] = (sk_slate_block){k->norm1.gamma, k->norm1.beta, k->qkv.w, k->qkv.b, k->out.w,  k->out.b,
                                    k->norm2.gamma, k->norm2.beta, k->up.w,  k->up.b,  k->down.w, k->down.b};
  }
  for (uint32_t h = 0; h < heads; h++) net.norm_gamma[h] = w->norm[h].gamma, net.norm_beta[h] = w->norm[h].beta;
  for (uint32_t c = 0; c <= config->levels; c++) {
    net.column_first[c] = (int32_t)sol_decoder_first_code(config, c);
    net.column_codes[c] = (int32_t)sol_decoder_codes(config, c);
  }
  return net;
}

/* Nodes of a level, whatever joins: no more than there are prefixes of codes, or items. */
static size_t most_nodes(const sol_config *config, uint32_t level) {
  size_t nodes = 1;
  for (uint32_t l = 0; l < level && l < config->levels && nodes < config->items; l++) nodes *= config->codes;
  return level > config->levels || nodes > config->items ? config->items : nodes;
}

/* Points the trie's lists into `arena`: twice, to measure and to fill. */
static void bind_trie(sk_slate_trie *t, const sol_config *config, sol_arena *arena) {
  t->item = sol_arena_take(arena, config->items, sizeof(uint32_t));
  t->place = sol_arena_take(arena, config->items, sizeof(uint32_t));
  for (uint32_t l = 0; l <= config->levels + 1; l++) {
    size_t nodes = most_nodes(config, l);
    t->begin[l] = sol_arena_take(arena, nodes + 1, sizeof(uint32_t));
    t->code[l] = sol_arena_take(arena, nodes, sizeof(uint32_t));
    t->child[l] = sol_arena_take(arena, nodes + 1, sizeof(uint32_t));
  }
}

static void upload(sol_fused *f, solid_status *status, const void *device, const void *host, size_t bytes) {
  /* the lists are written here and only read by the operation */
  void *to = (void *)(uintptr_t)device;
  if (!*status && bytes) *status = f->be->ops->upload(f->be, to, host, bytes);
}

static solid_status alloc_trie(sol_fused *f) {
  sol_arena arena = {NULL, 0};
  bind_trie(&f->args.trie, f->config, &arena);
  solid_status status = f->be->ops->alloc(f->be, &f->trie, arena.used);
  if (status) return sol_backend_fail(f->be, status);
  arena = (sol_arena){f->trie, 0};
  bind_trie(&f->args.trie, f->config, &arena);
  return SOLID_OK;
}

solid_status sol_fused_set_trie(sol_fused *f, const sol_trie *trie) {
  sk_slate_trie *t = &f->args.trie;
  solid_status status = SOLID_OK;
  t->items = 0; /* until it is there */
  upload(f, &status, t->item, trie->item, trie->items * sizeof(uint32_t));
  upload(f, &status, t->place, trie->place, trie->items * sizeof(uint32_t));
  for (uint32_t l = 0; l <= trie->columns; l++) {
    const sol_trie_level *level = &trie->level[l];
    upload(f, &status, t->begin[l], level->begin, (level->nodes + 1) * sizeof(uint32_t));
    if (l) upload(f, &status, t->code[l], level->code, level->nodes * sizeof(uint32_t));
    if (l < trie->columns) upload(f, &status, t->child[l], level->child, (level->nodes + 1) * sizeof(uint32_t));
  }
  solid_status waited = f->be->ops->sync(f->be);
  if (!status) status = waited;
  if (status) return sol_backend_fail(f->be, status);
  t->items = (int32_t)trie->items;
  t->widest = (int32_t)trie->widest;
  t->first_nodes = (int32_t)trie->level[1].nodes;
  return SOLID_OK;
}

/* ---- Calls ---- */

static fused_call bind_call(const sol_fused *f, size_t n, char *base) {
  sol_arena arena = {base, 0};
  size_t d = f->config->width, K = f->args.grid.rows ? (size_t)f->args.grid.rows : f->config->slate_rows;
  fused_call c;
  c.h = sol_arena_take(&arena, n, d * sizeof *c.h);
  c.u = sol_arena_take(&arena, n, d * sizeof *c.u);
  c.excluded = sol_arena_take(&arena, n, f->words * sizeof *c.excluded);
  c.lead = sol_arena_take(&arena, n, K * sizeof *c.lead);
  c.lead_score = sol_arena_take(&arena, n, K * sizeof *c.lead_score);
  c.up = arena.used;
  c.item = sol_arena_take(&arena, n, K * sizeof *c.item);
  c.item_score = sol_arena_take(&arena, n, K * sizeof *c.item_score);
  c.log_p = sol_arena_take(&arena, n, sizeof *c.log_p);
  c.down = arena.used - c.up;
  return c;
}

solid_status sol_fused_open(sol_fused **out, sk_backend *be, const sol_config *config,
                            const sol_decoder_weights *weights, const sol_trie *trie, const float *vectors, size_t n) {
  sol_fused *f = calloc(1, sizeof *f);
  if (!f) return solid_fail(SOLID_ENOMEM, "out of memory: slates");
  *f = (sol_fused){.be = be, .config = config, .vectors = vectors, .most = n};
  f->words = ((size_t)config->items + 63) / 64;
  f->args.net = net_of(config, weights);
  fused_call call = bind_call(f, n, NULL);
  size_t scores = n * config->items * sizeof(float);
  solid_status status = sol_backend_room(be, call.up + call.down + scores, "slates", "use a smaller batch");
  if (!status) status = be->ops->alloc(be, &f->calls, call.up + call.down);
  if (!status) status = be->ops->alloc(be, &f->scores, scores);
  if (!status) status = be->ops->alloc_host(be, &f->host_calls, call.up + call.down);
  if (status) (void)sol_backend_fail(be, status);
  if (!status) status = alloc_trie(f);
  if (!status) status = sol_fused_set_trie(f, trie);
  if (status) {
    sol_fused_close(f);
    return status;
  }
  *out = f;
  return SOLID_OK;
}

void sol_fused_close(sol_fused *f) {
  if (!f) return;
  f->be->ops->free(f->be, f->trie);
  f->be->ops->free(f->be, f->grid);
  f->be->ops->free(f->be, f->calls);
  f->be->ops->free(f->be, f->scores);
  f->be->ops->free_host(f->be, f->host_calls);
  free(f);
}

/* ---- Grids ---- */

static void bind_grid(sk_slate_grid *to, const sol_grid *g, sol_arena *arena) {
  *to = (sk_slate_grid){.rows = g->rows,
                        .width = g->width,
                        .steps = g->steps,
                        .inputs = g->inputs,
                        .n_ranges = g->key_offsets[g->inputs],
                        .n_sources = g->source_offsets[g->cells],
                        .most_inputs = g->widest_inputs,
                        .most_cells = g->widest};
  to->cell_offsets = sol_arena_take(arena, (size_t)g->steps + 1, sizeof(int32_t));
  to->cell = sol_arena_take(arena, (size_t)g->cells, sizeof(int32_t));
  to->input_offsets = sol_arena_take(arena, (size_t)g->steps + 1, sizeof(int32_t));
  to->input = sol_arena_take(arena, (size_t)g->inputs, sizeof(sol_grid_input));
  to->key_offsets = sol_arena_take(arena, (size_t)g->inputs + 1, sizeof(int32_t));
  to->ranges = sol_arena_take(arena, (size_t)g->key_offsets[g->inputs], sizeof(sol_grid_range));
  to->source_offsets = sol_arena_take(arena, (size_t)g->cells + 1, sizeof(int32_t));
  to->source = sol_arena_take(arena, (size_t)g->source_offsets[g->cells], sizeof(sol_grid_source));
}

_Static_assert(SOL_INPUT_GIVEN == 0 && SOL_INPUT_CELL == 2, "kinds are told by their numbers");
_Static_assert(sizeof(sol_grid_input) == 8 && sizeof(sol_grid_source) == 8, "pairs of int32");

solid_status sol_fused_set_grid(sol_fused *f, const sol_grid *g) {
  sol_arena arena = {NULL, 0};
  sk_slate_grid *to = &f->args.grid;
  bind_grid(to, g, &arena);
  f->be->ops->free(f->be, f->grid);
  f->grid = NULL;
  solid_status status = f->be->ops->alloc(f->be, &f->grid, arena.used);
  if (status) return sol_backend_fail(f->be, status);
  arena = (sol_arena){f->grid, 0};
  bind_grid(to, g, &arena);
  upload(f, &status, to->cell_offsets, g->cell_offsets, ((size_t)g->steps + 1) * sizeof(int32_t));
  upload(f, &status, to->cell, g->cell, (size_t)g->cells * sizeof(int32_t));
  upload(f, &status, to->input_offsets, g->input_offsets, ((size_t)g->steps + 1) * sizeof(int32_t));
  upload(f, &status, to->input, g->input, (size_t)g->inputs * sizeof *g->input);
  upload(f, &status, to->key_offsets, g->key_offsets, ((size_t)g->inputs + 1) * sizeof(int32_t));
  upload(f, &status, to->ranges, g->keys, (size_t)g->key_offsets[g->inputs] * sizeof *g->keys);
  upload(f, &status, to->source_offsets, g->source_offsets, ((size_t)g->cells + 1) * sizeof(int32_t));
  upload(f, &status, to->source, g->source, (size_t)g->source_offsets[g->cells] * sizeof *g->source);
  solid_status waited = f->be->ops->sync(f->be);
  if (!status) status = waited;
  return status ? sol_backend_fail(f->be, status) : SOLID_OK;
}

/* ---- Decoding ---- */

static void fill(const sol_fused *f, const fused_call *c, sol_fused_user *const *users, size_t n) {
  size_t d = f->config->width, K = (size_t)f->args.grid.rows;
  for (size_t i = 0; i < n; i++) {
    const sol_fused_user *user = users[i];
    memcpy(c->h + i * d, user->h, d * sizeof *c->h);
    memcpy(c->u + i * d, user->u, d * sizeof *c->u);
    if (user->excluded)
      memcpy(c->excluded + i * f->words, user->excluded, f->words * sizeof *c->excluded);
    else
      memset(c->excluded + i * f->words, 0, f->words * sizeof *c->excluded);
    for (size_t k = 0; k < K; k++) {
      int there = user->top && k < user->n_top;
      c->lead[i * K + k] = there ? (int32_t)user->top[k].item : -1;
      c->lead_score[i * K + k] = there ? user->top[k].score : -INFINITY;
    }
  }
}

static void give(const sol_fused *f, const fused_call *c, sol_fused_user *const *users, size_t n) {
  size_t K = (size_t)f->args.grid.rows;
  for (size_t i = 0; i < n; i++) {
    users[i]->short_of = c->item[i * K] < 0;
    users[i]->log_p = c->log_p[i];
    for (size_t k = 0; k < K && !users[i]->short_of; k++)
      users[i]->out[k] = (solid_scored){(uint32_t)c->item[i * K + k], c->item_score[i * K + k]};
  }
}

solid_status sol_fused_send(sol_fused *f, sol_fused_user *const *users, size_t n) {
  fused_call host = bind_call(f, n, f->host_calls), device = bind_call(f, n, f->calls);
  fill(f, &host, users, n);
  solid_status status = f->be->ops->upload(f->be, device.h, host.h, host.up);
  return status ? sol_backend_fail(f->be, status) : SOLID_OK;
}

solid_status sol_fused_score(sol_fused *f, size_t n) {
  const sk_linear_args args = {.n = (int32_t)n,
                               .in = (int32_t)f->config->width,
                               .out = f->args.trie.items,
                               .x = bind_call(f, n, f->calls).u,
                               .w = f->vectors,
                               .y = f->scores};
  solid_status status = f->be->ops->linear(f->be, &args);
  return status ? sol_backend_fail(f->be, status) : SOLID_OK;
}

void sol_fused_arguments(const sol_fused *f, float guide, size_t n, sk_slate_args *args) {
  fused_call device = bind_call(f, n, f->calls);
  *args = f->args;
  args->n = (int32_t)n, args->words = (int32_t)f->words, args->guide = guide;
  args->h = device.h, args->u = device.u, args->score = f->scores, args->excluded = device.excluded;
  args->lead = device.lead, args->lead_score = device.lead_score;
  args->item = device.item, args->item_score = device.item_score, args->log_p = device.log_p;
}

solid_status sol_fused_enqueue(sol_fused *f, float guide, size_t n) {
  sk_slate_args args;
  sol_fused_arguments(f, guide, n, &args);
  solid_status status = f->be->ops->slate(f->be, &args);
  return status ? sol_backend_fail(f->be, status) : SOLID_OK;
}

solid_status sol_fused_take(sol_fused *f, sol_fused_user *const *users, size_t n) {
  fused_call host = bind_call(f, n, f->host_calls), device = bind_call(f, n, f->calls);
  solid_status status = f->be->ops->download(f->be, host.item, device.item, host.down);
  solid_status waited = f->be->ops->sync(f->be);
  if (!status) status = waited;
  if (status) return sol_backend_fail(f->be, status);
  give(f, &host, users, n);
  return SOLID_OK;
}

/* The queue is empty when it returns, whatever happened: host memory is written again by the next call. */
solid_status sol_fused_decode(sol_fused *f, float guide, sol_fused_user *const *users, size_t n) {
  solid_status status = sol_fused_send(f, users, n);
  if (!status) status = sol_fused_score(f, n);
  if (!status) status = sol_fused_enqueue(f, guide, n);
  if (!status) return sol_fused_take(f, users, n);
  (void)f->be->ops->sync(f->be);
  return status;
}
