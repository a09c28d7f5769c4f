/* Keeps the streams of a source in the store that its events go to. Sources and stores do not know each other; the
 * program connects them here. */
#ifndef EXAMPLES_COMMON_STORE_STREAMS_H
#define EXAMPLES_COMMON_STORE_STREAMS_H

#include "ingest/streams.h"
#include "solid/store.h"

/* `store` is borrowed by what is returned. */
solid_streams store_streams(solid_store *store);

#endif
