/* A file of JSON events, one per line, as an event source: the same decoder, sink and guarantees as the Kafka consumer,
 * without a server. A file is a stream (ingest/streams.h), known by its contents: if it still begins with the bytes
 * that were read, reading continues behind them, whatever the file is called now; otherwise it is another file, and all
 * of it is new. The offset of an event is the byte at which its line begins. Input through a pipe has no stream, so
 * each event is applied, unless the stream is given a name: under that name the input must begin with what was read
 * before. A blank line is skipped. A last line without a newline that is rejected counts as not read: it may not have
 * been written to its end. */
#ifndef SOLID_INGEST_FILE_SOURCE_H
#define SOLID_INGEST_FILE_SOURCE_H

#include "ingest/ingest_stats.h"
#include "ingest/streams.h"
#include "solid/context.h"
#include "solid/pipeline.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct solid_file_source solid_file_source;

/* Called for every rejected line after its batch was stored. `line` is borrowed for the call, without newline. */
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
  const solid_streams *streams;          /* where streams are kept; may be NULL for a pipe without a name */
  const char *stream;                    /* name of the stream from a pipe; NULL = none */
  solid_stream_choice stream_choice;     /* NEW = a new stream, though the file is known */
  solid_log_fn log;                      /* warnings; may be NULL */
  void *log_user;
  int64_t batch_ms; /* of a pipe: longest wait from a batch's first line to its delivery; default 100 */
} solid_file_source_options;

#define SOLID_FILE_SOURCE_OPTIONS_INIT                                                                                 \
  {                                                                                                                    \
    .struct_size = sizeof(solid_file_source_options), .batch_size = 256, .max_future_ms = 3600000,                     \
    .retry_min_ms = 100, .retry_max_ms = 10000, .drain_ms = 10000, .stats_ms = 10000, .batch_ms = 100                  \
  }

/* The same for callers who cannot use macros. */
SOLID_API solid_file_source_options solid_file_source_options_default(void);

/* *out is owned by the caller: solid_file_source_close. EINVAL: options; a name for a file that can be read twice, or
 * no place for its stream; EIO: the file cannot be opened or is a folder; EFORMAT: it is compressed; the text names it.
 */
SOLID_API SOLID_CHECK_RESULT solid_status solid_file_source_open(solid_file_source **out,
                                                                 const solid_file_source_options *options);

/* Reads to the end of the file or until solid_file_source_stop. When the sink answers a retriable status the batch is
 * offered again with growing waits; another status of the sink ends the run with it. EMISMATCH: the input from the pipe
 * does not begin with what was read under its name, or the file may be a known one that lost its end. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_file_source_run(solid_file_source *source);

/* Asks run to return after the batch in hand. Any thread, and safe in a signal handler. */
SOLID_API void solid_file_source_stop(solid_file_source *source);

/* NULL is a no-op. */
SOLID_API void solid_file_source_close(solid_file_source *source);

#ifdef __cplusplus
}
#endif
#endif
