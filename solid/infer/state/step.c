/* A step: rows of several states, each within its open chunk, through all blocks. Formulas as in encoder.c. */
#include "solid/infer/state/parts.h"

/* Where a step's int32s lie, on the host or on the device; n states, U = 2 n - 1 windows: those of the states, and
 * between them the rows of the pool that nobody reads, which ask nothing. */
typedef struct step_ints {
  int32_t *items, *positions, *probe; /* (rows); row of the pool's probes or -1 */
  int32_t *newest, *newest_q, *which; /* (n) rows of x and norm, of qkv as thirds, of the slots' h or -1 */
  int32_t *asks, *asks_newest;        /* (U + 1) offsets of all rows, and of one a state */
  int32_t *reads[SOL_MAX_BLOCKS];     /* (U + 1) offsets of the pool's rows */
  int32_t *places[SOL_MAX_BLOCKS];    /* (rows) of the pool */
} step_ints;

static size_t ints_bind(step_ints *at, uint32_t blocks, size_t n, size_t rows, int32_t *base) {
  size_t used = 0, windows = 2 * n;
#define TAKE(member, count) at->member = base + used, used += (count)
  TAKE(items, rows), TAKE(positions, rows), TAKE(probe, rows);
  TAKE(newest, n), TAKE(newest_q, n), TAKE(which, n);
  TAKE(asks, windows), TAKE(asks_newest, windows);
  for (uint32_t b = 0; b < blocks; b++) TAKE(reads[b], windows), TAKE(places[b], rows);
#undef TAKE
  return used;
}

size_t sol_step_ints(const sol_states *s) {
  step_ints at;
  static int32_t none;
  return ints_bind(&at, s->config->blocks, s->slots, s->rows, &none);
}

int32_t sol_probe_of(const sk_select_rule *rule, int32_t i) {
  int32_t strided = sk_select_strided(rule, rule->chunk), recent = rule->chunk - rule->recent;
  if (i >= recent) return strided + i - recent;
  return rule->stride > 0 && i % rule->stride == 0 && i / rule->stride < strided ? i / rule->stride : -1;
}

static void fill_rows(const sol_states *s, const sol_stretch *of, size_t row, const step_ints *to) {
  const sol_slot *slot = &s->slot[of->slot];
  for (size_t i = 0; i < of->n; i++) {
    int32_t probe = sol_probe_of(&s->rule, (int32_t)(slot->open + i));
    to->items[row + i] = (int32_t)of->items[i];
    to->positions[row + i] = (int32_t)(slot->events - slot->base + i);
    to->probe[row + i] = probe < 0 ? -1 : (int32_t)(of->slot * s->P) + probe;
    for (uint32_t b = 0; b < s->config->blocks; b++)
      to->places[b][row + i] = (int32_t)(of->slot * s->R + slot->kept[b] + slot->open + i);
  }
}

static void fill(const sol_states *s, const sol_stretch *of, size_t n, const step_ints *to) {
  size_t row = 0;
  for (size_t i = 0; i < n; row += of[i].n, i++) {
    const sol_slot *slot = &s->slot[of[i].slot];
    fill_rows(s, &of[i], row, to);
    to->newest[i] = (int32_t)(row + of[i].n - 1);
    to->newest_q[i] = 3 * to->newest[i];
    to->which[i] = of[i].last ? (int32_t)of[i].slot : -1;
    to->asks[2 * i] = (int32_t)row, to->asks[2 * i + 1] = (int32_t)(row + of[i].n);
    to->asks_newest[2 * i] = (int32_t)i, to->asks_newest[2 * i + 1] = (int32_t)i + 1;
    for (uint32_t b = 0; b < s->config->blocks; b++) {
      to->reads[b][2 * i] = (int32_t)(of[i].slot * s->R);
      to->reads[b][2 * i + 1] = to->reads[b][2 * i] + (int32_t)(slot->kept[b] + slot->open + of[i].n);
    }
  }
}

/* Heads of rows of width `stride` are turned by the rows' positions. */
static void turn(sol_run *run, const sol_states *s, size_t heads, int32_t n, const int32_t *positions, int32_t stride) {
  sol_op_rotate(run, &(sk_rotate_args){.n = n,
                                       .heads = (int32_t)heads,
                                       .dh = (int32_t)(s->d / s->H),
                                       .turned = (int32_t)s->config->turned,
                                       .positions = positions,
                                       .direction = 1,
                                       .x = s->scratch.qkv,
                                       .stride = stride});
}

/* x through the block's first norm into scratch.qkv (n, out), by the part w of what makes queries, keys and values. */
static void project(sol_run *run, const sol_states *s, uint32_t b, int32_t n, sol_linear w, int32_t out) {
  const sol_states_scratch *m = &s->scratch;
  int32_t d = (int32_t)s->d;
  norm(run, n, d, m->x, sol_model_weights(s->model)->block[b].norm1, NULL, NULL, m->norm);
  linear(run, n, d, out, m->norm, w, m->qkv);
}

void sol_states_read_items(sol_run *run, const sol_states *s, int32_t n, const int32_t *items) {
  const sol_item_rows whole = {s->config, sol_model_catalogue(s->model), SK_ROWS_WHOLE};
  sol_gather_items(run, whole, n, items, s->scratch.x);
}

void sol_states_first_kv(sol_run *run, const sol_states *s, int32_t n, const int32_t *items, const int32_t *positions) {
  int32_t d = (int32_t)s->d;
  if (s->model->first_kv) {
    gather(run, n, 2 * d, (int32_t)s->config->items, s->model->first_kv, items, 0, s->scratch.qkv);
  } else {
    sol_states_read_items(run, s, n, items);
    project(run, s, 0, n, sol_key_value_part(sol_model_weights(s->model)->block[0].qkv, d), 2 * d);
  }
  turn(run, s, s->H, n, positions, 2 * d);
}

