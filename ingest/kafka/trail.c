/* The trail of a stream: batches that are stored and whose offsets are not committed, because a server could still lose
 * them. What is safe is committed; where the store says that some of it may be lost, everything behind the committed
 * offsets is read once more before anything is written. */
#include "ingest/kafka/consumer_parts.h"
#include "solid/base/clock.h"
#include "solid/extend.h"
#include <stdlib.h>
#include <string.h>

enum { COMMIT_MS = 10000, ASK_MS = 20 };

typedef rd_kafka_topic_partition_list_t offset_list;

/* 0: no memory. */
static int add_offset(offset_list *list, const rd_kafka_topic_partition_t *from) {
  rd_kafka_topic_partition_t *to = rd_kafka_topic_partition_list_add(list, from->topic, from->partition);
  to->offset = from->offset;
  if (!from->metadata_size) return 1;
  to->metadata = malloc(from->metadata_size);
  if (!to->metadata) return 0;
  memcpy(to->metadata, from->metadata, from->metadata_size);
  to->metadata_size = from->metadata_size;
  return 1;
}

static int is_among(const offset_list *list, const rd_kafka_topic_partition_t *one) {
  return rd_kafka_topic_partition_list_find((offset_list *)(uintptr_t)list, one->topic, one->partition) != NULL;
}

/* Of the first n entries the newest offset of each partition, only of those `within` unless NULL. NULL: no memory. */
static offset_list *newest_of(const sol_trail *trail, size_t n, const offset_list *within) {
  offset_list *list = rd_kafka_topic_partition_list_new(8);
  for (size_t i = n; list && i-- > 0;)
    for (int k = 0; list && k < trail->entries[i].offsets->cnt; k++) {
      const rd_kafka_topic_partition_t *one = &trail->entries[i].offsets->elems[k];
      if (is_among(list, one) || (within && !is_among(within, one)) || add_offset(list, one)) continue;
      rd_kafka_topic_partition_list_destroy(list);
      list = NULL;
    }
  return list;
}

static void forget_first(sol_trail *trail, size_t n) {
  for (size_t i = 0; i < n; i++) rd_kafka_topic_partition_list_destroy(trail->entries[i].offsets);
  trail->count -= n;
  memmove(trail->entries, trail->entries + n, trail->count * sizeof *trail->entries);
}

void sol_trail_clear(sol_trail *trail) {
  forget_first(trail, trail->count);
}

void sol_trail_drop(sol_trail *trail, const offset_list *partitions) {
  for (size_t i = 0; i < trail->count; i++)
    for (int k = 0; k < partitions->cnt; k++)
      rd_kafka_topic_partition_list_del(trail->entries[i].offsets, partitions->elems[k].topic,
                                        partitions->elems[k].partition);
}

void sol_trail_drop_one(solid_consumer *consumer, int32_t partition) {
  for (size_t i = 0; i < consumer->trail.count; i++)
    rd_kafka_topic_partition_list_del(consumer->trail.entries[i].offsets, consumer->topic, partition);
}

/* A full trail has its two newest entries made one, which is as young as the younger. */
solid_status sol_trail_add(solid_consumer *consumer) {
  sol_trail *trail = &consumer->trail;
  if (consumer->messages.trailed == consumer->messages.stored) return SOLID_OK;
  offset_list *offsets = sol_offsets_of(consumer);
  if (!offsets) return solid_fail(SOLID_ENOMEM, "consumer: out of memory");
  if (trail->count == SOL_TRAIL) {
    offset_list *older = trail->entries[trail->count - 1].offsets;
    for (int k = 0; k < older->cnt; k++) {
      if (is_among(offsets, &older->elems[k]) || add_offset(offsets, &older->elems[k])) continue;
      rd_kafka_topic_partition_list_destroy(offsets);
      return solid_fail(SOLID_ENOMEM, "consumer: out of memory");
    }
    rd_kafka_topic_partition_list_destroy(older);
    trail->count--;
  }
  trail->entries[trail->count++] = (sol_trail_entry){sol_steady_ms(), offsets};
  consumer->messages.trailed = consumer->messages.stored;
  return SOLID_OK;
}

/* How many of the first entries no server can lose any more. Asked at most every ASK_MS. */
static solid_status count_safe(solid_consumer *consumer, size_t *n) {
  const sol_trail *trail = &consumer->trail;
  int64_t age_ms = 0, now_ms = sol_steady_ms();
  *n = 0;
  if (consumer->streams.safe_age) {
    if (now_ms - consumer->trail.asked_ms < ASK_MS) return SOLID_OK;
    solid_status status = consumer->streams.safe_age(consumer->streams.user, &age_ms);
    if (status == SOLID_EREWIND) consumer->must_rewind = 1;
    if (status != SOLID_OK) return status;
    now_ms = sol_steady_ms();
    if (age_ms) consumer->trail.asked_ms = now_ms; /* what is safe at once may be asked for at once */
  }
  while (*n < trail->count && trail->entries[*n].stored_ms <= now_ms - age_ms) ++*n;
  return SOLID_OK;
}

solid_status sol_trail_commit(solid_consumer *consumer, const offset_list *within) {
  size_t n = 0;
  if (!consumer->trail.count) return SOLID_OK;
  solid_status status = count_safe(consumer, &n);
  if (status != SOLID_OK || !n) return status;
  offset_list *offsets = newest_of(&consumer->trail, n, within);
  if (!offsets) return solid_fail(SOLID_ENOMEM, "consumer: out of memory");
  if (offsets->cnt) status = sol_commit_offsets(consumer, offsets, sol_time_left(consumer, COMMIT_MS));
  rd_kafka_topic_partition_list_destroy(offsets);
  if (status == SOLID_OK && !within) forget_first(&consumer->trail, n);
  return status;
}

void sol_rewind(solid_consumer *consumer) {
  consumer->must_rewind = 0;
  sol_consumer_log(consumer, SOLID_LOG_WARN, "kafka topic %s: %s", consumer->topic, solid_last_error());
  sol_trail_clear(&consumer->trail);
  sol_messages_clear(&consumer->messages);
  for (size_t i = 0; i < consumer->n_partitions; i++) {
    sol_partition *p = &consumer->partitions[i];
    if (!p->is_assigned) continue;
    p->is_rewound = p->is_due = p->wants_start = 1;
    p->is_fresh = 0; /* what comes was applied before, most of it */
  }
}
