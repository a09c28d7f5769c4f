/* The streams of the assigned partitions: when they are checked, and what the store keeps of them. */
#include "ingest/kafka/consumer_parts.h"
#include "solid/base/clock.h"
#include "solid/extend.h"
#include <stdlib.h>
#include <string.h>

enum { TRY_MS = 5000, SAVE_MS = 1000, TRIES = 3 };

sol_partition *sol_partition_of(solid_consumer *consumer, int32_t number) {
  size_t n = (size_t)number + 1;
  if (n > consumer->n_partitions) {
    sol_partition *partitions = realloc(consumer->partitions, n * sizeof *partitions);
    if (!partitions) return NULL;
    memset(partitions + consumer->n_partitions, 0, (n - consumer->n_partitions) * sizeof *partitions);
    consumer->partitions = partitions;
    consumer->n_partitions = n;
  }
  return &consumer->partitions[number];
}

/* The epoch under which the store is written: asked once, with the first committed offset that has one. */
static solid_status see_epoch(solid_consumer *consumer, sol_partition *p, sol_stamp *committed) {
  if (!consumer->streams.epoch) return SOLID_OK;
  int is_rebuilt = consumer->options.rebuild, has_one = committed->offset >= 0 && committed->has_epoch;
  if (!consumer->has_epoch || (has_one && memcmp(committed->epoch, consumer->epoch, sizeof consumer->epoch) != 0)) {
    solid_status status = consumer->streams.epoch(consumer->streams.user,
                                                  has_one && !is_rebuilt ? committed->epoch : NULL, consumer->epoch);
    if (status != SOLID_OK) return status;
    consumer->has_epoch = 1;
  }
  /* During a rebuild the committed offsets do not describe the store. */
  if (is_rebuilt && (!has_one || memcmp(committed->epoch, consumer->epoch, sizeof consumer->epoch) != 0)) {
    committed->offset = -1;
    p->is_reset = 1;
  }
  if (has_one && !committed->stream) committed->offset = -1; /* by sol_rebuild_commit */
  return SOLID_OK;
}

static void drop_partition(solid_consumer *consumer, int32_t number) {
  sol_trail_drop_one(consumer, number);
  consumer->stats.dropped += sol_messages_drop_one(&consumer->messages, number);
}

/* Where nothing is known yet, or all is read again, the group's offset says where to begin. */
static solid_status identify(solid_consumer *consumer, int32_t number, int64_t deadline_ms) {
  sol_partition *p = &consumer->partitions[number];
  sol_stamp committed;
  solid_status status = SOLID_OK;
  if (p->wants_start && (!p->is_known || p->is_rewound)) {
    status = sol_committed(consumer, number, deadline_ms, &committed);
    if (status == SOLID_OK) status = see_epoch(consumer, p, &committed);
    if (status == SOLID_OK) status = sol_identify(consumer, number, &committed, deadline_ms);
  } else {
    uint64_t before = p->record.stream;
    status = sol_identify(consumer, number, NULL, deadline_ms);
    /* The messages in hand belong to the stream that is gone: the sink may have them, but their offsets are not
     * committed. */
    if (status == SOLID_OK && p->record.stream != before) drop_partition(consumer, number);
  }
  if (status == SOLID_OK) p->is_due = p->is_rewound = 0;
  return status;
}

static int64_t deadline(solid_consumer *consumer) {
  return sol_steady_ms() + sol_time_left(consumer, TRY_MS);
}

/* A group takes all partitions from a member that was out of reach for long: brokers are asked for without one, too. */
solid_status sol_streams_check(solid_consumer *consumer) {
  solid_status status = sol_probe_reach(consumer->probe, deadline(consumer));
  for (size_t i = 0; status == SOLID_OK && i < consumer->n_partitions; i++) {
    const sol_partition *p = &consumer->partitions[i];
    if (p->is_assigned && p->is_due) status = identify(consumer, (int32_t)i, deadline(consumer));
  }
  if (status == SOLID_OK) {
    consumer->checked_ms = sol_steady_ms();
    consumer->is_due = 0;
  }
  return status;
}

void sol_streams_all_due(solid_consumer *consumer) {
  consumer->is_due = 1;
  for (size_t i = 0; i < consumer->n_partitions; i++) consumer->partitions[i].is_due = 1;
}

int sol_streams_are_due(solid_consumer *consumer) {
  int are_due = 0;
  if (sol_steady_ms() - consumer->checked_ms >= consumer->options.stream_check_ms) sol_streams_all_due(consumer);
  for (size_t i = 0; i < consumer->n_partitions; i++) {
    sol_partition *p = &consumer->partitions[i];
    int64_t low, high;
    if (!p->is_assigned) continue;
    if (!rd_kafka_get_watermark_offsets(consumer->rk, consumer->topic, (int32_t)i, &low, &high) && high >= 0) {
      p->is_due |= high < p->high; /* a log that only grows has no such end */
      p->high = high;
    }
    are_due |= p->is_due;
  }
  return are_due || consumer->is_due;
}

void sol_streams_take(solid_consumer *consumer, rd_kafka_topic_partition_list_t *partitions) {
  solid_status status = SOLID_OK;
  for (int i = 0; i < partitions->cnt; i++) {
    rd_kafka_topic_partition_t *entry = &partitions->elems[i];
    sol_partition *p = sol_partition_of(consumer, entry->partition);
    entry->offset = RD_KAFKA_OFFSET_BEGINNING; /* no message is taken while nothing is known */
    if (!p) continue; /* no message is ever taken from it; the next allocation reports the error */
    *p = (sol_partition){.is_paused = p->is_paused};
    p->is_assigned = p->is_due = p->wants_start = 1;
    p->high = -1;
    /* After a failure sol_settle checks the others; it waits and polls. */
    if (status == SOLID_OK) status = identify(consumer, entry->partition, deadline(consumer));
    if (status != SOLID_OK || !p->is_known) continue;
    entry->offset = p->next = p->start;
    p->wants_start = 0;
  }
}