void sol_states_first_q(sol_run *run, const sol_states *s, int32_t n, const int32_t *items, const int32_t *positions) {
  sol_states_read_items(run, s, n, items);
  project(run, s, 0, n, sol_model_weights(s->model)->block[0].qkv, (int32_t)s->d);
  turn(run, s, s->H, n, positions, (int32_t)s->d);
}

void sol_states_project(sol_run *run, const sol_states *s, uint32_t b, int32_t n, const int32_t *positions) {
  int32_t d = (int32_t)s->d;
  project(run, s, b, n, sol_model_weights(s->model)->block[b].qkv, 3 * d);
  turn(run, s, 2 * s->H, n, positions, 3 * d);
}

/* What x makes of itself in block b goes into the pool. */
static void take_in(sol_run *run, const sol_states *s, uint32_t b, int32_t n, const step_ints *at) {
  const sol_states_scratch *m = &s->scratch;
  int32_t d = (int32_t)s->d;
  sol_states_project(run, s, b, n, at->positions);
  sol_op_place(run, &(sk_place_args){n, 2 * d, 3 * d, m->qkv + d, at->places[b], s->kv[b]});
  sol_op_place(run, &(sk_place_args){n, d, 3 * d, m->qkv, at->probe, s->probes[b]});
}

/* Queries over the rows of the pool, of which the newest is a query's own. */
static void read_pool(sol_run *run, const sol_states *s, uint32_t b, size_t states, int32_t queries, int32_t most,
                      const int32_t *asks, const step_ints *at, const float *q, int32_t stride, float *out) {
  int32_t d = (int32_t)s->d, rows = (int32_t)(s->slots * s->R);
  sk_attend_pairs pairs = {.windows = 2 * (int32_t)states - 1,
                           .heads = (int32_t)s->H,
                           .dh = d / (int32_t)s->H,
                           .q_rows = queries,
                           .kv_rows = rows,
                           .max_queries = most,
                           .max_keys = rows,
                           .q_offsets = asks,
                           .kv_offsets = at->reads[b]};
  sol_op_attend(run, &(sk_attend_args){.pairs = pairs,
                                       .q = q,
                                       .k = s->kv[b],
                                       .v = s->kv[b] + d,
                                       .q_stride = stride,
                                       .kv_stride = 2 * d,
                                       .out = out});
}

static const sol_dropout no_dropout = {0};

/* x += attend out^T, then the feed-forward half. */
static void go_on(sol_run *run, const sol_states *s, uint32_t b, int32_t n, const float *attended, float *norm2,
                  float *wide, float *x) {
  const sol_block_weights *w = &sol_model_weights(s->model)->block[b];
  int32_t d = (int32_t)s->d;
  sol_block_state state = {.mid = x, .norm2 = norm2, .up = wide, .activated = wide};
  linear_add(run, n, d, d, attended, w->out, x);
  sol_feed_forward(run, s->config, w, n, &no_dropout, 0, &state, NULL, x);
}

void sol_states_feed(sol_run *run, const sol_states *s, uint32_t b, int32_t n) {
  const sol_states_scratch *m = &s->scratch;
  go_on(run, s, b, n, m->attended, m->norm, m->wide, m->x);
}

/* The last block and the norm behind it are wanted at the newest rows only. */
static void finish(sol_run *run, const sol_states *s, size_t n, int32_t rows, const step_ints *at) {
  const sol_states_scratch *m = &s->scratch;
  int32_t d = (int32_t)s->d, states = (int32_t)n;
  uint32_t b = s->config->blocks - 1;
  gather(run, states, d, rows, m->x, at->newest, 0, m->newest_x);
  gather(run, states, d, 3 * rows, m->qkv, at->newest_q, 0, m->newest_q);
  read_pool(run, s, b, n, states, 1, at->asks_newest, at, m->newest_q, d, m->newest_out);
  go_on(run, s, b, states, m->newest_out, m->newest_norm, m->newest_wide, m->newest_x);
  norm(run, states, d, m->newest_x, sol_model_weights(s->model)->norm, NULL, NULL, m->newest_norm);
  sol_op_place(run, &(sk_place_args){states, d, d, m->newest_norm, at->which, s->last});
}

solid_status sol_states_step(sol_states *s, const sol_stretch *of, size_t n, size_t rows) {
  const sol_states_scratch *m = &s->scratch;
  sol_run run = {s->be, s->be->ops->unified ? SOLID_OK : s->be->ops->sync(s->be)}; /* the ints before are read */
  step_ints host, at;
  uint32_t blocks = s->config->blocks;
  int32_t all = (int32_t)rows, most = 0, wanted = 0;
  size_t ints = ints_bind(&host, blocks, n, rows, s->host_ints);
  ints_bind(&at, blocks, n, rows, s->ints);
  fill(s, of, n, &host);
  for (size_t i = 0; i < n; i++) most = (int32_t)sol_most_size((size_t)most, of[i].n), wanted |= of[i].last;
  if (!run.status) run.status = sol_states_send(s, ints);
  sol_states_read_items(&run, s, all, at.items);
  for (uint32_t b = 0; b < blocks; b++) {
    take_in(&run, s, b, all, &at);
    if (b + 1 == blocks) break;
    read_pool(&run, s, b, n, all, most, at.asks, &at, m->qkv, 3 * (int32_t)s->d, m->attended);
    sol_states_feed(&run, s, b, all);
  }
  if (wanted) finish(&run, s, n, all, &at);
  return run.status;
}
