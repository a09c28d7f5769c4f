#include "solid/train/data/collector.h"
#include "solid/extend.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define AT_ONCE 256 /* events whose ids are looked up together */

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
  free(collector->side_index);
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

/* Rows of up to AT_ONCE events whose ids are right. */
static solid_status push_rows(solid_collector *collector, const solid_event *const *events, size_t n) {
  solid_bytes users[AT_ONCE], items[AT_ONCE];
  uint32_t user[AT_ONCE], item[AT_ONCE];
  for (size_t i = 0; i < n; i++) users[i] = events[i]->user, items[i] = events[i]->item;
  solid_status status = sol_vocab_add_all(&collector->users, users, n, user);
  if (!status) status = sol_vocab_add_all(&collector->items, items, n, item);
  if (status) return status;
  sol_collected *rows = collector->events + collector->n_events;
  for (size_t i = 0; i < n; i++) rows[i] = (sol_collected){events[i]->time_ms, user[i], item[i]};
  collector->n_events += n;
  return SOLID_OK;
}

solid_status solid_collector_push(void *user, const solid_event *events, size_t n, solid_status *verdicts) {
  solid_collector *collector = user;
  const solid_event *taken[AT_ONCE];
  if (!collector || (n && !events)) return solid_fail(SOLID_EINVAL, "collector: NULL argument");
  if (!n) return SOLID_OK;
  sol_collected *rows = grown(collector->events, &collector->event_capacity, collector->n_events + n, sizeof *rows);
  if (!rows) return solid_fail(SOLID_ENOMEM, "no memory for %zu events", collector->n_events + n);
  collector->events = rows;
  solid_status status = SOLID_OK;
  size_t waiting = 0;
  for (size_t i = 0; i < n && !status; i++) {
    solid_status verdict = check_id("user", events[i].user);
    if (!verdict) verdict = check_id("item", events[i].item);
    if (verdicts) verdicts[i] = verdict;
    if (!verdict) taken[waiting++] = &events[i];
    if (waiting < AT_ONCE && i + 1 < n) continue;
    status = push_rows(collector, taken, waiting);
    waiting = 0;
  }
  return status;
}

/* Attributes of an item mostly come one after another. */
static solid_status add_side_item(solid_collector *collector, solid_bytes item, uint32_t *index) {
  if (collector->n_labels > 0) {
    *index = collector->labels[collector->n_labels - 1].item;
    solid_bytes last = solid_vocab_id(&collector->side_items, *index);
    if (last.size == item.size && memcmp(last.data, item.data, item.size) == 0) return SOLID_OK;
  }
  return sol_vocab_add(&collector->side_items, item, index);
}

solid_status solid_collector_attribute(solid_collector *collector, solid_bytes item, solid_bytes attribute) {
  if (!collector) return solid_fail(SOLID_EINVAL, "collector is NULL");
  solid_status status = check_id("item", item);
  if (!status) status = check_id("attribute", attribute);
  if (status) return status;
  sol_labelled *rows = grown(collector->labels, &collector->label_capacity, collector->n_labels + 1, sizeof *rows);
  if (!rows) return solid_fail(SOLID_ENOMEM, "no memory for %zu attributes", collector->n_labels + 1);
  collector->labels = rows;
  sol_labelled *row = &rows[collector->n_labels];
  status = add_side_item(collector, item, &row->item);
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

solid_status solid_collector_finish(solid_collector *collector, solid_dataset *dataset) {
  if (!collector || !dataset) return solid_fail(SOLID_EINVAL, "collector: NULL argument");
  if (!collector->n_events) return solid_fail(SOLID_ENOTFOUND, "the data has no events");
  solid_dataset made = {0};
  solid_status status = sol_collector_build(collector, &made);
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
