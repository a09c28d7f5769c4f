/* solid_ingestd in five pieces: options (the table), report (statistics), store (its preparation at the start),
 * signals, and the program itself. */
#ifndef EXAMPLES_INGESTD_INGESTD_H
#define EXAMPLES_INGESTD_INGESTD_H

#include "examples/common/config.h"
#include "examples/common/logging.h"
#include "examples/common/reading.h"
#include "examples/common/store_options.h"
#include "examples/common/store_streams.h"
#include "examples/ingestd/ingestd_items.h"
#include "examples/ingestd/ingestd_live.h"
#include "ingest/ingest_stats.h"
#include "solid/context.h"
#include "solid/model.h"
#include "solid/pipeline.h"
#include "solid/store.h"
#include <stdint.h>
#include <stdio.h>

typedef struct ingestd_options {
  const char *model, *device, *generate;
  solid_generate how; /* read from it */
  int64_t threads, users, state_cache_mb;
  store_options store;
  int64_t spare_items;
  const char *brokers, *items_topic, *topic, *group, *dead_letter_topic, *from_file, *stream;
  int dead_letter_failure; /* solid_dead_letter_failure */
  int64_t batch_size, batch_ms, start_ms, drain_ms, retry_max_ms, max_future_ms, stats_s;
  int verbose, log_format, rebuild, yes, adopt_marks;
  const char *listen;
  reading_options reading; /* kinds and min_rating alone */
  solid_worth_rule worth;  /* made of them */
} ingestd_options;

extern const solid_program ingestd_program;

typedef struct ingestd_report {
  const solid_pipeline *pipeline;
  struct ingestd_watch *watch; /* NULL = no --listen */
  store_watched *store;
  int was_store_away; /* when the source reported last, which is before a run ends and leaves its group */
  ingestd_items items;
  int64_t memory_mb; /* of a store in memory that frees nothing while it is waited for; 0 = another store */
  ingestd_live live;
  int64_t every_ms, due_ms;  /* between lines; the next one is due */
  const char *group;         /* of Kafka; NULL = a file is read */
  int64_t idle_ms;           /* since when the group gives this member no partition; 0 = it has some */
  uint64_t generated;        /* when last reported */
  uint64_t events, accepted; /* of the source */
  const char *hint;          /* where all events were rejected for one reason: what may be meant */
  int64_t last_ms;
  int64_t rebuild_ms;        /* when a rebuild began, steady; 0 = there is none, or it is done */
  solid_ingest_stats newest; /* not printed yet where has_newest is 1 */
  int has_newest;
} ingestd_report;

/* To be called before a source is opened; with --rebuild, ingestd_rebuild follows once the source says that everything
 * can be read again. */
solid_status ingestd_prepare_store(const ingestd_options *options, solid_store *store);
solid_status ingestd_rebuild(const ingestd_options *options, solid_store *store);

/* Megabytes of a store in memory that is full for good once it is full: nobody in it expires between two tries; else 0.
 */
int64_t ingestd_memory_mb(const ingestd_options *options);

/* A solid_sink_fn with an ingestd_report: the item log's sink, whose answer is final where such a store is full. */
solid_status ingestd_push(void *report, const solid_event *events, size_t n, solid_status *verdicts);

/* Rates are counted from this call on. */
ingestd_report ingestd_report_start(const solid_pipeline *pipeline, struct ingestd_watch *watch, int64_t every_s);

/* How often the source reports its counters: more often than lines are printed if --listen shows them. */
int64_t ingestd_stats_ms(const ingestd_report *report);

/* A solid_ingest_stats_fn with an ingestd_report: one line on stdout. */
void ingestd_print(void *report, const solid_ingest_stats *stats);

/* Prints the last line, if it has not been printed. */
void ingestd_report_end(ingestd_report *report);

#endif
