/* Collects messages and delivers a batch: streams into the store, events to the sink, dead letters, commit. */
#include "ingest/kafka/consumer_parts.h"
#include "solid/base/backoff.h"
#include "solid/base/clock.h"
#include "solid/extend.h"
#include <inttypes.h>
#include <string.h>

enum {
  STEP_MS = 100,       /* how soon a stop is noticed */
  FLUSH_MS = 30000,    /* how long dead letters may take */
  REBALANCE_MS = 1000, /* how long a group is given to settle before a commit is tried again */
  WARN_MS = 60000,     /* how often a partition is warned about */
};

int64_t sol_time_left(solid_consumer *consumer, int64_t most_ms) {
  int64_t now_ms = sol_steady_ms();
  if (!atomic_load(&consumer->stopped)) return most_ms;
  if (!consumer->stopped_ms) consumer->stopped_ms = now_ms;
  int64_t left_ms = consumer->stopped_ms + consumer->options.drain_ms - now_ms;
  if (left_ms < STEP_MS) left_ms = STEP_MS; /* everything is tried at least once */
  return left_ms < most_ms ? left_ms : most_ms;
}

void sol_report_if_due(solid_consumer *consumer) {
  int64_t now_ms = sol_steady_ms();
  if (now_ms - consumer->reporter.last_ms < consumer->reporter.interval_ms) return;
  sol_measure_lag(consumer);
  sol_report(&consumer->reporter, &consumer->stats, now_ms);
}

/* A message that reports an error. Final errors are returned; librdkafka recovers from the others. After errors that
 * may mean that the topic was replaced, all streams are checked. */
static solid_status judge(solid_consumer *consumer, const rd_kafka_message_t *message) {
  const char *why = rd_kafka_message_errstr(message);
  switch (message->err) {
  case RD_KAFKA_RESP_ERR__PARTITION_EOF:
    return SOLID_OK;
  case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
  case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
  case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
  case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
  case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
    sol_consumer_log(consumer, SOLID_LOG_WARN, "kafka topic %s: %s", consumer->topic, why);
    sol_streams_all_due(consumer);
    if (message->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET && (size_t)message->partition < consumer->n_partitions)
      consumer->partitions[message->partition].is_stopped = 1;
    return SOLID_OK;
  case RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED:
    sol_consumer_log(consumer, SOLID_LOG_WARN,
                     "kafka group %s: a batch took longer than a member may be silent (%s): its partitions went to "
                     "others, and what was not committed is read again; give batches of fewer events, or a larger "
                     "kafka.max.poll.interval.ms",
                     consumer->group, why);
    return SOLID_OK;
  case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
  case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
  case RD_KAFKA_RESP_ERR__AUTHENTICATION:
  case RD_KAFKA_RESP_ERR__FATAL:
    return solid_fail(SOLID_EINVAL, "kafka topic %s, group %s: %s", consumer->topic, consumer->group, why);
  default:
    sol_consumer_log(consumer, SOLID_LOG_WARN, "kafka topic %s: %s", consumer->topic, why);
    return SOLID_OK;
  }
}

/* Polls once (rebalances happen in here) and adds the message to the batch. Messages of a partition that is not
 * identified are dropped; they are read again once it is. */
static solid_status poll_once(solid_consumer *consumer, int64_t timeout_ms) {
  rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer->rk, (int)timeout_ms);
  if (!message) return SOLID_OK;
  solid_status status = SOLID_OK;
  int is_taken = 0;
  if (message->err) {
    status = judge(consumer, message);
  } else if ((size_t)message->partition < consumer->n_partitions) {
    sol_partition *p = &consumer->partitions[message->partition];
    if (p->is_known && !p->wants_start) {
      status = sol_messages_add(&consumer->messages, message);
      is_taken = status == SOLID_OK;
      if (is_taken) p->next = message->offset + 1;
    }
  }
  if (!is_taken) rd_kafka_message_destroy(message);
  return status;
}

/* Fills the batch: batch_size messages, or batch_ms after the first. Returns an empty batch if nothing came, and an
 * incomplete one if streams have to be checked. */
solid_status sol_collect(solid_consumer *consumer) {
  const solid_consumer_options *o = &consumer->options;
  sol_messages *messages = &consumer->messages;
  int64_t now_ms = sol_steady_ms(), end_ms = now_ms + STEP_MS;
  while (messages->count < o->batch_size && now_ms < end_ms && !atomic_load(&consumer->stopped)) {
    size_t before = messages->count;
    solid_status status = poll_once(consumer, end_ms - now_ms < STEP_MS ? end_ms - now_ms : STEP_MS);
    if (status != SOLID_OK) return status;
    if (consumer->is_due) break;
    now_ms = sol_steady_ms();
    if (!before && messages->count) end_ms = now_ms + o->batch_ms;
  }
  return SOLID_OK;
}

