/* Makes librdkafka handles from the options, and checks that broker and topic exist. */
#include "ingest/kafka/consumer_parts.h"
#include "solid/base/clock.h"
#include "solid/extend.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

void sol_consumer_log(const solid_consumer *consumer, solid_log_level level, const char *format, ...) {
  char text[512];
  va_list args;
  if (!consumer->options.log) return;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  consumer->options.log(consumer->options.log_user, level, text);
}

/* librdkafka's own lines. Producer and consumer both get all properties and complain about those of the other; these
 * complaints are left out. A connection that is closed is no error yet. */
static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text) {
  const solid_consumer *consumer = rd_kafka_opaque(rk);
  if (!consumer || atomic_load(&consumer->is_left) || strcmp(facility, "CONFWARN") == 0) return;
  int is_closing = strcmp(facility, "FAIL") == 0 && level > LOG_ERR;
  solid_log_level ours = level <= LOG_ERR       ? SOLID_LOG_ERROR
                         : is_closing           ? SOLID_LOG_DEBUG
                         : level == LOG_WARNING ? SOLID_LOG_WARN
                         : level == LOG_DEBUG   ? SOLID_LOG_DEBUG
                                                : SOLID_LOG_INFO;
  sol_consumer_log(consumer, ours, "kafka: %s: %s", facility, text);
}

/* Errors of no message, inside polls; they stand in the log already. Whether brokers are there, and still have the same
 * topic, is asked of them from now on (sol_settle), which tells an outage and its end: a consumer that nothing comes
 * for would notice neither. librdkafka's own word for it, ALL_BROKERS_DOWN, comes once only of a member of a group. */
static void on_error(rd_kafka_t *rk, int err, const char *reason, void *opaque) {
  solid_consumer *consumer = opaque;
  (void)rk;
  if (err == RD_KAFKA_RESP_ERR__AUTHENTICATION) snprintf(consumer->refused, sizeof consumer->refused, "%s", reason);
  sol_streams_all_due(consumer);
}

static solid_status set(rd_kafka_conf_t *conf, const char *name, const char *value) {
  char text[192];
  if (rd_kafka_conf_set(conf, name, value, text, sizeof text) == RD_KAFKA_CONF_OK) return SOLID_OK;
  return solid_fail(SOLID_EINVAL, "kafka.%s: %s", name, text);
}

/* The consumer's guarantees rest on these. */
static int is_ours(const char *name) {
  static const char *const ours[] = {"enable.auto.commit",   "auto.commit.enable", "enable.auto.offset.store",
                                     "enable.partition.eof", "auto.offset.reset",  "group.id"};
  for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
    if (strcmp(name, ours[i]) == 0) return 1;
  return 0;
}

static solid_status set_all(rd_kafka_conf_t *conf, const solid_consumer_options *options) {
  solid_status status = set(conf, "bootstrap.servers", options->brokers);
  if (status == SOLID_OK) status = set(conf, "client.id", "solid");
  if (status == SOLID_OK) status = set(conf, "auto.offset.reset", "error");
  if (status == SOLID_OK) status = set(conf, "message.timeout.ms", "20000");
  if (status == SOLID_OK) status = set(conf, "topic.metadata.refresh.interval.ms", "30000"); /* a topic may come back */
  for (size_t i = 0; status == SOLID_OK && i < options->n_settings; i++) {
    if (is_ours(options->settings[i].name))
      return solid_fail(SOLID_EINVAL, "kafka.%s: set by the consumer itself, its guarantees rest on it",
                        options->settings[i].name);
    status = set(conf, options->settings[i].name, options->settings[i].value);
  }
  return status;
}

