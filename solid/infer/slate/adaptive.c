#include "solid/infer/slate/adaptive.h"
#include <string.h>

void sol_adaptive_bind(sol_adaptive *a, const sol_config *config, uint32_t widest, sol_arena *arena) {
  size_t C = (size_t)config->levels + 1, K = config->slate_rows, inputs = sol_tail_most(config);
  a->config = config;
  a->columns = (uint32_t)C;
  a->widest = widest;
  a->have = sol_arena_take(arena, K, sizeof *a->have);
  a->end = sol_arena_take(arena, C + 1, sizeof *a->end);
  a->node = sol_arena_take(arena, K * C, sizeof *a->node);
  a->log_p = sol_arena_take(arena, K * C, sizeof *a->log_p);
  a->share = sol_arena_take(arena, (C + 1) * C, widest * sizeof *a->share);
  a->rest = sol_arena_take(arena, widest, sizeof *a->rest);
  a->input = sol_arena_take(arena, inputs, sizeof *a->input);
  a->logits = sol_arena_take(arena, inputs, sizeof *a->logits);
}

/* One decoding. */
typedef struct runner {
  sol_adaptive *a;
  sol_slate *slate;
  const sol_choosing *how;
  uint32_t window;
  uint32_t *codes;
  uint32_t changed; /* the row of which a draft was not kept in this forward: nothing has read what stands there now;
                       a->rows = none */
} runner;

/* At most C + 1 rows have drafts that are not settled. */
static uint32_t *end_of(const sol_adaptive *a, uint32_t row) {
  return &a->end[row % (a->columns + 1)];
}

static float *share_of(const sol_adaptive *a, uint32_t row, uint32_t column) {
  return a->share + ((size_t)(row % (a->columns + 1)) * a->columns + column) * a->widest;
}

static uint32_t least(uint32_t a, uint32_t b) {
  return a < b ? a : b;
}

/* ---- Inputs ---- */

/* 1 where a row may choose its next code: the row above is far enough. */
static uint32_t may_choose(const runner *r, uint32_t row) {
  const sol_adaptive *a = r->a;
  uint32_t C = a->columns, have = a->have[row];
  return have < C && (row == 0 || a->have[row - 1] >= least(have + r->window, C));
}

/* Place 0 of a row is its token, place p its code p - 1. Inputs of a row that are settled: */
static uint32_t settled(const sol_adaptive *a, uint32_t row) {
  return row == a->row ? a->inputs : 0;
}

/* All inputs that are there and not settled; the last code of the last row is read by nobody. */
static uint32_t list_inputs(const runner *r) {
  const sol_adaptive *a = r->a;
  uint32_t n = 0;
  for (uint32_t row = a->row; row < a->rows; row++) {
    uint32_t have = a->have[row], last = row + 1 == a->rows ? a->columns - 1 : a->columns;
    *end_of(a, row) = have + may_choose(r, row);
    if (*end_of(a, row) == 0) break;
    for (uint32_t p = settled(a, row); p <= least(have, last); p++)
      a->input[n++] = (sol_tail_input){(int32_t)row, (int32_t)p, p ? r->codes[row * a->columns + p - 1] : 0};
  }
  return n;
}

/* ---- Drafts and tests ---- */

/* The row's code becomes child i of the n that were weighed, the first child of all being `first`. */
static void take(runner *r, uint32_t row, uint32_t column, uint32_t first, uint32_t n, uint32_t i) {
  sol_adaptive *a = r->a;
  sol_slate *slate = r->slate;
  size_t cell = (size_t)row * a->columns + column;
  float *q = share_of(a, row, column);
  memset(q, 0, a->widest * sizeof *q);
  for (uint32_t k = 0; k < n; k++) q[slate->open[k].node - first] = slate->share[k];
  a->node[cell] = slate->open[i].node;
  a->log_p[cell] = slate->log_p_of[i];
  r->codes[cell] = slate->open[i].code;
  sol_walk_enter(&slate->walk, row, slate->open[i].node);
}

