/* Counters of an event source, the same for all sources. */
#ifndef SOLID_INGEST_INGEST_STATS_H
#define SOLID_INGEST_INGEST_STATS_H

#include "ingest/decode.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How far one partition's end is ahead of what was taken from it. */
typedef struct solid_partition_lag {
  int32_t partition;
  int64_t lag; /* messages */
} solid_partition_lag;

typedef struct solid_ingest_stats {
  uint64_t events;                       /* messages or lines processed, rejected ones included */
  uint64_t accepted;                     /* accepted by the sink */
  uint64_t rejected[SOLID_REJECT_COUNT]; /* by reason; [SOLID_REJECT_NONE] stays 0 */
  uint64_t duplicates;                   /* of the accepted ones: applied before, and left out by the sink */
  uint64_t batches;
  uint64_t retries;      /* times a batch was tried again because the sink or the broker was away */
  uint64_t commits;      /* Kafka: offset commits that the broker acknowledged */
  uint64_t dead_letters; /* Kafka: messages delivered to the dead-letter topic */
  uint64_t unburied;     /* Kafka: messages that the dead-letter topic did not take and that were only counted */
  uint64_t new_streams;  /* streams that were read for the first time, or anew because another was in their place */
  uint64_t dropped;      /* Kafka: unprocessed messages left to the partition's next owner */
  int64_t lag;           /* Kafka: messages behind the end of the assigned partitions; -1 = not known */
  int32_t partitions;    /* Kafka: assigned now */
  int32_t waiting;       /* 1 while the sink or the broker is away */
  double events_per_s;   /* since the previous callback */
  double last_batch_ms;  /* decoding to commit of the newest batch */
  int64_t commit_ns;     /* Kafka: spent waiting for `commits` */
  const solid_partition_lag *lags; /* Kafka: (n_lags), of the assigned partitions whose end is known */
  uint32_t n_lags;
} solid_ingest_stats;

/* Called on the thread that runs the source, at the chosen interval and once at the end, when nothing is tried any more
 * and the group is not left yet; `stats` is valid during the call. */
typedef void (*solid_ingest_stats_fn)(void *user, const solid_ingest_stats *stats);

#ifdef __cplusplus
}
#endif
#endif
