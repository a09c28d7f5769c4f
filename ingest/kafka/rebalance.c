/* The consumer group: partitions are assigned, revoked, paused and resumed, and the group is left. */
#include "ingest/kafka/consumer_parts.h"
#include "solid/base/clock.h"
#include "solid/extend.h"
#include <stdlib.h>
#include <string.h>

enum { STEP_MS = 100, LEAVE_MS = 10000 };

static void check_error(solid_consumer *consumer, const char *what, rd_kafka_error_t *error) {
  if (!error) return;
  sol_consumer_log(consumer, SOLID_LOG_WARN, "kafka group %s: %s: %s", consumer->options.group, what,
                   rd_kafka_error_string(error));
  rd_kafka_error_destroy(error);
}

static int is_cooperative(rd_kafka_t *rk) {
  const char *protocol = rd_kafka_rebalance_protocol(rk);
  return protocol && strcmp(protocol, "COOPERATIVE") == 0;
}

/* Pauses or resumes the partitions whose state is wrong. A partition is to be paused while store or broker are away, or
 * while it is not identified.
 *
 * A partition that was paused when it was revoked comes back paused. Each call makes what was fetched before it void,
 * as starting a partition does; where both are under way at once, the library may take them in the other order, and
 * then all that is ever fetched is void. So nothing is resumed that is not paused, and what is to be read from an
 * assignment is resumed before it is assigned. */
static void set_paused(solid_consumer *consumer, const rd_kafka_topic_partition_list_t *partitions, int wanted) {
  rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(8);
  for (int i = 0; list && i < partitions->cnt; i++) {
    int32_t number = partitions->elems[i].partition;
    if ((size_t)number >= consumer->n_partitions) continue;
    sol_partition *p = &consumer->partitions[number];
    if ((consumer->is_paused || !p->is_known) != wanted || p->is_paused == wanted) continue;
    rd_kafka_topic_partition_list_add(list, consumer->topic, number);
    p->is_paused = wanted;
  }
  if (list && list->cnt && wanted) rd_kafka_pause_partitions(consumer->rk, list);
  if (list && list->cnt && !wanted) rd_kafka_resume_partitions(consumer->rk, list);
  if (list) rd_kafka_topic_partition_list_destroy(list);
}

static void take(solid_consumer *consumer, rd_kafka_topic_partition_list_t *partitions, int cooperative) {
  sol_streams_take(consumer, partitions);
  set_paused(consumer, partitions, 0);
  if (cooperative)
    check_error(consumer, "assign", rd_kafka_incremental_assign(consumer->rk, partitions));
  else
    rd_kafka_assign(consumer->rk, partitions);
  set_paused(consumer, partitions, 1);
}

static void give_up(solid_consumer *consumer, rd_kafka_topic_partition_list_t *partitions, int cooperative) {
  sol_messages *messages = &consumer->messages;
  if (messages->count && messages->stored == messages->count && sol_trail_add(consumer) == SOLID_OK)
    sol_streams_advance(consumer);
  if (!rd_kafka_assignment_lost(consumer->rk) && sol_trail_commit(consumer, partitions) != SOLID_OK)
    sol_consumer_log(consumer, SOLID_LOG_WARN, "%s: will be read again", solid_last_error());
  sol_trail_drop(&consumer->trail, partitions);
  consumer->stats.dropped += sol_messages_drop(messages, partitions);
  sol_streams_give_up(consumer, partitions);
  if (cooperative)
    check_error(consumer, "unassign", rd_kafka_incremental_unassign(consumer->rk, partitions));
  else
    rd_kafka_assign(consumer->rk, NULL);
}

