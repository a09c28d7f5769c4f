/* The two ways from a reader to its sink: in batches as they come, or kept until the end of the file and sorted by time
 * within each user. */
#ifndef INGEST_DATA_EVENTS_H
#define INGEST_DATA_EVENTS_H

#include "ingest/data/text.h"
#include "ingest/data_file.h"
#include "solid/base/table.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Collects events with their strings, and passes them on when it is full. */
typedef struct sol_event_batch sol_event_batch;

/* `has_ratings` = 0: the sink gets none. */
solid_status sol_event_batch_new(sol_event_batch **out, solid_data_sink sink, void *context, int has_ratings);
void sol_event_batch_free(sol_event_batch *batch);
/* `rating`: NAN = none. */
solid_status sol_event_batch_add(sol_event_batch *batch, const solid_event *event, double rating);
solid_status sol_event_batch_flush(sol_event_batch *batch);
/* Events added so far: the time of an event without a time. */
int64_t sol_event_batch_count(const sol_event_batch *batch);

/* Strings numbered from 0 in the order in which they first occur. */
typedef struct sol_interner {
  char *bytes;
  size_t used, room;
  size_t *ends; /* of string i in bytes; its beginning is ends[i - 1] */
  uint32_t count, places;
  sol_table table;
} sol_interner;

solid_status sol_interner_find(sol_interner *interner, solid_bytes text, uint32_t *out);
solid_bytes sol_interner_text(const sol_interner *interner, uint32_t index);
void sol_interner_free(sol_interner *interner);

typedef struct sol_timed_event {
  uint32_t user, item, kind;
  int64_t time_ms;
  double rating; /* NAN = none */
  size_t order;  /* in the file */
  solid_worth worth;
} sol_timed_event;

typedef struct sol_timeline {
  sol_interner users, items, kinds;
  sol_timed_event *events;
  size_t count, room;
} sol_timeline;

solid_status sol_timeline_add(sol_timeline *timeline, const solid_event *event, double rating);
/* Sorts everything and passes it on: users by first line, their events by time, then by line. */
solid_status sol_timeline_send(sol_timeline *timeline, sol_event_batch *batch);
void sol_timeline_free(sol_timeline *timeline);

#ifdef __cplusplus
}
#endif
#endif
