#include "ingest/consumer.h"
#include "ingest/kafka/consumer_parts.h"
#include "solid/base/backoff.h"
#include "solid/base/clock.h"
#include "solid/base/handshake.h"
#include "solid/extend.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  STEP_MS = 100,       /* how soon a stop is noticed */
  FLUSH_MS = 30000,    /* how long dead letters may take */
  REBALANCE_MS = 1000, /* how long a group is given to settle before a commit is tried again */
};

static solid_status check(const solid_consumer_options *o) {
  if (!o->brokers || !*o->brokers) return solid_fail(SOLID_EINVAL, "consumer: no brokers");
  if (!o->topic || !*o->topic) return solid_fail(SOLID_EINVAL, "consumer: no topic");
  if (!o->group || !*o->group) return solid_fail(SOLID_EINVAL, "consumer: no group");
  if (!o->sink || (o->n_settings && !o->settings))
    return solid_fail(SOLID_EINVAL, "consumer: sink or settings is NULL");
  if (!o->batch_size || o->batch_ms < 1 || o->start_ms < 1)
    return solid_fail(SOLID_EINVAL, "consumer: batch_size %u, batch_ms %lld, start_ms %lld", o->batch_size,
                      (long long)o->batch_ms, (long long)o->start_ms);
  if (o->retry_min_ms < 1 || o->retry_max_ms < o->retry_min_ms)
    return solid_fail(SOLID_EINVAL, "consumer: retry_min_ms %lld, retry_max_ms %lld", (long long)o->retry_min_ms,
                      (long long)o->retry_max_ms);
  if (o->dead_letter_topic && strcmp(o->dead_letter_topic, o->topic) == 0)
    return solid_fail(SOLID_EINVAL, "consumer: dead letters would go back to topic %s", o->topic);
  return SOLID_OK;
}

static char *dead_letter_name(const solid_consumer_options *o) {
  static const char suffix[] = ".dead-letter";
  if (o->dead_letter_topic) return strdup(o->dead_letter_topic);
  char *name = malloc(strlen(o->topic) + sizeof suffix);
  if (name) strcat(strcpy(name, o->topic), suffix);
  return name;
}

static solid_status set_up(solid_consumer *consumer) {
  solid_consumer_options *o = &consumer->options;
  consumer->brokers = strdup(o->brokers);
  consumer->topic = strdup(o->topic);
  consumer->group = strdup(o->group);
  consumer->dead_letter_topic = dead_letter_name(o);
  if (!consumer->brokers || !consumer->topic || !consumer->group || !consumer->dead_letter_topic)
    return solid_fail(SOLID_ENOMEM, "consumer: out of memory");
  o->brokers = consumer->brokers;
  o->topic = consumer->topic;
  o->group = consumer->group;
  o->dead_letter_topic = consumer->dead_letter_topic;
  solid_status status = sol_intake_open(&consumer->intake, o->sink, o->sink_user, o->max_future_ms, o->worth);
  if (status == SOLID_OK) status = sol_kafka_open(consumer);
  if (status == SOLID_OK) status = sol_kafka_check(consumer);
  o->settings = NULL; /* borrowed for the call only */
  o->n_settings = 0;
  return status;
}

solid_consumer_options solid_consumer_options_default(void) {
  return (solid_consumer_options)SOLID_CONSUMER_OPTIONS_INIT;
}

solid_status solid_consumer_open(solid_consumer **out, const solid_consumer_options *options) {
  solid_consumer_options all = SOLID_CONSUMER_OPTIONS_INIT;
  if (!out || !options) return solid_fail(SOLID_EINVAL, "consumer: an argument is NULL");
  solid_status status = sol_struct_take(&all, sizeof all, options, "consumer options");
  options = &all;
  if (status == SOLID_OK) status = check(options);
  if (status != SOLID_OK) return status;
  solid_consumer *consumer = calloc(1, sizeof *consumer);
  if (!consumer) return solid_fail(SOLID_ENOMEM, "consumer: out of memory");
  consumer->options = *options;
  consumer->stats.lag = -1;
  consumer->reporter = (sol_reporter){options->on_stats, options->stats_user, options->stats_ms, sol_steady_ms(), 0};
  status = set_up(consumer);
  if (status != SOLID_OK) {
    solid_consumer_close(consumer);
    return status;
  }
  *out = consumer;
  return SOLID_OK;
}