/* Inside rd_kafka_consumer_poll and sol_leave, on the consumer's thread; nothing else touches the batch meanwhile. */
void sol_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t err, rd_kafka_topic_partition_list_t *partitions, void *opaque) {
  solid_consumer *consumer = opaque;
  int cooperative = is_cooperative(rk), is_assign = err == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
  if (!is_assign && err != RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS) {
    sol_consumer_log(consumer, SOLID_LOG_ERROR, "kafka group %s: rebalance: %s", consumer->options.group,
                     rd_kafka_err2str(err));
    sol_messages_clear(&consumer->messages);
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

/* A seek is refused for a partition that is not being fetched, an assignment never: so the assignment is repeated, the
 * other partitions from where they are. Under the cooperative protocol only the partitions in question are assigned
 * again. */
void sol_restart_assigned(solid_consumer *consumer) {
  int cooperative = is_cooperative(consumer->rk), wanted = 0;
  rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(8);
  for (size_t i = 0; list && i < consumer->n_partitions; i++) {
    sol_partition *p = &consumer->partitions[i];
    if (!p->is_assigned || (cooperative && !p->wants_start)) continue;
    if (p->is_known && p->wants_start) {
      p->next = p->start;
      p->wants_start = 0;
      wanted = 1;
    }
    rd_kafka_topic_partition_list_add(list, consumer->topic, (int32_t)i)->offset =
        p->is_known ? p->next : RD_KAFKA_OFFSET_BEGINNING;
  }
  if (list && wanted) set_paused(consumer, list, 0);
  if (list && wanted && cooperative) {
    check_error(consumer, "unassign", rd_kafka_incremental_unassign(consumer->rk, list));
    check_error(consumer, "assign", rd_kafka_incremental_assign(consumer->rk, list));
  } else if (list && wanted) {
    rd_kafka_assign(consumer->rk, list);
  }
  if (list) rd_kafka_topic_partition_list_destroy(list);
}

static void set_assigned(solid_consumer *consumer, int is_paused) {
  rd_kafka_topic_partition_list_t *assigned = NULL;
  consumer->is_paused = is_paused;
  if (rd_kafka_assignment(consumer->rk, &assigned)) return;
  set_paused(consumer, assigned, is_paused);
  rd_kafka_topic_partition_list_destroy(assigned);
}

void sol_pause_assigned(solid_consumer *consumer) {
  set_assigned(consumer, 1);
}

void sol_resume_assigned(solid_consumer *consumer) {
  set_assigned(consumer, 0);
}

/* So many messages of the partition that are in hand and not at their end. */
static int64_t in_hand(const sol_messages *batch, int32_t partition) {
  int64_t n = 0;
  for (size_t i = 0; i < batch->count; i++) n += batch->held[i].message->partition == partition;
  return n;
}

static int make_lags(solid_consumer *consumer, size_t n) {
  if (n <= consumer->lags_room) return 1;
  solid_partition_lag *lags = realloc(consumer->lags, n * sizeof *lags);
  if (!lags) return 0; /* the sum is told all the same */
  consumer->lags = lags;
  consumer->lags_room = n;
  return 1;
}

/* Messages of a partition that were not polled: its end (as of the last fetch, or as seen before the first) minus what
 * was polled, or where reading begins. -1: not known yet. */
static int64_t left_in(const solid_consumer *consumer, const rd_kafka_topic_partition_t *entry) {
  if ((size_t)entry->partition >= consumer->n_partitions) return -1;
  const sol_partition *p = &consumer->partitions[entry->partition];
  int64_t from = entry->offset >= 0 ? entry->offset : p->is_known && !p->wants_start ? p->next : -1, low, high;
  if (rd_kafka_get_watermark_offsets(consumer->rk, entry->topic, entry->partition, &low, &high) || high < 0)
    high = p->high;
  if (from < 0 || high < 0) return -1;
  return high > from ? high - from : 0;
}

/* What is left in the partitions, and what is still in hand; not known while it is not of one of them. */
void sol_measure_lag(solid_consumer *consumer) {
  rd_kafka_topic_partition_list_t *assigned = NULL;
  solid_ingest_stats *stats = &consumer->stats;
  stats->lag = -1;
  stats->n_lags = 0;
  if (rd_kafka_assignment(consumer->rk, &assigned)) return;
  stats->partitions = assigned->cnt;
  if (assigned->cnt && !rd_kafka_position(consumer->rk, assigned)) {
    int has_room = make_lags(consumer, (size_t)assigned->cnt);
    stats->lags = consumer->lags;
    stats->lag = 0;
    for (int i = 0; i < assigned->cnt; i++) {
      const rd_kafka_topic_partition_t *entry = &assigned->elems[i];
      int64_t lag = left_in(consumer, entry);
      if (lag < 0) {
        stats->lag = -1;
        stats->n_lags = 0;
        break;
      }
      lag += in_hand(&consumer->messages, entry->partition);
      stats->lag += lag;
      if (has_room) consumer->lags[stats->n_lags++] = (solid_partition_lag){entry->partition, lag};
    }
  }
  rd_kafka_topic_partition_list_destroy(assigned);
}

/* Rebalances during the leaving of the group arrive here as events, not as callbacks. */
static void serve(solid_consumer *consumer, rd_kafka_event_t *event) {
  if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_REBALANCE)
    sol_rebalance(consumer->rk, rd_kafka_event_error(event), rd_kafka_event_topic_partition_list(event), consumer);
  rd_kafka_event_destroy(event);
}

void sol_leave(solid_consumer *consumer) {
  rd_kafka_queue_t *queue = rd_kafka_queue_new(consumer->rk);
  rd_kafka_error_t *error = queue ? rd_kafka_consumer_close_queue(consumer->rk, queue) : NULL;
  int64_t end_ms = sol_steady_ms() + sol_time_left(consumer, LEAVE_MS);
  while (queue && !error && !rd_kafka_consumer_closed(consumer->rk)) {
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, STEP_MS);
    if (event) serve(consumer, event);
    if (sol_steady_ms() < end_ms) continue;
    sol_consumer_log(consumer, SOLID_LOG_WARN, "kafka group %s: not left in time, its broker does not answer",
                     consumer->options.group);
    break;
  }
  check_error(consumer, "leave", error);
  if (queue) rd_kafka_queue_destroy(queue);
}
