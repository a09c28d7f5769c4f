/* Whole chunks of events at once. In steps of a chunk the host needs the list of one before it can enqueue the next,
 * and a device with memory of its own mostly waits. Here select makes the lists of many chunks in one call, from a
 * table of keys and values that has a slot's kept rows right before its new ones, and the host waits once a block.
 * Formulas as in step.c. */
#include "solid/infer/state/parts.h"
#include <string.h>

/* Where the int32s lie. The windows of a slot are its chunks, and behind them an empty one, whose list is what is kept.
 * N rows, W windows, T rows of the table: of every slot K, the last ones of which are kept rows, and the new ones. */
typedef struct prefill_ints {
  int32_t *items, *positions, *places; /* (N); rows of the table */
  int32_t *chunks, *asks;              /* (n + 1), (W + 1) */
  int32_t *first, *begin;              /* (W), (W + 1) */
  int32_t *numbers;                    /* (T) 0, 1, 2, ... */
  int32_t *count, *lists;              /* (H, W), (H, W, R): filled, then made */
  int32_t *moved;                      /* (n, K, 2, H) of the table as parts of a head */
  size_t windows, rows, table;
} prefill_ints;

static size_t ints_bind(prefill_ints *at, const sol_states *s, size_t n, size_t rows, int32_t *base) {
  size_t used = 0, W = at->windows = rows / s->C + n;
  at->rows = rows, at->table = rows + n * s->K;
#define TAKE(member, n_of) at->member = base + used, used += (n_of)
  TAKE(items, rows), TAKE(positions, rows), TAKE(places, rows), TAKE(chunks, n + 1), TAKE(asks, W + 1), TAKE(first, W);
  TAKE(begin, W + 1), TAKE(numbers, at->table), TAKE(count, s->H * W), TAKE(lists, s->H * W * s->R);
  TAKE(moved, n * s->K * 2 * s->H);
#undef TAKE
  return used;
}

static size_t most_slots(const sol_states *s) {
  return sol_least_size(sol_least_size(s->slots, s->rows / s->C), SOL_PREFILLED_AT_ONCE);
}

/* None where there is no room for two chunks. */
static size_t most_rows(const sol_states *s) {
  return s->rows / s->C > 1 ? s->rows / s->C * s->C : 0;
}

size_t sol_prefill_rows(const sol_states *s) {
  return most_rows(s) ? most_rows(s) + most_slots(s) * s->K : 0;
}

size_t sol_prefill_ints(const sol_states *s) {
  prefill_ints at;
  static int32_t none;
  return most_rows(s) ? ints_bind(&at, s, most_slots(s), most_rows(s), &none) : 0;
}

static void fill(const sol_states *s, const sol_stretch *of, size_t n, const prefill_ints *to) {
  size_t row = 0, w = 0, first = s->K; /* first new row in the table */
  for (size_t i = 0; i < n; first += s->K + of[i].n, i++) {
    const sol_slot *slot = &s->slot[of[i].slot];
    to->chunks[i] = (int32_t)w;
    for (size_t j = 0; j <= of[i].n; j += s->C, w++) {
      to->asks[w] = (int32_t)(row + j);
      to->first[w] = (int32_t)(j < of[i].n ? first + j : 0);
      to->begin[w] = (int32_t)(w * s->R);
    }
    for (size_t j = 0; j < of[i].n; j++, row++) {
      to->items[row] = (int32_t)of[i].items[j];
      to->positions[row] = (int32_t)(slot->events - slot->base + j);
      to->places[row] = (int32_t)(first + j);
    }
  }
  to->chunks[n] = (int32_t)w, to->asks[w] = (int32_t)row, to->begin[w] = (int32_t)(w * s->R);
  for (size_t t = 0; t < to->table; t++) to->numbers[t] = (int32_t)t;
}

/* What the first chunk of every slot reads, and what is kept of block b to its place in the table. */
static void begin_lists(sol_run *run, const sol_states *s, uint32_t b, const sol_stretch *of, size_t n,
                        const prefill_ints *host, const prefill_ints *at) {
  const sk_backend_ops *ops = s->be->ops;
  size_t W = host->windows, base = 0, row = 2 * s->d;
  memset(host->count, 0, s->H * W * sizeof *host->count);
  for (size_t i = 0; i < n; base += s->K + of[i].n, i++) {
    size_t kept = s->slot[of[i].slot].kept[b], w = (size_t)host->chunks[i], from = base + s->K - kept;
    for (size_t h = 0; h < s->H; h++) {
      size_t list = (h * W + w) * s->R;
      host->count[h * W + w] = (int32_t)(kept + s->C);
      for (size_t j = 0; j < kept + s->C; j++) host->lists[list + j] = (int32_t)(from + j);
      if (!run->status && !ops->unified)
        run->status = ops->upload(s->be, at->lists + list, host->lists + list, (kept + s->C) * sizeof(int32_t));
    }
    sol_op_copy(run, s->scratch.table + from * row, s->kv[b] + of[i].slot * s->R * row, kept * row);
  }
  if (!run->status && !ops->unified)
    run->status = ops->upload(s->be, at->count, host->count, s->H * W * sizeof(int32_t));
}

