/* Events from a topic into a sink: each once, whatever sink, coordinator and group do. */
#include "ingest/consumer.h"
#include "tests/ingest/kafka/consuming.h"
#include "tests/ingest/kafka/mock_kafka.h"
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

TestSuite(consumer, .init = consuming_start, .fini = consuming_stop, .timeout = 600);

/* A partition of a topic is a stream of its own, the same whenever it is read. */
Test(consumer, gives_each_partition_a_stream) {
  static fake_sink sinks[3];
  for (int i = 0; i < 3; i++) {
    const char *topic = i < 2 ? "events" : "more-events", *group = i == 1 ? "other-group" : "group";
    solid_consumer_options options = consuming_options(&sinks[i]);
    if (i != 1) mock_kafka_create(&consuming_kafka, topic, 3);
    if (i != 1) mock_kafka_put_events(&consuming_kafka, topic, 3, 0, 30);
    options.topic = topic;
    options.group = group;
    sinks[i].stop_at = 30;
    cr_assert_eq(consuming_run(&sinks[i], &options), SOLID_OK, "%s", solid_last_error());
    cr_assert_eq(sinks[i].n_streams, 3);
  }
  for (int a = 0; a < 3; a++) {
    int same = 0, others = 0;
    for (int b = 0; b < 3; b++) {
      same += sinks[0].streams[a] == sinks[1].streams[b];
      others += sinks[0].streams[a] == sinks[2].streams[b];
    }
    cr_assert(same == 1 && others == 0, "stream %d: %d the same, %d of the other topic", a, same, others);
  }
}

Test(consumer, commits_what_is_stored_and_resumes_there) {
  static fake_sink sink, again;
  mock_kafka_create(&consuming_kafka, "events", 3);
  mock_kafka_put_events(&consuming_kafka, "events", 3, 0, 50);
  sink.stop_at = 50;
  solid_consumer_options options = consuming_options(&sink);
  cr_assert_eq(consuming_run(&sink, &options), SOLID_OK, "%s", solid_last_error());
  consuming_each_once(&sink, 0, 50);
  cr_assert_leq(sink.largest, 16);
  cr_assert_eq(consuming_last.events, 50);
  cr_assert_eq(consuming_last.accepted, 50);
  cr_assert_eq(consuming_last.lag, 0);
  cr_assert_eq(consuming_last.commits, consuming_last.batches);
  cr_assert_eq(mock_kafka_committed(&consuming_kafka, "events", "group", 3), 50);

  mock_kafka_put_events(&consuming_kafka, "events", 3, 50, 10);
  again.stop_at = 10;
  options = consuming_options(&again);
  cr_assert_eq(consuming_run(&again, &options), SOLID_OK, "%s", solid_last_error());
  consuming_each_once(&again, 50, 10);
  cr_assert_eq(mock_kafka_committed(&consuming_kafka, "events", "group", 3), 60);
}

Test(consumer, holds_the_batch_while_the_sink_is_away) {
  static fake_sink sink;
  mock_kafka_create(&consuming_kafka, "events", 2);
  mock_kafka_put_events(&consuming_kafka, "events", 2, 0, 40);
  sink.stop_at = 40;
  sink.away = 5;
  solid_consumer_options options = consuming_options(&sink);
  cr_assert_eq(consuming_run(&sink, &options), SOLID_OK, "%s", solid_last_error());
  consuming_each_once(&sink, 0, 40);
  cr_assert_eq(consuming_last.retries, 5);
  cr_assert_eq(consuming_last.accepted, 40);
  cr_assert_eq(consuming_last.waiting, 0);
  cr_assert_eq(mock_kafka_committed(&consuming_kafka, "events", "group", 2), 40);
}

Test(consumer, ends_with_the_reason_and_commits_only_before_it) {
  static fake_sink sink, again;
  mock_kafka_create(&consuming_kafka, "events", 1);
  mock_kafka_put_events(&consuming_kafka, "events", 1, 0, 40);
  sink.fail_at = 20;
  solid_consumer_options options = consuming_options(&sink);
  cr_assert_eq(consuming_run(&sink, &options), SOLID_EDEVICE);
  cr_assert_str_eq(solid_last_error(), "the device is gone");
  int stored = sink.stored;
  cr_assert_leq(stored, 20);
  cr_assert_eq(mock_kafka_committed(&consuming_kafka, "events", "group", 1), stored);
  again.stop_at = 40 - stored;
  options = consuming_options(&again);
  cr_assert_eq(consuming_run(&again, &options), SOLID_OK, "%s", solid_last_error());
  consuming_each_once(&again, stored, 40 - stored);
}

Test(consumer, gives_up_a_stopped_run_when_the_sink_stays_away) {
  static fake_sink sink;
  mock_kafka_create(&consuming_kafka, "events", 1);
  mock_kafka_put_events(&consuming_kafka, "events", 1, 0, 5);
  sink.away = 1000000;
  solid_consumer_options options = consuming_options(&sink);
  options.drain_ms = 200;
  options.retry_min_ms = options.retry_max_ms = 3600000; /* which the drain does not wait for */
  cr_assert_eq(solid_consumer_open(&sink.consumer, &options), SOLID_OK, "%s", solid_last_error());
  pthread_t thread;
  struct timespec pause = {0, 100000000};
  void *result;
  cr_assert_eq(pthread_create(&thread, NULL, consuming_thread, sink.consumer), 0);
  while (!consuming_last.waiting) nanosleep(&pause, NULL);
  solid_consumer_stop(sink.consumer);
  pthread_join(thread, &result);
  cr_assert_eq((solid_status)(intptr_t)result, SOLID_EIO);
  solid_consumer_close(sink.consumer);
  cr_assert_eq(mock_kafka_committed(&consuming_kafka, "events", "group", 1), 0);
}

