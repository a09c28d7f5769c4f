/* What a consumer refuses: events, which it buries, and options, brokers and topics, which it names. */
#include "ingest/consumer.h"
#include "tests/ingest/kafka/consuming.h"
#include "tests/ingest/kafka/mock_kafka.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Test(consumer, buries_what_is_rejected_with_its_reason) {
  static fake_sink sink;
  static const char *const bad[][2] = {{"not_json", "{\"user\":"},
                                       {"no_item", "{\"user\":\"u\",\"ts\":1600000000000}"},
                                       {"unknown_item", "{\"user\":\"u\",\"item\":5000,\"ts\":1600000000000}"},
                                       {"future", "{\"user\":\"u\",\"item\":1,\"ts\":4100000000000}"},
                                       {"empty", NULL}};
  enum { N = sizeof bad / sizeof *bad };
  dead_letter_seen seen[N + 1];
  mock_kafka_create(&consuming_kafka, "events", 1);
  mock_kafka_create(&consuming_kafka, "events.dead-letter", 1);
  for (int i = 0; i < N; i++) mock_kafka_put(&consuming_kafka, "events", 0, "the key", bad[i][1]);
  mock_kafka_put_events(&consuming_kafka, "events", 1, 0, 3);
  sink.stop_at = 3;
  solid_consumer_options options = consuming_options(&sink);
  cr_assert_eq(consuming_run(&sink, &options), SOLID_OK, "%s", solid_last_error());
  consuming_each_once(&sink, 0, 3);
  cr_assert_eq(consuming_last.dead_letters, N);
  cr_assert_eq(consuming_last.rejected[SOLID_REJECT_UNKNOWN_ITEM], 1);
  cr_assert_eq(consuming_last.rejected[SOLID_REJECT_FUTURE], 1);
  cr_assert_eq(consuming_last.events, N + 3);
  cr_assert_eq(consuming_last.accepted, 3);
  cr_assert_eq(mock_kafka_committed(&consuming_kafka, "events", "group", 1), N + 3);
  cr_assert_eq(mock_kafka_read(&consuming_kafka, "events.dead-letter", seen, N + 1), N);
  for (int i = 0; i < N; i++) {
    char offset[16];
    snprintf(offset, sizeof offset, "%d", i);
    cr_assert_str_eq(seen[i].reason, bad[i][0]);
    cr_assert_str_eq(seen[i].payload, bad[i][1] ? bad[i][1] : "");
    cr_assert_str_eq(seen[i].key, "the key");
    cr_assert_str_eq(seen[i].source, "events");
    cr_assert_str_eq(seen[i].partition, "0");
    cr_assert_str_eq(seen[i].offset, offset);
  }
}

/* With the headers, the largest message that the producer sends would be too large for it. */
Test(consumer, buries_the_largest_message) {
  enum { SIZE = 999150 };
  static fake_sink sink;
  dead_letter_seen seen[2];
  char *payload = calloc(SIZE + 1, 1), *key = calloc(800, 1);
  memset(payload, 'x', SIZE);
  memset(key, 'k', 799);
  mock_kafka_create(&consuming_kafka, "events", 1);
  mock_kafka_create(&consuming_kafka, "events.dead-letter", 1);
  mock_kafka_put(&consuming_kafka, "events", 0, key, payload);
  mock_kafka_put_events(&consuming_kafka, "events", 1, 0, 3);
  sink.stop_at = 3;
  solid_consumer_options options = consuming_options(&sink);
  cr_assert_eq(consuming_run(&sink, &options), SOLID_OK, "%s", solid_last_error());
  consuming_each_once(&sink, 0, 3);
  cr_assert_eq(mock_kafka_committed(&consuming_kafka, "events", "group", 1), 4);
  cr_assert_eq(mock_kafka_read(&consuming_kafka, "events.dead-letter", seen, 2), 1);
  cr_assert_str_eq(seen[0].reason, "too_large");
  cr_assert_str_eq(seen[0].offset, "0");
  free(payload);
  free(key);
}

Test(consumer, names_a_broker_that_does_not_answer) {
  static fake_sink sink;
  solid_consumer_options options = consuming_options(&sink);
  options.brokers = "127.0.0.1:1";
  options.start_ms = 1500;
  consuming_refused(&options, SOLID_ETIMEDOUT, "127.0.0.1:1");
}

