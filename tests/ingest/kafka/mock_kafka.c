#include "tests/ingest/kafka/mock_kafka.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static rd_kafka_t *handle(rd_kafka_type_t type, const char *brokers, const char *group) {
  char text[192];
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  if (brokers) cr_assert_eq(rd_kafka_conf_set(conf, "bootstrap.servers", brokers, text, sizeof text), 0, "%s", text);
  if (group) cr_assert_eq(rd_kafka_conf_set(conf, "group.id", group, text, sizeof text), 0, "%s", text);
  if (group) cr_assert_eq(rd_kafka_conf_set(conf, "enable.partition.eof", "true", text, sizeof text), 0, "%s", text);
  rd_kafka_t *rk = rd_kafka_new(type, conf, text, sizeof text);
  cr_assert(rk, "%s", text);
  return rk;
}

mock_kafka mock_kafka_start(void) {
  mock_kafka kafka;
  char text[192];
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  cr_assert_eq(rd_kafka_conf_set(conf, "test.mock.num.brokers", "1", text, sizeof text), 0, "%s", text);
  kafka.rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
  cr_assert(kafka.rk, "%s", text);
  kafka.cluster = rd_kafka_handle_mock_cluster(kafka.rk);
  cr_assert(kafka.cluster);
  kafka.brokers = rd_kafka_mock_cluster_bootstraps(kafka.cluster);
  return kafka;
}

void mock_kafka_stop(mock_kafka *kafka) {
  rd_kafka_destroy(kafka->rk);
}

void mock_kafka_create(mock_kafka *kafka, const char *topic, int partitions) {
  cr_assert_eq(rd_kafka_mock_topic_create(kafka->cluster, topic, partitions, 1), 0);
}

static void put(mock_kafka *kafka, const char *topic, int partition, const char *key, const char *payload) {
  char *key_copy = strdup(key), *value = payload ? strdup(payload) : NULL; /* the call takes what is not const */
  rd_kafka_resp_err_t err = rd_kafka_producev(
      kafka->rk, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(partition), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
      RD_KAFKA_V_KEY(key_copy, strlen(key_copy)), RD_KAFKA_V_VALUE(value, value ? strlen(value) : 0), RD_KAFKA_V_END);
  cr_assert_eq(err, 0, "%s", rd_kafka_err2str(err));
  free(key_copy);
  free(value);
}

void mock_kafka_put(mock_kafka *kafka, const char *topic, int partition, const char *key, const char *payload) {
  put(kafka, topic, partition, key, payload);
  cr_assert_eq(rd_kafka_flush(kafka->rk, 10000), 0);
}

void mock_kafka_put_events(mock_kafka *kafka, const char *topic, int partitions, int first, int n) {
  char key[16], payload[96];
  for (int i = first; i < first + n; i++) {
    snprintf(key, sizeof key, "u%d", i);
    snprintf(payload, sizeof payload, "{\"user\":\"u%d\",\"item\":%d,\"event\":\"view\",\"ts\":%lld}", i, i,
             1600000000000LL + i);
    put(kafka, topic, i % partitions, key, payload);
  }
  cr_assert_eq(rd_kafka_flush(kafka->rk, 10000), 0);
}

int64_t mock_kafka_committed(const mock_kafka *kafka, const char *topic, const char *group, int partitions) {
  rd_kafka_t *rk = handle(RD_KAFKA_CONSUMER, kafka->brokers, group);
  rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(partitions);
  rd_kafka_topic_partition_list_add_range(list, topic, 0, partitions - 1);
  rd_kafka_resp_err_t err = rd_kafka_committed(rk, list, 10000);
  cr_assert_eq(err, 0, "%s", rd_kafka_err2str(err));
  int64_t sum = 0;
  for (int i = 0; i < partitions; i++)
    if (list->elems[i].offset > 0) sum += list->elems[i].offset;
  rd_kafka_topic_partition_list_destroy(list);
  rd_kafka_destroy(rk);
  return sum;
}

static void copy_header(const rd_kafka_message_t *message, const char *name, char *out, size_t room) {
  rd_kafka_headers_t *headers;
  const void *value;
  size_t size;
  cr_assert_eq(rd_kafka_message_headers(message, &headers), 0);
  cr_assert_eq(rd_kafka_header_get_last(headers, name, &value, &size), 0, "no header %s", name);
  snprintf(out, room, "%.*s", (int)size, (const char *)value);
}

int mock_kafka_read(const mock_kafka *kafka, const char *topic, dead_letter_seen *seen, int n) {
  rd_kafka_t *rk = handle(RD_KAFKA_CONSUMER, kafka->brokers, "reader");
  rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(list, topic, 0)->offset = 0;
  cr_assert_eq(rd_kafka_assign(rk, list), 0);
  rd_kafka_topic_partition_list_destroy(list);
  int count = 0, ended = 0;
  while (count < n && !ended) {
    rd_kafka_message_t *message = rd_kafka_consumer_poll(rk, 30000);
    cr_assert(message, "%s: neither a message nor its end in 30 s", topic);
    ended = message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
    if (!message->err) {
      dead_letter_seen *s = &seen[count++];
      copy_header(message, "reason", s->reason, sizeof s->reason);
      copy_header(message, "source-topic", s->source, sizeof s->source);
      copy_header(message, "source-partition", s->partition, sizeof s->partition);
      copy_header(message, "source-offset", s->offset, sizeof s->offset);
      snprintf(s->payload, sizeof s->payload, "%.*s", (int)message->len, (const char *)message->payload);
      snprintf(s->key, sizeof s->key, "%.*s", (int)message->key_len, (const char *)message->key);
    }
    rd_kafka_message_destroy(message);
  }
  rd_kafka_consumer_close(rk);
  rd_kafka_destroy(rk);
  return count;
}