/* Warns if a stream delivers only events that were applied before, although it has delivered new ones since it was
 * assigned: another group reads it into the same store, or positions are wrong. */
static void watch_repeats(solid_consumer *consumer, size_t from) {
  const sol_messages *messages = &consumer->messages;
  int64_t now_ms = sol_steady_ms();
  for (size_t i = from; i < messages->count; i++) {
    sol_partition *p = &consumer->partitions[messages->held[i].message->partition];
    p->taken += messages->held[i].reject == SOLID_REJECT_NONE;
    p->repeats += messages->held[i].is_repeat;
  }
  for (size_t i = from; i < messages->count; i++) {
    int32_t number = messages->held[i].message->partition;
    sol_partition *p = &consumer->partitions[number];
    if (p->taken && p->repeats == p->taken && p->is_fresh && (!p->warned_ms || now_ms - p->warned_ms >= WARN_MS)) {
      p->warned_ms = now_ms;
      sol_consumer_log(consumer, SOLID_LOG_WARN,
                       "kafka topic %s [%d], stream %016" PRIx64 ": all %zu events of a batch were applied before, and "
                       "nothing was restarted: does another group fill the same store?",
                       consumer->topic, (int)number, p->record.stream, p->taken);
    }
    p->is_fresh |= p->taken > p->repeats;
    p->taken = p->repeats = 0;
  }
}

/* Gives what is not yet stored to the sink. */
static solid_status store(solid_consumer *consumer) {
  sol_messages *messages = &consumer->messages;
  if (messages->stored == messages->count) return SOLID_OK;
  solid_status status = sol_streams_register(consumer);
  size_t from = messages->stored, n = messages->count - from;
  if (status != SOLID_OK || !n) return status;
  for (size_t i = 0; i < n; i++) {
    const rd_kafka_message_t *message = messages->held[from + i].message;
    solid_position position = {consumer->partitions[message->partition].record.stream, (uint64_t)message->offset};
    int64_t taken_ms =
        rd_kafka_message_timestamp(message, NULL); /* the broker's, or as the topic is set the producer's */
    messages->payloads[i] = (sol_payload){message->payload, message->len, position, taken_ms > 0 ? taken_ms : 0};
  }
  status = sol_intake_push(&consumer->intake, messages->payloads, n);
  if (status != SOLID_OK) return status;
  for (size_t i = 0; i < n; i++) {
    messages->held[from + i].reject = consumer->intake.rejects[i];
    messages->held[from + i].is_repeat = consumer->intake.repeats[i];
  }
  messages->stored = messages->count;
  sol_intake_count(&consumer->intake, n, &consumer->stats);
  watch_repeats(consumer, from);
  return SOLID_OK;
}

/* Sends rejected messages that are not buried yet to the dead-letter topic. Those that it does not accept are held, or
 * only counted. */
static solid_status bury(solid_consumer *consumer) {
  sol_messages *messages = &consumer->messages;
  solid_status status = SOLID_OK;
  uint64_t put = 0;
  if (!consumer->dead_letter) return SOLID_OK;
  for (size_t i = 0; i < messages->stored; i++) {
    sol_held *held = &messages->held[i];
    if (held->reject == SOLID_REJECT_NONE || held->is_buried) continue;
    solid_status one = sol_dead_letter_put(consumer->dead_letter, held->message, held->reject, i);
    if (status == SOLID_OK) status = one;
    put++;
  }
  if (!put) return SOLID_OK;
  solid_status flushed = sol_dead_letter_flush(consumer->dead_letter, sol_time_left(consumer, FLUSH_MS));
  for (size_t i = 0; i < messages->stored; i++) {
    if (!sol_dead_letter_has(consumer->dead_letter, i)) continue;
    messages->held[i].is_buried = 1;
    consumer->stats.dead_letters++;
  }
  if (status == SOLID_OK) status = flushed;
  if (status == SOLID_OK || consumer->options.dead_letter_failure == SOLID_DEAD_LETTER_HOLD) return status;
  for (size_t i = 0; i < messages->stored; i++) {
    sol_held *held = &messages->held[i];
    if (held->reject == SOLID_REJECT_NONE || held->is_buried) continue;
    if (!consumer->stats.unburied++)
      sol_consumer_log(consumer, SOLID_LOG_WARN, "%s: only counted, as all that follow", solid_last_error());
    held->is_buried = 1;
  }
  return SOLID_OK;
}

/* One try to deliver the batch. Stored events are not given to the sink again. After a pause the topic may have been
 * replaced: messages of the old topic are stored under its own stream, and their offsets are not committed. */
