#include "ingest/kafka/consumer_parts.h"
#include "solid/extend.h"
#include <stdlib.h>
#include <string.h>

solid_status sol_batch_add(sol_batch *batch, rd_kafka_message_t *message) {
  if (batch->count == batch->room) {
    size_t room = batch->room ? 2 * batch->room : 64;
    rd_kafka_message_t **messages = realloc(batch->messages, room * sizeof *messages);
    if (messages) batch->messages = messages;
    sol_payload *payloads = realloc(batch->payloads, room * sizeof *payloads);
    if (payloads) batch->payloads = payloads;
    if (!messages || !payloads) return solid_fail(SOLID_ENOMEM, "consumer: no memory for %zu messages", room);
    batch->room = room;
  }
  batch->messages[batch->count++] = message;
  return SOLID_OK;
}

void sol_batch_clear(sol_batch *batch) {
  for (size_t i = 0; i < batch->count; i++) rd_kafka_message_destroy(batch->messages[i]);
  batch->count = 0;
}

void sol_batch_free(sol_batch *batch) {
  sol_batch_clear(batch);
  free(batch->messages);
  free(batch->payloads);
  memset(batch, 0, sizeof *batch);
}

static int is_in(const rd_kafka_topic_partition_list_t *partitions, const rd_kafka_message_t *message) {
  const char *topic = rd_kafka_topic_name(message->rkt);
  for (int i = 0; i < partitions->cnt; i++)
    if (partitions->elems[i].partition == message->partition && strcmp(partitions->elems[i].topic, topic) == 0)
      return 1;
  return 0;
}

size_t sol_batch_drop(sol_batch *batch, const rd_kafka_topic_partition_list_t *partitions) {
  size_t kept = 0, count = batch->count;
  for (size_t i = 0; i < count; i++) {
    if (is_in(partitions, batch->messages[i]))
      rd_kafka_message_destroy(batch->messages[i]);
    else
      batch->messages[kept++] = batch->messages[i];
  }
  batch->count = kept;
  return count - kept;
}

rd_kafka_topic_partition_list_t *sol_batch_offsets(const sol_batch *batch,
                                                   const rd_kafka_topic_partition_list_t *within) {
  rd_kafka_topic_partition_list_t *offsets = rd_kafka_topic_partition_list_new(8);
  for (size_t i = 0; offsets && i < batch->count; i++) {
    const rd_kafka_message_t *message = batch->messages[i];
    if (within && !is_in(within, message)) continue;
    const char *topic = rd_kafka_topic_name(message->rkt);
    rd_kafka_topic_partition_t *entry = rd_kafka_topic_partition_list_find(offsets, topic, message->partition);
    if (!entry) entry = rd_kafka_topic_partition_list_add(offsets, topic, message->partition);
    if (entry->offset < message->offset + 1) entry->offset = message->offset + 1;
  }
  return offsets;
}
