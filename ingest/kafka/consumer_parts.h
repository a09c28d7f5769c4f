/* The consumer's parts, in the order of the walk: kafka_setup (handles, start check) -> streams (what is read is what
 * it is taken for) -> delivery (messages in hand, decoded and given to the sink) -> dead_letter -> trail (what is
 * stored and not yet safe) -> commit; rebalance runs inside polls. */
#ifndef INGEST_KAFKA_CONSUMER_PARTS_H
#define INGEST_KAFKA_CONSUMER_PARTS_H

#include "ingest/consumer.h"
#include "ingest/identity/anchor.h"
#include "ingest/intake/intake.h"
#include "ingest/kafka/dead_letter.h"
#include "ingest/kafka/probe.h"
#include "ingest/kafka/stamp.h"
#include <librdkafka/rdkafka.h>
#include <stdatomic.h>

enum { SOL_NAME_ROOM = SOLID_ID_MAX + 1 };

/* A message in hand, and how far it has come. */
typedef struct sol_held {
  rd_kafka_message_t *message; /* owned */
  solid_reject reject;         /* once stored: SOLID_REJECT_NONE = accepted */
  uint8_t is_repeat;           /* once stored: 1 = applied before */
  uint8_t is_buried;           /* 1 = the dead-letter topic has it, or it was only counted */
} sol_held;

/* Messages in hand, in the order they came. */
typedef struct sol_messages {
  sol_held *held;
  sol_payload *payloads; /* (count), borrowed from messages, filled for delivery */
  size_t count, room;
  size_t stored;  /* how many, from the front, the sink has accepted */
  size_t trailed; /* of them, so many are on the trail */
} sol_messages;

/* Offsets of batches that are stored, in the order in which that came about. */
enum { SOL_TRAIL = 64 };
typedef struct sol_trail_entry {
  int64_t stored_ms; /* steady */
  rd_kafka_topic_partition_list_t *offsets;
} sol_trail_entry;
typedef struct sol_trail {
  sol_trail_entry entries[SOL_TRAIL];
  size_t count;
  int64_t asked_ms; /* when the store was asked what is safe, and not all was */
} sol_trail;

/* A partition of the topic, and the stream that is read from it. */
typedef struct sol_partition {
  int is_assigned;
  int is_known;      /* `record` describes the stream in the partition */
  int is_registered; /* the store has the record, as `seen` */
  int is_due;        /* anchors must be checked before more messages are taken */
  int wants_start;   /* the start is not known yet, or librdkafka does not have it yet */
  int is_rewound;    /* is to be read again from what the group committed */
  int is_fresh;      /* has had a new event since it was assigned */
  int is_reset;      /* read from the start under a new epoch that the group does not know yet */
  int is_stopped;    /* librdkafka has stopped fetching it: its offset was out of range */
  int is_paused;     /* paused in librdkafka; it stays so when the partition is revoked and assigned again */
  int is_dirty;      /* `record` has anchors that the store does not */
  int64_t start;     /* where to read from */
  int64_t next;      /* offset after the last message that was taken; before the first, `start` */
  int64_t high;      /* end of the partition as last seen, -1 = not yet */
  int64_t looked_at; /* `next` when its anchors were read last */
  int64_t saved_ms, warned_ms;
  size_t taken, repeats; /* of the batch in hand; 0 in between */
  sol_record record;
  unsigned char seen[SOL_RECORD_MAX]; /* the store's bytes, by which a save is compared */
  size_t seen_size;
} sol_partition;

struct solid_consumer {
  solid_consumer_options options; /* its strings point into the members below */
  solid_streams streams;
  char *brokers, *topic, *group, *dead_letter_topic, *cluster;
  rd_kafka_t *rk;
  rd_kafka_queue_t *commits;    /* queue for answers to commits */
  uintptr_t commit_number;      /* of the awaited commit */
  sol_dead_letter *dead_letter; /* NULL = rejected messages are only counted */
  sol_probe *probe;
  sol_intake intake;
  sol_messages messages;
  sol_trail trail;
  sol_partition *partitions; /* (n_partitions) by their number */
  size_t n_partitions;
  uint8_t epoch[16]; /* of the store's contents, where has_epoch */
  int has_epoch;
  int64_t checked_ms; /* when anchors were last read */
  int is_due;         /* an error or event may mean that partitions have other streams now */
  int is_paused;      /* newly assigned partitions are paused as well */
  int is_rebalancing; /* the last commit was refused because the group is between two generations */
  int must_rewind;    /* the store may have lost what was not safe */
  char refused[256];  /* what a broker said last that knows no such user; "" = none did */
  int has_run;
  int64_t stopped_ms; /* when the stop was first seen; 0 = not yet */
  solid_ingest_stats stats;
  solid_partition_lag *lags; /* of the stats */
  size_t lags_room;
  sol_reporter reporter;
  atomic_int stopped;
  atomic_int is_left; /* librdkafka did not end (let_go.h): this is never freed, and nobody may be called */
};

/* messages.c */
solid_status sol_messages_add(sol_messages *messages, rd_kafka_message_t *message); /* takes the message on success */
void sol_messages_clear(sol_messages *messages);
void sol_messages_free(sol_messages *messages);
/* Forgets the messages of these partitions; returns how many of them were not stored. */
size_t sol_messages_drop(sol_messages *messages, const rd_kafka_topic_partition_list_t *partitions);
size_t sol_messages_drop_one(sol_messages *messages, int32_t partition);
/* The message of this partition at this offset, or the last one of the partition (offset -1); NULL = none. */
const rd_kafka_message_t *sol_messages_find(const sol_messages *messages, int32_t partition, int64_t offset);

