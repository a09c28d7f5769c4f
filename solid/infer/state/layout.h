/* Where the parts of an image have what. */
#ifndef SOLID_INFER_STATE_LAYOUT_H
#define SOLID_INFER_STATE_LAYOUT_H

#include "solid/base/values.h"
#include "solid/infer/state/image.h"
#include "solid/infer/state/parts.h"

enum { SOL_IMAGE_VERSION = 2, SOL_PART_HEAD = 24, SOL_RING_BYTES = 2048, SOL_IMAGE_FIXED = 56 };

typedef struct sol_part_head {
  uint64_t sum;
  uint32_t number, count;
  uint64_t begin;
} sol_part_head;

typedef struct sol_image_head {
  uint32_t version, element;
  uint64_t selector, generation, seq, events, base, items;
} sol_image_head;

_Static_assert(sizeof(sol_part_head) == SOL_PART_HEAD && sizeof(sol_image_head) == SOL_IMAGE_FIXED,
               "structs in memory are bytes in parts");

/* What a part says of the first event of the open chunk: two parts are of one state where they say the same. */
static inline uint64_t sol_begin_of(const sol_slot *slot) {
  return (slot->events - slot->open) | (uint64_t)slot->origin << 32;
}

static inline size_t sol_far_parts(const sol_states *s) {
  return 2 + (s->config->blocks - 1) * s->H;
}

static inline size_t sol_ring_row(const sol_states *s, int element, int is_probe) {
  size_t values = sol_values_size(element, 2 * s->d) + (is_probe ? sol_values_size(element, s->d) : 0);
  return sizeof(uint64_t) + (s->config->blocks - 1) * values;
}

/* G: as many as SOL_RING_BYTES have room for, a power of two. */
static inline size_t sol_ring_rows(const sol_states *s, int element) {
  size_t rows = 1, row = sol_ring_row(s, element, 1);
  while (rows < 16 && 2 * rows * row <= SOL_RING_BYTES) rows *= 2;
  return rows;
}

static inline size_t sol_far_entry(const sol_states *s, int element) {
  return sizeof(uint32_t) + 2 * sol_values_size(element, s->d / s->H);
}

static inline size_t sol_union_bytes(const sol_states *s, size_t count) {
  return count * (sizeof(uint32_t) + sizeof(uint64_t)) + s->H * ((count + 7) / 8);
}

/* Rows of a block of the slot, and its probes' queries, where the host reads and writes them. */
static inline float *sol_host_kv(const sol_states *s, size_t slot, size_t b) {
  return s->be->ops->unified ? s->kv[b] + slot * s->R * 2 * s->d : s->host_kv[b];
}
static inline float *sol_host_probes(const sol_states *s, size_t slot, size_t b) {
  return s->be->ops->unified ? s->probes[b] + slot * s->P * s->d : s->host_probes[b];
}

static inline float *sol_host_last(const sol_states *s, size_t slot) {
  return s->be->ops->unified ? s->last + slot * s->d : s->host_last;
}

/* XXH3 of a part behind its own sum. */
uint64_t sol_part_sum(const uint8_t *part, size_t size);

/* Makes block 0 of the slot, of which the host knows events and items: the `count` events in `events`, of `items`, of
 * which head h keeps those in its list, and the open chunk. */
solid_status sol_states_restore(sol_states *s, size_t slot, const uint32_t *events, const uint32_t *items,
                                size_t count);

#endif
