#include "examples/common/ground.h"
#include "examples/common/kafka_log.h"
#include "examples/send/send.h"
#include "solid/extend.h"
#include <inttypes.h>

volatile sig_atomic_t send_stopped;

static kafka_outage outage; /* of all handles: their brokers are the same */

static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text) {
  (void)rk;
  if (kafka_log_is_news(&outage, level, facility)) fprintf(stderr, "solid_send: kafka: %s: %s\n", facility, text);
}

static void on_error(rd_kafka_t *rk, int err, const char *reason, void *opaque) {
  (void)rk, (void)opaque;
  if (kafka_log_is_new_error(&outage, err)) fprintf(stderr, "solid_send: kafka: %s\n", reason);
}

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque) {
  send_output *out = opaque;
  (void)rk;
  if (!message->err) {
    out->delivered++;
    kafka_log_delivered(&outage, message);
  } else if (!out->failed++) {
    out->err = message->err;
  }
}

/* Waits until the next event is due; delivery reports are served meanwhile. */
void send_keep_rate(send_output *out) {
  if (out->rk) rd_kafka_poll(out->rk, 0);
  if (out->options->rate <= 0) return;
  double due = out->start + (double)out->sent / out->options->rate;
  for (double left = due - sol_steady_s(); left > 0 && !send_stopped; left = due - sol_steady_s()) {
    sol_sleep_ns((int64_t)(1e9 * (left < 0.05 ? left : 0.05)));
    if (out->rk) rd_kafka_poll(out->rk, 0);
  }
}

/* librdkafka copies what it is given, yet its arguments are not const. */
static void *not_const(const void *data) {
  union {
    const void *in;
    void *out;
  } pointer = {data};
  return pointer.out;
}

solid_status send_put(send_output *out, const char *topic, int32_t partition, solid_bytes key, solid_bytes payload) {
  send_keep_rate(out);
  if (send_stopped) return solid_fail(SOLID_ECANCELLED, "stopped");
  out->sent++;
  void *key_data = key.size ? not_const(key.data) : NULL, *payload_data = not_const(payload.data);
  for (;;) {
    rd_kafka_resp_err_t err = rd_kafka_producev(
        out->rk, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(partition), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
        RD_KAFKA_V_KEY(key_data, key.size), RD_KAFKA_V_VALUE(payload_data, payload.size), RD_KAFKA_V_END);
    if (!err) return SOLID_OK;
    if (err != RD_KAFKA_RESP_ERR__QUEUE_FULL || send_stopped) {
      out->refused = 1;
      return solid_fail(SOLID_EIO, "kafka topic %s: %s", topic, rd_kafka_err2str(err));
    }
    rd_kafka_poll(out->rk, 100);
  }
}

static solid_status set(rd_kafka_conf_t *conf, const char *name, const char *value) {
  char text[192];
  if (rd_kafka_conf_set(conf, name, value, text, sizeof text) == RD_KAFKA_CONF_OK) return SOLID_OK;
  return solid_fail(SOLID_EINVAL, "kafka.%s: %s", name, text);
}

static solid_status set_all(rd_kafka_conf_t *conf, const char *brokers, const solid_config *config) {
  size_t count;
  const solid_setting *settings = solid_config_passthrough(config, &count);
  solid_status status = set(conf, "bootstrap.servers", brokers);
  if (!status) status = set(conf, "log_level", "3");
  if (!status) status = set(conf, "log.thread.name", "false");
  rd_kafka_conf_set_log_cb(conf, on_log);
  rd_kafka_conf_set_error_cb(conf, on_error);
  for (size_t i = 0; !status && i < count; i++) status = set(conf, settings[i].name, settings[i].value);
  return status;
}

static solid_status open_handle(rd_kafka_t **out, rd_kafka_type_t type, rd_kafka_conf_t *conf) {
  char text[192];
  *out = rd_kafka_new(type, conf, text, sizeof text);
  return *out ? SOLID_OK : solid_fail(SOLID_EINVAL, "kafka: %s", text);
}

