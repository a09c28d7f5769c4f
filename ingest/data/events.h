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

/* An array that grows and begins at a cache line, so that no element of 16 or 32 bytes lies in two: it costs as many
 * waits for memory. A zeroed struct is an empty one. */
typedef struct sol_grown {
  void *block; /* to be freed */
  size_t bytes;
} sol_grown;

/* Room for `bytes`; returns the array, its contents kept, or NULL with the array as it was. */
void *sol_grown_reserve(sol_grown *grown, size_t bytes);
void sol_grown_free(sol_grown *grown);

/* Strings numbered from 0 in the order in which they first occur. Short ones, as most ids are, stand in their cells: a
 * look-up then touches the table and one cell, wherever the memory is. Cells of 16 bytes: four in a cache line. */
#define SOL_INTERNED_HERE 15
#define SOL_INTERNED_AWAY UINT8_MAX

typedef union sol_interned {
  struct {
    uint8_t size;
    char bytes[SOL_INTERNED_HERE];
  } here;
  struct {
    uint8_t mark; /* SOL_INTERNED_AWAY, which is no size of a short one */
    uint32_t size;
    uint64_t at; /* where the bytes of the interner have it */
  } away;
} sol_interned;

typedef struct sol_interner {
  sol_interned *cells;
  sol_grown cell_memory;
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
static inline solid_bytes sol_interner_text(const sol_interner *interner, uint32_t index) {
  const sol_interned *cell = &interner->cells[index];
  if (cell->here.size != SOL_INTERNED_AWAY) return (solid_bytes){cell->here.bytes, cell->here.size};
  return (solid_bytes){interner->bytes + cell->away.at, cell->away.size};
}
void sol_interner_free(sol_interner *interner);

typedef struct sol_timed_event {
  int64_t time_ms;
  double rating; /* NAN = none */
  uint32_t user, item, kind;
  solid_worth worth;
} sol_timed_event;

/* Events whose users and items have no numbers yet, in three turns: one is filled, of the next the tables' slots are on
 * their way from memory, of the oldest what the slots point to. Asking is done for a whole turn at once: between lines,
 * a processor waits for each address to be translated. */
#define SOL_WAITING 32
#define SOL_TURNS   3

typedef struct sol_waiting {
  sol_timed_event event;
  solid_bytes user, item;
  uint64_t user_hash, item_hash;
} sol_waiting;

typedef struct sol_turn {
  size_t count, used;
  sol_waiting events[SOL_WAITING];
  char text[SOL_WAITING * 2 * SOLID_ID_MAX];
} sol_turn;

typedef struct sol_timeline {
  sol_interner users, items, kinds;
  sol_timed_event *events; /* in the order of the file */
  sol_grown event_memory;
  size_t count, room;
  uint32_t last_kind;
  int filled; /* the turn that lines are put into */
  sol_turn turns[SOL_TURNS];
} sol_timeline;

solid_status sol_timeline_add(sol_timeline *timeline, const solid_event *event, double rating);
/* Sorts everything and passes it on: users by first line, their events by time, then by line. Progress of `lines` is
 * told that this is the second half; NULL = nobody. */
solid_status sol_timeline_send(sol_timeline *timeline, sol_event_batch *batch, const sol_lines *lines);
void sol_timeline_free(sol_timeline *timeline);

#ifdef __cplusplus
}
#endif
#endif
