#include "ingest/kafka/consumer_parts.h"
#include "solid/extend.h"
#include <stdlib.h>
#include <string.h>

solid_status sol_batch_add(sol_batch *batch, rd_kafka_message_t *message) {
  if (batch->count == batch->room) {
    size_t room = batch->room ? 2 * batch->room : 64;
    sol_held *held = realloc(batch->held, room * sizeof *held);
    if (held) batch->held = held;
    sol_payload *payloads = realloc(batch->payloads, room * sizeof *payloads);
    if (payloads) batch->payloads = payloads;
    if (!held || !payloads) return solid_fail(SOLID_ENOMEM, "consumer: no memory for %zu messages", room);
    batch->room = room;
  }
  batch->held[batch->count++] = (sol_held){.message = message, .reject = SOLID_REJECT_NONE};
  return SOLID_OK;
}

void sol_batch_clear(sol_batch *batch) {
  for (size_t i = 0; i < batch->count; i++) rd_kafka_message_destroy(batch->held[i].message);
  batch->count = batch->stored = 0;
}

void sol_batch_free(sol_batch *batch) {
  sol_batch_clear(batch);
  free(batch->held);
  free(batch->payloads);
  memset(batch, 0, sizeof *batch);
}

static int is_in(const rd_kafka_topic_partition_list_t *partitions, int32_t partition) {
  for (int i = 0; i < partitions->cnt; i++)
    if (partitions->elems[i].partition == partition) return 1;
  return 0;
}

/* Those of `one` (-1: those within the list). */
static size_t drop(sol_batch *batch, const rd_kafka_topic_partition_list_t *partitions, int32_t one) {
  size_t kept = 0, stored = 0, undone = 0;
  for (size_t i = 0; i < batch->count; i++) {
    sol_held held = batch->held[i];
    int32_t partition = held.message->partition;
    int is_stored = i < batch->stored;
    if (one >= 0 ? partition == one : is_in(partitions, partition)) {
      undone += !is_stored;
      rd_kafka_message_destroy(held.message);
    } else {
      stored += is_stored;
      batch->held[kept++] = held;
    }
  }
  batch->count = kept;
  batch->stored = stored;
  return undone;
}

size_t sol_batch_drop(sol_batch *batch, const rd_kafka_topic_partition_list_t *partitions) {
  return drop(batch, partitions, -1);
}

size_t sol_batch_drop_one(sol_batch *batch, int32_t partition) {
  return drop(batch, NULL, partition);
}

const rd_kafka_message_t *sol_batch_find(const sol_batch *batch, int32_t partition, int64_t offset) {
  for (size_t i = batch->count; i-- > 0;) {
    const rd_kafka_message_t *message = batch->held[i].message;
    if (message->partition == partition && (offset < 0 || message->offset == offset)) return message;
  }
  return NULL;
}

sol_anchor sol_anchor_of(const rd_kafka_message_t *message) {
  int64_t time_ms = rd_kafka_message_timestamp(message, NULL);
  return (sol_anchor){message->offset, time_ms,
                      sol_anchor_hash(time_ms, message->key, message->key_len, message->payload, message->len)};
}
