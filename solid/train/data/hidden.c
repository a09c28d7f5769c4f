#include "solid/train/data/hidden.h"
#include "solid/base/random.h"
#include "solid/extend.h"
#include "solid/model/tensors.h"
#include "solid/train/data/attributes.h"
#include "solid/train/data/split.h"
#include <assert.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#define OTHERS 7 /* stream of the draws of other items */

/* ---- Which items ---- */

typedef struct lot {
  uint64_t hash;
  uint32_t item;
} lot;

static int by_hash(const void *a, const void *b) {
  const lot *x = a, *y = b;
  if (x->hash != y->hash) return x->hash < y->hash ? -1 : 1;
  return (x->item > y->item) - (x->item < y->item);
}

solid_status sol_hidden_choose(sol_hidden *hidden, const sol_history *history, double share, uint64_t seed) {
  uint32_t items = history->items;
  if (!(share > 0 && share < 1)) return solid_fail(SOLID_ERANGE, "hide = %g: must be above 0 and below 1", share);
  uint32_t count = (uint32_t)(share * items);
  if (count == 0 || count >= items)
    return solid_fail(SOLID_ERANGE, "hide = %g of %u items hides %u of them", share, items, count);
  sol_hidden made = {.items = items, .visible = items - count};
  lot *lots = malloc(items * sizeof *lots);
  made.mask = calloc(items, 1);
  made.kept = malloc(made.visible * sizeof *made.kept);
  if (!lots || !made.mask || !made.kept) {
    free(lots);
    sol_hidden_clear(&made);
    return solid_fail(SOLID_ENOMEM, "no memory to hide %u of %u items", count, items);
  }
  for (uint32_t v = 0; v < items; v++) {
    solid_bytes id = sol_vocab_id(&history->item_ids, v);
    lots[v] = (lot){XXH3_64bits_withSeed(id.data, id.size, seed), v};
  }
  qsort(lots, items, sizeof *lots, by_hash);
  for (uint32_t i = 0; i < count; i++) made.mask[lots[i].item] = 1;
  for (uint32_t v = 0, n = 0; v < items; v++)
    if (!made.mask[v]) made.kept[n++] = v;
  free(lots);
  *hidden = made;
  return SOLID_OK;
}

void sol_hidden_clear(sol_hidden *hidden) {
  free(hidden->mask);
  free(hidden->kept);
  *hidden = (sol_hidden){0};
}

/* ---- What is trained on ---- */

/* User u's training events and validation target, hidden items left out. */
static void keep_user(const sol_hidden *hidden, const sol_history *history, uint32_t u, sol_history *made) {
  const sol_split_bounds from = sol_split_of(history, u);
  sol_split_bounds *to = &made->split.bounds[u];
  size_t first = made->events, end = from.valid == SOL_NO_EVENT ? from.train_end : from.valid;
  to->valid = to->test = SOL_NO_EVENT;
  for (size_t i = history->offsets[u];; i++) {
    if (i == from.train_end) to->train_end = made->events;
    if (i == end) break;
    if (hidden->mask[history->sequence[i]]) continue;
    made->sequence[made->events] = history->sequence[i];
    made->times[made->events++] = history->times[i];
  }
  if (from.valid != SOL_NO_EVENT && !hidden->mask[history->sequence[from.valid]] && made->events > first) {
    to->valid = made->events;
    made->sequence[made->events] = history->sequence[from.valid];
    made->times[made->events++] = history->times[from.valid];
  }
  made->offsets[u + 1] = made->events;
}

solid_status sol_hidden_events(const sol_hidden *hidden, const sol_history *history, sol_history *out) {
  sol_history made = *history;
  made.events = 0;
  made.offsets = calloc((size_t)history->users + 1, sizeof *made.offsets);
  made.sequence = malloc((history->events + 1) * sizeof *made.sequence);
  made.times = malloc((history->events + 1) * sizeof *made.times);
  made.split.bounds = malloc(((size_t)history->users + 1) * sizeof *made.split.bounds);
  if (!made.offsets || !made.sequence || !made.times || !made.split.bounds) {
    sol_hidden_events_clear(&made);
    return solid_fail(SOLID_ENOMEM, "no memory for %zu events", history->events);
  }
  for (uint32_t u = 0; u < history->users; u++) keep_user(hidden, history, u, &made);
  *out = made;
  return SOLID_OK;
}

void sol_hidden_events_clear(sol_history *events) {
  free(events->offsets);
  free(events->sequence);
  free(events->times);
  free(events->split.bounds);
  *events = (sol_history){0};
}

