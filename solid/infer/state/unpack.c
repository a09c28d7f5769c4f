#include "solid/extend.h"
#include "solid/infer/state/layout.h"
#include <string.h>

/* A state on its way in. */
typedef struct reading {
  sol_states *s;
  size_t at; /* the slot's number, whose counts are set as they become known */
  sol_slot *slot;
  const sol_part *parts;
  size_t n, rows; /* of a part of the ring */
  int element;
  const uint8_t *next;
  uint64_t begin; /* first event of the open chunk */
} reading;

static solid_status bad(const char *what, size_t number) {
  return solid_fail(SOLID_EFORMAT, "attention state: part %zu %s; it is made again from the history", number, what);
}

/* The part's head, checked, and r->next behind it. */
static solid_status open_part(reading *r, size_t number, sol_part_head *head) {
  const sol_part *part = number < r->n ? &r->parts[number] : NULL;
  if (!part || part->number != number) return bad("is missing", number);
  if (part->size < SOL_PART_HEAD) return bad("is cut off", number);
  memcpy(head, part->data, sizeof *head);
  if (head->sum != sol_part_sum(part->data, part->size)) return bad("is cut off or flipped", number);
  if (head->number != number) return bad("is another one", number);
  if (number && head->begin != sol_begin_of(r->slot)) return bad("is of another chunk", number);
  r->next = part->data + SOL_PART_HEAD;
  return SOLID_OK;
}

static solid_status check_size(const reading *r, size_t number, size_t bytes) {
  return r->parts[number].size == SOL_PART_HEAD + bytes ? SOLID_OK : bad("has another size than its count", number);
}

static void get(reading *r, void *to, size_t bytes) {
  memcpy(to, r->next, bytes);
  r->next += bytes;
}

static int get_values(reading *r, float *values, size_t n) {
  int finite = sol_values_unpack(r->element, r->next, n, values);
  r->next += sol_values_size(r->element, n);
  return finite;
}

/* `count` events, ascending, all before the open chunk. */
static solid_status check_events(const reading *r, size_t number, const uint32_t *events, size_t count) {
  for (size_t j = 0; j < count; j++) {
    if (events[j] >= r->begin) return bad("has an event beyond its history", number);
    if (j && events[j] <= events[j - 1]) return bad("has its events out of order", number);
  }
  return SOLID_OK;
}

static solid_status read_head(reading *r, uint64_t *seq) {
  sol_part_head head;
  sol_image_head image;
  sol_states *s = r->s;
  size_t blocks = s->config->blocks;
  solid_status status = open_part(r, 0, &head);
  if (status) return status;
  if (r->parts[0].size < SOL_PART_HEAD + sizeof image) return bad("is cut off", 0);
  get(r, &image, sizeof image);
  if (image.version != SOL_IMAGE_VERSION || image.selector != sol_selector(s->config))
    return solid_fail(SOLID_EMISMATCH, "attention state: of another selector; it is made again from the history");
  if (image.generation != s->model->file.generation)
    return solid_fail(SOLID_EMISMATCH, "attention state: of generation %016llx, the model's is %016llx",
                      (unsigned long long)image.generation, (unsigned long long)s->model->file.generation);
  if (head.count != blocks ||
      r->parts[0].size != SOL_PART_HEAD + sizeof image + blocks * sizeof(uint32_t) + s->d * sizeof(float))
    return bad("has another size than its count", 0);
  uint64_t begin = (uint32_t)head.begin, open = image.events - begin;
  if (image.events > INT32_MAX || begin > image.events || open >= s->C || begin % s->C || image.base > image.events ||
      image.events - image.base >= 2 * SOL_STATES_REBASE ||
      (image.element != SOL_VALUES_F16 && image.element != SOL_VALUES_I8))
    return bad("has counts that no state has", 0);
  r->element = (int)image.element, r->begin = begin, r->rows = sol_ring_rows(s, r->element);
  *r->slot = (sol_slot){.events = image.events,
                        .base = image.base,
                        .open = (uint32_t)open,
                        .items = (uint32_t)image.items,
                        .origin = (uint32_t)(head.begin >> 32)};
  get(r, r->slot->kept, blocks * sizeof(uint32_t));
  get(r, sol_host_last(s, r->at), s->d * sizeof(float));
  if (!sol_values_finite(sol_host_last(s, r->at), s->d)) return bad("has a value that is no number", 0);
  for (size_t b = 0; b < blocks; b++)
    if (r->slot->kept[b] > s->K || r->slot->kept[b] > begin) return bad("keeps more than a list has room for", 0);
  *seq = image.seq;
  return SOLID_OK;
}

