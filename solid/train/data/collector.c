#include "solid/extend.h"
#include "solid/train/data/vocab.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct collected {
  int64_t time_ms;
  uint32_t user, item;
} collected;

typedef struct labelled {
  uint32_t item, attribute; /* item: index in side_items */
} labelled;

struct solid_collector {
  solid_collector_options options;
  solid_vocab users, items;
  collected *events;
  size_t n_events, event_capacity;

  solid_vocab side_items; /* items that attributes and vectors were given for */
  solid_vocab attributes;
  labelled *labels;
  size_t n_labels, label_capacity;
  uint32_t width;
  float *vectors; /* (vector_rows, width), row = index in side_items */
  uint32_t vector_rows;
  size_t vector_capacity;
};

solid_status solid_collector_new(solid_collector **out, const solid_collector_options *options) {
  if (!out) return solid_fail(SOLID_EINVAL, "collector: out is NULL");
  solid_collector *collector = calloc(1, sizeof *collector);
  if (!collector) return solid_fail(SOLID_ENOMEM, "no memory for a collector");
  if (options) collector->options = *options;
  *out = collector;
  return SOLID_OK;
}

static void empty(solid_collector *collector) {
  sol_vocab_clear(&collector->users);
  sol_vocab_clear(&collector->items);
  sol_vocab_clear(&collector->side_items);
  sol_vocab_clear(&collector->attributes);
  free(collector->events);
  free(collector->labels);
  free(collector->vectors);
  *collector = (solid_collector){.options = collector->options};
}

void solid_collector_free(solid_collector *collector) {
  if (!collector) return;
  empty(collector);
  free(collector);
}

/* The array with room for n elements, doubled as needed; NULL when there is no memory, the old one is then as it was.
 */
static void *grown(void *array, size_t *capacity, size_t n, size_t element) {
  if (n <= *capacity) return array;
  size_t wanted = *capacity ? *capacity : 256;
  while (wanted < n && wanted <= SIZE_MAX / 2 / element) wanted *= 2;
  void *larger = wanted < n ? NULL : realloc(array, wanted * element);
  if (!larger) return NULL;
  *capacity = wanted;
  return larger;
}

static solid_status check_id(const char *what, solid_bytes id) {
  if (id.data && id.size >= 1 && id.size <= SOLID_ID_MAX) return SOLID_OK;
  return solid_fail(SOLID_ERANGE, "%s id of %zu bytes, must have 1 to %d", what, id.size, SOLID_ID_MAX);
}

solid_status solid_collector_push(void *user, const solid_event *events, size_t n, solid_status *verdicts) {
  solid_collector *collector = user;
  if (!collector || (n && !events)) return solid_fail(SOLID_EINVAL, "collector: NULL argument");
  if (!n) return SOLID_OK;
  collected *rows = grown(collector->events, &collector->event_capacity, collector->n_events + n, sizeof *rows);
  if (!rows) return solid_fail(SOLID_ENOMEM, "no memory for %zu events", collector->n_events + n);
  collector->events = rows;
  solid_status status = SOLID_OK;
  for (size_t i = 0; i < n && !status; i++) {
    solid_status verdict = check_id("user", events[i].user);
    if (!verdict) verdict = check_id("item", events[i].item);
    if (verdicts) verdicts[i] = verdict;
    if (verdict) continue;
    collected *row = &rows[collector->n_events];
    row->time_ms = events[i].time_ms;
    status = sol_vocab_add(&collector->users, events[i].user, &row->user);
    if (!status) status = sol_vocab_add(&collector->items, events[i].item, &row->item);
    collector->n_events += !status;
  }
  return status;
}

solid_status solid_collector_attribute(solid_collector *collector, solid_bytes item, solid_bytes attribute) {
  if (!collector) return solid_fail(SOLID_EINVAL, "collector is NULL");
  solid_status status = check_id("item", item);
  if (!status) status = check_id("attribute", attribute);
  if (status) return status;
  labelled *rows = grown(collector->labels, &collector->label_capacity, collector->n_labels + 1, sizeof *rows);
  if (!rows) return solid_fail(SOLID_ENOMEM, "no memory for %zu attributes", collector->n_labels + 1);
  collector->labels = rows;
  labelled *row = &rows[collector->n_labels];
  status = sol_vocab_add(&collector->side_items, item, &row->item);
  if (!status) status = sol_vocab_add(&collector->attributes, attribute, &row->attribute);
  collector->n_labels += !status;
  return status;
}