static solid_status copy_vocab(sol_vocab *to, const sol_vocab *from, const uint32_t *kept, uint32_t count) {
  solid_status status = SOLID_OK;
  uint32_t ignored;
  for (uint32_t i = 0; i < count && !status; i++)
    status = sol_vocab_add(to, sol_vocab_id(from, kept ? kept[i] : i), &ignored);
  return status;
}

/* A copy of n elements; *ok becomes 0 when there is no memory. */
static void *copied(const void *from, size_t n, size_t size, int *ok) {
  void *copy = malloc((n + 1) * size);
  if (copy)
    memcpy(copy, from, n * size);
  else
    *ok = 0;
  return copy;
}

static solid_status copy_sequences(const sol_hidden *hidden, const sol_history *events, sol_history *made) {
  int ok = 1;
  uint32_t *index = calloc(hidden->items, sizeof *index);
  made->offsets = copied(events->offsets, (size_t)events->users + 1, sizeof *made->offsets, &ok);
  made->sequence = copied(events->sequence, events->events, sizeof *made->sequence, &ok);
  made->times = copied(events->times, events->events, sizeof *made->times, &ok);
  made->split = events->split;
  made->split.bounds = copied(events->split.bounds, events->users, sizeof *made->split.bounds, &ok);
  if (!index || !ok) {
    free(index);
    return solid_fail(SOLID_ENOMEM, "no memory for %zu events", events->events);
  }
  for (uint32_t i = 0; i < hidden->visible; i++) index[hidden->kept[i]] = i;
  for (size_t e = 0; e < events->events; e++) made->sequence[e] = index[made->sequence[e]];
  free(index);
  return SOLID_OK;
}

static solid_status copy_content(const sol_hidden *hidden, const sol_history *events, sol_history *made) {
  size_t width = events->vector_width, labels = events->attribute_offsets[events->items];
  made->attribute_offsets = calloc((size_t)hidden->visible + 1, sizeof *made->attribute_offsets);
  made->attribute_ids = malloc((labels + 1) * sizeof *made->attribute_ids);
  made->vectors = width ? sol_hidden_visible_rows(hidden, events->vectors, (uint32_t)width) : NULL;
  made->vector_width = events->vector_width;
  if (!made->attribute_offsets || !made->attribute_ids || (width && !made->vectors))
    return solid_fail(SOLID_ENOMEM, "no memory for what is known about %u items", hidden->visible);
  for (uint32_t i = 0; i < hidden->visible; i++) {
    const size_t *range = events->attribute_offsets + hidden->kept[i];
    size_t n = range[1] - range[0], at = made->attribute_offsets[i];
    memcpy(made->attribute_ids + at, events->attribute_ids + range[0], n * sizeof *made->attribute_ids);
    made->attribute_offsets[i + 1] = at + n;
  }
  return SOLID_OK;
}

solid_status sol_hidden_catalogue(const sol_hidden *hidden, const sol_history *events, sol_history *out) {
  sol_history made = {
      .users = events->users, .items = hidden->visible, .events = events->events, .has_times = events->has_times};
  solid_status status = copy_vocab(&made.user_ids, &events->user_ids, NULL, events->users);
  if (!status) status = copy_vocab(&made.item_ids, &events->item_ids, hidden->kept, hidden->visible);
  if (!status) status = copy_vocab(&made.attributes, &events->attributes, NULL, events->attributes.count);
  if (!status) status = copy_sequences(hidden, events, &made);
  if (!status) status = copy_content(hidden, events, &made);
  if (status)
    sol_history_clear(&made);
  else
    *out = made;
  return status;
}

/* ---- What they get afterwards ---- */

float *sol_hidden_visible_rows(const sol_hidden *hidden, const float *x, uint32_t width) {
  float *rows = malloc((size_t)hidden->visible * width * sizeof *rows);
  for (size_t i = 0; i < hidden->visible && rows; i++)
    memcpy(rows + i * width, x + (size_t)hidden->kept[i] * width, width * sizeof *rows);
  return rows;
}

/* Nearest centroids over the first `known` elements of residual (width), which is used up. */
static void nearest(const sol_codebook *book, uint32_t known, double *residual, uint16_t *codes) {
  for (size_t l = 0; l < book->levels; l++) {
    const float *level = book->centroids + l * book->codes * book->width;
    double least = INFINITY;
    for (uint32_t k = 0; k < book->codes; k++) {
      double distance = 0;
      for (size_t j = 0; j < known; j++) {
        double gap = residual[j] - level[(size_t)k * book->width + j];
        distance += gap * gap;
      }
      if (distance < least) least = distance, codes[l] = (uint16_t)k;
    }
    for (size_t j = 0; j < known; j++) residual[j] -= level[(size_t)codes[l] * book->width + j];
  }
}