/* Which of the n open children a draft becomes. */
static uint32_t test(runner *r, uint32_t row, uint32_t column, uint32_t first, uint32_t n) {
  sol_adaptive *a = r->a;
  sol_slate *slate = r->slate;
  const float *q = share_of(a, row, column);
  uint32_t draft = a->node[(size_t)row * a->columns + column], at = n;
  float all = 0;
  for (uint32_t k = 0; k < n; k++) {
    float more = slate->share[k] - q[slate->open[k].node - first];
    if (slate->open[k].node == draft) at = k;
    all += a->rest[k] = more > 0 ? more : 0;
  }
  double kept = sol_random_uniform(&slate->random) * q[draft - first];
  if (at < n && (kept < slate->share[at] || all == 0)) return at;
  return sol_slate_draw(slate, n, all > 0 ? a->rest : slate->share);
}

/* A row's tests, and then its next code if it may choose one. `logits` of its inputs. */
static void go_through(runner *r, uint32_t row, const float *const *logits) {
  sol_adaptive *a = r->a;
  sol_slate *slate = r->slate;
  uint32_t have = a->have[row], begin = settled(a, row);
  for (uint32_t c = begin; c < *end_of(a, row) && r->changed == a->rows; c++) {
    uint32_t first = slate->trie->level[c].child[sol_walk_node(&slate->walk, row)];
    uint32_t n = sol_slate_weigh(slate, row, logits[c - begin], sol_decoder_codes(a->config, c), r->how);
    uint32_t i = c < have ? test(r, row, c, first, n) : sol_slate_draw(slate, n, slate->share);
    if (c < have && slate->open[i].node != a->node[(size_t)row * a->columns + c]) r->changed = row;
    take(r, row, c, first, n, i);
    if (c >= have || r->changed == row) a->have[row] = c + 1;
  }
}

/* Rows stand in the trie where their tests begin, so that each is weighed under what the rows above hold alone. */
static void go_back(const runner *r) {
  const sol_adaptive *a = r->a;
  for (uint32_t row = a->row; row < a->rows; row++) r->slate->walk.depth[row] = settled(a, row);
}

/* What the rows below a change could have drafted by now. */
static void cut(const runner *r) {
  const sol_adaptive *a = r->a;
  for (uint32_t row = r->changed + 1; row < a->rows; row++) {
    uint32_t above = a->have[row - 1];
    if (above < a->columns) a->have[row] = least(a->have[row], above < r->window ? 0 : above - r->window);
  }
}

/* An input is settled if it went in as it is now, with all that stands before it. n inputs went in. */
static void settle(const runner *r, uint32_t n) {
  sol_adaptive *a = r->a;
  for (uint32_t i = 0; i < n; i++) {
    uint32_t row = (uint32_t)a->input[i].row, place = (uint32_t)a->input[i].place;
    if (row != a->row || place > a->have[row]) return;
    if (place && a->input[i].code != r->codes[row * a->columns + place - 1]) return;
    a->inputs = place + 1;
    if (a->inputs <= a->columns) continue;
    a->row++;
    a->inputs = 0;
  }
}

/* ---- The whole ---- */

static int is_over(const sol_adaptive *a) {
  return a->row + 1 == a->rows && a->inputs == a->columns;
}

static void forward(runner *r, uint32_t n) {
  sol_adaptive *a = r->a;
  uint32_t i = 0;
  go_back(r);
  r->changed = a->rows;
  while (i < n && r->changed == a->rows) {
    uint32_t row = (uint32_t)a->input[i].row;
    go_through(r, row, a->logits + i);
    while (i < n && (uint32_t)a->input[i].row == row) i++;
  }
  cut(r);
  settle(r, n);
}

solid_status sol_adaptive_decode(sol_adaptive *a, sol_stepper *stepper, sol_slate *slate, const sol_choosing *how,
                                 uint32_t window, const float *h, const float *u, uint32_t *codes, int32_t *forwards) {
  runner r = {a, slate, how, least(window, a->columns), codes, 0};
  a->rows = slate->walk.rows;
  a->row = a->inputs = 0;
  *forwards = 0;
  memset(a->have, 0, a->rows * sizeof *a->have);
  solid_status status = sol_stepper_begin_tail(stepper, h, u);
  while (!status && !is_over(a)) {
    uint32_t n = list_inputs(&r), before = a->row * (a->columns + 1) + a->inputs;
    status = sol_stepper_tail(stepper, before, a->input, n, a->logits);
    if (!status) forward(&r, n);
    ++*forwards;
  }
  slate->log_p = 0;
  for (uint32_t i = 0; i < a->rows * a->columns && !status; i++) slate->log_p += a->log_p[i];
  return status;
}
