#include "ingest/data/events.h"
#include "solid/extend.h"
#include <stdlib.h>
#include <string.h>

#define BATCH_EVENTS 1024
#define BATCH_BYTES  (BATCH_EVENTS * 64)
#define EVENT_BYTES  (3 * SOLID_ID_MAX) /* user, item, kind */

struct sol_event_batch {
  solid_data_sink sink;
  void *context;
  int64_t total;
  int has_ratings;
  size_t count, used;
  solid_event events[BATCH_EVENTS];
  double ratings[BATCH_EVENTS];
  char bytes[BATCH_BYTES];
};

solid_status sol_event_batch_new(sol_event_batch **out, solid_data_sink sink, void *context, int has_ratings) {
  sol_event_batch *batch = malloc(sizeof *batch);
  if (!batch) return solid_fail(SOLID_ENOMEM, "no room for a batch of events");
  batch->sink = sink;
  batch->context = context;
  batch->has_ratings = has_ratings;
  batch->total = 0;
  batch->count = batch->used = 0;
  *out = batch;
  return SOLID_OK;
}

void sol_event_batch_free(sol_event_batch *batch) {
  free(batch);
}

int64_t sol_event_batch_count(const sol_event_batch *batch) {
  return batch->total;
}

static solid_bytes keep(sol_event_batch *batch, solid_bytes text) {
  char *at = batch->bytes + batch->used;
  if (text.size > 0) memcpy(at, text.data, text.size);
  batch->used += text.size;
  return (solid_bytes){at, text.size};
}

solid_status sol_event_batch_flush(sol_event_batch *batch) {
  size_t count = batch->count;
  batch->count = batch->used = 0;
  const double *ratings = batch->has_ratings ? batch->ratings : NULL;
  return count > 0 ? batch->sink(batch->context, batch->events, ratings, count) : SOLID_OK;
}

solid_status sol_event_batch_add(sol_event_batch *batch, const solid_event *event, double rating) {
  if (batch->count == BATCH_EVENTS || batch->used > BATCH_BYTES - EVENT_BYTES) {
    solid_status status = sol_event_batch_flush(batch);
    if (status != SOLID_OK) return status;
  }
  batch->ratings[batch->count] = rating;
  solid_event *to = &batch->events[batch->count++];
  *to = (solid_event){.user = keep(batch, event->user),
                      .item = keep(batch, event->item),
                      .kind = keep(batch, event->kind),
                      .time_ms = event->time_ms,
                      .worth = event->worth};
  batch->total++;
  return SOLID_OK;
}

solid_bytes sol_interner_text(const sol_interner *interner, uint32_t index) {
  size_t begin = index ? interner->ends[index - 1] : 0;
  return (solid_bytes){interner->bytes + begin, interner->ends[index] - begin};
}

static int is_same(const void *owner, uint32_t number, const void *key) {
  solid_bytes held = sol_interner_text(owner, number);
  const solid_bytes *text = key;
  return held.size == text->size && (held.size == 0 || memcmp(held.data, text->data, held.size) == 0);
}

static solid_status grow_strings(sol_interner *interner, size_t size) {
  if (interner->room - interner->used <= size) {
    size_t room = 2 * interner->room + size + 4096;
    char *bytes = realloc(interner->bytes, room);
    if (!bytes) return solid_fail(SOLID_ENOMEM, "no room for %zu bytes of ids", room);
    interner->bytes = bytes;
    interner->room = room;
  }
  if (interner->count == interner->places) {
    if (interner->places > UINT32_MAX / 4) return solid_fail(SOLID_ERANGE, "over %u ids", interner->places);
    uint32_t places = 2 * interner->places + 256;
    size_t *ends = realloc(interner->ends, places * sizeof *ends);
    if (!ends) return solid_fail(SOLID_ENOMEM, "no room for %u ids", places);
    interner->ends = ends;
    interner->places = places;
  }
  return SOLID_OK;
}

solid_status sol_interner_find(sol_interner *interner, solid_bytes text, uint32_t *out) {
  uint64_t hash = sol_table_hash(text.data, text.size);
  *out = sol_table_find(&interner->table, hash, is_same, interner, &text);
  if (*out != SOL_NO_NUMBER) return SOLID_OK;
  solid_status status = grow_strings(interner, text.size);
  if (status != SOLID_OK) return status;
  if (!sol_table_reserve(&interner->table, (size_t)interner->count + 1))
    return solid_fail(SOLID_ENOMEM, "no room for %u ids", interner->count);
  if (text.size > 0) memcpy(interner->bytes + interner->used, text.data, text.size);
  interner->used += text.size;
  interner->ends[interner->count] = interner->used;
  sol_table_add(&interner->table, hash, interner->count);
  *out = interner->count++;
  return SOLID_OK;
}

void sol_interner_free(sol_interner *interner) {
  free(interner->bytes);
  free(interner->ends);
  sol_table_clear(&interner->table);
  *interner = (sol_interner){0};
}

solid_status sol_timeline_add(sol_timeline *timeline, const solid_event *from, double rating) {
  if (timeline->count == timeline->room) {
    size_t room = 2 * timeline->room + 4096;
    sol_timed_event *events = realloc(timeline->events, room * sizeof *events);
    if (!events) return solid_fail(SOLID_ENOMEM, "no room for %zu events", room);
    timeline->events = events;
    timeline->room = room;
  }
  sol_timed_event event = {.time_ms = from->time_ms, .rating = rating, .order = timeline->count, .worth = from->worth};
  solid_status status = sol_interner_find(&timeline->users, from->user, &event.user);
  if (status == SOLID_OK) status = sol_interner_find(&timeline->items, from->item, &event.item);
  if (status == SOLID_OK) status = sol_interner_find(&timeline->kinds, from->kind, &event.kind);
  if (status == SOLID_OK) timeline->events[timeline->count++] = event;
  return status;
}

static int compare_events(const void *left, const void *right) {
  const sol_timed_event *a = left, *b = right;
  if (a->user != b->user) return a->user < b->user ? -1 : 1;
  if (a->time_ms != b->time_ms) return a->time_ms < b->time_ms ? -1 : 1;
  return a->order < b->order ? -1 : a->order > b->order;
}

solid_status sol_timeline_send(sol_timeline *timeline, sol_event_batch *batch) {
  if (timeline->count > 0) qsort(timeline->events, timeline->count, sizeof *timeline->events, compare_events);
  solid_status status = SOLID_OK;
  for (size_t i = 0; i < timeline->count && status == SOLID_OK; i++) {
    const sol_timed_event *event = &timeline->events[i];
    status = sol_event_batch_add(batch,
                                 &(solid_event){.user = sol_interner_text(&timeline->users, event->user),
                                                .item = sol_interner_text(&timeline->items, event->item),
                                                .kind = sol_interner_text(&timeline->kinds, event->kind),
                                                .time_ms = event->time_ms,
                                                .worth = event->worth},
                                 event->rating);
  }
  return status;
}

void sol_timeline_free(sol_timeline *timeline) {
  sol_interner_free(&timeline->users);
  sol_interner_free(&timeline->items);
  sol_interner_free(&timeline->kinds);
  free(timeline->events);
  *timeline = (sol_timeline){0};
}
