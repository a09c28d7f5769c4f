/* solid_ingestd and the item log: it is followed, entries of a topic go into it, and a model that has no spare row left
 * gives way to a larger copy. */
#ifndef EXAMPLES_INGESTD_INGESTD_ITEMS_H
#define EXAMPLES_INGESTD_INGESTD_ITEMS_H

#include "examples/common/config.h"
#include "solid/item_log.h"
#include "solid/pipeline.h"

struct ingestd_items_topic;

typedef struct ingestd_items {
  solid_item_log *log;
  solid_model *model; /* that of the pipeline; owned */
  solid_pipeline *pipeline;
  solid_sink_fn sink; /* what events go on to */
  void *sink_user;
  int is_told;                       /* that a larger copy could not be made */
  struct ingestd_items_topic *topic; /* NULL = no --items-topic */
} ingestd_items;

/* Reads the log before the first event, and lets the pipeline that will be made follow it. Retriable: the store is
 * away. A log that cannot be read is told of and left. */
solid_status ingestd_items_begin(ingestd_items *items, const solid_context *ctx, solid_store *store,
                                 solid_pipeline_options *pipeline);

/* A solid_sink_fn with an ingestd_items: events to `sink`, then what is new of the log to the model. */
solid_status ingestd_items_push(void *items, const solid_event *events, size_t n, solid_status *verdicts);

typedef struct ingestd_items_source {
  const char *brokers, *topic, *group;
  int64_t retry_max_ms;
  const solid_setting *settings; /* kafka.<property> */
  size_t n_settings;
  solid_store *store; /* of its own; closed with it, in any case */
} ingestd_items_source;

/* Entries of a topic, one JSON object a message, into the log: a thread until ingestd_items_end. EINVAL: a setting.
 * EUNSUPPORTED: built without Kafka. */
solid_status ingestd_items_read_topic(ingestd_items *items, const ingestd_items_source *source);

void ingestd_items_end(ingestd_items *items);

#endif
