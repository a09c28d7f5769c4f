/* Block 0 of a state that was read: its keys and values follow from the items. */
#include "solid/infer/state/layout.h"
#include <string.h>

/* Rows to be made: `count` that lists keep, then the open chunk's. */
typedef struct making {
  sol_states *s;
  const sol_slot *of;
  size_t slot, count;
  const uint32_t *events, *items;
} making;

/* Where a piece's int32s lie. */
typedef struct piece {
  int32_t *items, *positions; /* (n) */
  int32_t *to;                /* (n, 2, H) a key or value of a head goes to that one of the pool's, -1; or (n) probes */
} piece;

static size_t piece_bind(piece *at, size_t n, size_t to, int32_t *base) {
  *at = (piece){base, base + n, base + 2 * n};
  return n * (2 + to);
}

size_t sol_restore_ints(const sol_states *s) {
  piece at;
  static int32_t none;
  return piece_bind(&at, s->rows, 2 * s->H, &none);
}

/* Key and value of the piece's row i go to row j of the slot, for head h. */
static void direct(const making *m, size_t i, size_t h, size_t j, const piece *to) {
  const sol_states *s = m->s;
  for (size_t part = 0; part < 2; part++)
    to->to[(i * 2 + part) * s->H + h] = (int32_t)(((m->slot * s->R + j) * 2 + part) * s->H + h);
}

/* Row `row` of those to be made is the piece's row i. */
static void fill(const making *m, size_t row, size_t i, const piece *to) {
  const sol_states *s = m->s;
  size_t open = row - m->count;
  int is_kept = row < m->count;
  uint64_t event = is_kept ? m->events[row] : m->of->events - m->of->open + open;
  to->items[i] = (int32_t)(is_kept ? m->items[row] : s->open_items[m->slot * s->C + open]);
  to->positions[i] = (int32_t)((int64_t)event - (int64_t)m->of->base);
  for (size_t h = 0, *at = s->merged_of; h < s->H; h++, at++) {
    int is_in = is_kept && *at < m->of->kept[0] && sol_states_numbers(s, m->slot, 0, h)[*at] == event;
    if (is_in || !is_kept) direct(m, i, h, is_in ? (*at)++ : m->of->kept[0] + open, to);
  }
}

/* Brings a piece's int32s to the device once those of the one before are read. */
static void begin_piece(sol_run *run, const sol_states *s) {
  if (!s->be->ops->unified && !run->status) run->status = s->be->ops->sync(s->be);
}

static solid_status make_rows(const making *m) {
  sol_states *s = m->s;
  sol_run run = {s->be, SOLID_OK};
  size_t n, parts = 2 * s->H, dh = s->d / s->H, all = m->count + m->of->open;
  memset(s->merged_of, 0, s->H * sizeof *s->merged_of);
  for (size_t first = 0; first < all && !run.status; first += n) {
    piece host, to;
    n = sol_least_size(all - first, s->rows);
    size_t ints = piece_bind(&host, n, parts, s->host_ints);
    piece_bind(&to, n, parts, s->ints);
    begin_piece(&run, s);
    for (size_t i = 0; i < n * parts; i++) host.to[i] = -1;
    for (size_t i = 0; i < n; i++) fill(m, first + i, i, &host);
    if (!run.status) run.status = sol_states_send(s, ints);
    sol_states_first_kv(&run, s, (int32_t)n, to.items, to.positions);
    sol_op_place(&run,
                 &(sk_place_args){(int32_t)(n * parts), (int32_t)dh, (int32_t)dh, s->scratch.qkv, to.to, s->kv[0]});
  }
  return run.status;
}

/* Queries of the open chunk's probes. */
static solid_status make_probes(const making *m) {
  sol_states *s = m->s;
  sol_run run = {s->be, SOLID_OK};
  size_t room = sol_least_size(s->P, s->rows);
  for (size_t t = 0, n; t < s->P && !run.status;) {
    piece host, to;
    piece_bind(&host, room, 1, s->host_ints);
    begin_piece(&run, s);
    for (n = 0; t < s->P && n < room; t++) {
      size_t row = (size_t)sk_select_probe(&s->rule, (int32_t)s->C, (int32_t)t);
      if (row >= m->of->open) continue;
      host.items[n] = (int32_t)s->open_items[m->slot * s->C + row];
      host.positions[n] = (int32_t)((int64_t)(m->of->events - m->of->open + row) - (int64_t)m->of->base);
      host.to[n++] = (int32_t)(m->slot * s->P + t);
    }
    piece_bind(&to, room, 1, s->ints);
    if (!n) break;
    if (!run.status) run.status = sol_states_send(s, 3 * room);
    sol_states_first_q(&run, s, (int32_t)n, to.items, to.positions);
    sol_op_place(&run, &(sk_place_args){(int32_t)n, (int32_t)s->d, (int32_t)s->d, s->scratch.qkv, to.to, s->probes[0]});
  }
  return run.status;
}

solid_status sol_states_restore(sol_states *s, size_t slot, const uint32_t *events, const uint32_t *items,
                                size_t count) {
  const making m = {s, &s->slot[slot], slot, count, events, items};
  solid_status status = make_rows(&m);
  if (!status) status = make_probes(&m);
  return status ? sol_backend_fail(s->be, status) : SOLID_OK;
}
