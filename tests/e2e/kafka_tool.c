/* What the end-to-end tests need of Kafka and kcat does not do.
 *
 *   kafka_tool create BROKERS TOPIC PARTITIONS [NAME=VALUE]...   makes the topic, with these settings
 *   kafka_tool delete BROKERS TOPIC                 until it is gone
 *   kafka_tool grow BROKERS TOPIC PARTITIONS        the topic has so many from now on
 *   kafka_tool put BROKERS TOPIC FIRST COUNT SEED   events FIRST .. of 20 users, as the seed has them, with times of
 *                                                   their own: the same again are the same messages; prints
 *                                                   "user TAB item TAB time" of each
 *   kafka_tool expire BROKERS TOPIC OFFSET          deletes the records of partition 0 before the offset
 *   kafka_tool wait BROKERS GROUP TOPIC COUNT       until the group has committed COUNT messages, or 900 s are over
 *   kafka_tool offsets BROKERS GROUP TOPIC          "partition committed end" a line, then the two sums; 1 unless equal
 */
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TIMEOUT_MS = 120000, PATIENCE_S = 900, MAX_PARTITIONS = 64 };

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

/* Waits for the answer to an admin request, which is judged by `judge`. */
static int answered(rd_kafka_queue_t *queue, const char *topic, rd_kafka_resp_err_t (*judge)(rd_kafka_event_t *event)) {
  rd_kafka_event_t *event = rd_kafka_queue_poll(queue, TIMEOUT_MS);
  rd_kafka_resp_err_t err = !event ? RD_KAFKA_RESP_ERR__TIMED_OUT : rd_kafka_event_error(event);
  if (!err) err = judge(event);
  if (event) rd_kafka_event_destroy(event);
  rd_kafka_queue_destroy(queue);
  return err ? fail(topic, rd_kafka_err2str(err)) : 0;
}

static rd_kafka_resp_err_t judge_create(rd_kafka_event_t *event) {
  size_t n;
  const rd_kafka_topic_result_t **made =
      rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &n);
  return rd_kafka_topic_result_error(made[0]);
}

static int create(rd_kafka_t *kafka, const char *topic, int partitions, char **settings) {
  char why[256];
  rd_kafka_NewTopic_t *wanted = rd_kafka_NewTopic_new(topic, partitions, 1, why, sizeof why);
  rd_kafka_queue_t *queue = rd_kafka_queue_new(kafka);
  for (; *settings; settings++) {
    char *value = strchr(*settings, '=');
    if (!value) return fail(*settings, "want NAME=VALUE");
    *value++ = 0;
    rd_kafka_NewTopic_set_config(wanted, *settings, value);
  }
  rd_kafka_CreateTopics(kafka, &wanted, 1, NULL, queue);
  int result = answered(queue, topic, judge_create);
  rd_kafka_NewTopic_destroy(wanted);
  return result;
}

static rd_kafka_resp_err_t judge_grow(rd_kafka_event_t *event) {
  size_t n;
  const rd_kafka_topic_result_t **grown =
      rd_kafka_CreatePartitions_result_topics(rd_kafka_event_CreatePartitions_result(event), &n);
  return rd_kafka_topic_result_error(grown[0]);
}

static int grow(rd_kafka_t *kafka, const char *topic, int partitions) {
  char why[256];
  rd_kafka_NewPartitions_t *wanted = rd_kafka_NewPartitions_new(topic, (size_t)partitions, why, sizeof why);
  if (!wanted) return fail(topic, why);
  rd_kafka_queue_t *queue = rd_kafka_queue_new(kafka);
  rd_kafka_CreatePartitions(kafka, &wanted, 1, NULL, queue);
  int result = answered(queue, topic, judge_grow);
  rd_kafka_NewPartitions_destroy(wanted);
  return result;
}

static rd_kafka_resp_err_t judge_delete(rd_kafka_event_t *event) {
  size_t n;
  const rd_kafka_topic_result_t **gone =
      rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event), &n);
  return rd_kafka_topic_result_error(gone[0]);
}

