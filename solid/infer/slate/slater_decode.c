#include "solid/extend.h"
#include "solid/infer/slate/slater_parts.h"
#include <string.h>

/* u . e_v of every item, for the guide and for what is told of the items. */
static solid_status score(sol_slater *s, const sol_slate_user *users, size_t n) {
  const sk_backend_ops *ops = s->be->ops;
  size_t d = s->config->width, V = s->config->items;
  for (size_t i = 0; i < n; i++) memcpy(s->u + i * d, users[i].u, d * sizeof *s->u);
  solid_status status = ops->upload(s->be, s->device_u, s->u, n * d * sizeof *s->u);
  if (!status)
    status = ops->linear(s->be, &(sk_linear_args){.n = (int32_t)n,
                                                  .in = (int32_t)d,
                                                  .out = (int32_t)V,
                                                  .x = s->device_u,
                                                  .w = sol_model_catalogue(s->model)->vectors,
                                                  .y = s->device_scores});
  if (!status) status = ops->download(s->be, s->scores, s->device_scores, n * V * sizeof *s->scores);
  solid_status waited = ops->sync(s->be);
  if (!status) status = waited;
  return status ? sol_backend_fail(s->be, status) : SOLID_OK;
}

static void begin(sol_slater *s, const sol_slate_plan *plan, sol_slate_user *user, size_t i, uint64_t seed) {
  uint32_t n_top = user->top ? (user->n_top < s->config->slate_rows ? user->n_top : s->config->slate_rows) : 0;
  for (uint32_t k = 0; k < n_top; k++) {
    s->top[k] = user->top[k].item;
    s->top_scores[k] = user->top[k].score;
  }
  sol_slate_begin(&s->slates[i], plan->rows, user->excluded, s->scores + i * s->config->items, s->top, s->top_scores,
                  n_top, seed);
  user->count = s->slates[i].walk.rows;
}

/* Chooses the codes of a step's cells, rows in order. */
static void choose(sol_slater *s, const sol_grid *g, int32_t t, size_t n, const float *logits, size_t stride,
                   const sol_choosing *how) {
  for (int32_t i = g->cell_offsets[t]; i < g->cell_offsets[t + 1]; i++) {
    uint32_t column = (uint32_t)(g->cell[i] % g->width), row = (uint32_t)(g->cell[i] / g->width);
    uint32_t codes = sol_decoder_codes(s->config, column);
    for (size_t w = 0; w < n; w++) {
      const float *of = logits ? logits + (size_t)(i - g->cell_offsets[t]) * n * stride + w * codes : NULL;
      s->codes[w * (size_t)g->cells + (size_t)g->cell[i]] =
          sol_slate_choose(&s->slates[s->group[w]], row, of, codes, how);
    }
  }
}

/* What a user gets of a slate that is whole. */
static void give_slate(const sol_slater *s, sol_slate_user *user, const sol_slate *slate, const uint32_t *codes) {
  user->log_p = slate->log_p;
  for (uint32_t r = 0; r < user->count; r++) {
    uint32_t item = sol_walk_item(&slate->walk, r);
    user->out[r] = (solid_scored){item, slate->guide.score[s->trie.place[item]]};
  }
  if (user->codes) memcpy(user->codes, codes, user->count * (size_t)s->trie.columns * sizeof *codes);
}

/* The users of s->group, n of them, whose slates have as many rows as the grid. */
static solid_status decode_group(sol_slater *s, const sol_slate_plan *plan, const sol_grid *g, sol_slate_user *users,
                                 size_t n, int asks) {
  solid_status status = SOLID_OK;
  const float *logits = NULL;
  size_t stride = 0, d = s->config->width;
  for (size_t w = 0; w < n; w++) {
    memcpy(s->h + w * d, users[s->group[w]].h, d * sizeof *s->h);
    memcpy(s->u + w * d, users[s->group[w]].u, d * sizeof *s->u);
  }
  if (asks) status = sol_stepper_begin(s->stepper, g, n, s->h, s->u);
  for (int32_t t = 0; t < g->steps && !status; t++) {
    if (asks) status = sol_stepper_step(s->stepper, t, s->codes, &logits, &stride);
    if (!status) choose(s, g, t, n, logits, stride, &plan->how);
  }
  for (size_t w = 0; w < n && !status; w++) {
    sol_slate_user *user = &users[s->group[w]];
    give_slate(s, user, &s->slates[s->group[w]], s->codes + w * (size_t)g->cells);
    user->forwards = asks ? g->steps : 0;
    if (!asks) user->log_p = 0;
  }
  return status;
}

