/* A Kafka topic as an event source: messages -> decoder -> sink -> commit, at least once.
 *
 * A batch (batch_size messages, or what came within batch_ms) is decoded and given to the sink; what was rejected goes
 * to the dead-letter topic with a reason; then exactly the batch's offsets are committed, as soon as no server can lose
 * what was stored (safe_age of ingest/streams.h); where one may have, everything behind the committed offsets is read
 * again before anything is given to the sink. While the sink or the broker
 * is away, the assigned partitions are paused and polling goes on, so that the group keeps this member, and the same
 * batch is offered again with growing waits. When a partition is revoked, what of it is stored and safe is
 * committed, and what is not stored is dropped for the next owner to read. The only thing that can happen twice is that
 * a stored batch is delivered again; the positions in its events make that harmless.
 *
 * A partition is a stream (ingest/streams.h), and is known again by what was read of it, not by its name: a topic that
 * was deleted and made again is a new stream, read from its beginning. This is checked before the first event of an
 * assignment, after a wait, when the topic was missing, when an offset was out of range or the end of a partition fell,
 * and every stream_check_ms. If a topic is deleted and made again between two checks, events beyond the offset that was
 * read are taken for the old stream until the next check.
 *
 * Only in builds with SOLID_KAFKA. One thread per consumer; solid_consumer_stop from anywhere. */
#ifndef SOLID_INGEST_CONSUMER_H
#define SOLID_INGEST_CONSUMER_H

#include "ingest/ingest_stats.h"
#include "ingest/streams.h"
#include "solid/context.h"
#include "solid/pipeline.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One property of librdkafka as text. */
typedef struct solid_setting {
  const char *name; /* without the "kafka." */
  const char *value;
} solid_setting;

/* What happens to rejected messages while the dead-letter topic does not accept them: it is missing, its messages may
 * not be so large, or we may not write to it. */
typedef enum solid_dead_letter_failure {
  SOLID_DEAD_LETTER_HOLD = 0, /* the batch is held and tried again, as while the store is away */
  SOLID_DEAD_LETTER_COUNT = 1 /* they are counted (solid_ingest_stats.unburied), and the stream goes on */
} solid_dead_letter_failure;

typedef struct solid_consumer solid_consumer;

typedef struct solid_consumer_options {
  uint32_t struct_size; /* set by SOLID_CONSUMER_OPTIONS_INIT */
  uint32_t batch_size;  /* messages offered to the sink at once; default 256 */
  const char *brokers;  /* "host:port,host:port"; required, as are topic and group */
  const char *topic;
  const char *group;
  const char *dead_letter_topic; /* NULL = "<topic>.dead-letter"; "" = rejected messages are only counted */
  const solid_setting *settings; /* kafka.<property>, given to librdkafka verbatim */
  size_t n_settings;
  solid_sink_fn sink; /* required */
  void *sink_user;
  int64_t batch_ms;               /* longest wait from a batch's first message to its delivery; default 100 */
  int64_t start_ms;               /* how long the broker may take to answer in solid_consumer_open; default 10000 */
  int64_t max_future_ms;          /* how far ahead of the clock an event may be; negative = any; default 1 h */
  int64_t retry_min_ms;           /* first wait when something is away; doubles up to retry_max_ms; default 100 */
  int64_t retry_max_ms;           /* default 10000 */
  int64_t drain_ms;               /* how long what is away is still tried after a stop; default 10000 */
  int64_t stats_ms;               /* interval of on_stats; default 10000 */
  solid_ingest_stats_fn on_stats; /* may be NULL; called in solid_consumer_run */
  void *stats_user;
  solid_log_fn log; /* may be NULL; called from any thread */
  void *log_user;
  const solid_worth_rule *worth; /* what events are worth; borrowed; NULL = each is a step */
  const solid_streams *streams;  /* required: where the identity of streams is kept, beside what the sink fills */
  solid_stream_choice stream_choice;
  solid_dead_letter_failure dead_letter_failure;
  int rebuild;             /* 1: offsets that were committed under another epoch of the store are not gone on from */
  int64_t stream_check_ms; /* how often a stream is looked at again while it is read; default 60000 */
  int rebuild_rest;        /* 1: rebuild also from a topic that no longer begins at 0 */
  int adopt_marks;         /* 1: a partition of which the store knows no stream is solid_consumer_adopted_stream */
} solid_consumer_options;

#define SOLID_CONSUMER_OPTIONS_INIT                                                                                    \
  {                                                                                                                    \
    .struct_size = sizeof(solid_consumer_options), .batch_size = 256, .batch_ms = 100, .start_ms = 10000,              \
    .max_future_ms = 3600000, .retry_min_ms = 100, .retry_max_ms = 10000, .drain_ms = 10000, .stats_ms = 10000,        \
    .stream_check_ms = 60000                                                                                           \
  }

/* The same for callers who cannot use macros. */
SOLID_API solid_consumer_options solid_consumer_options_default(void);

/* Connects and checks, within start_ms, that a broker answers and that it has the topic. *out is owned by the caller:
 * solid_consumer_close. Strings and settings are copied, the sink is borrowed.
 * EINVAL: options, a setting that librdkafka does not take or that is the consumer's own (where to begin, offset
 * storing and committing), or a user or password that the broker does not know. ETIMEDOUT: no broker answered.
 * ENOTFOUND: no such topic. EIO: the broker refused. The text names broker or topic. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_consumer_open(solid_consumer **out,
                                                              const solid_consumer_options *options);

/* The stream of a partition as earlier versions knew it, which did not tell topics apart: the store has taken over
 * their marks under it. */
SOLID_API uint64_t solid_consumer_adopted_stream(const char *topic, uint32_t partition);

/* Joins the group and runs until solid_consumer_stop; then the batch in hand is stored and committed and the group is
 * left, within drain_ms; with nothing in hand no broker is waited for. Once per consumer. Anything but OK is final: a
 * status of the sink that is not retriable, a broker that refuses, EMISMATCH (a stream whose end was cut off, or of
 * which nothing is left to know it by, and no stream_choice), or a sink still away drain_ms after the stop; what was
 * not committed will be delivered again. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_consumer_run(solid_consumer *consumer);

/* Asks run to return. Any thread, and safe in a signal handler. */
SOLID_API void solid_consumer_stop(solid_consumer *consumer);

/* NULL is a no-op. Not while run is running. Where librdkafka has not ended after 10 s, which is logged, its threads
 * and the consumer's memory are left behind. */
SOLID_API void solid_consumer_close(solid_consumer *consumer);

#ifdef __cplusplus
}
#endif
#endif
