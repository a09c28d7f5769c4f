#include "solid/base/fetch.h"
#include "solid/extend.h"
#include "solid/train/data/collector.h"
#include <stdlib.h>
#include <string.h>

#define AT_ONCE 256 /* items that are looked up together */
#define AHEAD   16  /* events whose place is asked for before they are put there */

/* Renumbers a vocabulary of integers in their order; *map (count) is the new index of each old one, or NULL when the
 * order of appearance stays. */
static solid_status renumber(solid_vocab *vocab, uint32_t **map) {
  if (!sol_vocab_is_integers(vocab)) return SOLID_OK;
  *map = malloc(vocab->count * sizeof **map);
  if (!*map) return solid_fail(SOLID_ENOMEM, "no memory to renumber %u ids", vocab->count);
  return sol_vocab_sort_integers(vocab, *map);
}

/* Where the side items are in the catalogue. Those without an event join it, or are counted. */
static solid_status join_side_items(solid_collector *collector, uint32_t *unseen) {
  const solid_vocab *side = &collector->side_items;
  solid_bytes ids[AT_ONCE];
  solid_status status = SOLID_OK;
  free(collector->side_index);
  collector->side_index = malloc(((size_t)side->count + 1) * sizeof *collector->side_index);
  if (!collector->side_index) return solid_fail(SOLID_ENOMEM, "no memory to find %u items", side->count);
  for (uint32_t begin = 0, n; begin < side->count && !status; begin += n) {
    n = side->count - begin < AT_ONCE ? side->count - begin : AT_ONCE;
    uint32_t *index = collector->side_index + begin;
    for (uint32_t i = 0; i < n; i++) ids[i] = solid_vocab_id(side, begin + i);
    if (collector->options.keep_unseen_items)
      status = sol_vocab_add_all(&collector->items, ids, n, index);
    else
      sol_vocab_find_all(&collector->items, ids, n, index);
    for (uint32_t i = 0; i < n && !status; i++) *unseen += index[i] == SOLID_NO_ID;
  }
  return status;
}

typedef struct timed {
  int64_t time_ms;
  uint32_t item, place; /* place: the order of arrival */
} timed;

static int by_time(const void *a, const void *b) {
  const timed *x = a, *y = b;
  if (x->time_ms != y->time_ms) return x->time_ms < y->time_ms ? -1 : 1;
  return (x->place > y->place) - (x->place < y->place);
}

/* One user's n events; equal times stay as they are. */
static solid_status sort_by_time(int64_t *times, uint32_t *items, size_t n) {
  int rises = 1;
  for (size_t i = 1; i < n; i++) rises &= times[i - 1] <= times[i];
  if (rises) return SOLID_OK;
  timed *rows = malloc(n * sizeof *rows);
  if (!rows) return solid_fail(SOLID_ENOMEM, "no memory to sort %zu events of a user", n);
  for (size_t i = 0; i < n; i++) rows[i] = (timed){times[i], items[i], (uint32_t)i};
  qsort(rows, n, sizeof *rows, by_time);
  for (size_t i = 0; i < n; i++) times[i] = rows[i].time_ms, items[i] = rows[i].item;
  free(rows);
  return SOLID_OK;
}

/* A stable counting sort by user: offsets (users + 2) are counts on the way in, two places further. */
static void sort_by_user(const sol_collected *events, size_t n, solid_dataset *dataset) {
  size_t *offsets = dataset->offsets;
  for (uint32_t u = 0; u < dataset->users; u++) offsets[u + 2] += offsets[u + 1];
  for (size_t i = 0; i < n; i++) {
    if (i + 2 * AHEAD < n) SOL_FETCH(&offsets[events[i + 2 * AHEAD].user + 1]);
    if (i + AHEAD < n) {
      size_t place = offsets[events[i + AHEAD].user + 1];
      SOL_FETCH(&dataset->times[place]);
      SOL_FETCH(&dataset->sequence[place]);
    }
    size_t place = offsets[events[i].user + 1]++;
    dataset->times[place] = events[i].time_ms;
    dataset->sequence[place] = events[i].item;
  }
}