static solid_status attempt(solid_consumer *consumer) {
  if (consumer->must_rewind) /* heard of while partitions were taken away: nothing newer may be stored before */
    return solid_fail(SOLID_EREWIND, "the store may have lost what was written last");
  solid_status status = consumer->options.rebuild ? sol_rebuild_commit(consumer) : SOLID_OK;
  if (status == SOLID_OK) status = store(consumer);
  if (status == SOLID_OK) status = bury(consumer);
  if (status == SOLID_OK && consumer->is_paused) {
    sol_streams_all_due(consumer);
    status = sol_streams_check(consumer);
  }
  if (status == SOLID_OK) status = sol_trail_add(consumer);
  if (status == SOLID_OK) status = sol_trail_commit(consumer, NULL);
  if (status == SOLID_OK) sol_streams_advance(consumer);
  return status;
}

/* Polls for wait_ms, so that this member stays in the group. A stop ends the wait. */
static solid_status wait_polling(solid_consumer *consumer, int64_t wait_ms) {
  int was_stopped = atomic_load(&consumer->stopped);
  solid_status status = SOLID_OK;
  for (int64_t end_ms = sol_steady_ms() + wait_ms, left_ms = wait_ms; status == SOLID_OK && left_ms > 0;
       left_ms = end_ms - sol_steady_ms()) {
    status = poll_once(consumer, left_ms < STEP_MS ? left_ms : STEP_MS);
    sol_report_if_due(consumer);
    if (!was_stopped && atomic_load(&consumer->stopped)) break;
  }
  return status;
}

/* Tries until it succeeds, however long store or broker are away; after a stop for drain_ms at most. */
static solid_status persist(solid_consumer *consumer, solid_status (*try_once)(solid_consumer *consumer)) {
  const solid_consumer_options *o = &consumer->options;
  sol_retry retry = {.backoff = {o->retry_min_ms, o->retry_max_ms, 0}, .drain_ms = o->drain_ms};
  int64_t began_ms = sol_steady_ms();
  solid_status status;
  while ((status = try_once(consumer)) != SOLID_OK) {
    if (status == SOLID_EREWIND) {
      sol_rewind(consumer);
      status = SOLID_OK;
      break;
    }
    sol_time_left(consumer, 0); /* notes a stop */
    if (consumer->stopped_ms && !consumer->messages.count && solid_status_is_retriable(status)) {
      status = SOLID_OK; /* nothing is in hand that could be waited for */
      break;
    }
    if (consumer->stopped_ms) retry.give_up_ms = consumer->stopped_ms + o->drain_ms;
    if (!sol_retry_again(&retry, status, consumer->stopped_ms != 0, sol_steady_ms())) break;
    if (!consumer->is_paused) {
      sol_consumer_log(consumer, SOLID_LOG_WARN, "%s: holding %zu events, trying again", solid_last_error(),
                       consumer->messages.count);
      sol_pause_assigned(consumer);
    }
    consumer->stats.waiting = 1;
    consumer->stats.retries++;
    int64_t wait_ms = sol_retry_wait(&retry, consumer->is_rebalancing ? REBALANCE_MS : 0, sol_steady_ms());
    consumer->is_rebalancing = 0;
    status = wait_polling(consumer, wait_ms);
    if (status != SOLID_OK) break;
  }
  if (consumer->is_paused) {
    sol_resume_assigned(consumer);
    if (status == SOLID_OK && !consumer->stopped_ms)
      sol_consumer_log(consumer, SOLID_LOG_INFO, "kafka topic %s: goes on after %.1f s", consumer->topic,
                       (double)(sol_steady_ms() - began_ms) / 1e3);
  }
  sol_restart_assigned(consumer);
  consumer->stats.waiting = 0;
  return status;
}

solid_status sol_settle(solid_consumer *consumer) {
  if (!sol_streams_are_due(consumer)) return SOLID_OK;
  return persist(consumer, sol_streams_check);
}

solid_status sol_deliver(solid_consumer *consumer) {
  int64_t start_ms = sol_steady_ms();
  solid_status status = persist(consumer, attempt);
  if (status != SOLID_OK) return status;
  consumer->stats.last_batch_ms = (double)(sol_steady_ms() - start_ms);
  sol_messages_clear(&consumer->messages);
  return SOLID_OK;
}

void sol_drain_trail(solid_consumer *consumer) {
  int64_t end_ms = sol_steady_ms() + sol_time_left(consumer, consumer->options.drain_ms);
  if (!consumer->trail.count) return;
  sol_pause_assigned(consumer);
  solid_status status = sol_trail_commit(consumer, NULL);
  while (consumer->trail.count && (status == SOLID_OK || solid_status_is_retriable(status)) &&
         sol_steady_ms() < end_ms) {
    status = wait_polling(consumer, STEP_MS);
    if (status == SOLID_OK) status = sol_trail_commit(consumer, NULL);
  }
  if (consumer->trail.count)
    sol_consumer_log(consumer, SOLID_LOG_WARN,
                     "kafka topic %s: what was stored last is not safe yet: it will be read again", consumer->topic);
  sol_trail_clear(&consumer->trail);
}
