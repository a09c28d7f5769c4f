/* Commits offsets together with their stream (stamp.h); every wait is bounded. */
#include "ingest/kafka/consumer_parts.h"
#include "solid/base/clock.h"
#include "solid/extend.h"
#include <stdlib.h>
#include <string.h>

enum { STEP_MS = 100, SLOW_MS = 1000 /* a commit that takes this long is logged */ };

/* The commit came between two generations of the group. After the rebalance this member can commit the partitions that
 * it still has; until then librdkafka would send commits without a generation, and the member would lose all
 * partitions. */
static int is_between_generations(rd_kafka_resp_err_t err) {
  return err == RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION || err == RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID ||
         err == RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS;
}

static int is_final(rd_kafka_resp_err_t err) {
  return err == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED || err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
         err == RD_KAFKA_RESP_ERR_OFFSET_METADATA_TOO_LARGE || err == RD_KAFKA_RESP_ERR_INVALID_COMMIT_OFFSET_SIZE ||
         err == RD_KAFKA_RESP_ERR__FATAL;
}

/* Metadata of one offset, which the list frees. */
static int put_stamp(const solid_consumer *consumer, rd_kafka_topic_partition_t *entry,
                     const rd_kafka_message_t *last) {
  char text[SOL_STAMP_ROOM];
  sol_stamp stamp = {.stream = consumer->partitions[entry->partition].record.stream,
                     .anchor = sol_anchor_of(last),
                     .has_epoch = consumer->has_epoch};
  memcpy(stamp.epoch, consumer->epoch, sizeof stamp.epoch);
  size_t size = sol_stamp_write(&stamp, text);
  entry->offset = last->offset + 1;
  entry->metadata = malloc(size);
  if (!entry->metadata) return 0;
  memcpy(entry->metadata, text, size);
  entry->metadata_size = size;
  return 1;
}

rd_kafka_topic_partition_list_t *sol_offsets_of(const solid_consumer *consumer) {
  rd_kafka_topic_partition_list_t *offsets = rd_kafka_topic_partition_list_new(8);
  const sol_messages *messages = &consumer->messages;
  for (size_t i = messages->count; offsets && i-- > 0;) {
    const rd_kafka_message_t *message = messages->held[i].message;
    int32_t partition = message->partition;
    if (rd_kafka_topic_partition_list_find(offsets, consumer->topic, partition)) continue;
    if (put_stamp(consumer, rd_kafka_topic_partition_list_add(offsets, consumer->topic, partition), message)) continue;
    rd_kafka_topic_partition_list_destroy(offsets);
    return NULL;
  }
  return offsets;
}

/* Returns 1 and sets *err if `event` answers the awaited commit. */
static int is_answer(const solid_consumer *consumer, rd_kafka_event_t *event, rd_kafka_resp_err_t *err) {
  if (rd_kafka_event_type(event) != RD_KAFKA_EVENT_OFFSET_COMMIT) return 0;
  if (rd_kafka_event_opaque(event) != (void *)consumer->commit_number) return 0; /* of one that was given up */
  *err = rd_kafka_event_error(event);
  rd_kafka_topic_partition_list_t *list = rd_kafka_event_topic_partition_list(event);
  for (int i = 0; list && !*err && i < list->cnt; i++) *err = list->elems[i].err;
  return 1;
}

/* A late answer to a commit that was given up is ignored: the same offsets are committed again. */
static rd_kafka_resp_err_t wait_for_answer(solid_consumer *consumer, int64_t timeout_ms) {
  int64_t start_ms = sol_steady_ms(), passed_ms = 0;
  int was_waiting = consumer->stats.waiting;
  rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR__TIMED_OUT;
  do {
    int64_t left_ms = timeout_ms - passed_ms;
    rd_kafka_event_t *event = rd_kafka_queue_poll(consumer->commits, (int)(left_ms < STEP_MS ? left_ms : STEP_MS));
    int is_done = event && is_answer(consumer, event, &err);
    if (event) rd_kafka_event_destroy(event);
    if (is_done) break;
    passed_ms = sol_steady_ms() - start_ms;
    if (passed_ms > SLOW_MS) consumer->stats.waiting = 1;
    sol_report_if_due(consumer);
    timeout_ms = sol_time_left(consumer, timeout_ms - passed_ms) + passed_ms;
  } while (passed_ms < timeout_ms);
  consumer->stats.waiting = was_waiting;
  return err;
}

solid_status sol_commit_offsets(solid_consumer *consumer, const rd_kafka_topic_partition_list_t *offsets,
                                int64_t timeout_ms) {
  int64_t began_ns = sol_steady_ns();
  consumer->commit_number++;
  rd_kafka_resp_err_t err =
      rd_kafka_commit_queue(consumer->rk, offsets, consumer->commits, NULL, (void *)consumer->commit_number);
  if (!err) err = wait_for_answer(consumer, timeout_ms > 1 ? timeout_ms : 1);
  if (!err) {
    consumer->stats.commits++;
    consumer->stats.commit_ns += sol_steady_ns() - began_ns;
    return SOLID_OK;
  }
  consumer->is_rebalancing = is_between_generations(err);
  return solid_fail(is_final(err) ? SOLID_EINVAL : SOLID_EIO, "kafka group %s: commit: %s", consumer->options.group,
                    rd_kafka_err2str(err));
}

solid_status sol_committed(solid_consumer *consumer, int32_t number, int64_t deadline_ms, sol_stamp *out) {
  rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
  if (!list) return solid_fail(SOLID_ENOMEM, "consumer: out of memory");
  rd_kafka_topic_partition_t *entry = rd_kafka_topic_partition_list_add(list, consumer->topic, number);
  int64_t left_ms = deadline_ms - sol_steady_ms();
  rd_kafka_resp_err_t err = rd_kafka_committed(consumer->rk, list, (int)(left_ms > 1 ? left_ms : 1));
  if (!err) err = entry->err;
  *out = (sol_stamp){.offset = !err && entry->offset >= 0 ? entry->offset : -1};
  sol_stamp_read(out, entry->metadata, entry->metadata_size);
  rd_kafka_topic_partition_list_destroy(list);
  if (!err) return SOLID_OK;
  return solid_fail(is_final(err) ? SOLID_EINVAL : SOLID_EIO, "kafka group %s: committed offset of %s [%d]: %s",
                    consumer->options.group, consumer->topic, (int)number, rd_kafka_err2str(err));
}
