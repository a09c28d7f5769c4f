/* What a source keeps of its streams, in the store that its events go to. Sources know no store, stores no source: the
 * program puts them together here. */
#ifndef EXAMPLES_COMMON_STORE_STREAMS_H
#define EXAMPLES_COMMON_STORE_STREAMS_H

#include "ingest/streams.h"
#include "solid/store.h"

/* `store` is borrowed by what is returned. */
solid_streams store_streams(solid_store *store);

#endif
