/* Rebuilding a store: checks that the whole topic can still be read, and commits the first offsets under the new epoch.
 */
#include "ingest/kafka/consumer_parts.h"
#include "solid/base/clock.h"
#include "solid/extend.h"
#include <stdlib.h>
#include <string.h>

enum { COMMIT_MS = 5000 };

static solid_status count_partitions(solid_consumer *consumer, int *count) {
  const struct rd_kafka_metadata *metadata;
  rd_kafka_topic_t *topic = rd_kafka_topic_new(consumer->rk, consumer->topic, NULL);
  if (!topic) return solid_fail(SOLID_ENOMEM, "consumer: out of memory");
  rd_kafka_resp_err_t err = rd_kafka_metadata(consumer->rk, 0, topic, &metadata, (int)consumer->options.start_ms);
  rd_kafka_topic_destroy(topic);
  if (err) return solid_fail(SOLID_EIO, "kafka topic %s: %s", consumer->topic, rd_kafka_err2str(err));
  *count = metadata->topic_cnt == 1 ? metadata->topics[0].partition_cnt : 0;
  rd_kafka_metadata_destroy(metadata);
  return SOLID_OK;
}

solid_status sol_rebuild_check(solid_consumer *consumer) {
  int count = 0;
  solid_status status = count_partitions(consumer, &count);
  for (int i = 0; status == SOLID_OK && i < count; i++) {
    int64_t low = 0, high = 0, deadline_ms = sol_steady_ms() + consumer->options.start_ms;
    status = sol_probe_ends(consumer->probe, i, deadline_ms, &low, &high);
    if (status != SOLID_OK || low == 0) continue;
    status = solid_fail(SOLID_EMISMATCH,
                        "kafka topic %s [%d] begins at offset %lld: what stood before cannot be read again, and users "
                        "would be without it; --yes rebuilds from what is left",
                        consumer->topic, i, (long long)low);
  }
  return status;
}

/* An offset without a stream carries only the epoch to begin under. */
static int put_reset(const solid_consumer *consumer, rd_kafka_topic_partition_list_t *list, int32_t number) {
  char text[SOL_STAMP_ROOM];
  sol_stamp stamp = {.has_epoch = 1};
  memcpy(stamp.epoch, consumer->epoch, sizeof stamp.epoch);
  rd_kafka_topic_partition_t *entry = rd_kafka_topic_partition_list_add(list, consumer->topic, number);
  size_t size = sol_stamp_write(&stamp, text);
  entry->offset = consumer->partitions[number].start;
  entry->metadata = malloc(size);
  if (!entry->metadata) return 0;
  memcpy(entry->metadata, text, size);
  entry->metadata_size = size;
  return 1;
}

solid_status sol_rebuild_commit(solid_consumer *consumer) {
  rd_kafka_topic_partition_list_t *list = NULL;
  int is_complete = 1;
  for (size_t i = 0; i < consumer->n_partitions && is_complete; i++) {
    const sol_partition *p = &consumer->partitions[i];
    if (!p->is_assigned || !p->is_reset || !p->is_known) continue;
    if (!list) list = rd_kafka_topic_partition_list_new(8);
    is_complete = list && put_reset(consumer, list, (int32_t)i);
  }
  solid_status status = SOLID_OK;
  if (!is_complete)
    status = solid_fail(SOLID_ENOMEM, "consumer: out of memory");
  else if (list)
    status = sol_commit_offsets(consumer, list, sol_time_left(consumer, COMMIT_MS));
  for (int i = 0; list && status == SOLID_OK && i < list->cnt; i++)
    consumer->partitions[list->elems[i].partition].is_reset = 0;
  if (list) rd_kafka_topic_partition_list_destroy(list);
  return status;
}