static int delete_topic(rd_kafka_t *kafka, const char *topic) {
  rd_kafka_DeleteTopic_t *unwanted = rd_kafka_DeleteTopic_new(topic);
  rd_kafka_queue_t *queue = rd_kafka_queue_new(kafka);
  rd_kafka_DeleteTopics(kafka, &unwanted, 1, NULL, queue);
  int result = answered(queue, topic, judge_delete);
  rd_kafka_DeleteTopic_destroy(unwanted);
  return result;
}

static rd_kafka_resp_err_t judge_expire(rd_kafka_event_t *event) {
  const rd_kafka_topic_partition_list_t *list =
      rd_kafka_DeleteRecords_result_offsets(rd_kafka_event_DeleteRecords_result(event));
  return list->elems[0].err;
}

static int expire(rd_kafka_t *kafka, const char *topic, long long offset) {
  rd_kafka_topic_partition_list_t *before = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(before, topic, 0)->offset = offset;
  rd_kafka_DeleteRecords_t *records = rd_kafka_DeleteRecords_new(before);
  rd_kafka_queue_t *queue = rd_kafka_queue_new(kafka);
  rd_kafka_DeleteRecords(kafka, &records, 1, NULL, queue);
  int result = answered(queue, topic, judge_expire);
  rd_kafka_DeleteRecords_destroy(records);
  rd_kafka_topic_partition_list_destroy(before);
  return result;
}

static int put(const char *brokers, const char *topic, int first, int count, int seed) {
  char why[256], user[16], item[16], event[128];
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  rd_kafka_conf_set(conf, "bootstrap.servers", brokers, NULL, 0);
  rd_kafka_conf_set(conf, "enable.idempotence", "false", NULL, 0);
  rd_kafka_t *kafka = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
  if (!kafka) return fail(brokers, why);
  rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR_NO_ERROR;
  for (int i = first; !err && i < first + count; i++) {
    int64_t ms = 1690000000000 + i;
    int user_size = snprintf(user, sizeof user, "u%d", i % 20);
    snprintf(item, sizeof item, "item-%d", (i / 20 + 7 * i + 11 * seed) % 40);
    int size = snprintf(event, sizeof event, "{\"user\": \"%s\", \"item\": \"%s\", \"event\": \"view\", \"ts\": %lld}",
                        user, item, (long long)ms);
    err = rd_kafka_producev(kafka, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                            RD_KAFKA_V_KEY(user, user_size), RD_KAFKA_V_VALUE(event, size), RD_KAFKA_V_TIMESTAMP(ms),
                            RD_KAFKA_V_END);
    printf("%s\t%s\t%lld\n", user, item, (long long)ms);
  }
  if (!err) err = rd_kafka_flush(kafka, TIMEOUT_MS);
  rd_kafka_destroy(kafka);
  return err ? fail(topic, rd_kafka_err2str(err)) : 0;
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
  const char *what = argc > 3 ? argv[1] : "";
  if (argc < 4)
    return fail("usage", "create|grow|delete|put|expire BROKERS TOPIC ... | wait|offsets BROKERS GROUP TOPIC ...");
  int is_of_group = !strcmp(what, "wait") || !strcmp(what, "offsets"), result = 2;
  if (!strcmp(what, "put") && argc == 7) return put(argv[2], argv[3], atoi(argv[4]), atoi(argv[5]), atoi(argv[6]));
  rd_kafka_t *kafka = connect_to(argv[2], is_of_group ? argv[3] : "kafka-tool");
  if (!kafka) return 1;
  if (!strcmp(what, "create") && argc > 4) result = create(kafka, argv[3], atoi(argv[4]), argv + 5);
  if (!strcmp(what, "grow") && argc == 5) result = grow(kafka, argv[3], atoi(argv[4]));
  if (!strcmp(what, "delete")) result = delete_topic(kafka, argv[3]);
  if (!strcmp(what, "expire") && argc == 5) result = expire(kafka, argv[3], atoll(argv[4]));
  if (!strcmp(what, "wait") && argc > 5) result = wait_for(kafka, argv[4], atoll(argv[5]));
  if (!strcmp(what, "offsets") && argc > 4) result = print_offsets(kafka, argv[4]);
  rd_kafka_destroy(kafka);
  return result;
}
