/* What concerns the group: partitions come and go, pause and resume, offsets are committed. */
#include "ingest/kafka/consumer_parts.h"
#include "solid/extend.h"
#include <string.h>

/* The commit came between two generations of the group. Once the rebalance is through, what is still this member's can
 * be committed; until then librdkafka would send commits without a generation, which end in losing everything. */
static int is_between_generations(rd_kafka_resp_err_t err) {
  return err == RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION || err == RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID ||
         err == RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS;
}

static int is_final(rd_kafka_resp_err_t err) {
  return err == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED || err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
         err == RD_KAFKA_RESP_ERR_OFFSET_METADATA_TOO_LARGE || err == RD_KAFKA_RESP_ERR_INVALID_COMMIT_OFFSET_SIZE ||
         err == RD_KAFKA_RESP_ERR__FATAL;
}

solid_status sol_commit_batch(solid_consumer *consumer, const rd_kafka_topic_partition_list_t *within) {
  rd_kafka_topic_partition_list_t *offsets = sol_batch_offsets(&consumer->batch, within);
  if (!offsets) return solid_fail(SOLID_ENOMEM, "consumer: out of memory");
  rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR_NO_ERROR;
  if (offsets->cnt) {
    err = rd_kafka_commit(consumer->rk, offsets, 0);
    for (int i = 0; !err && i < offsets->cnt; i++) err = offsets->elems[i].err;
    if (!err) consumer->stats.commits++;
  }
  rd_kafka_topic_partition_list_destroy(offsets);
  if (!err) return SOLID_OK;
  consumer->is_rebalancing = is_between_generations(err);
  return solid_fail(is_final(err) ? SOLID_EINVAL : SOLID_EIO, "kafka group %s: commit: %s", consumer->options.group,
                    rd_kafka_err2str(err));
}

static void check_error(solid_consumer *consumer, const char *what, rd_kafka_error_t *error) {
  if (!error) return;
  sol_consumer_log(consumer, SOLID_LOG_WARN, "kafka group %s: %s: %s", consumer->options.group, what,
                   rd_kafka_error_string(error));
  rd_kafka_error_destroy(error);
}

static void take(solid_consumer *consumer, rd_kafka_topic_partition_list_t *partitions, int cooperative) {
  if (cooperative)
    check_error(consumer, "assign", rd_kafka_incremental_assign(consumer->rk, partitions));
  else
    rd_kafka_assign(consumer->rk, partitions);
  /* A partition that was paused when it was revoked comes back paused. */
  if (consumer->is_paused)
    rd_kafka_pause_partitions(consumer->rk, partitions);
  else
    rd_kafka_resume_partitions(consumer->rk, partitions);
}

static void give_up(solid_consumer *consumer, rd_kafka_topic_partition_list_t *partitions, int cooperative) {
  if (consumer->is_stored && !rd_kafka_assignment_lost(consumer->rk) &&
      sol_commit_batch(consumer, partitions) != SOLID_OK)
    sol_consumer_log(consumer, SOLID_LOG_WARN, "%s: will be read again", solid_last_error());
  size_t dropped = sol_batch_drop(&consumer->batch, partitions);
  if (!consumer->is_stored) consumer->stats.dropped += dropped;
  if (cooperative)
    check_error(consumer, "unassign", rd_kafka_incremental_unassign(consumer->rk, partitions));
  else
    rd_kafka_assign(consumer->rk, NULL);
}

/* Inside rd_kafka_consumer_poll and _close, on the consumer's thread; nothing else touches the batch meanwhile. */
void sol_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t err, rd_kafka_topic_partition_list_t *partitions, void *opaque) {
  solid_consumer *consumer = opaque;
  const char *protocol = rd_kafka_rebalance_protocol(rk);
  int cooperative = protocol && strcmp(protocol, "COOPERATIVE") == 0;
  int is_assign = err == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
  if (!is_assign && err != RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS) {
    sol_consumer_log(consumer, SOLID_LOG_ERROR, "kafka group %s: rebalance: %s", consumer->options.group,
                     rd_kafka_err2str(err));
    sol_batch_clear(&consumer->batch);
    rd_kafka_assign(rk, NULL);
    return;
  }
  sol_consumer_log(consumer, SOLID_LOG_INFO, "kafka group %s: %d partitions %s", consumer->options.group,
                   partitions->cnt, is_assign ? "assigned" : "revoked");
  if (is_assign)
    take(consumer, partitions, cooperative);
  else
    give_up(consumer, partitions, cooperative);
}

void sol_pause_assigned(solid_consumer *consumer) {
  rd_kafka_topic_partition_list_t *assigned = NULL;
  consumer->is_paused = 1;
  if (rd_kafka_assignment(consumer->rk, &assigned)) return;
  rd_kafka_pause_partitions(consumer->rk, assigned);
  rd_kafka_topic_partition_list_destroy(assigned);
}

void sol_resume_assigned(solid_consumer *consumer) {
  rd_kafka_topic_partition_list_t *assigned = NULL;
  consumer->is_paused = 0;
  if (rd_kafka_assignment(consumer->rk, &assigned)) return;
  rd_kafka_resume_partitions(consumer->rk, assigned);
  rd_kafka_topic_partition_list_destroy(assigned);
}

/* End of each partition (as of the last fetch) minus what was polled, plus what is still in hand. A partition that has
 * given nothing yet has no position: it counts as read. */
void sol_measure_lag(solid_consumer *consumer) {
  rd_kafka_topic_partition_list_t *assigned = NULL;
  consumer->stats.lag = -1;
  if (rd_kafka_assignment(consumer->rk, &assigned)) return;
  consumer->stats.partitions = assigned->cnt;
  if (assigned->cnt && !rd_kafka_position(consumer->rk, assigned)) {
    int64_t low, high, lag = (int64_t)consumer->batch.count;
    for (int i = 0; i < assigned->cnt; i++) {
      const rd_kafka_topic_partition_t *entry = &assigned->elems[i];
      if (rd_kafka_get_watermark_offsets(consumer->rk, entry->topic, entry->partition, &low, &high)) continue;
      if (high >= 0 && entry->offset >= 0 && high > entry->offset) lag += high - entry->offset;
    }
    consumer->stats.lag = lag;
  }
  rd_kafka_topic_partition_list_destroy(assigned);
}
