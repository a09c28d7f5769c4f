/* Block 0 of a state that was read: its keys and values follow from the items. */
#include "solid/infer/state/layout.h"
#include <string.h>

/* Rows to be made: those that lists keep, as keys and values, or those of the open chunk, with queries. */
typedef struct making {
  sol_states *s;
  size_t slot, parts, count;
  const uint32_t *events, *items;
} making;

/* Where a piece's int32s lie. */
typedef struct piece {
  int32_t *items, *positions, *probe; /* (n) */
  int32_t *to;                        /* (n, parts, H): a part of a head goes to that one of the pool's, -1 */
} piece;

static size_t piece_bind(piece *at, size_t n, size_t parts, size_t H, int32_t *base) {
  *at = (piece){base, base + n, base + 2 * n, base + 3 * n};
  return 3 * n + n * parts * H;
}

size_t sol_restore_ints(const sol_states *s) {
  piece at;
  static int32_t none;
  return piece_bind(&at, s->rows, 3, s->H, &none);
}

/* Key and value of the piece's row i go to row j of the slot, for head h. */
static void direct(const making *m, size_t i, size_t h, size_t j, const piece *to) {
  const sol_states *s = m->s;
  for (size_t part = 0; part < 2; part++)
    to->to[(i * m->parts + m->parts - 2 + part) * s->H + h] = (int32_t)(((m->slot * s->R + j) * 2 + part) * s->H + h);
}

static void fill_kept(const making *m, size_t first, size_t n, const piece *to) {
  const sol_states *s = m->s;
  const sol_slot *of = &s->slot[m->slot];
  for (size_t i = 0; i < n; i++) {
    uint32_t event = m->events[first + i];
    to->items[i] = (int32_t)m->items[first + i];
    to->positions[i] = (int32_t)((int64_t)event - (int64_t)of->base);
    for (size_t h = 0, *at = s->merged_of; h < s->H; h++, at++)
      if (*at < of->kept[0] && sol_states_numbers(s, m->slot, 0, h)[*at] == event) direct(m, i, h, (*at)++, to);
  }
}

static void fill_open(const making *m, size_t first, size_t n, const piece *to) {
  const sol_states *s = m->s;
  const sol_slot *of = &s->slot[m->slot];
  for (size_t i = 0; i < n; i++) {
    int32_t probe = sol_probe_of(&s->rule, (int32_t)(first + i));
    to->items[i] = (int32_t)m->items[first + i];
    to->positions[i] = (int32_t)((int64_t)(of->events - of->open + first + i) - (int64_t)of->base);
    to->probe[i] = probe < 0 ? -1 : (int32_t)(m->slot * s->P) + probe;
    for (size_t h = 0; h < s->H; h++) direct(m, i, h, of->kept[0] + first + i, to);
  }
}

static solid_status make(const making *m) {
  sol_states *s = m->s;
  const sol_states_scratch *scratch = &s->scratch;
  sol_run run = {s->be, SOLID_OK};
  size_t n, parts = m->parts, dh = s->d / s->H;
  for (size_t first = 0; first < m->count && !run.status; first += n) {
    piece host, to;
    n = sol_least_size(m->count - first, s->rows);
    size_t ints = piece_bind(&host, n, parts, s->H, s->host_ints);
    piece_bind(&to, n, parts, s->H, s->ints);
    if (!s->be->ops->unified) run.status = s->be->ops->sync(s->be);
    for (size_t i = 0; i < n * parts * s->H; i++) host.to[i] = -1;
    if (parts == 2)
      fill_kept(m, first, n, &host);
    else
      fill_open(m, first, n, &host);
    if (!run.status) run.status = sol_states_send(s, ints);
    sol_states_project(&run, s, (int32_t)parts, (int32_t)n, to.items, to.positions);
    sol_op_place(&run, &(sk_place_args){.n = (int32_t)(n * parts * s->H),
                                        .width = (int32_t)dh,
                                        .stride = (int32_t)dh,
                                        .x = scratch->qkv,
                                        .index = to.to,
                                        .table = s->kv[0]});
    if (parts == 3)
      sol_op_place(
          &run, &(sk_place_args){(int32_t)n, (int32_t)s->d, 3 * (int32_t)s->d, scratch->qkv, to.probe, s->probes[0]});
  }
  return run.status;
}

solid_status sol_states_restore(sol_states *s, size_t slot, const uint32_t *events, const uint32_t *items,
                                size_t count) {
  const making kept = {.s = s, .slot = slot, .parts = 2, .count = count, .events = events, .items = items};
  const making open = {
      .s = s, .slot = slot, .parts = 3, .count = s->slot[slot].open, .items = s->open_items + slot * s->C};
  memset(s->merged_of, 0, s->H * sizeof *s->merged_of);
  solid_status status = make(&kept);
  if (!status) status = make(&open);
  return status ? sol_backend_fail(s->be, status) : SOLID_OK;
}