/* Users by how many rows their slates have: those of K together, then the others, which are few. */
static solid_status decode_chunk(sol_slater *s, const sol_slate_plan *plan, sol_slate_user *users, size_t n, int asks) {
  solid_status status = SOLID_OK;
  size_t together = 0;
  for (size_t i = 0; i < n; i++) {
    for (uint32_t r = users[i].count; r < plan->rows; r++) users[i].out[r] = (solid_scored){SOLID_NO_ITEM, -INFINITY};
    users[i].log_p = 0;
    users[i].forwards = 0;
    if (users[i].count == plan->rows) s->group[together++] = i;
  }
  if (together) status = decode_group(s, plan, &s->full, users, together, asks);
  for (size_t i = 0; i < n && !status; i++) {
    if (users[i].count == plan->rows || users[i].count == 0) continue;
    s->group[0] = i;
    status = sol_slater_make_grid(s, plan, users[i].count, &s->part);
    if (!status) status = decode_group(s, plan, &s->part, users, 1, asks);
  }
  return status;
}

/* Step by step: scores, slates and logits go through the host. */
static solid_status decode_steps(sol_slater *s, const sol_slate_plan *plan, sol_slate_user *users, size_t n, int asks,
                                 uint64_t seed) {
  solid_status status = score(s, users, n);
  for (size_t i = 0; i < n && !status; i++) begin(s, plan, &users[i], i, seed + i);
  return status ? status : decode_chunk(s, plan, users, n, asks);
}

/* With an adaptive window, one after the other. */
static solid_status decode_adaptive(sol_slater *s, const sol_slate_plan *plan, sol_slate_user *users, size_t n,
                                    uint64_t seed) {
  solid_status status = score(s, users, n);
  for (size_t i = 0; i < n && !status; i++) begin(s, plan, &users[i], i, seed + i);
  for (size_t i = 0; i < n && !status; i++) {
    sol_slate_user *user = &users[i];
    for (uint32_t r = user->count; r < plan->rows; r++) user->out[r] = (solid_scored){SOLID_NO_ITEM, -INFINITY};
    user->log_p = 0;
    user->forwards = 0;
    if (!user->count) continue;
    status = sol_adaptive_decode(&s->adaptive, s->stepper, &s->slates[i], &plan->how, (uint32_t)plan->window, user->h,
                                 user->u, s->codes, &user->forwards);
    if (!status) give_slate(s, user, &s->slates[i], s->codes);
  }
  return status;
}

/* In one operation; those who have fewer than K items left, which are few, step by step. */
static solid_status decode_fused(sol_slater *s, const sol_slate_plan *plan, sol_slate_user *users, size_t n,
                                 uint64_t seed) {
  for (size_t i = 0; i < n; i++) {
    const sol_slate_user *user = &users[i];
    s->called[i] = &s->calls[i];
    s->calls[i] = (sol_fused_user){.h = user->h,
                                   .u = user->u,
                                   .excluded = user->excluded,
                                   .top = user->top,
                                   .n_top = user->n_top,
                                   .out = user->out};
  }
  solid_status status = sol_fused_decode(s->fused, plan->how.guide, s->called, n);
  for (size_t i = 0; i < n && !status; i++) {
    users[i].count = plan->rows;
    users[i].forwards = s->full.steps;
    users[i].log_p = s->calls[i].log_p;
    if (s->calls[i].short_of) status = decode_steps(s, plan, &users[i], 1, 1, seed + i);
  }
  return status;
}

static int is_fused(const sol_slater *s, const sol_slate_plan *plan, const sol_slate_user *users, size_t n) {
  int wanted = plan->run == SOL_SLATE_OPERATION || (plan->run == SOL_SLATE_EITHER && s->be->ops->records);
  for (size_t i = 0; i < n && wanted; i++) wanted = users[i].codes == NULL;
  return wanted && plan->how.temperature == 0 && plan->how.guide < 1;
}

solid_status sol_slater_decode_some(sol_slater *s, const sol_slate_plan *plan, sol_slate_user *users, size_t n,
                                    uint64_t seed) {
  int asks = plan->how.guide < 1;
  if (plan->adaptive && asks) return decode_adaptive(s, plan, users, n, seed);
  return is_fused(s, plan, users, n) ? decode_fused(s, plan, users, n, seed)
                                     : decode_steps(s, plan, users, n, asks, seed);
}
