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

/* Room for one more event. */
static solid_status make_room(sol_event_batch *batch) {
  int is_full = batch->count == BATCH_EVENTS || batch->used > BATCH_BYTES - EVENT_BYTES;
  return is_full ? sol_event_batch_flush(batch) : SOLID_OK;
}

static void put(sol_event_batch *batch, const solid_event *event, double rating) {
  batch->ratings[batch->count] = rating;
  batch->events[batch->count++] = *event;
  batch->total++;
}

solid_status sol_event_batch_add(sol_event_batch *batch, const solid_event *event, double rating) {
  solid_status status = make_room(batch);
  if (status != SOLID_OK) return status;
  const solid_event kept = {.user = keep(batch, event->user),
                            .item = keep(batch, event->item),
                            .kind = keep(batch, event->kind),
                            .time_ms = event->time_ms,
                            .worth = event->worth};
  put(batch, &kept, rating);
  return SOLID_OK;
}

solid_status sol_event_batch_lend(sol_event_batch *batch, const solid_event *event, double rating) {
  solid_status status = make_room(batch);
  if (status == SOLID_OK) put(batch, event, rating);
  return status;
}