Test(consumer, names_a_topic_that_does_not_exist) {
  static fake_sink sink;
  solid_consumer_options options = consuming_options(&sink);
  rd_kafka_mock_topic_set_error(consuming_kafka.cluster, "evnets", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
  options.topic = "evnets";
  consuming_refused(&options, SOLID_ENOTFOUND, "no topic 'evnets'");
}

static int warnings;

static void count_warnings(void *user, solid_log_level level, const char *line) {
  warnings += level == SOLID_LOG_WARN && strstr(line, user) != NULL;
}

/* Said at the start, and no reason not to start: the stream may be without fault. */
Test(consumer, warns_at_the_start_of_a_dead_letter_topic_that_is_missing) {
  static fake_sink sink;
  static char missing[] = "dead-letter topic 'graves'";
  solid_consumer *consumer = NULL;
  solid_consumer_options options = consuming_options(&sink);
  mock_kafka_create(&consuming_kafka, "events", 1);
  options.dead_letter_topic = "graves";
  options.log = count_warnings;
  options.log_user = missing;
  rd_kafka_mock_topic_set_error(consuming_kafka.cluster, "graves", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
  cr_assert_eq(solid_consumer_open(&consumer, &options), SOLID_OK, "%s", solid_last_error());
  solid_consumer_close(consumer);
  cr_assert_eq(warnings, 1);
  rd_kafka_mock_topic_set_error(consuming_kafka.cluster, "graves", RD_KAFKA_RESP_ERR_NO_ERROR);
  cr_assert_eq(solid_consumer_open(&consumer, &options), SOLID_OK, "%s", solid_last_error());
  solid_consumer_close(consumer);
  cr_assert_eq(warnings, 1, "the topic is there");
}

Test(consumer, checks_its_options) {
  static fake_sink sink;
  solid_setting setting = {"enable.auto.commit", "true"};
  solid_consumer_options options = consuming_options(&sink);
  options.settings = &setting;
  options.n_settings = 1;
  consuming_refused(&options, SOLID_EINVAL, "kafka.enable.auto.commit: set by the consumer itself");
  setting = (solid_setting){"no.such.thing", "true"};
  consuming_refused(&options, SOLID_EINVAL, "kafka.no.such.thing: No such configuration property");
  setting = (solid_setting){"fetch.min.bytes", "-7"};
  consuming_refused(&options, SOLID_EINVAL, "kafka.fetch.min.bytes");
  options = consuming_options(&sink);
  options.dead_letter_topic = "events";
  consuming_refused(&options, SOLID_EINVAL, "dead letters would go back to topic events");
  options = consuming_options(&sink);
  options.brokers = "";
  consuming_refused(&options, SOLID_EINVAL, "no brokers");
  options = consuming_options(&sink);
  options.struct_size = 3;
  consuming_refused(&options, SOLID_EINVAL, "struct_size 3");
  cr_assert_eq(solid_consumer_open(NULL, &options), SOLID_EINVAL);
  cr_assert_eq(solid_consumer_run(NULL), SOLID_EINVAL);
  solid_consumer_stop(NULL);
  solid_consumer_close(NULL);
}

/* A dead-letter topic that does not take what is rejected holds the stream, and no event is given to the sink twice. */
Test(consumer, holds_what_cannot_be_buried) {
  static fake_sink sink;
  enum { PRODUCE = 0 };
  mock_kafka_create(&consuming_kafka, "events", 1);
  mock_kafka_create(&consuming_kafka, "events.dead-letter", 1);
  mock_kafka_put(&consuming_kafka, "events", 0, "key", "no event");
  mock_kafka_put_events(&consuming_kafka, "events", 1, 0, 3);
  rd_kafka_mock_push_request_errors(consuming_kafka.cluster, PRODUCE, 2, RD_KAFKA_RESP_ERR_INVALID_RECORD,
                                    RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
  sink.stop_at = 3;
  solid_consumer_options options = consuming_options(&sink);
  cr_assert_eq(consuming_run(&sink, &options), SOLID_OK, "%s", solid_last_error());
  consuming_each_once(&sink, 0, 3);
  cr_assert_geq(consuming_last.retries, 2); /* the client asks for the topic before it tries again */
  cr_assert_eq(consuming_last.dead_letters, 1);
  cr_assert_eq(consuming_last.unburied, 0);
  cr_assert_eq(mock_kafka_committed(&consuming_kafka, "events", "group", 1), 4);
}

Test(consumer, counts_what_cannot_be_buried_when_told_so) {
  static fake_sink sink;
  enum { PRODUCE = 0 };
  mock_kafka_create(&consuming_kafka, "events", 1);
  mock_kafka_create(&consuming_kafka, "events.dead-letter", 1);
  for (int i = 0; i < 2; i++) mock_kafka_put(&consuming_kafka, "events", 0, "key", "no event");
  mock_kafka_put_events(&consuming_kafka, "events", 1, 0, 3);
  rd_kafka_mock_push_request_errors(consuming_kafka.cluster, PRODUCE, 1, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
  sink.stop_at = 3;
  solid_consumer_options options = consuming_options(&sink);
  options.dead_letter_failure = SOLID_DEAD_LETTER_COUNT;
  cr_assert_eq(consuming_run(&sink, &options), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(consuming_last.retries, 0);
  cr_assert_eq(consuming_last.dead_letters + consuming_last.unburied, 2);
  cr_assert_geq(consuming_last.unburied, 1);
  cr_assert_eq(mock_kafka_committed(&consuming_kafka, "events", "group", 1), 5);
}
