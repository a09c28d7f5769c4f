/* solid_send in pieces: the source (data file or lines -> payloads, send_source.c), the topic (send_topic.c), dead
 * letters (letters.c reads them, replay.c lists them or sends them again). */
#ifndef EXAMPLES_SEND_SEND_H
#define EXAMPLES_SEND_SEND_H

#include "examples/common/config.h"
#include "examples/common/reading.h"
#include "solid/status.h"
#include "solid/types.h"
#include <librdkafka/rdkafka.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>

/* Takes one event as JSON with its key (empty when the line is not an event). Borrowed for the call. */
typedef solid_status (*send_take_fn)(void *user, solid_bytes key, solid_bytes payload);

typedef struct send_source {
  const char *path;               /* "-" = lines from stdin */
  const char *format;             /* of ingest/data_file.h, or "lines": JSON lines passed on unchanged, valid or not */
  const reading_options *reading; /* of a data file */
  uint64_t limit;                 /* events; 0 = all */
} send_source;

/* Gives everything to `take`; ends early with the status that `take` returns. Reaching the limit is SOLID_OK. */
solid_status send_read(const send_source *source, send_take_fn take, void *user);

/* --items: every entry of a file as JSON with its item as the key; `table` says which columns are what. EFORMAT,
 * ERANGE: a bad one, with its place. */
solid_status send_read_items(const char *path, const items_options *table, uint64_t limit, send_take_fn take,
                             void *user);

typedef struct send_options {
  const char *items, *data, *format, *brokers, *topic, *write, *dead_letters, *reason, *forget;
  int64_t partitions, limit, timeout_ms;
  int list;
  double rate;
  reading_options reading;
  items_options table; /* of --items */
} send_options;

typedef struct send_output {
  const send_options *options;
  FILE *file;     /* --write */
  int is_whole;   /* the file is kept in full or not at all; a device or a pipe is not */
  rd_kafka_t *rk; /* or a topic */
  uint64_t sent, delivered, failed;
  rd_kafka_resp_err_t err; /* of the first that failed */
  double start;
  int refused; /* a record could not be passed on */
} send_output;

extern volatile sig_atomic_t send_stopped; /* 1 after a signal */

/* The producer into out->rk. EINVAL: a setting. */
solid_status send_open(send_output *out, const solid_config *config);

/* A consumer that commits nothing by itself. EINVAL: a setting. */
solid_status send_open_reader(rd_kafka_t **out, const char *brokers, const solid_config *config, const char *group);

/* An existing topic is as good as a new one. */
solid_status send_create_topic(const send_output *out);
solid_status send_check_topic(const send_output *out, const char *name);

/* Waits until the next event is due; delivery reports are served meanwhile. */
void send_keep_rate(send_output *out);

/* Hands one record to the producer, at the rate of the options. ECANCELLED: stopped by a signal. */
solid_status send_put(send_output *out, const char *topic, int32_t partition, solid_bytes key, solid_bytes payload);

/* Everything that was sent is delivered or failed, then the report. Returns the exit code. */
int send_finish(send_output *out, solid_status status);

/* Prints the last error and returns the code. */
int send_fail(int code);

/* --from-dead-letters: lists, or sends again. Returns the exit code. */
int send_dead_letters(const send_options *options, const solid_config *config);

#endif
