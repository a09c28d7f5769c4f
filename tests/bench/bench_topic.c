/* What the service's benches need of Kafka beside kafka_tool.
 *
 *   bench_topic fill BROKERS TOPIC USERS ITEMS EVENTS          as fast as it goes
 *   bench_topic pace BROKERS TOPIC USERS ITEMS PER_S SECONDS   evenly, each acknowledged by the broker
 *   bench_topic read BROKERS TOPIC SECONDS                     a bare consumer, which looks at no message: events/s
 *
 * An event is of a random user u0 .. and of a random item item-0 .., as make_dataset names them, with the user as its
 * key and the present as its time. */
#include "solid/base/clock.h"
#include "tests/support/seed.h"
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TIMEOUT_MS = 30000, POLL_MS = 100 };

static int fail(const char *what, const char *why) {
  fprintf(stderr, "bench_topic: %s: %s\n", what, why);
  return 1;
}

static rd_kafka_t *open_client(rd_kafka_type_t type, const char *brokers, const char *linger_ms) {
  char why[256];
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  rd_kafka_conf_set(conf, "bootstrap.servers", brokers, NULL, 0);
  rd_kafka_conf_set(conf, "log_level", "3", NULL, 0); /* not that a property is of the other kind of client */
  rd_kafka_conf_set(conf, "linger.ms", linger_ms, NULL, 0);
  rd_kafka_conf_set(conf, "queue.buffering.max.messages", "2000000", NULL, 0);
  rd_kafka_conf_set(conf, "group.id", "bench", NULL, 0);
  rd_kafka_t *kafka = rd_kafka_new(type, conf, why, sizeof why);
  if (!kafka) fail(brokers, why);
  return kafka;
}

static rd_kafka_resp_err_t put(rd_kafka_t *kafka, const char *topic, seed_rng *rng, int users, int items) {
  char user[16], event[128];
  int user_size = snprintf(user, sizeof user, "u%d", (int)seed_below(rng, users));
  int size =
      snprintf(event, sizeof event, "{\"user\": \"%s\", \"item\": \"item-%d\", \"event\": \"view\", \"ts\": %lld}",
               user, (int)seed_below(rng, items), (long long)sol_wall_ms());
  return rd_kafka_producev(kafka, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                           RD_KAFKA_V_KEY(user, user_size), RD_KAFKA_V_VALUE(event, size), RD_KAFKA_V_END);
}

/* `per_s` 0 = as fast as it goes. */
static int produce(const char *brokers, const char *topic, int users, int items, int64_t events, int64_t per_s) {
  rd_kafka_t *kafka = open_client(RD_KAFKA_PRODUCER, brokers, per_s ? "0" : "20");
  seed_rng rng = seed_start(7);
  int64_t began_ns = sol_steady_ns();
  if (!kafka) return 1;
  for (int64_t i = 0; i < events;) {
    int64_t due_ns = per_s ? began_ns + i * 1000000000 / per_s : 0, wait_ms = (due_ns - sol_steady_ns()) / 1000000;
    if (wait_ms > 0) {
      rd_kafka_poll(kafka, (int)wait_ms);
      continue;
    }
    rd_kafka_resp_err_t err = put(kafka, topic, &rng, users, items);
    if (err == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
      rd_kafka_poll(kafka, POLL_MS);
      continue;
    }
    if (err) return fail(topic, rd_kafka_err2str(err));
    if (++i % 1000 == 0) rd_kafka_poll(kafka, 0);
  }
  rd_kafka_resp_err_t err = rd_kafka_flush(kafka, TIMEOUT_MS);
  rd_kafka_destroy(kafka);
  return err ? fail(topic, rd_kafka_err2str(err)) : 0;
}

/* All partitions from their beginning, without a group: there is nothing to wait for. */
static int assign_all(rd_kafka_t *kafka, const char *topic) {
  const struct rd_kafka_metadata *meta = NULL;
  rd_kafka_topic_t *handle = rd_kafka_topic_new(kafka, topic, NULL);
  rd_kafka_resp_err_t err = rd_kafka_metadata(kafka, 0, handle, &meta, TIMEOUT_MS);
  rd_kafka_topic_destroy(handle);
  if (err) return fail(topic, rd_kafka_err2str(err));
  rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(meta->topics[0].partition_cnt);
  for (int i = 0; i < meta->topics[0].partition_cnt; i++)
    rd_kafka_topic_partition_list_add(list, topic, i)->offset = RD_KAFKA_OFFSET_BEGINNING;
  rd_kafka_metadata_destroy(meta);
  err = rd_kafka_assign(kafka, list);
  rd_kafka_topic_partition_list_destroy(list);
  return err ? fail(topic, rd_kafka_err2str(err)) : 0;
}

static int read_bare(const char *brokers, const char *topic, double seconds) {
  rd_kafka_t *kafka = open_client(RD_KAFKA_CONSUMER, brokers, "5");
  int64_t first_ns = 0, last_ns = 0;
  uint64_t events = 0;
  if (!kafka) return 1;
  rd_kafka_poll_set_consumer(kafka);
  if (assign_all(kafka, topic)) return 1;
  while (!first_ns || (double)(last_ns - first_ns) < 1e9 * seconds) {
    rd_kafka_message_t *message = rd_kafka_consumer_poll(kafka, first_ns ? 1000 : TIMEOUT_MS);
    int is_end = !message || message->err;
    if (message) rd_kafka_message_destroy(message);
    if (is_end) break;
    events++;
    if (!first_ns) first_ns = sol_steady_ns();
    if (events % 256 == 0) last_ns = sol_steady_ns();
  }
  if (last_ns > first_ns) printf("%.0f\n", 1e9 * (double)events / (double)(last_ns - first_ns));
  rd_kafka_consumer_close(kafka);
  rd_kafka_destroy(kafka);
  return last_ns > first_ns ? 0 : fail(topic, "nothing to read");
}

int main(int argc, char **argv) {
  const char *what = argc > 4 ? argv[1] : "";
  if (strcmp(what, "read") == 0) return read_bare(argv[2], argv[3], atof(argv[4]));
  if (strcmp(what, "fill") == 0 && argc == 7)
    return produce(argv[2], argv[3], atoi(argv[4]), atoi(argv[5]), atoll(argv[6]), 0);
  if (strcmp(what, "pace") == 0 && argc == 8)
    return produce(argv[2], argv[3], atoi(argv[4]), atoi(argv[5]), atoll(argv[6]) * atoll(argv[7]), atoll(argv[6]));
  return fail("usage", "fill|pace|read BROKERS TOPIC ...: see the head of bench_topic.c");
}
