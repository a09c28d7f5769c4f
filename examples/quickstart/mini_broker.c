/* mini_broker: a Kafka broker inside one process, for demonstrations and tests without a cluster: librdkafka's mock
 * cluster. It keeps messages in memory, forgets them when it ends, and is no replacement for a real broker. Prints its
 * address on stdout and runs until SIGTERM or SIGINT. */
#include "examples/common/program.h"
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <signal.h>

typedef struct broker_options {
  const char *topic;
  int64_t partitions;
} broker_options;

static const solid_property properties[] = {
    {"topic", SOLID_PROPERTY_STRING, "events", 0, 0, NULL, "topic to create", 0, offsetof(broker_options, topic)},
    {"partitions", SOLID_PROPERTY_INT, "3", 1, 1000, NULL, "partitions of the topic", 0,
     offsetof(broker_options, partitions)},
};

static const solid_program program = {
    .name = "mini_broker",
    .summary = "A Kafka broker in memory, for demonstrations only.",
    .notes =
        "Prints HOST:PORT, then runs until SIGTERM. Unlike a real broker it lets a consumer of a group that another "
        "one\n"
        "has left wait for the session's timeout, 45 s: solid_ingestd --kafka.session.timeout.ms 6000 makes it 6 s.\n"
        "Other topics are there once something is written to them; solid_send --create-partitions would wait in vain.",
    .properties = properties,
    .count = sizeof properties / sizeof *properties,
};

static void stop_signals(sigset_t *signals) {
  sigemptyset(signals);
  sigaddset(signals, SIGTERM);
  sigaddset(signals, SIGINT);
}

static int run(void *user, const solid_config *config) {
  const broker_options *options = user;
  sigset_t signals;
  (void)config;
  stop_signals(&signals);
  char text[256] = "cannot be made";
  int code = 1, number;
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  rd_kafka_mock_cluster_t *cluster = NULL;
  rd_kafka_conf_set(conf, "log_level", "4", text, sizeof text); /* it has no broker but itself, and need not say so */
  rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
  if (rk) cluster = rd_kafka_mock_cluster_new(rk, 1);
  if (!rk) rd_kafka_conf_destroy(conf);
  if (cluster && rd_kafka_mock_topic_create(cluster, options->topic, (int)options->partitions, 1) == 0) {
    printf("%s\n", rd_kafka_mock_cluster_bootstraps(cluster));
    fflush(stdout);
    sigwait(&signals, &number);
    code = 0;
  } else {
    fprintf(stderr, "mini_broker: topic %s: %s\n", options->topic, text);
  }
  if (cluster) rd_kafka_mock_cluster_destroy(cluster);
  if (rk) rd_kafka_destroy(rk);
  return code;
}

int main(int argc, char **argv) {
  broker_options options = {0};
  sigset_t signals;
  /* Blocked before any thread exists, so that every thread leaves them to sigwait. */
  stop_signals(&signals);
  sigprocmask(SIG_BLOCK, &signals, NULL);
  return program_main(&program, argc, argv, &options, run, &options);
}
