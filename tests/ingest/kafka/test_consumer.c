#include "ingest/consumer.h"
#include "solid/extend.h"
#include "tests/ingest/fake_streams.h"
#include "tests/ingest/kafka/mock_kafka.h"
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MAX_EVENTS = 1000, MAX_STREAMS = 16 };

/* A sink that remembers what it took, by item number, and follows a script of failures. */
typedef struct fake_sink {
  atomic_int times[MAX_EVENTS]; /* how often event i was stored */
  atomic_int stored;
  int stop_at; /* stops the consumer once so many are stored; 0 = never */
  int away;    /* so many calls answer EIO first */
  int fail_at; /* the call that would store this event ends in EDEVICE; 0 = none */
  int calls, largest;
  solid_consumer *consumer;
  uint64_t streams[MAX_STREAMS];
  int n_streams;
} fake_sink;

/* Streams in the order of their first event. */
static void note_stream(fake_sink *sink, const solid_event *event) {
  int i = 0;
  cr_assert_neq(event->position.stream, 0);
  while (i < sink->n_streams && sink->streams[i] != event->position.stream) i++;
  cr_assert_lt(i, MAX_STREAMS);
  if (i == sink->n_streams) sink->streams[sink->n_streams++] = event->position.stream;
}

static solid_status store(void *user, const solid_event *events, size_t n, solid_status *verdicts) {
  fake_sink *sink = user;
  int number[MAX_EVENTS];
  sink->calls++;
  cr_assert_leq(n, (size_t)MAX_EVENTS);
  if ((int)n > sink->largest) sink->largest = (int)n;
  if (sink->away > 0) {
    sink->away--;
    return solid_fail(SOLID_EIO, "the store is away");
  }
  for (size_t i = 0; i < n; i++) {
    char text[16];
    note_stream(sink, &events[i]);
    snprintf(text, sizeof text, "%.*s", (int)events[i].item.size, events[i].item.data);
    number[i] = atoi(text);
    if (sink->fail_at && number[i] == sink->fail_at) return solid_fail(SOLID_EDEVICE, "the device is gone");
  }
  for (size_t i = 0; i < n; i++) {
    if (number[i] >= MAX_EVENTS) {
      verdicts[i] = SOLID_ENOTFOUND;
      continue;
    }
    atomic_fetch_add(&sink->times[number[i]], 1);
    atomic_fetch_add(&sink->stored, 1);
  }
  if (sink->stop_at && atomic_load(&sink->stored) >= sink->stop_at) solid_consumer_stop(sink->consumer);
  return SOLID_OK;
}

static mock_kafka kafka;
static solid_ingest_stats last;
static fake_streams kept; /* beside all sinks of a test: they stand for one store */
static solid_streams streams;

static void remember(void *user, const solid_ingest_stats *stats) {
  (void)user;
  last = *stats;
}

static void start(void) {
  kafka = mock_kafka_start();
  streams = fake_streams_of(&kept);
}

static void stop(void) {
  mock_kafka_stop(&kafka);
}

TestSuite(consumer, .init = start, .fini = stop, .timeout = 60);

/* The mock lets a group settle for the session timeout less a second. A heartbeat every 3 s, the default, would come
 * too late for such a session wherever a test takes so long. */
enum { QUICK = 2 };
static const solid_setting quick[QUICK] = {{"session.timeout.ms", "3000"}, {"heartbeat.interval.ms", "200"}};

static solid_consumer_options options_for(fake_sink *sink) {
  solid_consumer_options options = SOLID_CONSUMER_OPTIONS_INIT;
  options.brokers = kafka.brokers;
  options.topic = "events";
  options.group = "group";
  options.batch_size = 16;
  options.batch_ms = 50;
  options.sink = store;
  options.sink_user = sink;
  options.settings = quick;
  options.n_settings = QUICK;
  options.retry_min_ms = 20;
  options.retry_max_ms = 100;
  options.stats_ms = 100;
  options.on_stats = remember;
  options.streams = &streams;
  return options;
}

static solid_status run(fake_sink *sink, const solid_consumer_options *options) {
  solid_status status = solid_consumer_open(&sink->consumer, options);
  cr_assert_eq(status, SOLID_OK, "%s", solid_last_error());
  status = solid_consumer_run(sink->consumer);
  solid_consumer_close(sink->consumer);
  return status;
}

static void each_once(const fake_sink *sink, int first, int n) {
  for (int i = 0; i < MAX_EVENTS; i++) {
    int expected = i >= first && i < first + n;
    cr_assert_eq(sink->times[i], expected, "event %d was stored %d times, not %d", i, sink->times[i], expected);
  }
}

