#include "tests/ingest/kafka/consuming.h"
#include "ingest/consumer.h"
#include "solid/extend.h"
#include "tests/ingest/kafka/mock_kafka.h"
#include <criterion/criterion.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

mock_kafka consuming_kafka;
solid_ingest_stats consuming_last;
fake_streams consuming_kept;
static solid_streams streams;

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
    cr_assert_gt(events[i].taken_ms, INT64_C(1600000000000), "the broker's time of event %zu is not known", i);
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

static void remember(void *user, const solid_ingest_stats *stats) {
  (void)user;
  int64_t sum = 0;
  for (uint32_t i = 0; i < stats->n_lags; i++) sum += stats->lags[i].lag;
  if (stats->lag >= 0 && stats->partitions) {
    cr_assert_eq(stats->n_lags, (uint32_t)stats->partitions, "lags of %u of %d partitions", stats->n_lags,
                 (int)stats->partitions);
    cr_assert_eq(sum, stats->lag, "the partitions' lags are not the whole");
  }
  cr_assert_eq(stats->commit_ns > 0, stats->commits > 0);
  consuming_last = *stats;
}

void consuming_start(void) {
  consuming_kafka = mock_kafka_start();
  streams = fake_streams_of(&consuming_kept);
}

void consuming_stop(void) {
  mock_kafka_stop(&consuming_kafka);
}

const solid_setting consuming_quick[QUICK] = {{"session.timeout.ms", "3000"}, {"heartbeat.interval.ms", "200"}};

solid_consumer_options consuming_options(fake_sink *sink) {
  solid_consumer_options options = SOLID_CONSUMER_OPTIONS_INIT;
  options.brokers = consuming_kafka.brokers;
  options.topic = "events";
  options.group = "group";
  options.batch_size = 16;
  options.batch_ms = 50;
  options.sink = store;
  options.sink_user = sink;
  options.settings = consuming_quick;
  options.n_settings = QUICK;
  options.retry_min_ms = 20;
  options.retry_max_ms = 100;
  options.stats_ms = 100;
  options.on_stats = remember;
  options.streams = &streams;
  return options;
}

solid_status consuming_run(fake_sink *sink, const solid_consumer_options *options) {
  solid_status status = solid_consumer_open(&sink->consumer, options);
  cr_assert_eq(status, SOLID_OK, "%s", solid_last_error());
  status = solid_consumer_run(sink->consumer);
  solid_consumer_close(sink->consumer);
  return status;
}

void *consuming_thread(void *user) {
  return (void *)(intptr_t)solid_consumer_run(user);
}

void consuming_each_once(const fake_sink *sink, int first, int n) {
  for (int i = 0; i < MAX_EVENTS; i++) {
    int expected = i >= first && i < first + n;
    cr_assert_eq(sink->times[i], expected, "event %d was stored %d times, not %d", i, sink->times[i], expected);
  }
}

void consuming_refused(const solid_consumer_options *options, solid_status expected, const char *text) {
  solid_consumer *consumer = NULL;
  solid_status status = solid_consumer_open(&consumer, options);
  cr_assert_eq(status, expected, "%s: %s", solid_status_name(status), solid_last_error());
  cr_assert_null(consumer);
  cr_assert(strstr(solid_last_error(), text), "'%s' does not name '%s'", solid_last_error(), text);
}
