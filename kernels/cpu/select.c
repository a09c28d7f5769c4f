/* select: histories go on together, some at a time, chunk by chunk, and a block of work is a head of one of them.
 * Scores of probes by candidates go to BLAS. */
#include "kernels/select.h"
#include "kernels/cpu/cpu.h"
#include "kernels/cpu/gemm.h"
#include "kernels/cpu/vmath.h"
#include <string.h>

#define TOGETHER 8 /* histories */

/* Scratch of a thread. */
typedef struct desk {
  float *q, *k, *s, *mass; /* (probes, dh), (room, dh), (probes, room), (room) */
  uint64_t *spare;         /* (room) */
  uint8_t *kept;           /* (room) */
} desk;

/* A step of some histories: what a head says to the others. */
typedef struct together {
  const sk_select_args *a;
  int32_t first, count, step; /* histories */
  uint64_t *rest; /* (TOGETHER, heads, room) candidates that need not be kept, the best first: mass, place */
  int32_t *needs; /* (TOGETHER, heads) */
} together;

static size_t room_of(const sk_select_args *a) {
  return ((size_t)sk_select_room(&a->rule) + 1) / 2 * 2;
}

static size_t desk_floats(const sk_select_args *a) {
  size_t room = room_of(a), probes = (size_t)a->rule.chunk, dh = (size_t)a->dh;
  return probes * dh + room * dh + probes * room + room + 2 * room + room / 4 + 1;
}

static desk desk_at(const sk_select_args *a, float *local) {
  size_t room = room_of(a), probes = (size_t)a->rule.chunk, dh = (size_t)a->dh;
  desk d = {.spare = (uint64_t *)(void *)local, .q = local + 2 * room};
  d.k = d.q + probes * dh;
  d.s = d.k + room * dh;
  d.mass = d.s + probes * room;
  d.kept = (uint8_t *)(d.mass + room);
  return d;
}

static int32_t *list_of(const sk_select_args *a, int64_t head, int64_t w) {
  return a->rows + head * a->list_stride + a->begin[w];
}

static int32_t length_of(const sk_select_args *a, int64_t w) {
  return a->q_offsets[w + 1] - a->q_offsets[w];
}

/* The chunk's own rows behind `kept` entries of every list. */
static void append_chunk(const sk_select_args *a, int64_t w, int64_t head, int32_t kept) {
  int32_t first = a->k_first ? a->k_first[w] : a->q_offsets[w], length = length_of(a, w);
  int32_t *to = list_of(a, head, w) + kept;
  for (int32_t i = 0; i < length; i++) to[i] = first + i;
  a->count[head * a->windows + w] = kept + length;
}

static void add_probe(float *s, int32_t seen, float scale, float *mass) {
  float sum;
  sk_exp_below_max(s, seen, scale, &sum);
  float share = 1.0f / sum;
#pragma omp simd
  for (int32_t j = 0; j < seen; j++) mass[j] += s[j] * share;
}

static void weigh(const sk_select_args *a, int64_t w, int64_t head, const desk *d) {
  const int32_t *rows = list_of(a, head, w);
  int32_t n = a->count[head * a->windows + w], length = length_of(a, w), probes = sk_select_probes(&a->rule, length);
  int64_t dh = a->dh;
  for (int32_t t = 0; t < probes; t++)
    memcpy(d->q + t * dh,
           a->q + (a->q_offsets[w] + (int64_t)sk_select_probe(&a->rule, length, t)) * a->q_stride + head * dh,
           sizeof(float) * (size_t)dh);
  for (int32_t j = 0; j < n; j++)
    memcpy(d->k + j * dh, a->k + (int64_t)rows[j] * a->kv_stride + head * dh, sizeof(float) * (size_t)dh);
  sk_gemm_nt(probes, n, dh, d->q, dh, d->k, dh, 0.0f, d->s, n);
  memset(d->mass, 0, sizeof(float) * (size_t)n);
  for (int32_t t = 0; t < probes; t++)
    add_probe(d->s + (int64_t)t * n, n - (length - 1 - sk_select_probe(&a->rule, length, t)), 1.0f / sqrtf((float)dh),
              d->mass);
  for (int32_t j = 0; j < n; j++) d->mass[j] = d->mass[j] >= 0.0f ? d->mass[j] : 0.0f;
}

/* Ascending; the sorted keys are in `keys`. */
static void sort(uint64_t *keys, uint64_t *spare, int32_t n) {
  for (int shift = 0; shift < 64; shift += 8) {
    int32_t places[257] = {0};
    for (int32_t i = 0; i < n; i++) places[(keys[i] >> shift & 255) + 1]++;
    if (places[(keys[0] >> shift & 255) + 1] == n) continue; /* equal in all */
    for (int digit = 0; digit < 256; digit++) places[digit + 1] += places[digit];
    for (int32_t i = 0; i < n; i++) spare[places[keys[i] >> shift & 255]++] = keys[i];
    memcpy(keys, spare, sizeof *keys * (size_t)n);
  }
}

