#include "ingest/consumer.h"
#include "ingest/kafka/consumer_parts.h"
#include "ingest/kafka/let_go.h"
#include "solid/base/backoff.h"
#include "solid/base/clock.h"
#include "solid/base/handshake.h"
#include "solid/extend.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static solid_status check(const solid_consumer_options *o) {
  if (!o->brokers || !*o->brokers) return solid_fail(SOLID_EINVAL, "consumer: no brokers");
  if (!o->topic || !*o->topic) return solid_fail(SOLID_EINVAL, "consumer: no topic");
  if (!o->group || !*o->group) return solid_fail(SOLID_EINVAL, "consumer: no group");
  if (!o->sink || (o->n_settings && !o->settings))
    return solid_fail(SOLID_EINVAL, "consumer: sink or settings is NULL");
  if (!o->streams || !o->streams->load || !o->streams->save)
    return solid_fail(SOLID_EINVAL, "consumer: no streams: what is read could not be told from what is read again");
  if (o->stream_check_ms < 1 || (unsigned)o->stream_choice > SOLID_STREAM_NEW ||
      (unsigned)o->dead_letter_failure > SOLID_DEAD_LETTER_COUNT)
    return solid_fail(SOLID_EINVAL, "consumer: stream_check_ms %lld, stream_choice %d, dead_letter_failure %d",
                      (long long)o->stream_check_ms, (int)o->stream_choice, (int)o->dead_letter_failure);
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
  if (status == SOLID_OK && o->rebuild && !o->rebuild_rest) status = sol_rebuild_check(consumer);
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
  consumer->streams = *options->streams;
  consumer->options.streams = NULL; /* borrowed for the call only */
  consumer->checked_ms = sol_steady_ms();
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
  sol_trail_clear(&consumer->trail);
  sol_messages_free(&consumer->messages); /* before the handle that its messages belong to */
  sol_dead_letter_close(consumer->dead_letter);
  sol_probe_close(consumer->probe);
  if (consumer->commits) rd_kafka_queue_destroy(consumer->commits);
  if (consumer->cluster) rd_kafka_mem_free(consumer->rk, consumer->cluster);
  /* the run has left the group, or could not leave it in time */
  int flags = consumer->has_run ? RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE : 0;
  if (consumer->rk && !sol_let_go(consumer->rk, flags, SOL_LET_GO_MS)) {
    sol_consumer_log(consumer, SOLID_LOG_WARN,
                     "kafka topic %s: the client has not ended within %d s, and is left behind: everything that was "
                     "stored stays, and what was committed, too",
                     consumer->topic, SOL_LET_GO_MS / 1000);
    atomic_store(&consumer->is_left, 1); /* its callbacks may come yet: what they look at stays */
    return;
  }
  sol_intake_close(&consumer->intake);
  free(consumer->brokers);
  free(consumer->topic);
  free(consumer->group);
  free(consumer->dead_letter_topic);
  free(consumer->partitions);
  free(consumer->lags);
  free(consumer);
}

/* A topic and a partition, of no particular creation. Never 0, which is none. */
uint64_t solid_consumer_adopted_stream(const char *topic, uint32_t partition) {
  const uint64_t id[2] = {solid_item_hash((solid_bytes){topic, strlen(topic)}), partition};
  uint64_t stream = solid_item_hash((solid_bytes){(const char *)id, sizeof id});
  return stream ? stream : 1;
}

void solid_consumer_stop(solid_consumer *consumer) {
  if (consumer) atomic_store(&consumer->stopped, 1);
}

static solid_status subscribe(solid_consumer *consumer) {
  rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
  if (!topics) return solid_fail(SOLID_ENOMEM, "consumer: out of memory");
  rd_kafka_topic_partition_list_add(topics, consumer->topic, RD_KAFKA_PARTITION_UA);
  rd_kafka_resp_err_t err = rd_kafka_subscribe(consumer->rk, topics);
  rd_kafka_topic_partition_list_destroy(topics);
  return err ? solid_fail(SOLID_EINVAL, "kafka topic %s: %s", consumer->topic, rd_kafka_err2str(err)) : SOLID_OK;
}

/* The store is told that what is not safe is read again. A store that is away is waited for where it is needed. */
static solid_status begin_trail(solid_consumer *consumer) {
  int64_t age_ms;
  if (!consumer->streams.safe_age) return SOLID_OK;
  solid_status status = consumer->streams.safe_age(consumer->streams.user, &age_ms);
  return solid_status_is_retriable(status) ? SOLID_OK : status;
}

/* Nothing came: what has become safe meanwhile is committed. What does not work now is tried again the next turn. */
static solid_status idle(solid_consumer *consumer) {
  solid_status status = sol_trail_commit(consumer, NULL);
  return status == SOLID_EREWIND || solid_status_is_retriable(status) ? SOLID_OK : status;
}

solid_status solid_consumer_run(solid_consumer *consumer) {
  char text[512];
  if (!consumer || consumer->has_run) return solid_fail(SOLID_EINVAL, "consumer: is NULL or has run");
  consumer->has_run = 1;
  solid_status status = begin_trail(consumer);
  if (status == SOLID_OK) status = subscribe(consumer);
  while (status == SOLID_OK && !atomic_load(&consumer->stopped)) {
    status = sol_settle(consumer);
    if (status == SOLID_OK && consumer->options.rebuild) {
      status = sol_rebuild_commit(consumer);
      if (solid_status_is_retriable(status)) status = SOLID_OK; /* the next turn, or the delivery, tries again */
    }
    if (status == SOLID_OK) status = sol_collect(consumer);
    if (status == SOLID_OK) status = consumer->messages.count ? sol_deliver(consumer) : idle(consumer);
    if (consumer->must_rewind) sol_rewind(consumer);     /* heard of while nothing was in hand */
    if (status == SOLID_OK) sol_report_if_due(consumer); /* who may set another text */
  }
  if (status == SOLID_OK) sol_drain_trail(consumer);
  snprintf(text, sizeof text, "%s", solid_last_error()); /* leaving the group may set another */
  sol_measure_lag(consumer);
  sol_report(&consumer->reporter, &consumer->stats, sol_steady_ms());
  sol_messages_clear(&consumer->messages);
  sol_leave(consumer);
  return status == SOLID_OK ? SOLID_OK : solid_fail(status, "%s", text);
}
