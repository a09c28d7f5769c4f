/* The end of a chunk: what is kept of it and of what was kept before. And counting anew. */
#include "solid/infer/state/parts.h"
#include <string.h>

/* Where the int32s of closing n chunks lie. A chunk makes two windows of select: itself, and the empty one behind it,
 * whose list is made. */
typedef struct close_ints {
  int32_t *chunks, *asks, *first, *begin; /* (n + 1), (2 n + 1), (2 n), (2 n + 1) */
  int32_t *queries;                       /* (n, C) rows of the pool's probes or -1 */
  int32_t *count, *lists;                 /* (H, 2 n), (H, stride): filled, then made */
  int32_t *moved;                         /* (n, K, 2, H) of the pool as parts of a head */
  size_t stride;
} close_ints;

static size_t ints_bind(close_ints *at, const sol_states *s, size_t n, int32_t *base) {
  size_t used = 0;
  at->stride = n * (s->R + s->K);
#define TAKE(member, n_of) at->member = base + used, used += (n_of)
  TAKE(chunks, n + 1), TAKE(asks, 2 * n + 1), TAKE(first, 2 * n), TAKE(begin, 2 * n + 1), TAKE(queries, n * s->C);
  TAKE(count, 2 * n * s->H), TAKE(lists, at->stride * s->H), TAKE(moved, n * s->K * 2 * s->H);
#undef TAKE
  return used;
}

size_t sol_close_ints(const sol_states *s) {
  close_ints at;
  static int32_t none;
  return ints_bind(&at, s, sol_least_size(s->slots, SOL_CLOSED_AT_ONCE), &none);
}

static void fill(const sol_states *s, uint32_t b, const size_t *slots, size_t n, const close_ints *to) {
  size_t at = 0, C = s->C;
  for (size_t i = 0; i < n; i++) {
    size_t kept = s->slot[slots[i]].kept[b], base = slots[i] * s->R, entries = kept + C;
    to->chunks[i] = (int32_t)(2 * i);
    to->asks[2 * i] = (int32_t)(i * C), to->asks[2 * i + 1] = (int32_t)((i + 1) * C);
    to->first[2 * i] = (int32_t)(base + kept), to->first[2 * i + 1] = 0;
    to->begin[2 * i] = (int32_t)at, to->begin[2 * i + 1] = (int32_t)(at + entries);
    for (size_t h = 0; h < s->H; h++) {
      to->count[h * 2 * n + 2 * i] = (int32_t)entries, to->count[h * 2 * n + 2 * i + 1] = 0;
      for (size_t j = 0; j < entries; j++) to->lists[h * to->stride + at + j] = (int32_t)(base + j);
    }
    for (size_t j = 0; j < C; j++) to->queries[i * C + j] = -1;
    for (size_t t = 0; t < s->P; t++)
      to->queries[i * C + (size_t)sk_select_probe(&s->rule, (int32_t)C, (int32_t)t)] = (int32_t)(slots[i] * s->P + t);
    at += entries + s->K;
  }
  to->chunks[n] = (int32_t)(2 * n), to->asks[2 * n] = (int32_t)(n * C), to->begin[2 * n] = (int32_t)at;
}

/* Makes the lists, and brings them to the host. */
static solid_status choose(sol_states *s, uint32_t b, const size_t *slots, size_t n, const close_ints *host,
                           const close_ints *at) {
  sol_run run = {s->be, s->be->ops->unified ? SOLID_OK : s->be->ops->sync(s->be)};
  int32_t d = (int32_t)s->d, stride = (int32_t)at->stride;
  size_t made = (2 * n + at->stride) * s->H;
  fill(s, b, slots, n, host);
  if (!run.status) run.status = sol_states_send(s, (size_t)(at->lists - s->ints) + at->stride * s->H);
  gather(&run, (int32_t)(n * s->C), d, (int32_t)(s->slots * s->P), s->probes[b], at->queries, 0, s->scratch.q);
  sol_op_select(&run, &(sk_select_args){.rule = s->rule,
                                        .histories = (int32_t)n,
                                        .windows = 2 * (int32_t)n,
                                        .heads = (int32_t)s->H,
                                        .dh = d / (int32_t)s->H,
                                        .max_chunks = 2,
                                        .resume = 1,
                                        .chunk_offsets = at->chunks,
                                        .q_offsets = at->asks,
                                        .k_first = at->first,
                                        .q = s->scratch.q,
                                        .k = s->kv[b],
                                        .q_stride = d,
                                        .kv_stride = 2 * d,
                                        .rows = at->lists,
                                        .list_stride = stride,
                                        .begin = at->begin,
                                        .count = at->count});
  if (!run.status && !s->be->ops->unified)
    run.status = s->be->ops->download(s->be, host->count, at->count, made * sizeof(int32_t));
  if (!run.status) run.status = s->be->ops->sync(s->be);
  return run.status;
}

/* What the host knows of entry j that head h keeps in block b, which was entry `was`. */
static void move_known(sol_states *s, uint32_t b, const sol_closing *of, size_t h, size_t j, size_t was) {
  size_t kept = s->slot[of->slot].kept[b];
  uint32_t *numbers = sol_states_numbers(s, of->slot, b, h), *items = sol_states_kept_items(s, of->slot, h);
  numbers[j] = was < kept ? numbers[was] : (uint32_t)(of->event + was - kept);
  if (b == 0) items[j] = was < kept ? items[was] : of->items[was - kept];
}

