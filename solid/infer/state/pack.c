#include "solid/extend.h"
#include "solid/infer/state/layout.h"
#include <string.h>
#include <xxhash.h>

uint64_t sol_part_sum(const uint8_t *part, size_t size) {
  return XXH3_64bits(part + sizeof(uint64_t), size - sizeof(uint64_t));
}

uint64_t sol_selector(const sol_config *config) {
  const uint32_t of[] = {SOL_IMAGE_VERSION,
                         config->positions,
                         config->turned,
                         config->attention,
                         config->select_chunk,
                         config->select_sink,
                         config->select_window,
                         config->select_recent,
                         config->select_stride,
                         config->select_budget,
                         config->select_dense_below,
                         config->select_mass,
                         config->blocks,
                         config->heads,
                         config->width};
  uint64_t hash = XXH3_64bits(of, sizeof of);
  return hash ? hash : 1;
}

/* A state on its way out. */
typedef struct packing {
  sol_states *s;
  const sol_slot *slot;
  size_t at; /* number of the slot */
  int element;
  sol_image *out;
  uint8_t *part, *next; /* of the part at hand */
  int finite;
} packing;

static void put(packing *p, const void *bytes, size_t size) {
  memcpy(p->next, bytes, size);
  p->next += size;
}

static void put_values(packing *p, const float *values, size_t n) {
  size_t size = sol_values_size(p->element, n);
  p->finite &= sol_values_finite(values, n);
  if (!p->finite) return;
  if (p->element == SOL_VALUES_F16)
    for (size_t i = 0; i < n; i++) p->out->overflows += values[i] > 65504.0f || values[i] < -65504.0f;
  sol_values_pack(p->element, values, n, p->next);
  p->next += size;
}

static void begin_part(packing *p) {
  p->part = p->out->room + p->out->bytes;
  p->next = p->part + SOL_PART_HEAD;
}

static void end_part(packing *p, size_t number, size_t count) {
  sol_part_head head = {.number = (uint32_t)number, .count = (uint32_t)count, .begin = sol_begin_of(p->slot)};
  size_t size = (size_t)(p->next - p->part), gap = (8 - size % 8) % 8;
  memcpy(p->part, &head, sizeof head);
  head.sum = sol_part_sum(p->part, size);
  memcpy(p->part, &head.sum, sizeof head.sum);
  memset(p->next, 0, gap);
  p->out->parts[p->out->n++] = (sol_part){(uint32_t)number, (uint32_t)size, p->part};
  p->out->bytes += size + gap;
}

static uint64_t hash_of(const sol_states *s, uint32_t item) {
  return item < sol_model_trained(s->model) ? s->model->items.hashes[item]
                                            : sol_growth_joined(s->model->growth, item)->hash;
}

/* Of the heads' lists, which are sorted, the union. */
static void put_union(packing *p) {
  const sol_states *s = p->s;
  size_t kept = p->slot->kept[0], *at = s->merged_of, n = 0, most = s->H * s->K;
  uint32_t *events = s->merged, *items = events + most;
  uint8_t *bits = (uint8_t *)(items + most);
  memset(bits, 0, s->H * ((most + 7) / 8));
  memset(at, 0, s->H * sizeof *at);
  for (;;) {
    uint32_t next = UINT32_MAX;
    for (size_t h = 0; h < s->H; h++)
      if (at[h] < kept && sol_states_numbers(s, p->at, 0, h)[at[h]] < next)
        next = sol_states_numbers(s, p->at, 0, h)[at[h]];
    if (next == UINT32_MAX) break;
    for (size_t h = 0; h < s->H; h++) {
      if (at[h] == kept || sol_states_numbers(s, p->at, 0, h)[at[h]] != next) continue;
      items[n] = sol_states_kept_items(s, p->at, h)[at[h]++];
      bits[h * ((most + 7) / 8) + n / 8] |= (uint8_t)(1 << n % 8);
    }
    events[n++] = next;
  }
  begin_part(p);
  put(p, events, n * sizeof *events);
  for (size_t i = 0; i < n; i++) put(p, &(uint64_t){hash_of(s, items[i])}, sizeof(uint64_t));
  for (size_t h = 0; h < s->H; h++) put(p, bits + h * ((most + 7) / 8), (n + 7) / 8);
  end_part(p, 1, n);
}

