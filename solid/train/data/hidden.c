#include "solid/train/data/hidden.h"
#include "solid/extend.h"
#include "solid/train/data/vocab.h"
#include "solid/train/split.h"
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

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

solid_status solid_hidden_choose(solid_hidden *hidden, const solid_dataset *dataset, double share, uint64_t seed) {
  uint32_t items = dataset->items;
  if (!(share > 0 && share < 1)) return solid_fail(SOLID_ERANGE, "hide = %g: must be above 0 and below 1", share);
  uint32_t count = (uint32_t)(share * items);
  if (count == 0 || count >= items)
    return solid_fail(SOLID_ERANGE, "hide = %g of %u items hides %u of them", share, items, count);
  solid_hidden made = {.items = items, .visible = items - count};
  lot *lots = malloc(items * sizeof *lots);
  made.mask = calloc(items, 1);
  made.kept = malloc(made.visible * sizeof *made.kept);
  if (!lots || !made.mask || !made.kept) {
    free(lots);
    solid_hidden_clear(&made);
    return solid_fail(SOLID_ENOMEM, "no memory to hide %u of %u items", count, items);
  }
  for (uint32_t v = 0; v < items; v++) {
    solid_bytes id = solid_vocab_id(&dataset->item_ids, v);
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

void solid_hidden_clear(solid_hidden *hidden) {
  free(hidden->mask);
  free(hidden->kept);
  *hidden = (solid_hidden){0};
}

/* ---- What is trained on ---- */

/* User u's training events and validation target, hidden items left out. */
static void keep_user(const solid_hidden *hidden, const solid_dataset *dataset, uint32_t u, solid_dataset *made) {
  const solid_split_bounds from = solid_split_of(dataset, u);
  solid_split_bounds *to = &made->split.bounds[u];
  size_t first = made->events, end = from.valid == SOLID_NO_EVENT ? from.train_end : from.valid;
  to->valid = to->test = SOLID_NO_EVENT;
  for (size_t i = dataset->offsets[u];; i++) {
    if (i == from.train_end) to->train_end = made->events;
    if (i == end) break;
    if (hidden->mask[dataset->sequence[i]]) continue;
    made->sequence[made->events] = dataset->sequence[i];
    made->times[made->events++] = dataset->times[i];
  }
  if (from.valid != SOLID_NO_EVENT && !hidden->mask[dataset->sequence[from.valid]] && made->events > first) {
    to->valid = made->events;
    made->sequence[made->events] = dataset->sequence[from.valid];
    made->times[made->events++] = dataset->times[from.valid];
  }
  made->offsets[u + 1] = made->events;
}

solid_status solid_hidden_events(const solid_hidden *hidden, const solid_dataset *dataset, solid_dataset *out) {
  solid_dataset made = *dataset;
  made.events = 0;
  made.offsets = calloc((size_t)dataset->users + 1, sizeof *made.offsets);
  made.sequence = malloc((dataset->events + 1) * sizeof *made.sequence);
  made.times = malloc((dataset->events + 1) * sizeof *made.times);
  made.split.bounds = malloc(((size_t)dataset->users + 1) * sizeof *made.split.bounds);
  if (!made.offsets || !made.sequence || !made.times || !made.split.bounds) {
    solid_hidden_events_clear(&made);
    return solid_fail(SOLID_ENOMEM, "no memory for %zu events", dataset->events);
  }
  for (uint32_t u = 0; u < dataset->users; u++) keep_user(hidden, dataset, u, &made);
  *out = made;
  return SOLID_OK;
}

void solid_hidden_events_clear(solid_dataset *events) {
  free(events->offsets);
  free(events->sequence);
  free(events->times);
  free(events->split.bounds);
  *events = (solid_dataset){0};
}

static solid_status copy_vocab(solid_vocab *to, const solid_vocab *from, const uint32_t *kept, uint32_t count) {
  solid_status status = SOLID_OK;
  uint32_t ignored;
  for (uint32_t i = 0; i < count && !status; i++)
    status = sol_vocab_add(to, solid_vocab_id(from, kept ? kept[i] : i), &ignored);
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

static solid_status copy_sequences(const solid_hidden *hidden, const solid_dataset *events, solid_dataset *made) {
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

static solid_status copy_content(const solid_hidden *hidden, const solid_dataset *events, solid_dataset *made) {
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

solid_status sol_hidden_catalogue(const solid_hidden *hidden, const solid_dataset *events, solid_dataset *out) {
  solid_dataset made = {
      .users = events->users, .items = hidden->visible, .events = events->events, .has_times = events->has_times};
  solid_status status = copy_vocab(&made.user_ids, &events->user_ids, NULL, events->users);
  if (!status) status = copy_vocab(&made.item_ids, &events->item_ids, hidden->kept, hidden->visible);
  if (!status) status = copy_vocab(&made.attributes, &events->attributes, NULL, events->attributes.count);
  if (!status) status = copy_sequences(hidden, events, &made);
  if (!status) status = copy_content(hidden, events, &made);
  if (status)
    solid_dataset_clear(&made);
  else
    *out = made;
  return status;
}

float *sol_hidden_visible_rows(const solid_hidden *hidden, const float *x, uint32_t width) {
  float *rows = malloc((size_t)hidden->visible * width * sizeof *rows);
  for (size_t i = 0; i < hidden->visible && rows; i++)
    memcpy(rows + i * width, x + (size_t)hidden->kept[i] * width, width * sizeof *rows);
  return rows;
}
