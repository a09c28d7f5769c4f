/* What the end-to-end tests need of Kafka and kcat does not do.
 *
 *   kafka_tool create BROKERS TOPIC PARTITIONS      makes the topic
 *   kafka_tool wait BROKERS GROUP TOPIC COUNT       until the group has committed COUNT messages, or 120 s are over
 *   kafka_tool offsets BROKERS GROUP TOPIC          "partition committed end" a line, then the two sums; 1 unless equal
 */
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TIMEOUT_MS = 10000, PATIENCE_S = 120, MAX_PARTITIONS = 64 };

static int fail(const char *what, const char *why) {
  fprintf(stderr, "kafka_tool: %s: %s\n", what, why);
  return 1;
}

static rd_kafka_t *connect_to(const char *brokers, const char *group) {
  char why[256];
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  rd_kafka_conf_set(conf, "bootstrap.servers", brokers, NULL, 0);
  rd_kafka_conf_set(conf, "group.id", group, NULL, 0);
  rd_kafka_t *kafka = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
  if (!kafka) fail(brokers, why);
  return kafka;
}

static int create(rd_kafka_t *kafka, const char *topic, int partitions) {
  char why[256] = "no answer";
  rd_kafka_NewTopic_t *wanted = rd_kafka_NewTopic_new(topic, partitions, 1, why, sizeof why);
  rd_kafka_queue_t *queue = rd_kafka_queue_new(kafka);
  rd_kafka_CreateTopics(kafka, &wanted, 1, NULL, queue);
  rd_kafka_event_t *event = rd_kafka_queue_poll(queue, TIMEOUT_MS);
  int result = 1;
  if (event && !rd_kafka_event_error(event)) {
    size_t n;
    const rd_kafka_topic_result_t **made =
        rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &n);
    result = n != 1 || rd_kafka_topic_result_error(made[0]);
    if (result && n == 1) snprintf(why, sizeof why, "%s", rd_kafka_err2str(rd_kafka_topic_result_error(made[0])));
  } else if (event) {
    snprintf(why, sizeof why, "%s", rd_kafka_event_error_string(event));
  }
  if (event) rd_kafka_event_destroy(event);
  rd_kafka_queue_destroy(queue);
  rd_kafka_NewTopic_destroy(wanted);
  return result ? fail(topic, why) : 0;
}

/* The topic's partitions with the group's committed offsets, or NULL. */
static rd_kafka_topic_partition_list_t *committed(rd_kafka_t *kafka, const char *topic) {
  const struct rd_kafka_metadata *meta = NULL;
  rd_kafka_topic_t *handle = rd_kafka_topic_new(kafka, topic, NULL);
  rd_kafka_resp_err_t err = rd_kafka_metadata(kafka, 0, handle, &meta, TIMEOUT_MS);
  rd_kafka_topic_partition_list_t *list = NULL;
  if (!err) {
    list = rd_kafka_topic_partition_list_new(meta->topics[0].partition_cnt);
    for (int i = 0; i < meta->topics[0].partition_cnt; i++) rd_kafka_topic_partition_list_add(list, topic, i);
    err = rd_kafka_committed(kafka, list, TIMEOUT_MS);
    rd_kafka_metadata_destroy(meta);
  }
  rd_kafka_topic_destroy(handle);
  if (!err) return list;
  fail(topic, rd_kafka_err2str(err));
  if (list) rd_kafka_topic_partition_list_destroy(list);
  return NULL;
}

static int64_t offset_of(const rd_kafka_topic_partition_list_t *list, int i) {
  return list->elems[i].offset > 0 ? list->elems[i].offset : 0;
}

static int wait_for(rd_kafka_t *kafka, const char *topic, long long count) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  for (time_t end = now.tv_sec + PATIENCE_S; now.tv_sec < end; clock_gettime(CLOCK_MONOTONIC, &now)) {
    rd_kafka_topic_partition_list_t *list = committed(kafka, topic);
    long long sum = 0;
    if (!list) return 1;
    for (int i = 0; i < list->cnt; i++) sum += offset_of(list, i);
    rd_kafka_topic_partition_list_destroy(list);
    if (sum >= count) return 0;
    nanosleep(&(struct timespec){0, 5 * 1000 * 1000}, NULL);
  }
  return fail(topic, "the group did not get so far");
}

static int print_offsets(rd_kafka_t *kafka, const char *topic) {
  rd_kafka_topic_partition_list_t *list = committed(kafka, topic);
  long long sum = 0, ends = 0;
  int result = list ? 0 : 1;
  for (int i = 0; list && i < list->cnt; i++) {
    int64_t first, end = -1;
    if (rd_kafka_query_watermark_offsets(kafka, topic, i, &first, &end, TIMEOUT_MS)) result = fail(topic, "no end");
    printf("partition %d: committed %lld, end %lld\n", i, (long long)offset_of(list, i), (long long)end);
    result |= offset_of(list, i) != end;
    sum += offset_of(list, i);
    ends += end;
  }
  printf("committed %lld of %lld\n", sum, ends);
  if (list) rd_kafka_topic_partition_list_destroy(list);
  return result;
}

int main(int argc, char **argv) {
  if (argc < 5)
    return fail("usage", "create BROKERS TOPIC N | wait BROKERS GROUP TOPIC N | offsets BROKERS GROUP TOPIC");
  int is_create = !strcmp(argv[1], "create"), result = 2;
  rd_kafka_t *kafka = connect_to(argv[2], is_create ? "kafka-tool" : argv[3]);
  if (!kafka) return 1;
  if (is_create) result = create(kafka, argv[3], atoi(argv[4]));
  if (!strcmp(argv[1], "wait") && argc > 5) result = wait_for(kafka, argv[4], atoll(argv[5]));
  if (!strcmp(argv[1], "offsets")) result = print_offsets(kafka, argv[4]);
  rd_kafka_destroy(kafka);
  return result;
}