static solid_status open_consumer(solid_consumer *consumer) {
  char text[192];
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  /* A full queue is not filled again for a second, however soon it is empty: librdkafka's 100,000 messages are then the
   * most that a second gives. Its bound in bytes (64 MiB) stays. */
  solid_status status = set(conf, "queued.min.messages", "1000000");
  if (status == SOLID_OK) status = set_all(conf, &consumer->options);
  if (status == SOLID_OK) status = set(conf, "group.id", consumer->options.group);
  if (status == SOLID_OK) status = set(conf, "enable.auto.commit", "false");
  if (status == SOLID_OK) status = set(conf, "enable.auto.offset.store", "false");
  if (status == SOLID_OK) {
    rd_kafka_conf_set_opaque(conf, consumer);
    rd_kafka_conf_set_log_cb(conf, on_log);
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_conf_set_rebalance_cb(conf, sol_rebalance);
    consumer->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof text);
    if (consumer->rk) {
      rd_kafka_poll_set_consumer(consumer->rk);
      consumer->commits = rd_kafka_queue_new(consumer->rk);
      return consumer->commits ? SOLID_OK : solid_fail(SOLID_ENOMEM, "consumer: out of memory");
    }
    status = solid_fail(SOLID_EINVAL, "kafka: %s", text);
  }
  rd_kafka_conf_destroy(conf);
  return status;
}

static void no_log(const rd_kafka_t *rk, int level, const char *facility, const char *text) {
  (void)rk, (void)level, (void)facility, (void)text; /* the delivery reports say what matters */
}

static solid_status open_dead_letter(solid_consumer *consumer) {
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  solid_status status = set_all(conf, &consumer->options);
  if (status == SOLID_OK) {
    rd_kafka_conf_set_log_cb(conf, no_log);
    status = sol_dead_letter_open(&consumer->dead_letter, conf, consumer->dead_letter_topic);
  }
  if (status != SOLID_OK) rd_kafka_conf_destroy(conf);
  return status;
}

/* The handle that reads anchors: without a group, and fetching as little ahead as possible. */
static solid_status open_probe(solid_consumer *consumer) {
  static const char *const settings[][2] = {{"enable.partition.eof", "true"},
                                            {"enable.auto.commit", "false"},
                                            {"queued.min.messages", "1"},
                                            {"queued.max.messages.kbytes", "1024"}};
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  solid_status status = set_all(conf, &consumer->options);
  for (size_t i = 0; status == SOLID_OK && i < sizeof settings / sizeof *settings; i++)
    status = set(conf, settings[i][0], settings[i][1]);
  if (status == SOLID_OK) {
    rd_kafka_conf_set_log_cb(conf, no_log);
    status = sol_probe_open(&consumer->probe, conf, consumer->topic);
  }
  if (status != SOLID_OK) rd_kafka_conf_destroy(conf);
  return status;
}

solid_status sol_kafka_open(solid_consumer *consumer) {
  solid_status status = open_consumer(consumer);
  if (status == SOLID_OK) status = open_probe(consumer);
  if (status == SOLID_OK && *consumer->dead_letter_topic) status = open_dead_letter(consumer);
  return status;
}

/* The topic's own error in the metadata, or that of the request. */
static rd_kafka_resp_err_t ask(rd_kafka_t *rk, rd_kafka_topic_t *topic, int timeout_ms, int *from_broker) {
  const struct rd_kafka_metadata *metadata;
  rd_kafka_resp_err_t err = rd_kafka_metadata(rk, 0, topic, &metadata, timeout_ms);
  *from_broker = !err;
  if (err) return err;
  err = metadata->topic_cnt == 1 ? metadata->topics[0].err : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
  if (!err && !metadata->topics[0].partition_cnt) err = RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE;
  rd_kafka_metadata_destroy(metadata);
  return err;
}

static int is_missing(rd_kafka_resp_err_t err) {
  return err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || err == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
}

