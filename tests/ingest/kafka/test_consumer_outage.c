/* Brokers that go and come back: each outage is told, whether anything was delivered since the last one or not. */
#include "ingest/consumer.h"
#include "solid/base/clock.h"
#include "tests/ingest/kafka/consuming.h"
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

TestSuite(consumer_outage, .init = consuming_start, .fini = consuming_stop, .timeout = 600);

enum { PATIENCE_MS = 120000, STEP_MS = 20, BROKER = 1 };

static atomic_int gone, back, silent;
static atomic_int waiting;
static char last_warning[512];

static void hear(void *user, solid_log_level level, const char *line) {
  (void)user;
  if (level == SOLID_LOG_WARN && strstr(line, "no broker answers")) atomic_fetch_add(&gone, 1);
  if (level == SOLID_LOG_WARN && strstr(line, "kafka.max.poll.interval.ms")) atomic_fetch_add(&silent, 1);
  if (level == SOLID_LOG_INFO && strstr(line, "goes on after")) atomic_fetch_add(&back, 1);
  if (level == SOLID_LOG_WARN) snprintf(last_warning, sizeof last_warning, "%s", line);
}

static void note(void *user, const solid_ingest_stats *stats) {
  (void)user;
  atomic_store(&waiting, stats->waiting);
}

static void until(const atomic_int *value, int wanted, const char *what) {
  for (int64_t end_ms = sol_steady_ms() + PATIENCE_MS; atomic_load(value) < wanted; sol_sleep_ms(STEP_MS))
    cr_assert_lt(sol_steady_ms(), end_ms, "%s: %d, not %d; last warning: %s", what, atomic_load(value), wanted,
                 last_warning);
}

static void until_committed(int64_t events, int partitions) {
  for (int64_t end_ms = sol_steady_ms() + PATIENCE_MS;
       mock_kafka_committed(&consuming_kafka, "events", "group", partitions) < events; sol_sleep_ms(STEP_MS))
    cr_assert_lt(sol_steady_ms(), end_ms, "%ld events are not committed", (long)events);
}

