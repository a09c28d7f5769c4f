#include "solid/infer/slate/likelihood.h"
#include "solid/extend.h"
#include "solid/infer/slate/plan.h"
#include "solid/infer/slate/stepper.h"
#include "solid/model/model_parts.h"
#include <stdlib.h>
#include <string.h>

struct sol_likelihood {
  const sol_config *config;
  sk_backend *be;
  sol_trie trie;
  sol_stepper *stepper;
  size_t most;
  uint32_t rows;
  char *memory;
  sol_slate *slates; /* (most) */
  uint32_t *codes;   /* (most, rows, C) */
  float *h, *u;      /* (most, d) */
  size_t *group;     /* (most) users whose lists have as many rows as the grid */
};

static void bind(sol_likelihood *l, sol_arena *arena) {
  size_t n = l->most, d = l->config->width, C = l->trie.columns;
  sol_slate unbound;
  const sol_slate_room room = sol_slate_room_of(&l->trie);
  l->slates = sol_arena_take(arena, n, sizeof *l->slates);
  l->codes = sol_arena_take(arena, n * l->rows, C * sizeof *l->codes);
  l->h = sol_arena_take(arena, n, d * sizeof *l->h);
  l->u = sol_arena_take(arena, n, d * sizeof *l->u);
  l->group = sol_arena_take(arena, n, sizeof *l->group);
  for (size_t i = 0; i < n; i++)
    sol_slate_bind(arena->base ? &l->slates[i] : &unbound, &l->trie, &room, l->rows, arena);
}

solid_status sol_likelihood_new(sol_likelihood **out, const solid_model *model, uint32_t rows, size_t users) {
  const sol_config *config = sol_model_config(model);
  const sol_slate_plan plan = {.order = SOL_ORDER_RASTER, .rows = rows};
  sol_arena arena = {NULL, 0};
  solid_status status = sol_slate_plan_check(&plan, config);
  if (status) return status;
  sol_likelihood *l = calloc(1, sizeof *l);
  if (!l) return solid_fail(SOLID_ENOMEM, "out of memory: likelihood of lists");
  l->config = config, l->rows = rows, l->most = users;
  status = sol_backend_open(sol_model_context(model), &l->be);
  if (!status) status = sol_trie_make(&l->trie, model->file.codes, solid_model_item_count(model), config->levels);
  if (!status) status = sol_stepper_open(&l->stepper, l->be, config, &sol_model_weights(model)->slate, users);
  if (!status) bind(l, &arena);
  if (!status && !(l->memory = sol_arena_memory(&arena)))
    status = solid_fail(SOLID_ENOMEM, "out of memory: lists of %zu users at once", users);
  if (status) {
    sol_likelihood_free(l);
    return status;
  }
  arena = (sol_arena){l->memory, 0};
  bind(l, &arena);
  *out = l;
  return SOLID_OK;
}

void sol_likelihood_free(sol_likelihood *l) {
  if (!l) return;
  sol_stepper_close(l->stepper);
  if (l->be) l->be->ops->close(l->be);
  sol_trie_clear(&l->trie);
  free(l->memory);
  free(l);
}

static uint32_t count_rows(const sol_likelihood *l, const sol_likelihood_user *user) {
  uint32_t n = 0;
  while (n < l->rows && user->items[n].item != SOLID_NO_ITEM) n++;
  return n;
}

/* The child of a node that the way to a place goes through. */
static uint32_t child_towards(const sol_trie *trie, uint32_t level, uint32_t node, uint32_t place) {
  const uint32_t *child = trie->level[level].child, *begin = trie->level[level + 1].begin;
  uint32_t low = child[node], high = child[node + 1];
  while (high - low > 1) {
    uint32_t middle = low + (high - low) / 2;
    if (begin[middle] <= place)
      low = middle;
    else
      high = middle;
  }
  return low;
}

/* The row's way goes on to its item, as the decoder sees it. */
static solid_status follow(sol_likelihood *l, sol_likelihood_user *user, sol_slate *slate, uint32_t row,
                           const float *logits, uint32_t n_logits, uint32_t *code) {
  const sol_choosing as_it_is = {0};
  uint32_t item = user->items[row].item, column = slate->walk.depth[row], at = 0;
  if (item >= l->trie.items)
    return solid_fail(SOLID_EINVAL, "likelihood: item %u of row %u, there are %u items", item, row, l->trie.items);
  uint32_t want = child_towards(&l->trie, column, sol_walk_node(&slate->walk, row), l->trie.place[item]);
  uint32_t n = sol_slate_weigh(slate, row, logits, n_logits, &as_it_is);
  while (at < n && slate->open[at].node != want) at++;
  if (at == n) return solid_fail(SOLID_EINVAL, "likelihood: item %u of row %u is left out, or there twice", item, row);
  user->log_p += slate->log_p_of[at];
  *code = slate->open[at].code;
  sol_walk_enter(&slate->walk, row, want);
  return SOLID_OK;
}

static solid_status judge_group(sol_likelihood *l, sol_likelihood_user *users, size_t n, uint32_t rows) {
  sol_grid_shape shape = sol_decoder_shape(l->config, SOL_ORDER_RASTER, 0, rows);
  size_t d = l->config->width, stride = 0;
  const float *logits = NULL;
  sol_grid grid;
  solid_status status = sol_grid_make(&grid, &shape);
  if (status) return status;
  for (size_t w = 0; w < n; w++) {
    sol_likelihood_user *user = &users[l->group[w]];
    memcpy(l->h + w * d, user->h, d * sizeof *l->h);
    memcpy(l->u + w * d, user->u, d * sizeof *l->u);
    sol_slate_begin(&l->slates[w], rows, user->excluded, NULL, NULL, NULL, 0, 0);
    if (l->slates[w].walk.rows < rows)
      status = solid_fail(SOLID_EINVAL, "likelihood: a list of %u items, of which %u are allowed", rows,
                          l->slates[w].walk.rows);
  }
  if (!status) status = sol_stepper_begin(l->stepper, &grid, n, l->h, l->u);
  for (int32_t t = 0; t < grid.steps && !status; t++) {
    uint32_t row = (uint32_t)(t / grid.width), codes = sol_decoder_codes(l->config, (uint32_t)(t % grid.width));
    status = sol_stepper_step(l->stepper, t, l->codes, &logits, &stride);
    for (size_t w = 0; w < n && !status; w++)
      status = follow(l, &users[l->group[w]], &l->slates[w], row, logits + w * codes, codes,
                      &l->codes[w * (size_t)grid.cells + (size_t)t]);
  }
  sol_grid_clear(&grid);
  return status;
}

/* Lists of one length together. */
solid_status sol_likelihood_of(sol_likelihood *l, sol_likelihood_user *users, size_t n) {
  solid_status status = SOLID_OK;
  for (size_t first = 0; first < n && !status; first += l->most) {
    size_t chunk = n - first < l->most ? n - first : l->most;
    for (size_t i = 0; i < chunk; i++) users[first + i].log_p = 0;
    for (uint32_t rows = 1; rows <= l->rows && !status; rows++) {
      size_t together = 0;
      for (size_t i = 0; i < chunk; i++)
        if (count_rows(l, &users[first + i]) == rows) l->group[together++] = i;
      if (together) status = judge_group(l, users + first, together, rows);
    }
  }
  return status;
}