/* Brokers take a moment to tell one another of a new topic: a missing one is asked for again for a second. */
static rd_kafka_resp_err_t find_topic(rd_kafka_t *rk, rd_kafka_topic_t *topic, int64_t timeout_ms, int *from_broker) {
  enum { SETTLE_MS = 1000, STEP_MS = 100 };
  int64_t now_ms = sol_steady_ms(), end_ms = now_ms + timeout_ms, settled_ms = now_ms + SETTLE_MS;
  for (;;) {
    int64_t left_ms = end_ms - now_ms;
    rd_kafka_resp_err_t err = ask(rk, topic, (int)(left_ms > 1 ? left_ms : 1), from_broker);
    now_ms = sol_steady_ms();
    int settling = err == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE || err == RD_KAFKA_RESP_ERR__TRANSPORT;
    if (!(is_missing(err) && now_ms < settled_ms) && !settling) return err;
    if (now_ms + STEP_MS >= end_ms) return err;
    rd_kafka_poll(rk, STEP_MS);
  }
}

/* The producer's question makes a broker create the topic where it creates topics. If it is still missing, that is no
 * failure, because the stream may have no bad message. The warning comes now, not with the first bad message, which
 * would stop the stream. */
static void check_dead_letter(solid_consumer *consumer) {
  int from_broker = 0;
  if (!consumer->dead_letter) return;
  rd_kafka_t *rk = sol_dead_letter_handle(consumer->dead_letter);
  rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, consumer->dead_letter_topic, NULL);
  rd_kafka_resp_err_t err =
      topic ? find_topic(rk, topic, consumer->options.start_ms, &from_broker) : rd_kafka_last_error();
  if (topic) rd_kafka_topic_destroy(topic);
  if (err && (from_broker || !topic))
    sol_consumer_log(consumer, SOLID_LOG_WARN, "dead-letter topic '%s': %s; %s: create it", consumer->dead_letter_topic,
                     rd_kafka_err2str(err),
                     consumer->options.dead_letter_failure == SOLID_DEAD_LETTER_HOLD
                         ? "the first rejected event will hold the stream"
                         : "rejected events will only be counted");
}

solid_status sol_kafka_check(solid_consumer *consumer) {
  const solid_consumer_options *o = &consumer->options;
  rd_kafka_topic_t *topic = rd_kafka_topic_new(consumer->rk, consumer->topic, NULL);
  if (!topic)
    return solid_fail(SOLID_EINVAL, "kafka topic %s: %s", consumer->topic, rd_kafka_err2str(rd_kafka_last_error()));
  int from_broker = 0;
  rd_kafka_resp_err_t err = find_topic(consumer->rk, topic, o->start_ms, &from_broker);
  rd_kafka_topic_destroy(topic);
  if (!err) {
    consumer->cluster = rd_kafka_clusterid(consumer->rk, (int)o->start_ms);
    if (!consumer->cluster)
      return solid_fail(SOLID_EIO, "kafka %s: does not say which cluster it is", consumer->brokers);
    check_dead_letter(consumer);
    return SOLID_OK;
  }
  const char *why = rd_kafka_err2str(err);
  if (!from_broker) rd_kafka_poll(consumer->rk, 0); /* what was said of it */
  if (!from_broker && *consumer->refused)
    return solid_fail(SOLID_EINVAL,
                      "kafka %s: it knows no such user (%s): correct kafka.sasl.username, kafka.sasl.password and "
                      "kafka.sasl.mechanism, or kafka.security.protocol",
                      consumer->brokers, consumer->refused);
  if (!from_broker)
    return solid_fail(SOLID_ETIMEDOUT,
                      "kafka %s: no broker answered within %lld ms (%s): is it running, is the address right?",
                      consumer->brokers, (long long)o->start_ms, why);
  if (is_missing(err))
    return solid_fail(SOLID_ENOTFOUND, "kafka %s: no topic '%s': create it or correct its name", consumer->brokers,
                      consumer->topic);
  return solid_fail(SOLID_EIO, "kafka %s: topic '%s': %s", consumer->brokers, consumer->topic, why);
}
