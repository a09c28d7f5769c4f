#include "solid/model/growth.h"
#include "solid/extend.h"
#include <stdlib.h>
#include <string.h>

enum { BITS = 64 };

/* ---- Construction ---- */

static void *copy_of(const float *from, size_t n) {
  float *copy = malloc((n + 1) * sizeof *copy);
  if (copy && n) memcpy(copy, from, n * sizeof *copy);
  return copy;
}

static void note_learned(sol_growth *g, const sol_model_file *file) {
  for (size_t i = 0; i < (size_t)g->trained * file->config.slots; i++)
    if (file->attributes[i] != SOL_NO_ATTRIBUTE) g->learned[file->attributes[i]] = 1;
}

solid_status sol_growth_new(sol_growth **out, const sol_model_file *file, uint32_t trained) {
  const sol_config *config = &file->config;
  sol_weights weights;
  sol_growth *g = calloc(1, sizeof *g);
  if (!g || pthread_mutex_init(&g->lock, NULL)) {
    free(g);
    return solid_fail(SOLID_ENOMEM, "out of memory: model");
  }
  const sol_config layout = sol_model_file_layout(file);
  sol_weights_bind(&weights, &layout, file->weights);
  g->trained = trained;
  g->rows = config->items;
  g->words = (config->items + BITS - 1) / BITS;
  uint32_t spare = g->rows - trained, slots = 1;
  while (slots < 2 * (spare + 1)) slots *= 2;
  g->slots_mask = slots - 1;
  g->joined = calloc((size_t)spare + 1, sizeof(sol_joined *));
  g->slots = calloc(slots, sizeof *g->slots);
  g->closed = calloc(g->words, sizeof *g->closed);
  g->removed = calloc(g->words, sizeof *g->removed);
  g->newest = calloc((size_t)file->categories.count + 1, sizeof *g->newest);
  g->metacodes = copy_of(weights.metacodes, (size_t)config->levels * config->codes * config->width);
  g->attributes = copy_of(weights.attributes, (size_t)config->attributes * config->width);
  g->learned = calloc((size_t)config->attributes + 1, 1);
  *out = g;
  if (!g->joined || !g->slots || !g->closed || !g->removed || !g->newest || !g->metacodes || !g->attributes ||
      !g->learned)
    return solid_fail(SOLID_ENOMEM, "out of memory: %u spare rows", spare);
  note_learned(g, file);
  atomic_store(&g->count, trained);
  for (uint32_t v = trained; v < g->words * BITS; v++) g->closed[v / BITS] |= UINT64_C(1) << (v % BITS);
  return SOLID_OK;
}

void sol_joined_free(sol_joined *item) {
  if (!item) return;
  free(item->category);
  free(item->vector);
  free(item);
}

void sol_growth_free(sol_growth *g) {
  if (!g) return;
  for (uint32_t i = 0; g->joined && i < g->rows - g->trained; i++) sol_joined_free(g->joined[i]);
  free(g->joined);
  free(g->slots);
  free(g->closed);
  free(g->removed);
  free(g->newest);
  free(g->metacodes);
  free(g->attributes);
  free(g->learned);
  pthread_mutex_destroy(&g->lock);
  free(g);
}

/* ---- Bits ---- */

static void set_bit(_Atomic uint64_t *bits, uint32_t item, int on) {
  uint64_t bit = UINT64_C(1) << (item % BITS);
  if (on)
    atomic_fetch_or_explicit(&bits[item / BITS], bit, memory_order_release);
  else
    atomic_fetch_and_explicit(&bits[item / BITS], ~bit, memory_order_release);
}

static int has_bit(const _Atomic uint64_t *bits, uint32_t item) {
  return atomic_load_explicit(&bits[item / BITS], memory_order_acquire) >> (item % BITS) & 1;
}

void sol_growth_close(sol_growth *growth, uint32_t item, int is_closed) {
  set_bit(growth->closed, item, is_closed);
}

void sol_growth_remove(sol_growth *growth, uint32_t item, int is_removed) {
  set_bit(growth->removed, item, is_removed);
}

int sol_growth_is_removed(const sol_growth *growth, uint32_t item) {
  return has_bit(growth->removed, item);
}

int sol_growth_is_closed(const sol_growth *growth, uint32_t item) {
  return has_bit(growth->closed, item);
}

/* ---- By hash ---- */

/* The slot of this hash, or the empty one where it would be. */
static atomic_uint *slot_of(const sol_growth *g, uint64_t hash, uint32_t *at) {
  for (uint32_t i = (uint32_t)hash & g->slots_mask;; i = (i + 1) & g->slots_mask) {
    *at = atomic_load_explicit(&g->slots[i], memory_order_acquire);
    if (!*at || g->joined[*at - 1]->hash == hash) return &g->slots[i];
  }
}

uint32_t sol_growth_find(const sol_growth *growth, uint64_t hash) {
  uint32_t at;
  slot_of(growth, hash, &at);
  if (!at || atomic_load_explicit(&growth->joined[at - 1]->is_gone, memory_order_acquire)) return SOLID_NO_ITEM;
  return growth->trained + at - 1;
}

void sol_growth_leave(sol_growth *growth, uint32_t item) {
  sol_growth_close(growth, item, 1);
  atomic_store(&growth->joined[item - growth->trained]->is_gone, 1);
}

void sol_growth_reset(sol_growth *g) {
  uint32_t count = atomic_load(&g->count);
  for (uint32_t v = 0; v < count; v++) {
    if (v >= g->trained) sol_growth_leave(g, v);
    if (v < g->trained) sol_growth_close(g, v, 0);
    sol_growth_remove(g, v, 0);
  }
  atomic_store(&g->applied, 0);
}

uint32_t sol_growth_newest_of(const sol_growth *growth, uint32_t category) {
  uint32_t at = atomic_load_explicit(&growth->newest[category], memory_order_acquire);
  return at ? growth->trained + at - 1 : SOLID_NO_ITEM;
}

uint32_t sol_growth_older_of(const sol_growth *growth, uint32_t category, uint32_t item) {
  const sol_joined *joined = growth->joined[item - growth->trained];
  uint32_t i = 0;
  while (joined->category[i] != category) i++;
  return joined->next[i] ? growth->trained + joined->next[i] - 1 : SOLID_NO_ITEM;
}

void sol_growth_publish(sol_growth *g, sol_joined *item) {
  uint32_t place = atomic_load(&g->count) - g->trained;
  uint32_t before;
  g->joined[place] = item;
  for (uint32_t i = 0; i < item->categories; i++) item->next[i] = atomic_load(&g->newest[item->category[i]]);
  atomic_store_explicit(&g->count, g->trained + place + 1, memory_order_release);
  for (uint32_t i = 0; i < item->categories; i++)
    atomic_store_explicit(&g->newest[item->category[i]], place + 1, memory_order_release);
  atomic_uint *slot = slot_of(g, item->hash, &before);
  if (before) sol_growth_leave(g, g->trained + before - 1);
  atomic_store_explicit(slot, place + 1, memory_order_release);
}
