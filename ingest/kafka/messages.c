#include "ingest/kafka/consumer_parts.h"
#include "solid/extend.h"
#include <stdlib.h>
#include <string.h>

solid_status sol_messages_add(sol_messages *messages, rd_kafka_message_t *message) {
  if (messages->count == messages->room) {
    size_t room = messages->room ? 2 * messages->room : 64;
    sol_held *held = realloc(messages->held, room * sizeof *held);
    if (held) messages->held = held;
    sol_payload *payloads = realloc(messages->payloads, room * sizeof *payloads);
    if (payloads) messages->payloads = payloads;
    if (!held || !payloads) return solid_fail(SOLID_ENOMEM, "consumer: no memory for %zu messages", room);
    messages->room = room;
  }
  messages->held[messages->count++] = (sol_held){.message = message, .reject = SOLID_REJECT_NONE};
  return SOLID_OK;
}

void sol_messages_clear(sol_messages *messages) {
  for (size_t i = 0; i < messages->count; i++) rd_kafka_message_destroy(messages->held[i].message);
  messages->count = messages->stored = messages->trailed = 0;
}

void sol_messages_free(sol_messages *messages) {
  sol_messages_clear(messages);
  free(messages->held);
  free(messages->payloads);
  memset(messages, 0, sizeof *messages);
}

static int is_in(const rd_kafka_topic_partition_list_t *partitions, int32_t partition) {
  for (int i = 0; i < partitions->cnt; i++)
    if (partitions->elems[i].partition == partition) return 1;
  return 0;
}

/* Those of `one` (-1: those within the list). */
static size_t drop(sol_messages *messages, const rd_kafka_topic_partition_list_t *partitions, int32_t one) {
  size_t kept = 0, stored = 0, undone = 0;
  for (size_t i = 0; i < messages->count; i++) {
    sol_held held = messages->held[i];
    int32_t partition = held.message->partition;
    int is_stored = i < messages->stored;
    if (one >= 0 ? partition == one : is_in(partitions, partition)) {
      undone += !is_stored;
      rd_kafka_message_destroy(held.message);
    } else {
      stored += is_stored;
      messages->held[kept++] = held;
    }
  }
  messages->count = kept;
  messages->stored = stored;
  messages->trailed = 0; /* what is left goes there once more, which changes nothing */
  return undone;
}

size_t sol_messages_drop(sol_messages *messages, const rd_kafka_topic_partition_list_t *partitions) {
  return drop(messages, partitions, -1);
}

size_t sol_messages_drop_one(sol_messages *messages, int32_t partition) {
  return drop(messages, NULL, partition);
}

const rd_kafka_message_t *sol_messages_find(const sol_messages *messages, int32_t partition, int64_t offset) {
  for (size_t i = messages->count; i-- > 0;) {
    const rd_kafka_message_t *message = messages->held[i].message;
    if (message->partition == partition && (offset < 0 || message->offset == offset)) return message;
  }
  return NULL;
}