/* By user, then, when asked, by time within each user. */
static solid_status build_sequences(solid_collector *collector, solid_dataset *dataset) {
  size_t n = collector->n_events;
  uint32_t users = collector->users.count;
  uint32_t *user_map = NULL, *item_map = NULL;
  dataset->offsets = calloc((size_t)users + 2, sizeof *dataset->offsets);
  dataset->sequence = malloc(n * sizeof *dataset->sequence);
  dataset->times = malloc(n * sizeof *dataset->times);
  solid_status status = SOLID_OK;
  if (!dataset->offsets || !dataset->sequence || !dataset->times)
    status = solid_fail(SOLID_ENOMEM, "no memory for %zu events", n);
  if (!status) status = renumber(&collector->users, &user_map);
  if (!status) status = renumber(&collector->items, &item_map);
  if (status) goto done;
  for (uint32_t i = 0; i < collector->side_items.count && item_map; i++)
    if (collector->side_index[i] != SOLID_NO_ID) collector->side_index[i] = item_map[collector->side_index[i]];

  dataset->has_times = collector->options.has_times;
  dataset->users = users;
  dataset->items = collector->items.count;
  dataset->events = n;
  size_t *offsets = dataset->offsets;
  for (size_t i = 0; i < n; i++) {
    sol_collected *row = &collector->events[i];
    if (user_map) row->user = user_map[row->user];
    if (item_map) row->item = item_map[row->item];
    offsets[row->user + 2]++;
  }
  sort_by_user(collector->events, n, dataset);
  for (uint32_t u = 0; u < users && collector->options.sort_by_time && !status; u++)
    status = sort_by_time(dataset->times + offsets[u], dataset->sequence + offsets[u], offsets[u + 1] - offsets[u]);

done:
  free(user_map);
  free(item_map);
  return status;
}

static int ascending(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return (x > y) - (x < y);
}

/* Attributes of one item, ascending, none twice; returns how many are left. */
static size_t sort_attributes(uint32_t *ids, size_t n) {
  size_t kept = 0;
  int rises = 1;
  for (size_t i = 1; i < n; i++) rises &= ids[i - 1] < ids[i];
  if (rises) return n;
  qsort(ids, n, sizeof *ids, ascending);
  for (size_t i = 0; i < n; i++)
    if (!kept || ids[kept - 1] != ids[i]) ids[kept++] = ids[i];
  return kept;
}

/* Attributes keep the order of first appearance. Those of an item that is not in the catalogue are left out. */
static solid_status build_attributes(solid_collector *collector, solid_dataset *dataset) {
  size_t *offsets = dataset->attribute_offsets = calloc((size_t)dataset->items + 2, sizeof *offsets);
  uint32_t *ids = dataset->attribute_ids = malloc((collector->n_labels + 1) * sizeof *ids);
  if (!offsets || !ids) return solid_fail(SOLID_ENOMEM, "no memory for %zu attributes", collector->n_labels);
  for (size_t i = 0; i < collector->n_labels; i++) {
    uint32_t v = collector->side_index[collector->labels[i].item];
    if (v != SOLID_NO_ID) offsets[v + 2]++;
  }
  for (uint32_t v = 0; v < dataset->items; v++) offsets[v + 2] += offsets[v + 1];
  for (size_t i = 0; i < collector->n_labels; i++) {
    uint32_t v = collector->side_index[collector->labels[i].item];
    if (v != SOLID_NO_ID) ids[offsets[v + 1]++] = collector->labels[i].attribute;
  }
  for (size_t v = 0, begin = 0, end; v < dataset->items; v++, begin = end) {
    end = offsets[v + 1];
    size_t kept = sort_attributes(ids + begin, end - begin);
    memmove(ids + offsets[v], ids + begin, kept * sizeof *ids);
    offsets[v + 1] = offsets[v] + kept;
  }
  return SOLID_OK;
}

static solid_status build_vectors(solid_collector *collector, solid_dataset *dataset) {
  size_t width = collector->width;
  if (!width) return SOLID_OK;
  dataset->vectors = calloc(dataset->items, width * sizeof(float));
  if (!dataset->vectors) return solid_fail(SOLID_ENOMEM, "no memory for %u vectors of %zu", dataset->items, width);
  dataset->vector_width = collector->width;
  for (uint32_t i = 0; i < collector->vector_rows; i++) {
    uint32_t v = collector->side_index[i];
    if (v != SOLID_NO_ID) memcpy(dataset->vectors + v * width, collector->vectors + i * width, width * sizeof(float));
  }
  return SOLID_OK;
}

solid_status sol_collector_build(solid_collector *collector, solid_dataset *dataset) {
  solid_status status = join_side_items(collector, &dataset->unseen_items);
  if (!status) status = build_sequences(collector, dataset);
  if (!status) status = build_attributes(collector, dataset);
  return status ? status : build_vectors(collector, dataset);
}