/* A partition of a topic is a stream of its own, the same whenever it is read. */
Test(consumer, gives_each_partition_a_stream) {
  static fake_sink sinks[3];
  for (int i = 0; i < 3; i++) {
    const char *topic = i < 2 ? "events" : "more-events", *group = i == 1 ? "other-group" : "group";
    solid_consumer_options options = options_for(&sinks[i]);
    if (i != 1) mock_kafka_create(&kafka, topic, 3);
    if (i != 1) mock_kafka_put_events(&kafka, topic, 3, 0, 30);
    options.topic = topic;
    options.group = group;
    sinks[i].stop_at = 30;
    cr_assert_eq(run(&sinks[i], &options), SOLID_OK, "%s", solid_last_error());
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
  mock_kafka_create(&kafka, "events", 3);
  mock_kafka_put_events(&kafka, "events", 3, 0, 50);
  sink.stop_at = 50;
  solid_consumer_options options = options_for(&sink);
  cr_assert_eq(run(&sink, &options), SOLID_OK, "%s", solid_last_error());
  each_once(&sink, 0, 50);
  cr_assert_leq(sink.largest, 16);
  cr_assert_eq(last.events, 50);
  cr_assert_eq(last.accepted, 50);
  cr_assert_eq(last.lag, 0);
  cr_assert_eq(last.commits, last.batches);
  cr_assert_eq(mock_kafka_committed(&kafka, "events", "group", 3), 50);

  mock_kafka_put_events(&kafka, "events", 3, 50, 10);
  again.stop_at = 10;
  options = options_for(&again);
  cr_assert_eq(run(&again, &options), SOLID_OK, "%s", solid_last_error());
  each_once(&again, 50, 10);
  cr_assert_eq(mock_kafka_committed(&kafka, "events", "group", 3), 60);
}

Test(consumer, holds_the_batch_while_the_sink_is_away) {
  static fake_sink sink;
  mock_kafka_create(&kafka, "events", 2);
  mock_kafka_put_events(&kafka, "events", 2, 0, 40);
  sink.stop_at = 40;
  sink.away = 5;
  solid_consumer_options options = options_for(&sink);
  cr_assert_eq(run(&sink, &options), SOLID_OK, "%s", solid_last_error());
  each_once(&sink, 0, 40);
  cr_assert_eq(last.retries, 5);
  cr_assert_eq(last.accepted, 40);
  cr_assert_eq(last.waiting, 0);
  cr_assert_eq(mock_kafka_committed(&kafka, "events", "group", 2), 40);
}

Test(consumer, ends_with_the_reason_and_commits_only_before_it) {
  static fake_sink sink, again;
  mock_kafka_create(&kafka, "events", 1);
  mock_kafka_put_events(&kafka, "events", 1, 0, 40);
  sink.fail_at = 20;
  solid_consumer_options options = options_for(&sink);
  cr_assert_eq(run(&sink, &options), SOLID_EDEVICE);
  cr_assert_str_eq(solid_last_error(), "the device is gone");
  int stored = sink.stored;
  cr_assert_leq(stored, 20);
  cr_assert_eq(mock_kafka_committed(&kafka, "events", "group", 1), stored);
  again.stop_at = 40 - stored;
  options = options_for(&again);
  cr_assert_eq(run(&again, &options), SOLID_OK, "%s", solid_last_error());
  each_once(&again, stored, 40 - stored);
}

static void *run_thread(void *user) {
  return (void *)(intptr_t)solid_consumer_run(user);
}

Test(consumer, gives_up_a_stopped_run_when_the_sink_stays_away) {
  static fake_sink sink;
  mock_kafka_create(&kafka, "events", 1);
  mock_kafka_put_events(&kafka, "events", 1, 0, 5);
  sink.away = 1000000;
  solid_consumer_options options = options_for(&sink);
  options.drain_ms = 200;
  cr_assert_eq(solid_consumer_open(&sink.consumer, &options), SOLID_OK, "%s", solid_last_error());
  pthread_t thread;
  struct timespec pause = {0, 100000000};
  void *result;
  cr_assert_eq(pthread_create(&thread, NULL, run_thread, sink.consumer), 0);
  while (!last.waiting) nanosleep(&pause, NULL);
  solid_consumer_stop(sink.consumer);
  pthread_join(thread, &result);
  cr_assert_eq((solid_status)(intptr_t)result, SOLID_EIO);
  solid_consumer_close(sink.consumer);
  cr_assert_eq(mock_kafka_committed(&kafka, "events", "group", 1), 0);
}

Test(consumer, buries_what_is_rejected_with_its_reason) {
  static fake_sink sink;
  static const char *const bad[][2] = {{"not_json", "{\"user\":"},
                                       {"no_item", "{\"user\":\"u\",\"ts\":1600000000000}"},
                                       {"unknown_item", "{\"user\":\"u\",\"item\":5000,\"ts\":1600000000000}"},
                                       {"future", "{\"user\":\"u\",\"item\":1,\"ts\":4100000000000}"},
                                       {"empty", NULL}};
  enum { N = sizeof bad / sizeof *bad };
  dead_letter_seen seen[N + 1];
  mock_kafka_create(&kafka, "events", 1);
  mock_kafka_create(&kafka, "events.dead-letter", 1);
  for (int i = 0; i < N; i++) mock_kafka_put(&kafka, "events", 0, "the key", bad[i][1]);
  mock_kafka_put_events(&kafka, "events", 1, 0, 3);
  sink.stop_at = 3;
  solid_consumer_options options = options_for(&sink);
  cr_assert_eq(run(&sink, &options), SOLID_OK, "%s", solid_last_error());
  each_once(&sink, 0, 3);
  cr_assert_eq(last.dead_letters, N);
  cr_assert_eq(last.rejected[SOLID_REJECT_UNKNOWN_ITEM], 1);
  cr_assert_eq(last.rejected[SOLID_REJECT_FUTURE], 1);
  cr_assert_eq(last.events, N + 3);
  cr_assert_eq(last.accepted, 3);
  cr_assert_eq(mock_kafka_committed(&kafka, "events", "group", 1), N + 3);
  cr_assert_eq(mock_kafka_read(&kafka, "events.dead-letter", seen, N + 1), N);
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
  mock_kafka_create(&kafka, "events", 1);
  mock_kafka_create(&kafka, "events.dead-letter", 1);
  mock_kafka_put(&kafka, "events", 0, key, payload);
  mock_kafka_put_events(&kafka, "events", 1, 0, 3);
  sink.stop_at = 3;
  solid_consumer_options options = options_for(&sink);
  cr_assert_eq(run(&sink, &options), SOLID_OK, "%s", solid_last_error());
  each_once(&sink, 0, 3);
  cr_assert_eq(mock_kafka_committed(&kafka, "events", "group", 1), 4);
  cr_assert_eq(mock_kafka_read(&kafka, "events.dead-letter", seen, 2), 1);
  cr_assert_str_eq(seen[0].reason, "too_large");
  cr_assert_str_eq(seen[0].offset, "0");
  free(payload);
  free(key);
}

/* A commit that the coordinator cannot take now is tried again, without storing the batch again. */
Test(consumer, tries_a_commit_again) {
  static fake_sink sink;
  mock_kafka_create(&kafka, "events", 1);
  mock_kafka_put_events(&kafka, "events", 1, 0, 5);
  enum { OFFSET_COMMIT = 8 };
  rd_kafka_mock_push_request_errors(kafka.cluster, OFFSET_COMMIT, 2, RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE,
                                    RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE);
  sink.stop_at = 5;
  solid_consumer_options options = options_for(&sink);
  cr_assert_eq(run(&sink, &options), SOLID_OK, "%s", solid_last_error());
  each_once(&sink, 0, 5);
  cr_assert_eq(last.retries, 2);
  cr_assert_eq(mock_kafka_committed(&kafka, "events", "group", 1), 5);
}

static void stop_when_assigned(void *user, const solid_ingest_stats *stats) {
  fake_sink *sink = user;
  last = *stats;
  if (stats->partitions == 2) solid_consumer_stop(sink->consumer);
}

Test(consumer, waits_on_a_topic_without_messages) {
  static fake_sink sink;
  mock_kafka_create(&kafka, "events", 2);
  solid_consumer_options options = options_for(&sink);
  options.on_stats = stop_when_assigned;
  options.stats_user = &sink;
  cr_assert_eq(run(&sink, &options), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(sink.calls, 0);
  cr_assert_eq(last.lag, 0);
}

static void refused(const solid_consumer_options *options, solid_status expected, const char *text) {
  solid_consumer *consumer = NULL;
  solid_status status = solid_consumer_open(&consumer, options);
  cr_assert_eq(status, expected, "%s: %s", solid_status_name(status), solid_last_error());
  cr_assert_null(consumer);
  cr_assert(strstr(solid_last_error(), text), "'%s' does not name '%s'", solid_last_error(), text);
}

Test(consumer, names_a_broker_that_does_not_answer) {
  static fake_sink sink;
  solid_consumer_options options = options_for(&sink);
  options.brokers = "127.0.0.1:1";
  options.start_ms = 1500;
  refused(&options, SOLID_ETIMEDOUT, "127.0.0.1:1");
}

Test(consumer, names_a_topic_that_does_not_exist) {
  static fake_sink sink;
  solid_consumer_options options = options_for(&sink);
  rd_kafka_mock_topic_set_error(kafka.cluster, "evnets", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
  options.topic = "evnets";
  refused(&options, SOLID_ENOTFOUND, "no topic 'evnets'");
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
  solid_consumer_options options = options_for(&sink);
  mock_kafka_create(&kafka, "events", 1);
  options.dead_letter_topic = "graves";
  options.log = count_warnings;
  options.log_user = missing;
  rd_kafka_mock_topic_set_error(kafka.cluster, "graves", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
  cr_assert_eq(solid_consumer_open(&consumer, &options), SOLID_OK, "%s", solid_last_error());
  solid_consumer_close(consumer);
  cr_assert_eq(warnings, 1);
  rd_kafka_mock_topic_set_error(kafka.cluster, "graves", RD_KAFKA_RESP_ERR_NO_ERROR);
  cr_assert_eq(solid_consumer_open(&consumer, &options), SOLID_OK, "%s", solid_last_error());
  solid_consumer_close(consumer);
  cr_assert_eq(warnings, 1, "the topic is there");
}

Test(consumer, checks_its_options) {
  static fake_sink sink;
  solid_setting setting = {"enable.auto.commit", "true"};
  solid_consumer_options options = options_for(&sink);
  options.settings = &setting;
  options.n_settings = 1;
  refused(&options, SOLID_EINVAL, "kafka.enable.auto.commit: set by the consumer itself");
  setting = (solid_setting){"no.such.thing", "true"};
  refused(&options, SOLID_EINVAL, "kafka.no.such.thing: No such configuration property");
  setting = (solid_setting){"fetch.min.bytes", "-7"};
  refused(&options, SOLID_EINVAL, "kafka.fetch.min.bytes");
  options = options_for(&sink);
  options.dead_letter_topic = "events";
  refused(&options, SOLID_EINVAL, "dead letters would go back to topic events");
  options = options_for(&sink);
  options.brokers = "";
  refused(&options, SOLID_EINVAL, "no brokers");
  options = options_for(&sink);
  options.struct_size = 3;
  refused(&options, SOLID_EINVAL, "struct_size 3");
  cr_assert_eq(solid_consumer_open(NULL, &options), SOLID_EINVAL);
  cr_assert_eq(solid_consumer_run(NULL), SOLID_EINVAL);
  solid_consumer_stop(NULL);
  solid_consumer_close(NULL);
}

/* Waits up to 30 s until each of the first n events is in one of the sinks. */
static void wait_for(const fake_sink *a, const fake_sink *b, int n) {
  struct timespec pause = {0, 20000000};
  int done = 0;
  for (int i = 0; i < 1500 && done < n; i++) {
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
  solid_setting settings[QUICK + 1] = {quick[0], quick[1], {"partition.assignment.strategy", strategy}};
  mock_kafka_create(&kafka, "events", PARTITIONS);
  mock_kafka_put_events(&kafka, "events", PARTITIONS, 0, N / 4);
  solid_consumer_options options = options_for(&a);
  options.on_stats = NULL;
  options.settings = settings;
  options.n_settings = QUICK + 1;
  cr_assert_eq(solid_consumer_open(&a.consumer, &options), SOLID_OK, "%s", solid_last_error());
  pthread_create(&threads[0], NULL, run_thread, a.consumer);
  wait_for(&a, &b, N / 4);
  options.sink_user = &b;
  cr_assert_eq(solid_consumer_open(&b.consumer, &options), SOLID_OK, "%s", solid_last_error());
  pthread_create(&threads[1], NULL, run_thread, b.consumer);
  struct timespec pause = {0, 20000000};
  int put = N / 4; /* in small pieces while the group rebalances, until both have had some */
  while (put < N - 20 && (put < N / 2 || !atomic_load(&b.stored))) {
    mock_kafka_put_events(&kafka, "events", PARTITIONS, put, 4);
    put += 4;
    for (int i = 0; i < 10; i++) nanosleep(&pause, NULL);
  }
  wait_for(&a, &b, put);
  cr_assert_gt(atomic_load(&b.stored), 0, "the second member never got a partition");
  solid_consumer_stop(a.consumer); /* the rest is the second one's alone */
  pthread_join(threads[0], &result);
  cr_assert_eq((solid_status)(intptr_t)result, SOLID_OK);
  mock_kafka_put_events(&kafka, "events", PARTITIONS, put, 20);
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
  cr_assert_eq(mock_kafka_committed(&kafka, "events", "group", PARTITIONS), put);
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
