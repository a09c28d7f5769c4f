/* A broker inside the test: librdkafka's mock cluster, with a producer and readers beside it. All calls assert. */
#ifndef TESTS_INGEST_KAFKA_MOCK_KAFKA_H
#define TESTS_INGEST_KAFKA_MOCK_KAFKA_H

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdint.h>

typedef struct mock_kafka {
  rd_kafka_t *rk; /* owns the cluster, and produces */
  rd_kafka_mock_cluster_t *cluster;
  const char *brokers;
} mock_kafka;

typedef struct dead_letter_seen {
  char reason[32], source[64], partition[16], offset[24], payload[128], key[32];
} dead_letter_seen;

mock_kafka mock_kafka_start(void);
void mock_kafka_stop(mock_kafka *kafka);
void mock_kafka_create(mock_kafka *kafka, const char *topic, int partitions);

/* Produces one message and waits for it. partition -1 = by the key. */
void mock_kafka_put(mock_kafka *kafka, const char *topic, int partition, const char *key, const char *payload);

/* Produces n events user "u<i>", item <first + i>, spread over the partitions; waits for all. */
void mock_kafka_put_events(mock_kafka *kafka, const char *topic, int partitions, int first, int n);

/* Sum of the offsets that the group has committed (0 for a partition without). */
int64_t mock_kafka_committed(const mock_kafka *kafka, const char *topic, const char *group, int partitions);

/* Reads up to n messages from partition 0 of the topic, or to its end; returns how many. */
int mock_kafka_read(const mock_kafka *kafka, const char *topic, dead_letter_seen *seen, int n);

#endif
