/* The two ways of events from a reader to its sink: in batches as they come, or kept until the end of the file and
 * sorted by time within each user. */
#ifndef INGEST_DATA_DATASET_EVENTS_H
#define INGEST_DATA_DATASET_EVENTS_H

#include "ingest/data/dataset_text.h"
#include "ingest/dataset.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Collects events, strings included, and hands them on when it is full. */
typedef struct sol_event_batch sol_event_batch;

solid_status sol_event_batch_new(sol_event_batch **out, solid_event_sink sink, void *context);
void sol_event_batch_free(sol_event_batch *batch);
solid_status sol_event_batch_add(sol_event_batch *batch, const solid_event *event);
solid_status sol_event_batch_flush(sol_event_batch *batch);
/* Events added so far: the time of an event without a time. */
int64_t sol_event_batch_count(const sol_event_batch *batch);

/* Strings numbered from 0 in the order of their first sight. */
typedef struct sol_interner {
  char *bytes;
  size_t used, room;
  size_t *ends; /* of string i in bytes; its beginning is ends[i - 1] */
  uint32_t count, places;
  uint32_t *slots; /* string + 1, 0 = free; open addressing */
  size_t slot_count;
} sol_interner;

solid_status sol_interner_find(sol_interner *interner, solid_bytes text, uint32_t *out);
solid_bytes sol_interner_text(const sol_interner *interner, uint32_t index);
void sol_interner_free(sol_interner *interner);

typedef struct sol_timed_event {
  uint32_t user, item;
  int64_t time_ms;
  size_t order; /* in the file */
} sol_timed_event;

typedef struct sol_timeline {
  sol_interner users, items;
  sol_timed_event *events;
  size_t count, room;
} sol_timeline;

solid_status sol_timeline_add(sol_timeline *timeline, solid_bytes user, solid_bytes item, int64_t time_ms);
/* Sorts and hands everything on: users by first line, their events by time, then by line. */
solid_status sol_timeline_send(sol_timeline *timeline, sol_event_batch *batch);
void sol_timeline_free(sol_timeline *timeline);

/* *found = 1 when the current line names a user column first and an item column after it. */
solid_status sol_find_table_header(sol_lines *lines, sol_fields *fields, int *found);

/* The formats whose columns have names: movielens, csv, recbole, table. */
solid_status sol_read_columns(const char *path, solid_dataset_format format, sol_event_batch *batch);
/* 1 when there is a column of times and a row is one event. */
solid_status sol_columns_have_times(const char *path, solid_dataset_format format, int *have);

#ifdef __cplusplus
}
#endif
#endif
