/* Block 0 of a state that was read: its keys and values follow from the items. */
#include "solid/infer/state/layout.h"

/* Where a piece's int32s lie; parts: query, key, value of every head. */
typedef struct restore_ints {
  int32_t *items, *positions, *probe; /* (n) */
  int32_t *to;                        /* (n, 3, H) parts of the pool's rows, -1 */
} restore_ints;

static size_t ints_bind(restore_ints *at, size_t n, size_t H, int32_t *base) {
  *at = (restore_ints){base, base + n, base + 2 * n, base + 3 * n};
  return 3 * n + n * 3 * H;
}

size_t sol_restore_ints(const sol_states *s) {
  restore_ints at;
  static int32_t none;
  return ints_bind(&at, s->rows, s->H, &none);
}

/* Row j of the slot for head h gets keys and values of the piece's row i. */
static void direct(const sol_states *s, size_t slot, size_t i, size_t h, size_t j, const restore_ints *to) {
  for (size_t part = 0; part < 2; part++)
    to->to[(i * 3 + 1 + part) * s->H + h] = (int32_t)(((slot * s->R + j) * 2 + part) * s->H + h);
}

/* Rows first .. first + n - 1 of those that are kept, then of the open chunk; at[h]: entries of head h before them. */
static void fill(const sol_states *s, size_t slot, const uint32_t *events, const uint32_t *items, size_t count,
                 size_t first, size_t n, size_t *at, const restore_ints *to) {
  const sol_slot *of = &s->slot[slot];
  for (size_t i = 0; i < 3 * s->H * n; i++) to->to[i] = -1;
  for (size_t i = 0; i < n; i++) {
    size_t row = first + i, j = row - count;
    int is_open = row >= count;
    uint64_t event = is_open ? of->events - of->open + j : events[row];
    int32_t probe = is_open ? sol_probe_of(&s->rule, (int32_t)j) : -1;
    to->items[i] = (int32_t)(is_open ? s->open_items[slot * s->C + j] : items[row]);
    to->positions[i] = (int32_t)((int64_t)event - (int64_t)of->base);
    to->probe[i] = probe < 0 ? -1 : (int32_t)(slot * s->P) + probe;
    for (size_t h = 0; h < s->H; h++) {
      if (is_open)
        direct(s, slot, i, h, of->kept[0] + j, to);
      else if (at[h] < of->kept[0] && sol_states_numbers(s, slot, 0, h)[at[h]] == event)
        direct(s, slot, i, h, at[h]++, to);
    }
  }
}

solid_status sol_states_restore(sol_states *s, size_t slot, const uint32_t *events, const uint32_t *items,
                                size_t count) {
  size_t all = count + s->slot[slot].open, at[SOL_MOST_HEADS] = {0}, n;
  const sol_block_weights *w = &sol_model_weights(s->model)->block[0];
  const sol_states_scratch *m = &s->scratch;
  sol_run run = {s->be, SOLID_OK};
  int32_t d = (int32_t)s->d, H = (int32_t)s->H;
  for (size_t first = 0; first < all && !run.status; first += n) {
    restore_ints host, to;
    n = sol_least_size(all - first, s->rows);
    size_t ints = ints_bind(&host, n, s->H, s->host_ints);
    ints_bind(&to, n, s->H, s->ints);
    if (!s->be->ops->unified) run.status = s->be->ops->sync(s->be);
    fill(s, slot, events, items, count, first, n, at, &host);
    if (!run.status) run.status = sol_states_send(s, ints);
    sol_states_project(&run, s, w, (int32_t)n, to.items, to.positions);
    sol_op_place(&run, &(sk_place_args){(int32_t)n * 3 * H, d / H, d / H, m->qkv, to.to, s->kv[0]});
    sol_op_place(&run, &(sk_place_args){(int32_t)n, d, 3 * d, m->qkv, to.probe, s->probes[0]});
  }
  return run.status ? sol_backend_fail(s->be, run.status) : SOLID_OK;
}
