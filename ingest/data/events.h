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
/* The same of strings that stay where they are until the batch is flushed: they are not copied. */
solid_status sol_event_batch_lend(sol_event_batch *batch, const solid_event *event, double rating);
solid_status sol_event_batch_flush(sol_event_batch *batch);
/* Events added so far: the time of an event without a time. */
int64_t sol_event_batch_count(const sol_event_batch *batch);

/* Strings numbered from 0 in the order in which they first occur. Short ones, as most ids are, stand in their cells: a
 * look-up then touches the table and one cell, wherever the memory is. */
#define SOL_INTERNED_HERE 20

typedef struct sol_interned {
  uint64_t at; /* of a long one, in bytes */
  uint32_t size;
  char here[SOL_INTERNED_HERE];
} sol_interned;

typedef struct sol_interner {
  sol_interned *cells;
  char *bytes;
  size_t used, room;
  uint32_t count, places;
  sol_table table;
} sol_interner;

solid_status sol_interner_find(sol_interner *interner, solid_bytes text, uint32_t *out);
solid_status sol_interner_find_hashed(sol_interner *interner, solid_bytes text, uint64_t hash, uint32_t *out);
/* Asks for the memory that this search will look at. */
void sol_interner_fetch(const sol_interner *interner, uint64_t hash);
/* 1 if there is a string of this number, and it is `text`. */
int sol_interner_is(const sol_interner *interner, uint32_t index, solid_bytes text);
/* Valid until another string is added. */
solid_bytes sol_interner_text(const sol_interner *interner, uint32_t index);
void sol_interner_free(sol_interner *interner);

typedef struct sol_timed_event {
  int64_t time_ms;
  double rating; /* NAN = none */
  uint32_t user, item, kind;
  solid_worth worth;
} sol_timed_event;

/* An event whose user and item have no numbers yet. They are looked up some at once, so that memory is asked for before
 * it is looked at. */
#define SOL_WAITING 32

typedef struct sol_waiting {
  sol_timed_event event;
  solid_bytes user, item;
  uint64_t user_hash, item_hash;
  char text[2 * SOLID_ID_MAX];
} sol_waiting;

typedef struct sol_timeline {
  sol_interner users, items, kinds;
  sol_timed_event *events; /* in the order of the file */
  size_t count, room, waiting;
  uint32_t last_kind;
  sol_waiting wait[SOL_WAITING];
} sol_timeline;

solid_status sol_timeline_add(sol_timeline *timeline, const solid_event *event, double rating);
/* Sorts everything and passes it on: users by first line, their events by time, then by line. */
solid_status sol_timeline_send(sol_timeline *timeline, sol_event_batch *batch);
void sol_timeline_free(sol_timeline *timeline);

#ifdef __cplusplus
}
#endif
#endif