solid_status solid_collector_vector(solid_collector *collector, solid_bytes item, const float *vector, uint32_t width) {
  if (!collector || !vector) return solid_fail(SOLID_EINVAL, "collector: NULL argument");
  solid_status status = check_id("item", item);
  if (status) return status;
  if (!width) return solid_fail(SOLID_ERANGE, "vector of width 0");
  if (collector->width && collector->width != width)
    return solid_fail(SOLID_EMISMATCH, "vector of %u values after vectors of %u", width, collector->width);
  for (uint32_t j = 0; j < width; j++)
    if (!isfinite(vector[j]))
      return solid_fail(SOLID_ERANGE, "vector of item %.*s: value %u is not finite", (int)item.size, item.data, j);
  uint32_t index;
  status = sol_vocab_add(&collector->side_items, item, &index);
  if (status) return status;
  float *rows = grown(collector->vectors, &collector->vector_capacity, (size_t)index + 1, width * sizeof *rows);
  if (!rows) return solid_fail(SOLID_ENOMEM, "no memory for %u vectors of %u values", index + 1, width);
  collector->vectors = rows;
  collector->width = width;
  /* Rows between belong to items that only had attributes so far. */
  for (; collector->vector_rows <= index; collector->vector_rows++)
    memset(collector->vectors + (size_t)collector->vector_rows * width, 0, width * sizeof(float));
  memcpy(collector->vectors + (size_t)index * width, vector, width * sizeof(float));
  return SOLID_OK;
}

/* Renumbers a vocabulary of integers in their order; *map (count) is the new index of each old one, or NULL when the
 * order of appearance stays. */
static solid_status renumber(solid_vocab *vocab, uint32_t **map) {
  if (!sol_vocab_is_integers(vocab)) return SOLID_OK;
  *map = malloc(vocab->count * sizeof **map);
  if (!*map) return solid_fail(SOLID_ENOMEM, "no memory to renumber %u ids", vocab->count);
  return sol_vocab_sort_integers(vocab, *map);
}

/* Items that have attributes or vectors but no event join the catalogue, or are counted. */
static solid_status join_side_items(solid_collector *collector, uint32_t *unseen) {
  solid_status status = SOLID_OK;
  uint32_t ignored;
  for (uint32_t i = 0; i < collector->side_items.count && !status; i++) {
    solid_bytes id = solid_vocab_id(&collector->side_items, i);
    if (collector->options.keep_unseen_items)
      status = sol_vocab_add(&collector->items, id, &ignored);
    else
      *unseen += solid_vocab_find(&collector->items, id) == SOLID_NO_ID;
  }
  return status;
}

static int by_time(const void *a, const void *b) {
  const collected *x = a, *y = b;
  if (x->time_ms != y->time_ms) return x->time_ms < y->time_ms ? -1 : 1;
  return (x->user > y->user) - (x->user < y->user); /* `user` holds the order of arrival here */
}

/* A stable counting sort by user, then, when asked, by time within each user. */
static solid_status build_sequences(solid_collector *collector, solid_dataset *dataset) {
  size_t n = collector->n_events;
  uint32_t users = collector->users.count;
  uint32_t *user_map = NULL, *item_map = NULL;
  collected *sorted = malloc(n * sizeof *sorted);
  dataset->offsets = calloc((size_t)users + 2, sizeof *dataset->offsets);
  dataset->sequence = malloc(n * sizeof *dataset->sequence);
  dataset->times = malloc(n * sizeof *dataset->times);
  solid_status status = SOLID_OK;
  if (!sorted || !dataset->offsets || !dataset->sequence || !dataset->times)
    status = solid_fail(SOLID_ENOMEM, "no memory for %zu events", n);
  if (!status) status = renumber(&collector->users, &user_map);
  if (!status) status = renumber(&collector->items, &item_map);
  if (status) goto done;

  size_t *offsets = dataset->offsets;
  for (size_t i = 0; i < n; i++) {
    collected *row = &collector->events[i];
    if (user_map) row->user = user_map[row->user];
    if (item_map) row->item = item_map[row->item];
    offsets[row->user + 2]++;
  }
  for (uint32_t u = 0; u < users; u++) offsets[u + 2] += offsets[u + 1];
  for (size_t i = 0; i < n; i++) sorted[offsets[collector->events[i].user + 1]++] = collector->events[i];
  for (uint32_t u = 0; u < users && collector->options.sort_by_time; u++) {
    for (size_t i = offsets[u]; i < offsets[u + 1]; i++) sorted[i].user = (uint32_t)(i - offsets[u]);
    qsort(sorted + offsets[u], offsets[u + 1] - offsets[u], sizeof *sorted, by_time);
  }
  for (size_t i = 0; i < n; i++) {
    dataset->sequence[i] = sorted[i].item;
    dataset->times[i] = sorted[i].time_ms;
  }
  dataset->has_times = collector->options.has_times;
  dataset->users = users;
  dataset->items = collector->items.count;
  dataset->events = n;

done:
  free(sorted);
  free(user_map);
  free(item_map);
  return status;
}