/* kafka_setup.c */
solid_status sol_kafka_open(solid_consumer *consumer);  /* ->rk, ->dead_letter and ->probe */
solid_status sol_kafka_check(solid_consumer *consumer); /* broker and topic exist; warns about the dead-letter topic */
void sol_consumer_log(const solid_consumer *consumer, solid_log_level level, const char *format, ...)
    SOLID_PRINTF(3, 4);

/* identify.c */
/* Finds out by its anchors which stream is in the partition and where to start reading. `committed` is what the group
 * committed for it; NULL at a periodic check, which moves the position only if it must. EMISMATCH: the user has to
 * decide. Retriable: broker or store are away, nothing is known. */
solid_status sol_identify(solid_consumer *consumer, int32_t number, const sol_stamp *committed, int64_t deadline_ms);

/* streams.c */
sol_partition *sol_partition_of(solid_consumer *consumer, int32_t number); /* NULL: no memory */
/* Takes over newly assigned partitions and fills in their offsets. A partition that cannot be identified now becomes
 * due. */
void sol_streams_take(solid_consumer *consumer, rd_kafka_topic_partition_list_t *partitions);
/* Gives up revoked partitions: the store gets their newest anchors. */
void sol_streams_give_up(solid_consumer *consumer, const rd_kafka_topic_partition_list_t *partitions);
void sol_streams_all_due(solid_consumer *consumer);
/* 1 if partitions must be checked before more messages are taken: after errors, when an end fell, or when the time has
 * come. */
int sol_streams_are_due(solid_consumer *consumer);
/* Asks whether a broker answers, and checks the partitions that are due. Messages in hand of a partition that has
 * another stream now are dropped. */
solid_status sol_streams_check(solid_consumer *consumer);
/* To be called before events are applied: puts each stream of the batch into the store, with an anchor. */
solid_status sol_streams_register(solid_consumer *consumer);
/* After a commit: sets anchors at the committed ends; the store gets them once a second. */
void sol_streams_advance(solid_consumer *consumer);
/* Name under which the store keeps the stream of a partition. */
solid_bytes sol_stream_name(const solid_consumer *consumer, int32_t number, char *out); /* SOL_NAME_ROOM */
solid_status sol_stream_load(solid_consumer *consumer, int32_t number, sol_record *record);

/* delivery.c */
solid_status sol_collect(solid_consumer *consumer);
solid_status sol_settle(solid_consumer *consumer);  /* waits until nothing is due */
solid_status sol_deliver(solid_consumer *consumer); /* delivers, buries and commits the batch */
void sol_drain_trail(solid_consumer *consumer);     /* after a stop: commits what becomes safe in time */
void sol_report_if_due(solid_consumer *consumer);
/* How long to wait at most: `most_ms`, or what is left of drain_ms after a stop. */
int64_t sol_time_left(solid_consumer *consumer, int64_t most_ms);

/* commit.c */
/* What the group committed for a partition. Retriable: the broker does not say. */
solid_status sol_committed(solid_consumer *consumer, int32_t number, int64_t deadline_ms, sol_stamp *out);
/* Per partition of the messages in hand the offset after the last one. NULL: no memory. */
rd_kafka_topic_partition_list_t *sol_offsets_of(const solid_consumer *consumer);
/* EIO: may work after more polls. */
solid_status sol_commit_offsets(solid_consumer *consumer, const rd_kafka_topic_partition_list_t *offsets,
                                int64_t timeout_ms);

/* trail.c */
/* What is stored of the messages in hand is on the trail from now on. */
solid_status sol_trail_add(solid_consumer *consumer);
/* Commits what is safe, only of the partitions `within` unless NULL. EREWIND: some of it may be lost (sol_rewind). */
solid_status sol_trail_commit(solid_consumer *consumer, const rd_kafka_topic_partition_list_t *within);
/* Reads all partitions again from where the group committed, once that is known, and writes nothing before. */
void sol_rewind(solid_consumer *consumer);
void sol_trail_clear(sol_trail *trail);
void sol_trail_drop(sol_trail *trail, const rd_kafka_topic_partition_list_t *partitions);
void sol_trail_drop_one(solid_consumer *consumer, int32_t partition);

/* rebuild.c */
/* EMISMATCH: the topic no longer begins at 0. */
solid_status sol_rebuild_check(solid_consumer *consumer);
/* Commits where rebuilt partitions begin, and under which epoch: a partition without messages would otherwise keep an
 * offset of the old epoch. Retriable: the next call tries what failed. */
solid_status sol_rebuild_commit(solid_consumer *consumer);

/* rebalance.c */
void sol_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t err, rd_kafka_topic_partition_list_t *partitions, void *opaque);
/* Makes librdkafka read from where wants_start says. */
void sol_restart_assigned(solid_consumer *consumer);
void sol_pause_assigned(solid_consumer *consumer);
void sol_resume_assigned(solid_consumer *consumer);
void sol_measure_lag(solid_consumer *consumer);
/* Leaves the group within what time is left, then ends the handle whether it was left or not. */
void sol_leave(solid_consumer *consumer);

#endif
