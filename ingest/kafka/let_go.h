/* Ends a librdkafka handle within a time. rd_kafka_destroy waits for its own threads without one, and where a topic was
 * deleted while it was read, librdkafka 2.0.2 at times never ends (its issue 3007). */
#ifndef INGEST_KAFKA_LET_GO_H
#define INGEST_KAFKA_LET_GO_H

#include <librdkafka/rdkafka.h>
#include <stdint.h>

enum { SOL_LET_GO_MS = 10000 };

/* flags: of rd_kafka_destroy_flags. 1: the handle is gone. 0: it is not after wait_ms; it and its threads are left
 * behind, and its callbacks may still be called. Without a thread to wait beside, it waits as long as it takes. */
int sol_let_go(rd_kafka_t *rk, int flags, int64_t wait_ms);

#endif
