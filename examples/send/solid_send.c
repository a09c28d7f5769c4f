/* solid_send: the events of a data file, or JSON lines, into a Kafka topic keyed by user, or into a file. */
#include "examples/common/address.h"
#include "examples/common/config.h"
#include "examples/common/exit.h"
#include "examples/common/ground.h"
#include "examples/common/program.h"
#include "examples/send/send.h"
#include "solid/extend.h"
#include <errno.h>
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct send_options {
  const char *data, *format, *brokers, *topic, *write;
  int64_t partitions, limit, timeout_ms;
  double rate;
  reading_options reading;
} send_options;

#define OPTION(field) offsetof(send_options, field)

static const solid_property properties[] = {
    {"data", SOLID_PROPERTY_STRING, NULL, 0, 0, NULL, "data file of any format that solid_train reads; - = JSON lines",
     1, OPTION(data)},
    {"format", SOLID_PROPERTY_STRING, "auto", 0, 0, NULL,
     "rows, pairs, movielens, csv, recbole, table, events, histories, auto; lines = JSON lines unchanged, valid or "
     "not",
     0, OPTION(format)},
    READING_PROPERTIES(send_options, reading),
    {"brokers", SOLID_PROPERTY_STRING, NULL, 0, 0, NULL, "HOST:PORT,HOST:PORT", 0, OPTION(brokers)},
    {"topic", SOLID_PROPERTY_STRING, NULL, 0, 0, NULL, "topic that receives the events", 0, OPTION(topic)},
    {"create-partitions", SOLID_PROPERTY_INT, "0", 0, 10000, NULL,
     "create a missing topic with this many partitions; 0 = do not create it", 0, OPTION(partitions)},
    {"write", SOLID_PROPERTY_STRING, NULL, 0, 0, NULL, "write JSON lines to this file instead of a topic; - = stdout",
     0, OPTION(write)},
    {"rate", SOLID_PROPERTY_FLOAT, "0", 0, 1e9, NULL, "most events per second; 0 = no limit", 0, OPTION(rate)},
    {"limit", SOLID_PROPERTY_INT, "0", 0, 1e15, NULL, "most events; 0 = all", 0, OPTION(limit)},
    {"timeout-ms", SOLID_PROPERTY_INT, "10000", 100, 600000, NULL, "how long a broker may take to answer at start", 0,
     OPTION(timeout_ms)},
};

static const solid_program program = {
    .name = "solid_send",
    .summary = "Sends the events of a file to a Kafka topic, keyed by user.",
    .notes = "Example: solid_send --data events.jsonl --brokers localhost:9092 --topic events --rate 1000",
    .exits = HAS_EXIT(SOURCE),
    .properties = properties,
    .count = sizeof properties / sizeof *properties,
    .takes_kafka = 1,
};

static volatile sig_atomic_t stopped;

static void on_signal(int number) {
  (void)number;
  stopped = 1;
}

typedef struct output {
  const send_options *options;
  FILE *file;     /* --write */
  rd_kafka_t *rk; /* or a topic */
  uint64_t sent, delivered, failed;
  rd_kafka_resp_err_t err; /* of the first that failed */
  double start;
  int refused; /* a record could not be passed on */
} output;

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque) {
  output *out = opaque;
  (void)rk;
  if (!message->err)
    out->delivered++;
  else if (!out->failed++)
    out->err = message->err;
}

