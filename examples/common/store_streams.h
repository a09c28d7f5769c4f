/* Keeps the streams of a source in the store that its events go to. Sources and stores do not know each other; the
 * program connects them here. */
#ifndef EXAMPLES_COMMON_STORE_STREAMS_H
#define EXAMPLES_COMMON_STORE_STREAMS_H

#include "ingest/streams.h"
#include "solid/store.h"

/* A store, and whether its newest answer was that it is away, which tells whose fault a run ended by. */
typedef struct store_watched {
  solid_store *store;
  int is_away;
} store_watched;

/* Takes note of an answer of the store, which it returns. */
solid_status store_watched_note(store_watched *watched, solid_status status);

/* Each answer is taken note of. `watched` is borrowed by what is returned. */
solid_streams store_streams(store_watched *watched);

#endif