/* A commit that the coordinator cannot take now is tried again, without storing the batch again. */
Test(consumer, tries_a_commit_again) {
  static fake_sink sink;
  mock_kafka_create(&consuming_kafka, "events", 1);
  mock_kafka_put_events(&consuming_kafka, "events", 1, 0, 5);
  enum { OFFSET_COMMIT = 8 };
  rd_kafka_mock_push_request_errors(consuming_kafka.cluster, OFFSET_COMMIT, 2, RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE,
                                    RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE);
  sink.stop_at = 5;
  solid_consumer_options options = consuming_options(&sink);
  cr_assert_eq(consuming_run(&sink, &options), SOLID_OK, "%s", solid_last_error());
  consuming_each_once(&sink, 0, 5);
  cr_assert_eq(consuming_last.retries, 2);
  cr_assert_eq(mock_kafka_committed(&consuming_kafka, "events", "group", 1), 5);
}

static void stop_when_assigned(void *user, const solid_ingest_stats *stats) {
  fake_sink *sink = user;
  consuming_last = *stats;
  if (stats->partitions == 2) solid_consumer_stop(sink->consumer);
}

Test(consumer, waits_on_a_topic_without_messages) {
  static fake_sink sink;
  mock_kafka_create(&consuming_kafka, "events", 2);
  solid_consumer_options options = consuming_options(&sink);
  options.on_stats = stop_when_assigned;
  options.stats_user = &sink;
  cr_assert_eq(consuming_run(&sink, &options), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(sink.calls, 0);
  cr_assert_eq(consuming_last.lag, 0);
}

/* Waits up to 300 s until each of the first n events is in one of the sinks. */
static void wait_for(const fake_sink *a, const fake_sink *b, int n) {
  struct timespec pause = {0, 20000000};
  int done = 0;
  for (int i = 0; i < 15000 && done < n; i++) {
    while (done < n && atomic_load(&a->times[done]) + atomic_load(&b->times[done])) done++;
    if (done < n) nanosleep(&pause, NULL);
  }
  cr_assert_eq(done, n, "event %d did not arrive", done);
}

/* `most`: how often an event may be stored. */
static void share_between_two(const char *strategy, int most) {
  static fake_sink a, b;
  enum { PARTITIONS = 4, N = 400 };
  pthread_t threads[2];
  void *result;
  solid_setting settings[QUICK + 1] = {
      consuming_quick[0], consuming_quick[1], {"partition.assignment.strategy", strategy}};
  mock_kafka_create(&consuming_kafka, "events", PARTITIONS);
  mock_kafka_put_events(&consuming_kafka, "events", PARTITIONS, 0, N / 4);
  solid_consumer_options options = consuming_options(&a);
  options.on_stats = NULL;
  options.settings = settings;
  options.n_settings = QUICK + 1;
  cr_assert_eq(solid_consumer_open(&a.consumer, &options), SOLID_OK, "%s", solid_last_error());
  pthread_create(&threads[0], NULL, consuming_thread, a.consumer);
  wait_for(&a, &b, N / 4);
  options.sink_user = &b;
  cr_assert_eq(solid_consumer_open(&b.consumer, &options), SOLID_OK, "%s", solid_last_error());
  pthread_create(&threads[1], NULL, consuming_thread, b.consumer);
  struct timespec pause = {0, 20000000};
  int put = N / 4; /* in small pieces while the group rebalances, until both have had some */
  while (put < N - 20 && (put < N / 2 || !atomic_load(&b.stored))) {
    mock_kafka_put_events(&consuming_kafka, "events", PARTITIONS, put, 4);
    put += 4;
    for (int i = 0; i < 10; i++) nanosleep(&pause, NULL);
  }
  wait_for(&a, &b, put);
  cr_assert_gt(atomic_load(&b.stored), 0, "the second member never got a partition");
  solid_consumer_stop(a.consumer); /* the rest is the second one's alone */
  pthread_join(threads[0], &result);
  cr_assert_eq((solid_status)(intptr_t)result, SOLID_OK);
  mock_kafka_put_events(&consuming_kafka, "events", PARTITIONS, put, 20);
  put += 20;
  wait_for(&a, &b, put);
  solid_consumer_stop(b.consumer);
  pthread_join(threads[1], &result);
  cr_assert_eq((solid_status)(intptr_t)result, SOLID_OK);
  solid_consumer_close(a.consumer);
  solid_consumer_close(b.consumer);
  for (int i = 0; i < put; i++) {
    int times = a.times[i] + b.times[i];
    cr_assert(times >= 1 && times <= most, "event %d: %d and %d times", i, a.times[i], b.times[i]);
  }
  cr_assert_eq(mock_kafka_committed(&consuming_kafka, "events", "group", PARTITIONS), put);
}

/* A commit that meets a running rebalance is refused; its batch is delivered again to whom its partitions go. The
 * positions of its events are there for that; here it only must not be lost. */
Test(consumer, shares_with_a_second_member_eagerly) {
  share_between_two("range", 2);
}

/* Here librdkafka gives up all partitions upon such a refusal, and the rebalance has two steps. */
Test(consumer, shares_with_a_second_member_cooperatively) {
  share_between_two("cooperative-sticky", 3);
}