/* Makes all lists of block b, and brings those that stay to the host. */
static void choose(sol_run *run, const sol_states *s, const sol_stretch *of, size_t n, const prefill_ints *host,
                   const prefill_ints *at) {
  const sk_backend_ops *ops = s->be->ops;
  int32_t d = (int32_t)s->d;
  size_t W = host->windows, most = 0;
  for (size_t i = 0; i < n; i++) most = sol_most_size(most, of[i].n / s->C + 1);
  sol_op_select(run, &(sk_select_args){.rule = s->rule,
                                       .histories = (int32_t)n,
                                       .windows = (int32_t)W,
                                       .heads = (int32_t)s->H,
                                       .dh = d / (int32_t)s->H,
                                       .max_chunks = (int32_t)most,
                                       .resume = 1,
                                       .chunk_offsets = at->chunks,
                                       .q_offsets = at->asks,
                                       .k_first = at->first,
                                       .q = s->scratch.qkv,
                                       .k = s->scratch.table,
                                       .q_stride = 3 * d,
                                       .kv_stride = 2 * d,
                                       .rows = at->lists,
                                       .list_stride = (int32_t)(W * s->R),
                                       .begin = at->begin,
                                       .count = at->count});
  for (size_t i = 0; i < n * s->H && !ops->unified && !run->status; i++) {
    size_t list = (i % s->H * W + (size_t)host->chunks[i / s->H + 1] - 1) * s->R;
    run->status = ops->download(s->be, host->lists + list, at->lists + list, s->K * sizeof(int32_t));
  }
  if (!run->status && !ops->unified)
    run->status = ops->download(s->be, host->count, at->count, s->H * W * sizeof(int32_t));
}

/* Every row over its chunk's list. Rows of q and of the table are numbered as the latter. */
static void read_lists(sol_run *run, const sol_states *s, const prefill_ints *at) {
  int32_t d = (int32_t)s->d, W = (int32_t)at->windows, stride = (int32_t)(at->windows * s->R);
  const sol_states_scratch *m = &s->scratch;
  sk_attend_pairs pairs = {.windows = W,
                           .heads = (int32_t)s->H,
                           .dh = d / (int32_t)s->H,
                           .q_rows = (int32_t)at->rows,
                           .kv_rows = (int32_t)at->table,
                           .max_queries = (int32_t)s->C,
                           .max_keys = (int32_t)s->R,
                           .q_offsets = at->asks,
                           .q_positions = at->places,
                           .kv_positions = at->numbers,
                           .kept = {.rows = at->lists, .begin = at->begin, .count = at->count, .stride = stride}};
  sol_op_attend(run, &(sk_attend_args){.pairs = pairs,
                                       .q = m->qkv,
                                       .k = m->table,
                                       .v = m->table + d,
                                       .q_stride = 3 * d,
                                       .kv_stride = 2 * d,
                                       .out = m->attended});
}

/* What the slots keep of block b, once the device has made its lists. */
static solid_status keep(sol_states *s, uint32_t b, const sol_stretch *of, size_t n, const prefill_ints *host,
                         const prefill_ints *at) {
  sol_closing closings[SOL_PREFILLED_AT_ONCE];
  for (size_t i = 0, base = 0; i < n; base += s->K + of[i].n, i++) {
    size_t last = (size_t)host->chunks[i + 1] - 1;
    closings[i] = (sol_closing){.slot = of[i].slot,
                                .base = base + s->K - s->slot[of[i].slot].kept[b],
                                .fresh = of[i].n,
                                .event = s->slot[of[i].slot].events,
                                .items = of[i].items,
                                .list = host->lists + last * s->R,
                                .count = host->count + last,
                                .list_stride = host->windows * s->R,
                                .count_stride = host->windows};
  }
  return sol_states_keep(s, b, closings, n, (sol_kv_rows){s->scratch.table, at->table}, host->moved, at->moved);
}

solid_status sol_states_prefill(sol_states *s, const sol_stretch *of, size_t n) {
  const sol_states_scratch *m = &s->scratch;
  sol_run run = {s->be, s->be->ops->unified ? SOLID_OK : s->be->ops->sync(s->be)};
  prefill_ints host, at;
  size_t rows = 0;
  int32_t d = (int32_t)s->d;
  for (size_t i = 0; i < n; i++) rows += of[i].n;
  ints_bind(&host, s, n, rows, s->host_ints);
  ints_bind(&at, s, n, rows, s->ints);
  fill(s, of, n, &host);
  if (!run.status) run.status = sol_states_send(s, (size_t)(host.count - s->host_ints));
  sol_states_read_items(&run, s, (int32_t)rows, at.items);
  for (uint32_t b = 0; b < s->config->blocks; b++) {
    begin_lists(&run, s, b, of, n, &host, &at);
    sol_states_project(&run, s, b, (int32_t)rows, at.positions);
    sol_op_place(&run, &(sk_place_args){(int32_t)rows, 2 * d, 3 * d, m->qkv + d, at.places, m->table});
    choose(&run, s, of, n, &host, &at);
    if (b + 1 < s->config->blocks) {
      read_lists(&run, s, &at);
      sol_states_feed(&run, s, b, (int32_t)rows);
    }
    if (!run.status) run.status = keep(s, b, of, n, &host, &at);
  }
  return run.status;
}