solid_status send_open(send_output *out, const solid_config *config) {
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  solid_status status = set(conf, "enable.idempotence", "true"); /* a user's events keep their order through retries */
  if (!status) status = set(conf, "linger.ms", "5");
  if (!status) status = set_all(conf, out->options->brokers, config);
  rd_kafka_conf_set_opaque(conf, out);
  rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
  if (!status) status = open_handle(&out->rk, RD_KAFKA_PRODUCER, conf);
  if (status) rd_kafka_conf_destroy(conf);
  return status;
}

solid_status send_open_reader(rd_kafka_t **out, const char *brokers, const solid_config *config, const char *group) {
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  solid_status status = set_all(conf, brokers, config);
  if (!status) status = set(conf, "group.id", group);
  if (!status) status = set(conf, "enable.auto.commit", "false");
  if (!status) status = set(conf, "enable.partition.eof", "true");
  if (!status) status = set(conf, "auto.offset.reset", "earliest");
  if (!status) status = open_handle(out, RD_KAFKA_CONSUMER, conf);
  if (status) rd_kafka_conf_destroy(conf);
  return status;
}

/* An existing topic is as good as a new one. */
solid_status send_create_topic(const send_output *out) {
  char text[256] = "";
  const send_options *o = out->options;
  rd_kafka_queue_t *queue = rd_kafka_queue_new(out->rk);
  rd_kafka_NewTopic_t *topic = rd_kafka_NewTopic_new(o->topic, (int)o->partitions, -1, text, sizeof text);
  rd_kafka_event_t *event = NULL;
  size_t count;
  if (topic) {
    rd_kafka_CreateTopics(out->rk, &topic, 1, NULL, queue);
    event = rd_kafka_queue_poll(queue, (int)o->timeout_ms);
    rd_kafka_NewTopic_destroy(topic);
  }
  rd_kafka_resp_err_t err = event ? rd_kafka_event_error(event) : RD_KAFKA_RESP_ERR__TIMED_OUT;
  if (event && !err) {
    const rd_kafka_topic_result_t **results =
        rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);
    err = count ? rd_kafka_topic_result_error(results[0]) : RD_KAFKA_RESP_ERR__FAIL;
  }
  if (event) rd_kafka_event_destroy(event);
  rd_kafka_queue_destroy(queue);
  if (!err || err == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) return SOLID_OK;
  return solid_fail(SOLID_EIO, "kafka %s: topic %s cannot be created: %s%s%s", o->brokers, o->topic,
                    rd_kafka_err2str(err), *text ? ": " : "", text);
}

solid_status send_check_topic(const send_output *out, const char *name) {
  const send_options *o = out->options;
  const struct rd_kafka_metadata *metadata;
  rd_kafka_topic_t *topic = rd_kafka_topic_new(out->rk, name, NULL);
  if (!topic) return solid_fail(SOLID_EINVAL, "kafka topic '%s' is no name of a topic", name);
  rd_kafka_resp_err_t err = rd_kafka_metadata(out->rk, 0, topic, &metadata, (int)o->timeout_ms);
  rd_kafka_topic_destroy(topic);
  if (err)
    return solid_fail(SOLID_ETIMEDOUT,
                      "kafka %s: no broker answered within %" PRId64 " ms (%s): is it running, is the address right?",
                      o->brokers, o->timeout_ms, rd_kafka_err2str(err));
  err = metadata->topic_cnt == 1 ? metadata->topics[0].err : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
  rd_kafka_metadata_destroy(metadata);
  /* A broker that creates topics by itself answers that the new topic has no leader yet. */
  if (!err || err == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE) return SOLID_OK;
  return solid_fail(SOLID_ENOTFOUND, "kafka %s: topic '%s': %s%s", o->brokers, name, rd_kafka_err2str(err),
                    o->topic ? ": create it or pass --create-partitions" : "");
}
