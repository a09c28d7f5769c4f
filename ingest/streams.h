/* Streams: what makes a position mean something after a restart.
 *
 * A position is {stream, offset}. The stream's number is random, drawn when the stream is read for the first time, and
 * is kept in the store beside the users whose marks name it, under a name by which the source finds it again: a
 * partition of a topic of a cluster, or what a file begins with. With it stand anchors, hashes of what was read at some
 * offsets. A source that comes back reads at these offsets again. If it finds the same, the offsets keep their meaning;
 * if it finds something else (the topic was deleted and made again, the file is another one), it reads a new stream, of
 * which nothing has been applied.
 *
 * A source reaches the store only through these functions, which the program makes from its store. */
#ifndef SOLID_INGEST_STREAMS_H
#define SOLID_INGEST_STREAMS_H

#include "solid/status.h"
#include "solid/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The contract of the slots stream_load and stream_save of solid/store.h; retriable answers are tried again. */
typedef struct solid_streams {
  void *user;

  /* The record under `name` into `room`, of which *size says the bytes before, and the record's afterwards; 0 = none.
   */
  solid_status (*load)(void *user, solid_bytes name, void *room, size_t *size);

  /* Makes the record `record` where it still is `seen` (of size 0 = none): *saved = 1, else 0. */
  solid_status (*save)(void *user, solid_bytes name, solid_bytes seen, solid_bytes record, int *saved);

  /* NULL = epochs are not checked. Called before anything is read: gives the identity of the store's contents (16 bytes
   * into `epoch`), and begins an epoch if the store has none. `committed` is the epoch under which the offsets to
   * continue from were committed; NULL = there are none yet. Return a final status if the store has lost the contents
   * that these offsets rely on. */
  solid_status (*epoch)(void *user, const uint8_t *committed, uint8_t *epoch);

  /* NULL = what the sink stored is safe at once. As the slot safe_age of solid/store.h: offsets are committed of what
   * was stored *age_ms ago or earlier. After SOLID_EREWIND, from here or from the sink, the source reads again from
   * what was committed, and gives the sink nothing before. */
  solid_status (*safe_age)(void *user, int64_t *age_ms);
} solid_streams;

/* What to do if a source cannot tell whether a stream is the one that was read before, or if a part of what was read is
 * no longer in it. */
typedef enum solid_stream_choice {
  SOLID_STREAM_ASK = 0,  /* end, and say what is to be decided */
  SOLID_STREAM_SAME = 1, /* go on: what has an offset that was read is not applied */
  SOLID_STREAM_NEW = 2   /* read it from its beginning: all of it is applied */
} solid_stream_choice;

#ifdef __cplusplus
}
#endif
#endif