void solid_consumer_close(solid_consumer *consumer) {
  if (!consumer) return;
  sol_batch_free(&consumer->batch); /* before the handle that its messages belong to */
  sol_dead_letter_close(consumer->dead_letter);
  if (consumer->rk) rd_kafka_destroy(consumer->rk);
  sol_intake_close(&consumer->intake);
  free(consumer->brokers);
  free(consumer->topic);
  free(consumer->group);
  free(consumer->dead_letter_topic);
  free(consumer);
}

void solid_consumer_stop(solid_consumer *consumer) {
  if (consumer) atomic_store(&consumer->stopped, 1);
}

static void report(solid_consumer *consumer) {
  sol_measure_lag(consumer);
  sol_report(&consumer->reporter, &consumer->stats, sol_steady_ms());
}

static void report_if_due(solid_consumer *consumer) {
  if (sol_steady_ms() - consumer->reporter.last_ms >= consumer->reporter.interval_ms) report(consumer);
}

/* A message that is an error: final ones are answered, the others pass (librdkafka goes on by itself). */
static solid_status judge(solid_consumer *consumer, const rd_kafka_message_t *message) {
  const char *why = rd_kafka_message_errstr(message);
  switch (message->err) {
  case RD_KAFKA_RESP_ERR__PARTITION_EOF:
    return SOLID_OK;
  case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
  case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    return solid_fail(SOLID_ENOTFOUND, "kafka topic %s: %s", consumer->topic, why);
  case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
  case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
  case RD_KAFKA_RESP_ERR__AUTHENTICATION:
  case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
  case RD_KAFKA_RESP_ERR__FATAL:
    return solid_fail(SOLID_EINVAL, "kafka topic %s, group %s: %s", consumer->topic, consumer->group, why);
  default:
    sol_consumer_log(consumer, SOLID_LOG_WARN, "kafka topic %s: %s", consumer->topic, why);
    return SOLID_OK;
  }
}

/* Polls once (rebalances happen in here) and adds what came to the batch. Paused partitions should give nothing; should
 * one do so all the same, the batch is no longer one that only lacks its commit. */
static solid_status poll_once(solid_consumer *consumer, int64_t timeout_ms) {
  rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer->rk, (int)timeout_ms);
  if (!message) return SOLID_OK;
  solid_status status = message->err ? judge(consumer, message) : sol_batch_add(&consumer->batch, message);
  if (message->err || status != SOLID_OK)
    rd_kafka_message_destroy(message);
  else
    consumer->is_stored = 0;
  return status;
}

/* Fills the batch: batch_size messages, or batch_ms after the first. Returns with an empty one when nothing came. */
static solid_status collect(solid_consumer *consumer) {
  const solid_consumer_options *o = &consumer->options;
  sol_batch *batch = &consumer->batch;
  int64_t now_ms = sol_steady_ms(), end_ms = now_ms + STEP_MS;
  while (batch->count < o->batch_size && now_ms < end_ms && !atomic_load(&consumer->stopped)) {
    size_t before = batch->count;
    solid_status status = poll_once(consumer, end_ms - now_ms < STEP_MS ? end_ms - now_ms : STEP_MS);
    if (status != SOLID_OK) return status;
    now_ms = sol_steady_ms();
    if (!before && batch->count) end_ms = now_ms + o->batch_ms;
  }
  return SOLID_OK;
}

/* What the offsets of a message count in: one stream a topic and partition. Never 0, which is none. */
static uint64_t stream_of(const rd_kafka_message_t *message) {
  const char *topic = rd_kafka_topic_name(message->rkt);
  const uint64_t id[2] = {solid_item_hash((solid_bytes){topic, strlen(topic)}), (uint64_t)message->partition};
  uint64_t stream = solid_item_hash((solid_bytes){(const char *)id, sizeof id});
  return stream ? stream : 1;
}

static solid_status put_dead_letters(solid_consumer *consumer) {
  const sol_batch *batch = &consumer->batch;
  uint64_t put = 0;
  solid_status status = SOLID_OK, flushed;
  if (!consumer->dead_letter) return SOLID_OK;
  for (size_t i = 0; status == SOLID_OK && i < batch->count; i++) {
    if (consumer->intake.rejects[i] == SOLID_REJECT_NONE) continue;
    status = sol_dead_letter_put(consumer->dead_letter, batch->messages[i], consumer->intake.rejects[i]);
    put++;
  }
  if (!put) return SOLID_OK;
  flushed = sol_dead_letter_flush(consumer->dead_letter, FLUSH_MS);
  if (status == SOLID_OK) status = flushed;
  if (status == SOLID_OK) consumer->stats.dead_letters += put;
  return status;
}

