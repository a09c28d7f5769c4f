/* A file of JSON events, one a line, as an event source: the same decoder, the same sink, the same manners as the Kafka
 * consumer, with no server. The position of an event is {SOLID_FILE_SOURCE_STREAM, line number}, so that running the
 * same file twice changes nothing. A store knows a file by its line numbers alone: give another file
 * another store or prefix. A blank line is skipped. */
#ifndef SOLID_INGEST_FILE_SOURCE_H
#define SOLID_INGEST_FILE_SOURCE_H

#include "ingest/ingest_stats.h"
#include "solid/pipeline.h"

#ifdef __cplusplus
extern "C" {
#endif

/* No partition of any topic has it, but for a chance of 2^-64: a file and a topic may fill one store. */
#define SOLID_FILE_SOURCE_STREAM UINT64_C(0x6c696e6573) /* "lines" */

typedef struct solid_file_source solid_file_source;

/* Told of every line that was not taken, after its batch was stored. `line` is borrowed for the call, without newline.
 */
typedef void (*solid_file_source_reject_fn)(void *user, uint64_t number, solid_bytes line, solid_reject reject);

typedef struct solid_file_source_options {
  uint32_t struct_size; /* set by SOLID_FILE_SOURCE_OPTIONS_INIT */
  uint32_t batch_size;  /* events given to the sink at once; default 256 */
  const char *path;     /* "-" = standard input */
  solid_sink_fn sink;   /* required */
  void *sink_user;
  int64_t max_future_ms;                 /* how far ahead of the clock an event may be; negative = any; default 1 h */
  int64_t retry_min_ms;                  /* first wait when the sink is away; doubles up to retry_max_ms; default 100 */
  int64_t retry_max_ms;                  /* default 10000 */
  int64_t drain_ms;                      /* how long a sink that is away is still tried after a stop; default 10000 */
  int64_t stats_ms;                      /* interval of on_stats; default 10000 */
  solid_ingest_stats_fn on_stats;        /* may be NULL */
  solid_file_source_reject_fn on_reject; /* may be NULL */
  void *user;                            /* of both callbacks */
  const solid_worth_rule *worth;         /* what events are worth; borrowed; NULL = each is a step */
} solid_file_source_options;

#define SOLID_FILE_SOURCE_OPTIONS_INIT                                                                                 \
  {                                                                                                                    \
    sizeof(solid_file_source_options), 256, NULL, NULL, NULL, 3600000, 100, 10000, 10000, 10000, NULL, NULL, NULL,     \
        NULL                                                                                                           \
  }

/* The same for callers who cannot use macros. */
SOLID_API solid_file_source_options solid_file_source_options_default(void);

/* *out is owned by the caller: solid_file_source_close. EINVAL; EIO: the file cannot be opened or is a folder; EFORMAT:
 * it is compressed; the text names it. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_file_source_open(solid_file_source **out,
                                                                 const solid_file_source_options *options);

/* Reads to the end of the file or until solid_file_source_stop. When the sink answers a retriable status the batch is
 * offered again with growing waits; another status of the sink ends the run with it. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_file_source_run(solid_file_source *source);

/* Asks run to return after the batch in hand. Any thread, and safe in a signal handler. */
SOLID_API void solid_file_source_stop(solid_file_source *source);

/* NULL is a no-op. */
SOLID_API void solid_file_source_close(solid_file_source *source);

#ifdef __cplusplus
}
#endif
#endif