/* The visible item, a place in `kept`, whose semantics a hidden one gets to compare with; hidden items in order. */
static uint32_t draw_other(const sol_hidden *hidden, sol_random *random) {
  return (uint32_t)sol_random_below(random, hidden->visible);
}

solid_status sol_hidden_codes(const sol_hidden *hidden, const sol_features *x, const sol_codebook *book,
                              sol_hidden_code how, uint64_t seed, uint16_t *codes) {
  assert(x->items == hidden->items && book->items == hidden->visible && book->width == x->width);
  uint32_t known = x->attributes + x->vectors, levels = book->levels;
  sol_random random = sol_random_start(seed, OTHERS);
  if (how == SOL_HIDDEN_CONTENT && !known)
    return solid_fail(SOLID_ENOTFOUND, "hidden items have no attributes and no vectors to make codes from");
  double *residual = malloc(((size_t)known + 1) * sizeof *residual);
  if (!residual) return solid_fail(SOLID_ENOMEM, "no memory for a content vector of %u", known);
  for (size_t i = 0; i < hidden->visible; i++)
    memcpy(codes + (size_t)hidden->kept[i] * levels, book->table + i * levels, levels * sizeof *codes);
  for (size_t v = 0; v < hidden->items; v++) {
    if (!hidden->mask[v]) continue;
    if (how == SOL_HIDDEN_RANDOM) {
      size_t other = draw_other(hidden, &random);
      memcpy(codes + v * levels, book->table + other * levels, levels * sizeof *codes);
      continue;
    }
    for (size_t j = 0; j < known; j++) residual[j] = x->values[v * x->width + j];
    nearest(book, known, residual, codes + v * levels);
  }
  free(residual);
  return SOLID_OK;
}

/* A hidden item forgets those of its attributes that no visible item has: their embeddings are as they began. */
static int forget_unlearned(const sol_hidden *hidden, uint32_t attributes, uint32_t slots, uint32_t *table) {
  uint8_t *learned = calloc((size_t)attributes + 1, 1);
  if (!learned) return 0;
  for (size_t i = 0; i < (size_t)hidden->visible * slots; i++) {
    uint32_t a = table[(size_t)hidden->kept[i / slots] * slots + i % slots];
    if (a != SOL_NO_ATTRIBUTE) learned[a] = 1;
  }
  for (size_t i = 0; i < (size_t)hidden->items * slots; i++)
    if (table[i] != SOL_NO_ATTRIBUTE && !learned[table[i]]) table[i] = SOL_NO_ATTRIBUTE;
  free(learned);
  return 1;
}

uint32_t *sol_hidden_attributes(const sol_hidden *hidden, const sol_history *events, uint32_t slots,
                                sol_hidden_code how, uint64_t seed) {
  assert(events->items == hidden->items);
  uint32_t *table = sol_attributes_table(events, slots);
  sol_random random = sol_random_start(seed, OTHERS);
  if (table && !forget_unlearned(hidden, events->attributes.count, slots, table)) {
    free(table);
    return NULL;
  }
  for (size_t v = 0; v < hidden->items && table && how == SOL_HIDDEN_RANDOM; v++)
    if (hidden->mask[v])
      memcpy(table + v * slots, table + (size_t)hidden->kept[draw_other(hidden, &random)] * slots,
             slots * sizeof *table);
  return table;
}

float *sol_hidden_weights(const sol_hidden *hidden, const sol_config *config, const float *weights) {
  sol_config whole = *config;
  whole.items = hidden->items;
  sol_tensor from[SOL_MAX_TENSORS], to[SOL_MAX_TENSORS];
  size_t n = sol_tensors_list(config, from), d = config->width;
  float *made = calloc(sol_tensors_total(&whole), sizeof *made);
  if (!made) return NULL;
  sol_tensors_list(&whole, to);
  for (size_t t = 0; t < n; t++) {
    if (from[t].member != offsetof(sol_weights, items)) {
      memcpy(made + to[t].offset, weights + from[t].offset, from[t].count * sizeof *made);
      continue;
    }
    for (size_t i = 0; i < hidden->visible; i++)
      memcpy(made + to[t].offset + hidden->kept[i] * d, weights + from[t].offset + i * d, d * sizeof *made);
  }
  return made;
}