static void put_far(packing *p, size_t b, size_t h) {
  const sol_states *s = p->s;
  size_t kept = p->slot->kept[b], dh = s->d / s->H;
  const float *kv = sol_host_kv(s, p->at, b);
  begin_part(p);
  put(p, sol_states_numbers(s, p->at, b, h), kept * sizeof(uint32_t));
  for (size_t j = 0; j < kept; j++)
    for (size_t part = 0; part < 2; part++) put_values(p, kv + (2 * j + part) * s->d + h * dh, dh);
  end_part(p, 2 + (b - 1) * s->H + h, kept);
}

static void put_ring(packing *p, size_t number, size_t rows) {
  const sol_states *s = p->s;
  size_t first = number * rows, end = sol_least_size(first + rows, p->slot->open);
  begin_part(p);
  for (size_t i = first; i < end; i++) {
    int32_t probe = sol_probe_of(&s->rule, (int32_t)i);
    put(p, &(uint64_t){hash_of(s, s->open_items[p->at * s->C + i])}, sizeof(uint64_t));
    for (size_t b = 1; b < s->config->blocks; b++) {
      put_values(p, sol_host_kv(s, p->at, b) + (p->slot->kept[b] + i) * 2 * s->d, 2 * s->d);
      if (probe >= 0) put_values(p, sol_host_probes(s, p->at, b) + (size_t)probe * s->d, s->d);
    }
  }
  end_part(p, sol_far_parts(s) + number, end - first);
}

static void put_head(packing *p, uint64_t seq) {
  const sol_image_head head = {.version = SOL_IMAGE_VERSION,
                               .element = (uint32_t)p->element,
                               .selector = sol_selector(p->s->config),
                               .generation = p->s->model->file.generation,
                               .seq = seq,
                               .events = p->slot->events,
                               .base = p->slot->base,
                               .items = p->slot->items};
  begin_part(p);
  put(p, &head, sizeof head);
  put(p, p->slot->kept, p->s->config->blocks * sizeof *p->slot->kept);
  const float *h = sol_host_last(p->s, p->at);
  size_t bytes = p->s->d * sizeof *h;
  p->finite &= !p->slot->events || sol_values_finite(h, p->s->d);
  if (p->slot->events)
    put(p, h, bytes);
  else
    memset(p->next, 0, bytes), p->next += bytes;
  end_part(p, 0, p->s->config->blocks);
}

/* Rows from `first` of the open chunk on, or all, to where the host reads them. */
static solid_status fetch(sol_states *s, size_t slot, int whole, size_t first) {
  const sk_backend_ops *ops = s->be->ops;
  solid_status status = SOLID_OK;
  if (ops->unified) return SOLID_OK;
  for (size_t b = 1; b < s->config->blocks && !status; b++) {
    size_t row = 2 * s->d, from = whole ? 0 : s->slot[slot].kept[b] + first;
    size_t rows = s->slot[slot].kept[b] + s->slot[slot].open - from;
    status = ops->download(s->be, s->host_kv[b] + from * row, s->kv[b] + (slot * s->R + from) * row,
                           rows * row * sizeof(float));
    if (!status)
      status = ops->download(s->be, s->host_probes[b], s->probes[b] + slot * s->P * s->d, s->P * s->d * sizeof(float));
  }
  if (!status) status = ops->download(s->be, s->host_last, s->last + slot * s->d, s->d * sizeof(float));
  return status ? status : ops->sync(s->be);
}

solid_status sol_image_pack(sol_states *s, size_t slot, uint64_t seq, int element, uint64_t since, sol_image *out) {
  const sol_slot *of = &s->slot[slot];
  uint64_t begin = of->events - of->open;
  out->n = out->bytes = 0, out->overflows = 0;
  out->whole = since == 0 || since < begin || since > of->events;
  size_t first = out->whole ? 0 : (size_t)(since - begin), rows = sol_ring_rows(s, element);
  packing p = {.s = s, .slot = of, .at = slot, .element = element, .out = out, .finite = 1};
  solid_status status = fetch(s, slot, out->whole, first / rows * rows);
  if (status) return sol_backend_fail(s->be, status);
  put_head(&p, seq);
  if (out->whole) put_union(&p);
  for (size_t b = 1; out->whole && b < s->config->blocks; b++)
    for (size_t h = 0; h < s->H; h++) put_far(&p, b, h);
  for (size_t i = first / rows; i * rows < of->open; i++) put_ring(&p, i, rows);
  if (!p.finite) return solid_fail(SOLID_EFORMAT, "attention state: a key or value is no number");
  return SOLID_OK;
}