static solid_status read_union(reading *r, uint32_t *events, uint32_t *items, size_t *count) {
  sol_states *s = r->s;
  sol_part_head head;
  solid_status status = open_part(r, 1, &head);
  if (status) return status;
  size_t n = *count = head.count, bytes = (n + 7) / 8;
  if (n > s->H * s->K) return bad("has more events than lists have room for", 1);
  status = check_size(r, 1, sol_union_bytes(s, n));
  if (status) return status;
  get(r, events, n * sizeof *events);
  status = check_events(r, 1, events, n);
  for (size_t i = 0; i < n && !status; i++) {
    uint64_t hash;
    get(r, &hash, sizeof hash);
    items[i] = solid_model_item_by_hash(s->model, hash);
    if (items[i] == SOLID_NO_ITEM) status = bad("has an item that the model does not know", 1);
  }
  for (size_t h = 0; h < s->H && !status; h++, r->next += bytes) {
    size_t kept = 0;
    for (size_t i = 0; i < n && kept <= r->slot->kept[0]; i++) {
      if (!(r->next[i / 8] >> i % 8 & 1)) continue;
      if (kept < r->slot->kept[0]) {
        sol_states_numbers(s, r->at, 0, h)[kept] = events[i];
        sol_states_kept_items(s, r->at, h)[kept] = items[i];
      }
      kept++;
    }
    if (kept != r->slot->kept[0]) return bad("has a list of another length", 1);
  }
  return status;
}

static solid_status read_far(reading *r, size_t b, size_t h) {
  sol_states *s = r->s;
  sol_part_head head;
  size_t number = 2 + (b - 1) * s->H + h, kept = r->slot->kept[b], dh = s->d / s->H;
  uint32_t *events = sol_states_numbers(s, r->at, b, h);
  float *kv = sol_host_kv(s, r->at, b);
  solid_status status = open_part(r, number, &head);
  if (status) return status;
  if (head.count != kept) return bad("has a list of another length", number);
  status = check_size(r, number, kept * sol_far_entry(s, r->element));
  if (status) return status;
  get(r, events, kept * sizeof *events);
  int finite = 1;
  for (size_t j = 0; j < kept; j++)
    for (size_t part = 0; part < 2; part++) finite &= get_values(r, kv + (2 * j + part) * s->d + h * dh, dh);
  return finite ? check_events(r, number, events, kept) : bad("has a value that is no number", number);
}

static solid_status read_ring(reading *r, size_t part) {
  sol_states *s = r->s;
  sol_part_head head;
  size_t number = sol_far_parts(s) + part, first = part * r->rows, bytes = 0;
  size_t end = sol_least_size(first + r->rows, r->slot->open);
  solid_status status = open_part(r, number, &head);
  if (status) return status;
  for (size_t i = first; i < end; i++) bytes += sol_ring_row(s, r->element, sol_probe_of(&s->rule, (int32_t)i) >= 0);
  if (head.count != end - first) return bad("has another number of events", number);
  status = check_size(r, number, bytes);
  int finite = 1;
  for (size_t i = first; i < end && !status; i++) {
    int32_t probe = sol_probe_of(&s->rule, (int32_t)i);
    uint64_t hash;
    get(r, &hash, sizeof hash);
    uint32_t item = solid_model_item_by_hash(s->model, hash);
    if (item == SOLID_NO_ITEM) return bad("has an item that the model does not know", number);
    s->open_items[r->at * s->C + i] = item;
    for (size_t b = 1; b < s->config->blocks; b++) {
      finite &= get_values(r, sol_host_kv(s, r->at, b) + (r->slot->kept[b] + i) * 2 * s->d, 2 * s->d);
      if (probe >= 0) finite &= get_values(r, sol_host_probes(s, r->at, b) + (size_t)probe * s->d, s->d);
    }
  }
  return status || finite ? status : bad("has a value that is no number", number);
}

/* What the host was given of blocks from 1 on, to the device. */
static solid_status send(sol_states *s, size_t slot) {
  const sk_backend_ops *ops = s->be->ops;
  solid_status status = SOLID_OK;
  size_t row = 2 * s->d * sizeof(float);
  for (size_t b = 1; b < s->config->blocks && !ops->unified && !status; b++) {
    status = ops->upload(s->be, s->kv[b] + slot * s->R * 2 * s->d, s->host_kv[b],
                         (s->slot[slot].kept[b] + s->slot[slot].open) * row);
    if (!status)
      status = ops->upload(s->be, s->probes[b] + slot * s->P * s->d, s->host_probes[b], s->P * s->d * sizeof(float));
  }
  if (!status && !ops->unified) status = ops->upload(s->be, s->last + slot * s->d, s->host_last, s->d * sizeof(float));
  return status ? sol_backend_fail(s->be, status) : SOLID_OK;
}

static solid_status read_all(reading *r, uint64_t *seq) {
  sol_states *s = r->s;
  size_t count = 0, most = s->H * s->K;
  solid_status status = s->be->ops->unified ? SOLID_OK : s->be->ops->sync(s->be); /* staging is free */
  if (!status) status = read_head(r, seq);
  if (!status) status = read_union(r, s->merged, s->merged + most, &count);
  for (size_t b = 1; b < s->config->blocks; b++)
    for (size_t h = 0; h < s->H && !status; h++) status = read_far(r, b, h);
  for (size_t i = 0; !status && i * r->rows < r->slot->open; i++) status = read_ring(r, i);
  if (!status) status = send(s, r->at);
  if (!status) status = sol_states_restore(s, r->at, s->merged, s->merged + most, count);
  return status;
}

solid_status sol_image_unpack(sol_states *s, size_t slot, const sol_part *parts, size_t n, uint64_t *seq) {
  reading r = {.s = s, .at = slot, .slot = &s->slot[slot], .parts = parts, .n = n};
  sol_states_clear(s, slot);
  solid_status status = read_all(&r, seq);
  if (status) sol_states_clear(s, slot);
  return status;
}