/* One try to bring the batch to its end: sink, dead letters, commit. What is stored is not given to the sink again. */
static solid_status attempt(solid_consumer *consumer) {
  sol_batch *batch = &consumer->batch;
  solid_status status = SOLID_OK;
  if (!batch->count) return SOLID_OK;
  if (!consumer->is_stored) {
    for (size_t i = 0; i < batch->count; i++) {
      const rd_kafka_message_t *message = batch->messages[i];
      batch->payloads[i] =
          (sol_payload){message->payload, message->len, {stream_of(message), (uint64_t)message->offset}};
    }
    status = sol_intake_push(&consumer->intake, batch->payloads, batch->count);
    if (status == SOLID_OK) status = put_dead_letters(consumer);
    if (status != SOLID_OK) return status;
    sol_intake_count(&consumer->intake, batch->count, &consumer->stats);
    consumer->is_stored = 1;
  }
  return sol_commit_batch(consumer, NULL);
}

/* Keeps polling for wait_ms, so that the group keeps this member. A stop that comes meanwhile ends the wait. */
static solid_status wait_polling(solid_consumer *consumer, int64_t wait_ms) {
  int was_stopped = atomic_load(&consumer->stopped);
  solid_status status = SOLID_OK;
  for (int64_t end_ms = sol_steady_ms() + wait_ms, left_ms = wait_ms; status == SOLID_OK && left_ms > 0;
       left_ms = end_ms - sol_steady_ms()) {
    status = poll_once(consumer, left_ms < STEP_MS ? left_ms : STEP_MS);
    report_if_due(consumer);
    if (!was_stopped && atomic_load(&consumer->stopped)) break;
  }
  return status;
}

/* Brings the batch to its end, however long what it needs is away; after a stop, drain_ms at most. */
static solid_status deliver(solid_consumer *consumer) {
  const solid_consumer_options *o = &consumer->options;
  sol_retry retry = {.backoff = {o->retry_min_ms, o->retry_max_ms, 0}, .drain_ms = o->drain_ms};
  int64_t start_ms = sol_steady_ms();
  solid_status status;
  while ((status = attempt(consumer)) != SOLID_OK &&
         sol_retry_again(&retry, status, atomic_load(&consumer->stopped), sol_steady_ms())) {
    if (!consumer->is_paused) {
      sol_consumer_log(consumer, SOLID_LOG_WARN, "%s: holding %zu events, trying again", solid_last_error(),
                       consumer->batch.count);
      sol_pause_assigned(consumer);
    }
    consumer->stats.waiting = 1;
    consumer->stats.retries++;
    int64_t wait_ms = sol_backoff_next(&retry.backoff);
    if (consumer->is_rebalancing && wait_ms < REBALANCE_MS) wait_ms = REBALANCE_MS;
    consumer->is_rebalancing = 0;
    status = wait_polling(consumer, wait_ms);
    if (status != SOLID_OK) break;
  }
  if (consumer->is_paused) sol_resume_assigned(consumer);
  consumer->stats.waiting = 0;
  if (status != SOLID_OK) return status;
  consumer->stats.last_batch_ms = (double)(sol_steady_ms() - start_ms);
  sol_batch_clear(&consumer->batch);
  consumer->is_stored = 0;
  return SOLID_OK;
}

static solid_status subscribe(solid_consumer *consumer) {
  rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
  if (!topics) return solid_fail(SOLID_ENOMEM, "consumer: out of memory");
  rd_kafka_topic_partition_list_add(topics, consumer->topic, RD_KAFKA_PARTITION_UA);
  rd_kafka_resp_err_t err = rd_kafka_subscribe(consumer->rk, topics);
  rd_kafka_topic_partition_list_destroy(topics);
  return err ? solid_fail(SOLID_EINVAL, "kafka topic %s: %s", consumer->topic, rd_kafka_err2str(err)) : SOLID_OK;
}

solid_status solid_consumer_run(solid_consumer *consumer) {
  char text[512];
  if (!consumer || consumer->has_run) return solid_fail(SOLID_EINVAL, "consumer: is NULL or has run");
  consumer->has_run = 1;
  solid_status status = subscribe(consumer);
  while (status == SOLID_OK && !atomic_load(&consumer->stopped)) {
    status = collect(consumer);
    if (status == SOLID_OK && consumer->batch.count) status = deliver(consumer);
    report_if_due(consumer);
  }
  snprintf(text, sizeof text, "%s", solid_last_error()); /* leaving the group may set another */
  report(consumer);
  sol_batch_clear(&consumer->batch);
  consumer->is_stored = 0;
  rd_kafka_consumer_close(consumer->rk);
  return status == SOLID_OK ? SOLID_OK : solid_fail(status, "%s", text);
}