static int by_item_attribute(const void *a, const void *b) {
  const labelled *x = a, *y = b;
  if (x->item != y->item) return x->item < y->item ? -1 : 1;
  return (x->attribute > y->attribute) - (x->attribute < y->attribute);
}

/* Attributes keep the order of first appearance. An item that is not in the catalogue sorts last and is cut off. */
static solid_status build_attributes(solid_collector *collector, solid_dataset *dataset) {
  labelled *labels = collector->labels;
  size_t kept = 0;
  for (size_t i = 0; i < collector->n_labels; i++)
    labels[i].item = solid_vocab_find(&collector->items, solid_vocab_id(&collector->side_items, labels[i].item));
  if (collector->n_labels) qsort(labels, collector->n_labels, sizeof *labels, by_item_attribute);
  dataset->attribute_offsets = calloc((size_t)dataset->items + 1, sizeof *dataset->attribute_offsets);
  dataset->attribute_ids = malloc((collector->n_labels + 1) * sizeof *dataset->attribute_ids);
  if (!dataset->attribute_offsets || !dataset->attribute_ids)
    return solid_fail(SOLID_ENOMEM, "no memory for %zu attributes", collector->n_labels);
  for (size_t i = 0; i < collector->n_labels && labels[i].item != SOLID_NO_ID; i++) {
    if (i && by_item_attribute(&labels[i - 1], &labels[i]) == 0) continue;
    dataset->attribute_ids[kept++] = labels[i].attribute;
    dataset->attribute_offsets[labels[i].item + 1]++;
  }
  for (uint32_t v = 0; v < dataset->items; v++) dataset->attribute_offsets[v + 1] += dataset->attribute_offsets[v];
  return SOLID_OK;
}

static solid_status build_vectors(solid_collector *collector, solid_dataset *dataset) {
  size_t width = collector->width;
  if (!width) return SOLID_OK;
  dataset->vectors = calloc(dataset->items, width * sizeof(float));
  if (!dataset->vectors) return solid_fail(SOLID_ENOMEM, "no memory for %u vectors of %zu", dataset->items, width);
  dataset->vector_width = collector->width;
  for (uint32_t i = 0; i < collector->vector_rows; i++) {
    uint32_t v = solid_vocab_find(&collector->items, solid_vocab_id(&collector->side_items, i));
    if (v != SOLID_NO_ID) memcpy(dataset->vectors + v * width, collector->vectors + i * width, width * sizeof(float));
  }
  return SOLID_OK;
}

solid_status solid_collector_finish(solid_collector *collector, solid_dataset *dataset) {
  if (!collector || !dataset) return solid_fail(SOLID_EINVAL, "collector: NULL argument");
  if (!collector->n_events) return solid_fail(SOLID_ENOTFOUND, "the data has no events");
  solid_dataset made = {0};
  solid_status status = join_side_items(collector, &made.unseen_items);
  if (!status) status = build_sequences(collector, &made);
  if (!status) status = build_attributes(collector, &made);
  if (!status) status = build_vectors(collector, &made);
  if (status) {
    solid_dataset_clear(&made);
    return status;
  }
  made.user_ids = collector->users;
  made.item_ids = collector->items;
  made.attributes = collector->attributes;
  collector->users = collector->items = collector->attributes = (solid_vocab){0};
  empty(collector);
  *dataset = made;
  return SOLID_OK;
}
