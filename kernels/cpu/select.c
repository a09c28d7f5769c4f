/* select: a block of work is a history, whose chunks follow one another. Scores of probes by candidates go to BLAS. */
#include "kernels/select.h"
#include "kernels/cpu/cpu.h"
#include "kernels/cpu/gemm.h"
#include "kernels/cpu/vmath.h"
#include <stdlib.h>
#include <string.h>

/* A candidate that need not be kept, and its place in the list. */
typedef struct rest {
  float mass;
  int32_t place;
} rest;

/* Scratch of a thread. */
typedef struct desk {
  float *q, *k, *s, *mass; /* (probes, dh), (room, dh), (probes, room), (room) */
  rest *rest;              /* (heads, room), largest first */
  int32_t *kept;           /* (room) places */
} desk;

static size_t desk_floats(const sk_select_args *a) {
  size_t room = (size_t)sk_select_room(&a->rule), probes = (size_t)a->rule.chunk, dh = (size_t)a->dh;
  return probes * dh + room * dh + probes * room + 2 * room + 2 * (size_t)a->heads * room + 16;
}

static desk desk_at(const sk_select_args *a, float *local) {
  size_t room = (size_t)sk_select_room(&a->rule), probes = (size_t)a->rule.chunk, dh = (size_t)a->dh;
  desk d = {.q = local, .k = local + probes * dh};
  d.s = d.k + room * dh;
  d.mass = d.s + probes * room;
  d.rest = (rest *)(d.mass + room);
  d.kept = (int32_t *)(d.rest + (size_t)a->heads * room);
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

static int largest_first(const void *x, const void *y) {
  const rest *a = x, *b = y;
  if (a->mass != b->mass) return a->mass > b->mass ? -1 : 1;
  return a->place > b->place ? -1 : a->place < b->place;
}

static int by_place(const void *x, const void *y) {
  int32_t a = *(const int32_t *)x, b = *(const int32_t *)y;
  return a < b ? -1 : a > b;
}

/* Sorts the other candidates by mass and returns how many of them this head needs. */
static int32_t need(const sk_select_args *a, int64_t w, int64_t head, const desk *d, rest *others) {
  const sk_select_rule *rule = &a->rule;
  int32_t n = a->count[head * a->windows + w], m = 0;
  float have = 0.0f, want = rule->p * (float)sk_select_probes(rule, length_of(a, w));
  for (int32_t j = 0; j < n; j++) {
    if (j < rule->sink || j >= n - rule->window)
      have += d->mass[j];
    else
      others[m++] = (rest){d->mass[j], j};
  }
  if (n <= rule->dense_below) return m;
  qsort(others, (size_t)m, sizeof *others, largest_first);
  int32_t b = 0;
  while (b < m && have < want) have += others[b++].mass;
  return b;
}

/* The list of window w + 1: the entries that window w keeps, then its own rows. */
static void keep(const sk_select_args *a, int64_t w, int64_t head, int32_t budget, const rest *others, int32_t *kept) {
  const sk_select_rule *rule = &a->rule;
  const int32_t *from = list_of(a, head, w);
  int32_t *to = list_of(a, head, w + 1), n = a->count[head * a->windows + w], m = 0;
  for (int32_t j = 0; j < n; j++)
    if (j < rule->sink || j >= n - rule->window) kept[m++] = j;
  for (int32_t i = 0; i < budget && i < n - rule->sink - rule->window; i++) kept[m++] = others[i].place;
  qsort(kept, (size_t)m, sizeof *kept, by_place);
  for (int32_t i = 0; i < m; i++) to[i] = from[kept[i]];
  append_chunk(a, w + 1, head, m);
}

static void step(const sk_select_args *a, int64_t w, const desk *d) {
  int32_t most = 0, room = sk_select_room(&a->rule), all = a->count[w] <= a->rule.dense_below;
  for (int64_t head = 0; head < a->heads; head++) {
    weigh(a, w, head, d);
    int32_t b = need(a, w, head, d, d->rest + head * room);
    most = b > most ? b : most;
  }
  if (!all && most > a->rule.budget) most = a->rule.budget;
  for (int64_t head = 0; head < a->heads; head++) keep(a, w, head, most, d->rest + head * room, d->kept);
}

static void history_block(const void *arg, int64_t u, void *local) {
  const sk_select_args *a = arg;
  desk d = desk_at(a, local);
  int64_t first = a->chunk_offsets[u], end = a->chunk_offsets[u + 1];
  for (int64_t head = 0; first < end && !a->resume && head < a->heads; head++) append_chunk(a, first, head, 0);
  for (int64_t w = first; w + 1 < end; w++) step(a, w, &d);
}

solid_status SK_CPU(select)(sk_backend *be, const sk_select_args *a) {
  solid_status status = sk_cpu_reserve(be, sizeof(float) * desk_floats(a), 0);
  if (status != SOLID_OK) return status;
  sk_cpu_parallel(be, a->histories, history_block, a);
  return SOLID_OK;
}