/* 1 if these are entries of the slot's list, ascending: what a device made is not an index before that. */
static int is_list(const sol_states *s, uint32_t b, const sol_closing *of, const int32_t *list, size_t n) {
  int64_t base = (int64_t)of->base, end = base + (int64_t)(s->slot[of->slot].kept[b] + of->fresh), last = base - 1;
  for (size_t j = 0; j < n; last = list[j], j++)
    if (list[j] <= last || list[j] >= end) return 0;
  return 1;
}

/* Which parts of the table a slot keeps; sets *kept. */
static solid_status list_parts(sol_states *s, uint32_t b, const sol_closing *of, int32_t *moved, size_t *kept) {
  size_t H = s->H;
  *kept = (size_t)*of->count;
  for (size_t h = 0; h < H; h++) {
    const int32_t *list = of->list + h * of->list_stride;
    int32_t count = of->count[h * of->count_stride];
    if ((size_t)count != *kept || *kept > s->K)
      return sk_fail(s->be, SOLID_EDEVICE, "heads keep %zu and %d events, at most %zu", *kept, count, s->K);
    if (!is_list(s, b, of, list, *kept))
      return sk_fail(s->be, SOLID_EDEVICE, "head %zu keeps events that its list does not have", h);
    for (size_t j = 0; j < *kept; j++) {
      move_known(s, b, of, h, j, (size_t)list[j] - of->base);
      for (size_t part = 0; part < 2; part++)
        moved[(j * 2 + part) * H + h] = (int32_t)(((size_t)list[j] * 2 + part) * H + h);
    }
  }
  s->slot[of->slot].kept[b] = (uint32_t)*kept;
  return SOLID_OK;
}

solid_status sol_states_keep(sol_states *s, uint32_t b, const sol_closing *of, size_t n, sol_kv_rows kv, int32_t *moved,
                             int32_t *moved_at) {
  size_t kept, all = 0, row = 2 * s->d, parts = 2 * s->H;
  sol_run run = {s->be, s->be->ops->unified ? SOLID_OK : s->be->ops->sync(s->be)};
  for (size_t i = 0; i < n && !run.status; i++, all += kept)
    run.status = list_parts(s, b, &of[i], moved + all * parts, &kept);
  if (!run.status && !s->be->ops->unified)
    run.status = s->be->ops->upload(s->be, moved_at, moved, all * parts * sizeof(int32_t));
  gather(&run, (int32_t)(all * parts), (int32_t)(s->d / s->H), (int32_t)(kv.rows * parts), kv.at, moved_at, 0,
         s->scratch.rows);
  const float *from = s->scratch.rows;
  for (size_t i = 0; i < n; i++, from += kept * row) {
    kept = s->slot[of[i].slot].kept[b];
    sol_op_copy(&run, s->kv[b] + of[i].slot * s->R * row, from, kept * row);
  }
  return run.status;
}

/* Rows that are kept go to the beginning of their slots, head by head. */
static solid_status move(sol_states *s, uint32_t b, const size_t *slots, size_t n, const close_ints *host,
                         const close_ints *at) {
  sol_closing closings[SOL_CLOSED_AT_ONCE];
  for (size_t i = 0; i < n; i++)
    closings[i] = (sol_closing){.slot = slots[i],
                                .base = slots[i] * s->R,
                                .fresh = s->C,
                                .event = s->slot[slots[i]].events - s->C,
                                .items = s->open_items + slots[i] * s->C,
                                .list = host->lists + host->begin[2 * i + 1],
                                .count = host->count + 2 * i + 1,
                                .list_stride = host->stride,
                                .count_stride = 2 * n};
  return sol_states_keep(s, b, closings, n, (sol_kv_rows){s->kv[b], s->slots * s->R}, host->moved, at->moved);
}

solid_status sol_states_close(sol_states *s, const size_t *slots, size_t n) {
  close_ints host, at;
  solid_status status = SOLID_OK;
  ints_bind(&host, s, n, s->host_ints);
  ints_bind(&at, s, n, s->ints);
  for (uint32_t b = 0; b < s->config->blocks && !status; b++) {
    status = choose(s, b, slots, n, &host, &at);
    if (!status) status = move(s, b, slots, n, &host, &at);
  }
  for (size_t i = 0; i < n; i++) s->slot[slots[i]].open = 0;
  return status;
}

static void turn(sol_run *run, const sol_states *s, size_t n, const int32_t *positions, float *x, int32_t stride) {
  sol_op_rotate(run, &(sk_rotate_args){.n = (int32_t)n,
                                       .heads = (int32_t)s->H,
                                       .dh = (int32_t)(s->d / s->H),
                                       .turned = (int32_t)s->config->turned,
                                       .positions = positions,
                                       .direction = -1,
                                       .x = x,
                                       .stride = stride});
}

solid_status sol_states_rebase(sol_states *s, size_t slot) {
  sol_slot *of = &s->slot[slot];
  sol_run run = {s->be, s->be->ops->unified ? SOLID_OK : s->be->ops->sync(s->be)};
  size_t n = sol_most_size(s->R, s->P), d = s->d;
  uint64_t shift = of->events - of->base;
  for (size_t i = 0; i < n; i++) s->host_ints[i] = (int32_t)shift;
  if (!run.status) run.status = sol_states_send(s, n);
  for (uint32_t b = 0; b < s->config->blocks; b++) {
    turn(&run, s, of->kept[b] + of->open, s->ints, s->kv[b] + slot * s->R * 2 * d, 2 * (int32_t)d);
    turn(&run, s, s->P, s->ints, s->probes[b] + slot * s->P * d, (int32_t)d);
  }
  of->base = of->events;
  return run.status;
}