/* Waits until the next event is due; delivery reports are served meanwhile. */
static void keep_rate(output *out) {
  if (out->rk) rd_kafka_poll(out->rk, 0);
  if (out->options->rate <= 0) return;
  double due = out->start + (double)out->sent / out->options->rate;
  for (double left = due - sol_steady_s(); left > 0 && !stopped; left = due - sol_steady_s()) {
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

static solid_status take(void *user, solid_bytes key, solid_bytes payload) {
  output *out = user;
  keep_rate(out);
  if (stopped) return solid_fail(SOLID_ECANCELLED, "stopped");
  out->sent++;
  if (out->file) {
    if (fwrite(payload.data, 1, payload.size, out->file) == payload.size && fputc('\n', out->file) != EOF) {
      out->delivered++;
      return SOLID_OK;
    }
    out->refused = 1;
    return solid_fail(SOLID_EIO, "%s: %s", out->options->write, strerror(errno));
  }
  void *key_data = key.size ? not_const(key.data) : NULL, *payload_data = not_const(payload.data);
  for (;;) {
    rd_kafka_resp_err_t err = rd_kafka_producev(
        out->rk, RD_KAFKA_V_TOPIC(out->options->topic), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
        RD_KAFKA_V_KEY(key_data, key.size), RD_KAFKA_V_VALUE(payload_data, payload.size), RD_KAFKA_V_END);
    if (!err) return SOLID_OK;
    if (err != RD_KAFKA_RESP_ERR__QUEUE_FULL || stopped) {
      out->refused = 1;
      return solid_fail(SOLID_EIO, "kafka topic %s: %s", out->options->topic, rd_kafka_err2str(err));
    }
    rd_kafka_poll(out->rk, 100);
  }
}

static solid_status set(rd_kafka_conf_t *conf, const char *name, const char *value) {
  char text[192];
  if (rd_kafka_conf_set(conf, name, value, text, sizeof text) == RD_KAFKA_CONF_OK) return SOLID_OK;
  return solid_fail(SOLID_EINVAL, "kafka.%s: %s", name, text);
}

static solid_status open_producer(output *out, const solid_config *config) {
  char text[192];
  size_t count;
  const solid_setting *settings = solid_config_passthrough(config, &count);
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  solid_status status = set(conf, "bootstrap.servers", out->options->brokers);
  if (!status) status = set(conf, "enable.idempotence", "true"); /* a user's events keep their order through retries */
  if (!status) status = set(conf, "linger.ms", "5");
  if (!status) status = set(conf, "log_level", "3");
  for (size_t i = 0; !status && i < count; i++) status = set(conf, settings[i].name, settings[i].value);
  if (!status) {
    rd_kafka_conf_set_opaque(conf, out);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    out->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    if (out->rk) return SOLID_OK;
    status = solid_fail(SOLID_EINVAL, "kafka: %s", text);
  }
  rd_kafka_conf_destroy(conf);
  return status;
}

/* An existing topic is as good as a new one. */
static solid_status create_topic(const output *out) {
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

static solid_status check_topic(const output *out) {
  const send_options *o = out->options;
  const struct rd_kafka_metadata *metadata;
  rd_kafka_topic_t *topic = rd_kafka_topic_new(out->rk, o->topic, NULL);
  if (!topic) return solid_fail(SOLID_EINVAL, "kafka topic '%s' is no name of a topic", o->topic);
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
  return solid_fail(SOLID_ENOTFOUND, "kafka %s: topic '%s': %s: create it or pass --create-partitions", o->brokers,
                    o->topic, rd_kafka_err2str(err));
}

static int fail(int code) {
  fprintf(stderr, "solid_send: %s\n", solid_last_error());
  return code;
}

/* Everything that was sent is delivered or failed, then the report. */
static int finish(output *out, solid_status status) {
  int code = EXIT_DONE;
  if (status && !stopped) code = fail(out->refused || status == SOLID_ENOMEM ? EXIT_FAILED : EXIT_SOURCE);
  while (out->rk && rd_kafka_outq_len(out->rk) > 0) rd_kafka_flush(out->rk, 1000); /* ends by message.timeout.ms */
  if (out->file && fflush(out->file) != 0) {
    fprintf(stderr, "solid_send: %s: %s\n", out->options->write, strerror(errno));
    code = EXIT_FAILED;
  }
  double passed = sol_steady_s() - out->start;
  fprintf(stderr, "solid_send: %" PRIu64 " events, %" PRIu64 " delivered, %" PRIu64 " failed in %.1f s (%.0f/s)\n",
          out->sent, out->delivered, out->failed, passed, (double)out->delivered / (passed > 1e-3 ? passed : 1e-3));
  if (out->failed) {
    fprintf(stderr, "solid_send: %s\n", rd_kafka_err2str(out->err));
    code = EXIT_FAILED;
  }
  return code;
}

static int send_all(const send_options *options, const solid_config *config) {
  output out = {.options = options};
  send_source source = {options->data, options->format, &options->reading, (uint64_t)options->limit};
  sol_beside beside = {.fd = -1};
  int code = EXIT_DONE;
  if (options->write) {
    if (strcmp(options->write, "-") == 0)
      out.file = stdout;
    else if (sol_beside_open(&beside, options->write, 1))
      return fail(EXIT_SOURCE);
    else
      out.file = fdopen(dup(beside.fd), "w");
    if (!out.file) {
      fprintf(stderr, "solid_send: %s: %s\n", options->write, strerror(errno));
      return EXIT_SOURCE;
    }
  } else if (open_producer(&out, config)) {
    return fail(EXIT_USAGE);
  } else if ((options->partitions && create_topic(&out)) || check_topic(&out)) {
    code = fail(EXIT_SOURCE);
  }
  out.start = sol_steady_s();
  if (code == EXIT_DONE) code = finish(&out, send_read(&source, take, &out));
  if (out.rk) rd_kafka_destroy(out.rk);
  if (out.file && out.file != stdout) {
    if (fclose(out.file) != 0) code = EXIT_FAILED;
    if (code == EXIT_DONE && sol_beside_commit(&beside)) code = fail(EXIT_FAILED);
    sol_beside_abandon(&beside);
  }
  return code;
}

static int run(void *user, const solid_config *config) {
  const send_options *options = user;
  if (address_check_brokers("--brokers", options->brokers)) return fail(EXIT_USAGE);
  if (options->write || (options->brokers && options->topic)) return send_all(options, config);
  fprintf(stderr, "solid_send: needs --brokers and --topic, or --write; see --help\n");
  return EXIT_USAGE;
}

int main(int argc, char **argv) {
  send_options options = {0};
  struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
  sigaction(SIGTERM, &action, NULL);
  sigaction(SIGINT, &action, NULL);
  return program_main(&program, argc, argv, &options, run, &options);
}