/* The record as it is now, where the store still has what was seen. *saved as the store says. */
static solid_status save(solid_consumer *consumer, int32_t number, int *saved) {
  sol_partition *p = &consumer->partitions[number];
  unsigned char bytes[SOL_RECORD_MAX];
  char name[SOL_NAME_ROOM];
  size_t size = sol_record_write(&p->record, bytes);
  solid_status status = consumer->streams.save(consumer->streams.user, sol_stream_name(consumer, number, name),
                                               (solid_bytes){(const char *)p->seen, p->seen_size},
                                               (solid_bytes){(const char *)bytes, size}, saved);
  if (status != SOLID_OK || !*saved) return status;
  memcpy(p->seen, bytes, size);
  p->seen_size = size;
  p->is_registered = 1;
  p->is_dirty = 0;
  p->saved_ms = sol_steady_ms();
  return SOLID_OK;
}

/* Another consumer was faster. Its anchor is compared with the messages in hand, else with those in the topic. */
static solid_status meet_winner(solid_consumer *consumer, int32_t number) {
  sol_partition *p = &consumer->partitions[number];
  sol_record winner;
  solid_status status = sol_stream_load(consumer, number, &winner);
  for (size_t i = 0; status == SOLID_OK && i < winner.count; i++) {
    const rd_kafka_message_t *own = sol_messages_find(&consumer->messages, number, winner.anchors[i].offset);
    if (!own) continue;
    sol_anchor mine = sol_anchor_of(own);
    if (memcmp(&mine, &winner.anchors[i], sizeof mine) == 0) {
      p->record = winner;
      return SOLID_OK;
    }
    /* The other consumer reads something else under the same name: the partition is identified again from the start. */
    p->is_known = p->is_registered = 0;
    p->is_due = p->wants_start = 1;
    return SOLID_OK;
  }
  p->is_known = 0;
  memset(&p->record, 0, sizeof p->record);
  return status == SOLID_OK ? sol_identify(consumer, number, NULL, deadline(consumer)) : status;
}

static solid_status enter(solid_consumer *consumer, int32_t number, const rd_kafka_message_t *first) {
  sol_partition *p = &consumer->partitions[number];
  for (int tries = 0; tries < TRIES; tries++) {
    int saved = 0;
    if (!p->record.count) sol_record_add(&p->record, sol_anchor_of(first));
    solid_status status = save(consumer, number, &saved);
    if (status == SOLID_OK && !saved) status = meet_winner(consumer, number);
    if (status == SOLID_OK && p->wants_start) /* all of it is read again, in its order */
      drop_partition(consumer, number);
    if (status != SOLID_OK || p->is_registered || p->wants_start) return status;
  }
  return solid_fail(SOLID_EIO, "kafka topic %s [%d]: others change the record of its stream", consumer->topic,
                    (int)number);
}

solid_status sol_streams_register(solid_consumer *consumer) {
  const sol_messages *messages = &consumer->messages;
  for (size_t i = messages->stored; i < messages->count;) {
    const rd_kafka_message_t *message = messages->held[i].message;
    if (consumer->partitions[message->partition].is_registered) {
      i++;
      continue;
    }
    size_t before = messages->count;
    solid_status status = enter(consumer, message->partition, message);
    if (status != SOLID_OK) return status;
    if (messages->count != before) i = messages->stored; /* what was dropped may have stood before */
  }
  return SOLID_OK;
}

/* Anchors may lag: the next save makes up for one that failed. */
static void save_late(solid_consumer *consumer, int32_t number) {
  sol_partition *p = &consumer->partitions[number];
  int saved = 0;
  if (!p->is_dirty || !p->is_registered) return;
  p->saved_ms = sol_steady_ms();
  if (save(consumer, number, &saved) != SOLID_OK || saved) return;
  sol_record theirs; /* another group's consumer has saved an anchor of its own */
  if (sol_stream_load(consumer, number, &theirs) != SOLID_OK || theirs.stream != p->record.stream) p->is_due = 1;
}

void sol_streams_advance(solid_consumer *consumer) {
  const sol_messages *messages = &consumer->messages;
  int64_t now_ms = sol_steady_ms();
  for (size_t i = messages->count; i-- > 0;) {
    const rd_kafka_message_t *message = messages->held[i].message;
    sol_partition *p = &consumer->partitions[message->partition];
    if (p->record.count && message->offset <= p->record.anchors[0].offset) continue; /* not the partition's last */
    sol_record_add(&p->record, sol_anchor_of(message));
    p->is_dirty = 1;
    if (now_ms - p->saved_ms >= SAVE_MS) save_late(consumer, message->partition);
  }
}

void sol_streams_give_up(solid_consumer *consumer, const rd_kafka_topic_partition_list_t *partitions) {
  for (int i = 0; i < partitions->cnt; i++) {
    int32_t number = partitions->elems[i].partition;
    if ((size_t)number >= consumer->n_partitions) continue;
    save_late(consumer, number);
    consumer->partitions[number] = (sol_partition){.is_paused = consumer->partitions[number].is_paused};
  }
}
