/* What a consumer keeps of the streams that it reads, and what it makes of what is kept. The broker of mock_kafka
 * cannot make a topic again: here the records change in its place. tests/e2e/streams.sh has the real thing. */
#include "ingest/consumer.h"
#include "ingest/identity/anchor.h"
#include "ingest/kafka/stamp.h"
#include "solid/extend.h"
#include "tests/ingest/kafka/consuming.h"
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

TestSuite(consumer_streams, .init = consuming_start, .fini = consuming_stop, .timeout = 600);

enum { N = 40 };

static char warning[512];

static void hear(void *user, solid_log_level level, const char *line) {
  (void)user;
  if (level == SOLID_LOG_WARN) snprintf(warning, sizeof warning, "%s", line);
}

static solid_consumer_options options_for(fake_sink *sink, const char *group) {
  solid_consumer_options options = consuming_options(sink);
  options.group = group;
  options.log = hear;
  return options;
}

static void fill(int n) {
  mock_kafka_create(&consuming_kafka, "events", 1);
  mock_kafka_put_events(&consuming_kafka, "events", 1, 0, n);
}

/* Reads `n` events as a group of its own. */
static void read_all(fake_sink *sink, const char *group, int n) {
  sink->stop_at = n;
  solid_consumer_options options = options_for(sink, group);
  cr_assert_eq(consuming_run(sink, &options), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(sink->stored, n);
  cr_assert_eq(sink->n_streams, 1);
}

static sol_record record_now(void) {
  sol_record record;
  const fake_stream *stream = fake_streams_find(&consuming_kept, NULL);
  cr_assert_eq(sol_record_read(&record, stream->bytes, stream->size), SOLID_OK, "%s", solid_last_error());
  return record;
}

static void put_record(fake_stream *stream, const sol_record *record) {
  stream->size = sol_record_write(record, (unsigned char *)stream->bytes);
}

Test(consumer_streams, are_kept_before_anything_is_applied) {
  static fake_sink sink;
  fill(N);
  sink.away = 1;
  sink.fail_at = 3;
  solid_consumer_options options = options_for(&sink, "group");
  cr_assert_eq(consuming_run(&sink, &options), SOLID_EDEVICE);
  cr_assert_eq(sink.stored, 0);
  sol_record record = record_now();
  cr_assert(record.stream == sink.streams[0] && record.count == 1 && record.anchors[0].offset == 0);
  static fake_sink again;
  read_all(&again, "group", N);
  record = record_now();
  cr_assert(record.stream == sink.streams[0] && again.streams[0] == record.stream);
  cr_assert_eq(record.anchors[0].offset, N - 1, "kept at the end");
}

Test(consumer_streams, wait_for_the_place_where_they_are_kept) {
  static fake_sink sink;
  fill(N);
  consuming_kept.away = 6;
  read_all(&sink, "group", N);
  cr_assert_geq(consuming_last.retries, 3);
  consuming_each_once(&sink, 0, N);
}

Test(consumer_streams, that_are_others_now_are_read_from_their_beginning) {
  static fake_sink sink, again;
  fill(N);
  read_all(&sink, "group", N);
  sol_record record = record_now();
  for (size_t i = 0; i < record.count; i++) record.anchors[i].hash.low++;
  put_record(fake_streams_find(&consuming_kept, NULL), &record);
  /* The anchor that was committed would still vouch for them. */
  read_all(&again, "without-offsets", N);
  cr_assert_neq(again.streams[0], sink.streams[0]);
  cr_assert_eq(consuming_last.new_streams, 1);
  cr_assert_eq(record_now().stream, again.streams[0]);
}

Test(consumer_streams, whose_end_was_cut_off_are_asked_about) {
  static fake_sink sink, again, chosen;
  fill(N);
  read_all(&sink, "group", N);
  sol_record record = record_now();
  cr_assert_geq(record.count, 2);
  record.anchors[0].offset = 1000;
  put_record(fake_streams_find(&consuming_kept, NULL), &record);
  solid_consumer_options options = options_for(&again, "group");
  cr_assert_eq(consuming_run(&again, &options), SOLID_EMISMATCH);
  cr_assert(strstr(solid_last_error(), "was read up to offset 1000") && strstr(solid_last_error(), "--stream new"),
            "%s", solid_last_error());
  cr_assert_eq(again.calls, 0);
  options = options_for(&chosen, "group");
  options.stream_choice = SOLID_STREAM_NEW;
  chosen.stop_at = N;
  cr_assert_eq(consuming_run(&chosen, &options), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(chosen.stored, N);
  cr_assert_neq(chosen.streams[0], sink.streams[0]);
}

/* The store lost the record, and nothing else: the group's offset says which stream it is. */
Test(consumer_streams, are_vouched_for_by_what_was_committed) {
  static fake_sink sink, again;
  fill(N);
  read_all(&sink, "group", N);
  memset(&consuming_kept, 0, sizeof consuming_kept);
  mock_kafka_put_events(&consuming_kafka, "events", 1, N, 5);
  read_all(&again, "group", 5);
  consuming_each_once(&again, N, 5);
  cr_assert_eq(again.streams[0], sink.streams[0]);
  cr_assert_eq(record_now().stream, sink.streams[0]);
}

/* What a group committed in another stream is no place to go on from. */
Test(consumer_streams, take_no_offset_of_another_stream) {
  static fake_sink sink, again;
  fill(N);
  read_all(&sink, "group", N);
  sol_record record = record_now();
  record.stream++; /* as another consumer would have entered it for a topic that was made again */
  put_record(fake_streams_find(&consuming_kept, NULL), &record);
  read_all(&again, "group", N);
  cr_assert_eq(again.streams[0], record.stream);
}

/* Whoever is second goes by the stream of the first, as its own message is the winner's anchor. */
Test(consumer_streams, of_two_that_begin_the_winner_names_them) {
  static fake_sink sink, again;
  fill(N);
  read_all(&sink, "group", N);
  fake_stream winner = *fake_streams_find(&consuming_kept, NULL);
  memset(&consuming_kept, 0, sizeof consuming_kept);
  consuming_kept.rival = &winner;
  read_all(&again, "other", N);
  cr_assert_eq(again.streams[0], sink.streams[0]);
}

/* The winner read something else: what is in hand is not applied under its name. */
Test(consumer_streams, of_two_that_differ_each_is_its_own) {
  static fake_sink sink;
  static fake_stream winner;
  sol_record record = {.stream = 77};
  fill(N);
  sol_record_add(&record, (sol_anchor){3, 5, {1, 2}});
  put_record(&winner, &record);
  consuming_kept.rival = &winner;
  read_all(&sink, "group", N);
  consuming_each_once(&sink, 0, N);
  cr_assert_neq(sink.streams[0], 77);
  cr_assert_eq(record_now().stream, sink.streams[0]);
}

static uint8_t epoch_seen[16];
static int epochs_asked, epoch_is_lost, epoch_byte = 0xe7;

static solid_status epoch(void *user, const uint8_t *committed, uint8_t *out) {
  (void)user;
  epochs_asked++;
  if (committed) memcpy(epoch_seen, committed, sizeof epoch_seen);
  if (committed && (epoch_is_lost || committed[0] != epoch_byte)) return solid_fail(SOLID_ELOST, "the store lost it");
  memset(out, epoch_byte, 16);
  return SOLID_OK;
}

Test(consumer_streams, go_on_only_in_the_store_that_was_filled) {
  static fake_sink sink, lost, rebuilt;
  solid_streams streams = fake_streams_of(&consuming_kept);
  streams.epoch = epoch;
  fill(N);
  sink.stop_at = N;
  solid_consumer_options options = options_for(&sink, "group");
  options.streams = &streams;
  cr_assert_eq(consuming_run(&sink, &options), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(epochs_asked, 1);
  epoch_is_lost = 1;
  options = options_for(&lost, "group");
  options.streams = &streams;
  cr_assert_eq(consuming_run(&lost, &options), SOLID_ELOST);
  cr_assert(epoch_seen[0] == 0xe7 && epoch_seen[15] == 0xe7);
  cr_assert_eq(lost.calls, 0);
  epoch_byte = 0x11; /* begun anew: all of it is read again, as the same stream */
  options = options_for(&rebuilt, "group");
  options.streams = &streams;
  options.rebuild = 1;
  rebuilt.stop_at = N;
  cr_assert_eq(consuming_run(&rebuilt, &options), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(rebuilt.stored, N);
  cr_assert_eq(rebuilt.streams[0], sink.streams[0]);
}

static solid_status refuse(void *user, const solid_event *events, size_t n, solid_status *verdicts) {
  (void)user, (void)events, (void)n, (void)verdicts;
  return solid_fail(SOLID_EDEVICE, "the device is gone");
}

/* A rebuild that ends before anything is stored has told the group all the same: the next start goes on with it. */
Test(consumer_streams, a_rebuild_need_not_be_asked_for_twice) {
  static fake_sink sink, cut, next;
  solid_streams streams = fake_streams_of(&consuming_kept);
  streams.epoch = epoch;
  fill(N);
  sink.stop_at = N;
  solid_consumer_options options = options_for(&sink, "group");
  options.streams = &streams;
  cr_assert_eq(consuming_run(&sink, &options), SOLID_OK, "%s", solid_last_error());
  epoch_byte = 0x11;
  options = options_for(&cut, "group");
  options.streams = &streams;
  options.rebuild = 1;
  options.sink = refuse;
  cr_assert_eq(consuming_run(&cut, &options), SOLID_EDEVICE, "%s", solid_last_error());
  options = options_for(&next, "group");
  options.streams = &streams;
  next.stop_at = N;
  cr_assert_eq(consuming_run(&next, &options), SOLID_OK, "%s", solid_last_error());
  consuming_each_once(&next, 0, N);
}

Test(consumer_streams, are_adopted_under_the_number_that_they_had) {
  static fake_sink sink, other;
  fill(N);
  sink.stop_at = N;
  solid_consumer_options options = options_for(&sink, "group");
  options.adopt_marks = 1;
  cr_assert_eq(consuming_run(&sink, &options), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(sink.streams[0], solid_consumer_adopted_stream(options.topic, 0));
  cr_assert_neq(solid_consumer_adopted_stream("a", 0), solid_consumer_adopted_stream("b", 0));
  cr_assert_neq(solid_consumer_adopted_stream("a", 0), solid_consumer_adopted_stream("a", 1));
  other.stop_at = N;
  options = options_for(&other, "another");
  cr_assert_eq(consuming_run(&other, &options), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(other.streams[0], sink.streams[0], "once known, it needs no option");
}

/* The sink says of every event after the first batches that it was applied. */
static solid_status repeat(void *user, const solid_event *events, size_t n, solid_status *verdicts) {
  fake_sink *sink = user;
  (void)events;
  for (size_t i = 0; i < n && sink->stored >= 20; i++) verdicts[i] = SOLID_EDUPLICATE;
  sink->stored += (int)n;
  if (sink->stored >= sink->stop_at) solid_consumer_stop(sink->consumer);
  return SOLID_OK;
}

Test(consumer_streams, that_repeat_without_a_restart_are_warned_about) {
  static fake_sink sink;
  fill(N);
  sink.stop_at = N;
  solid_consumer_options options = options_for(&sink, "group");
  options.sink = repeat;
  options.batch_size = 10;
  cr_assert_eq(consuming_run(&sink, &options), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(consuming_last.duplicates, N - 20);
  cr_assert(strstr(warning, "kafka topic events [0], stream "), "%s", warning);
  cr_assert(strstr(warning, "all 10 events of a batch were applied before"), "%s", warning);
}

static int was_waiting;

static void see_waiting(void *user, const solid_ingest_stats *stats) {
  (void)user;
  consuming_last = *stats;
  if (stats->waiting) was_waiting = 1;
}

/* The coordinator answers no commit: the run says so and ends drain_ms after the stop, not when the answer comes. */
Test(consumer_streams, commits_are_not_waited_for_for_ever) {
  static fake_sink sink;
  enum { OFFSET_COMMIT = 8, AWAY_MS = 600000 };
  pthread_t thread;
  void *result;
  struct timespec pause = {0, 50000000};
  fill(5);
  rd_kafka_mock_broker_push_request_error_rtts(consuming_kafka.cluster, 1, OFFSET_COMMIT, 3, RD_KAFKA_RESP_ERR_NO_ERROR,
                                               AWAY_MS, RD_KAFKA_RESP_ERR_NO_ERROR, AWAY_MS, RD_KAFKA_RESP_ERR_NO_ERROR,
                                               AWAY_MS);
  solid_consumer_options options = options_for(&sink, "group");
  options.drain_ms = 500;
  options.on_stats = see_waiting;
  cr_assert_eq(solid_consumer_open(&sink.consumer, &options), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(pthread_create(&thread, NULL, consuming_thread, sink.consumer), 0);
  while (!was_waiting) nanosleep(&pause, NULL);
  cr_assert_eq(sink.stored, 5);
  solid_consumer_stop(sink.consumer);
  pthread_join(thread, &result);
  cr_assert_eq((solid_status)(intptr_t)result, SOLID_EIO);
  solid_consumer_close(sink.consumer);
}
