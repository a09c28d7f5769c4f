/* The consumer's parts, in the order of the walk: kafka_setup (handles, start check) -> batch (messages in hand) ->
 * intake (decode, sink) -> dead_letter -> commit; rebalance runs inside polls. */
#ifndef INGEST_KAFKA_CONSUMER_PARTS_H
#define INGEST_KAFKA_CONSUMER_PARTS_H

#include "ingest/consumer.h"
#include "ingest/intake/intake.h"
#include "ingest/kafka/dead_letter.h"
#include <librdkafka/rdkafka.h>
#include <stdatomic.h>

/* Messages in hand, in the order they came; owned. */
typedef struct sol_batch {
  rd_kafka_message_t **messages;
  sol_payload *payloads; /* (count), borrowed from messages, filled for delivery */
  size_t count, room;
} sol_batch;

struct solid_consumer {
  solid_consumer_options options; /* its strings point into the members below */
  char *brokers, *topic, *group, *dead_letter_topic;
  rd_kafka_t *rk;
  sol_dead_letter *dead_letter; /* NULL = rejected messages are only counted */
  sol_intake intake;
  sol_batch batch;
  int is_stored;      /* the batch is through sink and dead letters, only its commit is missing */
  int is_paused;      /* newly assigned partitions are paused as well */
  int is_rebalancing; /* the last commit was refused because the group is between two generations */
  int has_run;
  solid_ingest_stats stats;
  sol_reporter reporter;
  atomic_int stopped;
};

/* batch.c */
solid_status sol_batch_add(sol_batch *batch, rd_kafka_message_t *message); /* takes the message on success */
void sol_batch_clear(sol_batch *batch);
void sol_batch_free(sol_batch *batch);
/* Forgets the messages of these partitions; returns how many. */
size_t sol_batch_drop(sol_batch *batch, const rd_kafka_topic_partition_list_t *partitions);
/* Per partition of the batch the offset after its last message, only those in `within` unless NULL. NULL: no memory. */
rd_kafka_topic_partition_list_t *sol_batch_offsets(const sol_batch *batch,
                                                   const rd_kafka_topic_partition_list_t *within);

/* kafka_setup.c */
solid_status sol_kafka_open(solid_consumer *consumer);  /* consumer->rk and ->dead_letter */
solid_status sol_kafka_check(solid_consumer *consumer); /* broker and topic are there; warns of dead letters */
void sol_consumer_log(const solid_consumer *consumer, solid_log_level level, const char *format, ...)
    SOLID_PRINTF(3, 4);

/* rebalance.c */
void sol_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t err, rd_kafka_topic_partition_list_t *partitions, void *opaque);
void sol_pause_assigned(solid_consumer *consumer);
void sol_resume_assigned(solid_consumer *consumer);
/* Commits the offsets of the batch, only of the partitions `within` unless NULL. EIO: may work after more polls. */
solid_status sol_commit_batch(solid_consumer *consumer, const rd_kafka_topic_partition_list_t *within);
void sol_measure_lag(solid_consumer *consumer);

#endif