static float mass_of(uint64_t key) {
  return sk_from_bits(~(uint32_t)(key >> 32));
}

static int32_t place_of(uint64_t key) {
  return (int32_t) ~(uint32_t)key;
}

/* Sorts the other candidates by mass, of equal ones the newer first, and returns how many of them this head needs. A
 * mass is not negative, so that its bits rise with it. */
static int32_t need(const sk_select_args *a, int64_t w, int64_t head, const desk *d, uint64_t *others) {
  const sk_select_rule *rule = &a->rule;
  int32_t n = a->count[head * a->windows + w], m = 0, b = 0;
  float have = 0.0f, want = rule->p * (float)sk_select_probes(rule, length_of(a, w));
  for (int32_t j = 0; j < n; j++) {
    if (j < rule->sink || j >= n - rule->window)
      have += d->mass[j];
    else
      others[m++] = (uint64_t)~sk_bits(d->mass[j]) << 32 | (uint32_t) ~(uint32_t)j;
  }
  if (m > 0) sort(others, d->spare, m);
  while (b < m && have < want) have += mass_of(others[b++]);
  return b;
}

/* The list of window w + 1: the entries that window w keeps, then its own rows. */
static void keep(const sk_select_args *a, int64_t w, int64_t head, int32_t budget, const uint64_t *others,
                 uint8_t *kept) {
  const sk_select_rule *rule = &a->rule;
  const int32_t *from = list_of(a, head, w);
  int32_t *to = list_of(a, head, w + 1), n = a->count[head * a->windows + w], m = 0;
  for (int32_t j = 0; j < n; j++) kept[j] = j < rule->sink || j >= n - rule->window;
  for (int32_t i = 0; i < budget && i < n - rule->sink - rule->window; i++) kept[place_of(others[i])] = 1;
  for (int32_t j = 0; j < n; j++)
    if (kept[j]) to[m++] = from[j];
  append_chunk(a, w + 1, head, m);
}

/* The window that head `block` of these histories is at, or -1. */
static int64_t window_of(const together *t, int64_t block, int64_t *head) {
  int64_t history = t->first + block / t->a->heads, w = t->a->chunk_offsets[history] + t->step;
  *head = block % t->a->heads;
  return w + 1 < t->a->chunk_offsets[history + 1] ? w : -1;
}

static int keeps_all(const sk_select_args *a, int64_t w) {
  return a->count[w] <= a->rule.dense_below;
}

static void weigh_block(const void *arg, int64_t block, void *local) {
  const together *t = arg;
  int64_t head, w = window_of(t, block, &head);
  if (w < 0 || keeps_all(t->a, w)) return;
  desk d = desk_at(t->a, local);
  weigh(t->a, w, head, &d);
  t->needs[block] = need(t->a, w, head, &d, t->rest + (size_t)block * room_of(t->a));
}

static void keep_block(const void *arg, int64_t block, void *local) {
  const together *t = arg;
  const sk_select_args *a = t->a;
  int64_t head, w = window_of(t, block, &head);
  if (w < 0) return;
  if (keeps_all(a, w)) {
    int32_t n = a->count[head * a->windows + w];
    memcpy(list_of(a, head, w + 1), list_of(a, head, w), sizeof(int32_t) * (size_t)n);
    append_chunk(a, w + 1, head, n);
    return;
  }
  int32_t most = 0;
  for (int64_t other = block - head; other < block - head + a->heads; other++)
    if (t->needs[other] > most) most = t->needs[other];
  desk d = desk_at(a, local);
  keep(a, w, head, most < a->rule.budget ? most : a->rule.budget, t->rest + (size_t)block * room_of(a), d.kept);
}

static void first_block(const void *arg, int64_t block, void *local) {
  const sk_select_args *a = arg;
  int64_t first = a->chunk_offsets[block];
  (void)local;
  for (int64_t head = 0; first < a->chunk_offsets[block + 1] && head < a->heads; head++)
    append_chunk(a, first, head, 0);
}

solid_status SK_CPU(select)(sk_backend *be, const sk_select_args *a) {
  size_t lists = (size_t)TOGETHER * (size_t)a->heads, room = room_of(a);
  solid_status status =
      sk_cpu_reserve(be, sizeof(float) * desk_floats(a), lists * (room * sizeof(uint64_t) + sizeof(int32_t)));
  if (status != SOLID_OK) return status;
  together t = {.a = a, .rest = sk_cpu_shared(be)};
  t.needs = (int32_t *)(void *)(t.rest + lists * room);
  if (!a->resume) sk_cpu_parallel(be, a->histories, first_block, a);
  for (t.first = 0; t.first < a->histories; t.first += TOGETHER) {
    t.count = a->histories - t.first < TOGETHER ? a->histories - t.first : TOGETHER;
    int64_t blocks = (int64_t)t.count * a->heads;
    for (t.step = 0; t.step + 1 < a->max_chunks; t.step++) {
      sk_cpu_parallel(be, blocks, weigh_block, &t);
      sk_cpu_parallel(be, blocks, keep_block, &t);
    }
  }
  return SOLID_OK;
}