Test(consumer_outage, is_told_each_time_and_loses_nothing) {
  static fake_sink sink;
  solid_setting settings[QUICK + 1] = {consuming_quick[0], consuming_quick[1], {"reconnect.backoff.max.ms", "200"}};
  pthread_t thread;
  void *result;
  mock_kafka_create(&consuming_kafka, "events", 2);
  mock_kafka_put_events(&consuming_kafka, "events", 2, 0, 6);
  solid_consumer_options options = consuming_options(&sink);
  options.settings = settings;
  options.n_settings = QUICK + 1;
  options.log = hear;
  options.on_stats = note;
  cr_assert_eq(solid_consumer_open(&sink.consumer, &options), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(pthread_create(&thread, NULL, consuming_thread, sink.consumer), 0);
  until(&sink.stored, 6, "events");
  until_committed(6, 2); /* else the first outage is told as one of a commit */
  for (int outage = 1; outage <= 3; outage++) {
    rd_kafka_mock_broker_set_down(consuming_kafka.cluster, BROKER);
    until(&gone, outage, "outages that were told");
    until(&waiting, 1, "the gauge of waiting");
    rd_kafka_mock_broker_set_up(consuming_kafka.cluster, BROKER);
    until(&back, outage, "recoveries that were told");
    cr_assert_eq(atomic_load(&gone), outage, "once an outage");
  }
  mock_kafka_put_events(&consuming_kafka, "events", 2, 6, 6);
  until(&sink.stored, 12, "events");
  cr_assert_eq(atomic_load(&waiting), 0);
  solid_consumer_stop(sink.consumer);
  pthread_join(thread, &result);
  cr_assert_eq((solid_status)(intptr_t)result, SOLID_OK);
  solid_consumer_close(sink.consumer);
  consuming_each_once(&sink, 0, 12);
  cr_assert_eq(mock_kafka_committed(&consuming_kafka, "events", "group", 2), 12);
}

/* With nothing in hand there is nothing to wait for. */
Test(consumer_outage, does_not_keep_a_consumer_from_its_stop) {
  static fake_sink sink;
  pthread_t thread;
  void *result;
  mock_kafka_create(&consuming_kafka, "events", 1);
  mock_kafka_put_events(&consuming_kafka, "events", 1, 0, 3);
  solid_consumer_options options = consuming_options(&sink);
  options.log = hear;
  options.on_stats = note;
  options.drain_ms = 1000;
  cr_assert_eq(solid_consumer_open(&sink.consumer, &options), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(pthread_create(&thread, NULL, consuming_thread, sink.consumer), 0);
  until(&sink.stored, 3, "events");
  until_committed(3, 1);
  rd_kafka_mock_broker_set_down(consuming_kafka.cluster, BROKER);
  until(&gone, 1, "outages that were told");
  solid_consumer_stop(sink.consumer);
  pthread_join(thread, &result);
  cr_assert_eq((solid_status)(intptr_t)result, SOLID_OK, "%s", solid_status_name((solid_status)(intptr_t)result));
  cr_assert_eq(atomic_load(&back), 0, "nothing is back");
  solid_consumer_close(sink.consumer);
}

static atomic_int slow_calls;
static solid_sink_fn quick;

static solid_status take_slowly(void *user, const solid_event *events, size_t n, solid_status *verdicts) {
  if (!atomic_fetch_add(&slow_calls, 1)) sol_sleep_ms(5000);
  return quick(user, events, n, verdicts);
}

/* The group gives the partitions to others; what was stored and could not be committed comes again. */
Test(consumer_outage, of_a_sink_that_is_too_slow_for_its_group_is_told) {
  static fake_sink sink;
  solid_setting settings[QUICK + 1] = {consuming_quick[0], consuming_quick[1], {"max.poll.interval.ms", "3000"}};
  mock_kafka_create(&consuming_kafka, "events", 1);
  mock_kafka_put_events(&consuming_kafka, "events", 1, 0, 6);
  solid_consumer_options options = consuming_options(&sink);
  quick = options.sink;
  options.sink = take_slowly;
  options.settings = settings;
  options.n_settings = QUICK + 1;
  options.batch_size = 2;
  options.log = hear;
  sink.stop_at = 8; /* two of them twice */
  cr_assert_eq(consuming_run(&sink, &options), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(atomic_load(&silent), 1, "last warning: %s", last_warning);
  for (int i = 0; i < 6; i++) cr_assert_eq(sink.times[i], i < 2 ? 2 : 1, "event %d: %d times", i, sink.times[i]);
  cr_assert_eq(mock_kafka_committed(&consuming_kafka, "events", "group", 1), 6);
}

/* A message is read whole, however little is asked for at once. */
Test(consumer_outage, none_comes_of_a_message_larger_than_a_fetch) {
  static fake_sink sink;
  enum { SIZE = 200000 };
  static char payload[SIZE + 1];
  solid_setting settings[QUICK + 1] = {consuming_quick[0], consuming_quick[1], {"fetch.message.max.bytes", "1000"}};
  memset(payload, 'x', SIZE);
  mock_kafka_create(&consuming_kafka, "events", 1);
  mock_kafka_create(&consuming_kafka, "events.dead-letter", 1);
  mock_kafka_put_events(&consuming_kafka, "events", 1, 0, 3);
  mock_kafka_put(&consuming_kafka, "events", 0, "key", payload);
  mock_kafka_put_events(&consuming_kafka, "events", 1, 3, 3);
  solid_consumer_options options = consuming_options(&sink);
  options.settings = settings;
  options.n_settings = QUICK + 1;
  sink.stop_at = 6;
  cr_assert_eq(consuming_run(&sink, &options), SOLID_OK, "%s", solid_last_error());
  consuming_each_once(&sink, 0, 6);
  cr_assert_eq(consuming_last.rejected[SOLID_REJECT_TOO_LARGE], 1);
  cr_assert_eq(mock_kafka_committed(&consuming_kafka, "events", "group", 1), 7);
}

/* A broker that does not take the user's password closes the connection or says so; either way the settings are named.
 */
Test(consumer_outage, of_a_user_that_the_broker_does_not_know_is_told) {
  static fake_sink sink;
  solid_setting settings[] = {{"security.protocol", "sasl_plaintext"},
                              {"sasl.mechanism", "PLAIN"},
                              {"sasl.username", "solid"},
                              {"sasl.password", "wrong"}};
  solid_consumer_options options = consuming_options(&sink);
  options.settings = settings;
  options.n_settings = sizeof settings / sizeof *settings;
  options.start_ms = 10000;
  consuming_refused(&options, SOLID_EINVAL, "kafka.sasl.password");
}
