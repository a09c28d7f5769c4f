#include "ingest/file_source.h"
#include "solid/extend.h"
#include "tests/ingest/fake_streams.h"
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

enum { MAX_EVENTS = 100 };

typedef struct fake_sink {
  solid_position positions[MAX_EVENTS];
  int stored, calls, away;
  solid_status fail; /* answered by call number fail_call */
  int fail_call, stop_call;
  solid_file_source *replay;
  uint64_t rejected_lines[8];
  int rejected;
} fake_sink;

static char path[64];
static solid_ingest_stats last;
static fake_streams kept;
static solid_streams streams;

static void write_file(const char *text) {
  strcpy(path, "/tmp/solid-replay-XXXXXX");
  int fd = mkstemp(path);
  cr_assert_geq(fd, 0);
  cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
  close(fd);
}

static void write_events(int n) {
  static char text[MAX_EVENTS * 64];
  size_t size = 0;
  for (int i = 0; i < n; i++)
    size += (size_t)snprintf(text + size, sizeof text - size, "{\"user\":\"u\",\"item\":%d,\"ts\":%lld}\n", i,
                             1600000000000LL + i);
  write_file(text);
}

static void start(void) {
  streams = fake_streams_of(&kept);
}

static void remove_file(void) {
  if (*path) unlink(path);
}

TestSuite(replay, .init = start, .fini = remove_file, .timeout = 600);

static solid_status store(void *user, const solid_event *events, size_t n, solid_status *verdicts) {
  fake_sink *sink = user;
  (void)verdicts;
  sink->calls++;
  if (sink->stop_call == sink->calls) solid_file_source_stop(sink->replay);
  if (sink->away > 0) {
    sink->away--;
    return solid_fail(SOLID_ETIMEDOUT, "the store is away");
  }
  if (sink->fail_call == sink->calls) return solid_fail(sink->fail, "the sink is broken");
  for (size_t i = 0; i < n; i++) {
    cr_assert_lt(sink->stored, MAX_EVENTS);
    sink->positions[sink->stored++] = events[i].position;
  }
  return SOLID_OK;
}

static void on_stats(void *user, const solid_ingest_stats *stats) {
  (void)user;
  last = *stats;
}

static void on_reject(void *user, uint64_t number, solid_bytes line, solid_reject reject) {
  fake_sink *sink = user;
  cr_assert_neq(reject, SOLID_REJECT_NONE);
  cr_assert_gt(line.size, 0);
  sink->rejected_lines[sink->rejected++] = number;
}

static solid_file_source_options options_for(fake_sink *sink) {
  solid_file_source_options options = SOLID_FILE_SOURCE_OPTIONS_INIT;
  options.path = path;
  options.batch_size = 8;
  options.sink = store;
  options.sink_user = sink;
  options.retry_min_ms = 1;
  options.retry_max_ms = 4;
  options.on_stats = on_stats;
  options.on_reject = on_reject;
  options.user = sink;
  options.streams = &streams;
  return options;
}

static solid_status run(fake_sink *sink) {
  solid_file_source_options options = options_for(sink);
  options.drain_ms = 100;
  cr_assert_eq(solid_file_source_open(&sink->replay, &options), SOLID_OK, "%s", solid_last_error());
  solid_status status = solid_file_source_run(sink->replay);
  solid_file_source_close(sink->replay);
  return status;
}

static void in_order(const fake_sink *sink, int n) {
  cr_assert_eq(sink->stored, n);
  for (int i = 1; i < n; i++) {
    cr_assert_eq(sink->positions[i].stream, sink->positions[0].stream, "event %d", i);
    cr_assert_gt(sink->positions[i].offset, sink->positions[i - 1].offset, "event %d", i);
  }
}

Test(replay, reads_to_the_end_in_batches) {
  fake_sink sink = {0};
  write_events(20);
  cr_assert_eq(run(&sink), SOLID_OK, "%s", solid_last_error());
  in_order(&sink, 20);
  cr_assert_eq(sink.calls, 3);
  cr_assert_eq(last.events, 20);
  cr_assert_eq(last.accepted, 20);
  cr_assert_eq(last.lag, -1);
}

/* Of an hour between two tries a stop leaves what the drain has. */
Test(replay, a_stop_is_not_waited_past) {
  fake_sink sink = {.away = 1000, .stop_call = 1};
  write_events(8);
  solid_file_source_options options = options_for(&sink);
  options.retry_min_ms = options.retry_max_ms = 3600000;
  options.drain_ms = 100;
  cr_assert_eq(solid_file_source_open(&sink.replay, &options), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(solid_file_source_run(sink.replay), SOLID_ETIMEDOUT);
  solid_file_source_close(sink.replay);
  cr_assert_eq(sink.stored, 0);
}

Test(replay, names_the_lines_that_are_rejected) {
  fake_sink sink = {0};
  write_file("{\"user\":\"u\",\"item\":1,\"ts\":1600000000001}\n\n  "
             "\nnonsense\r\n{\"user\":\"u\",\"item\":2,\"ts\":1600000000001}\r\n{\"user\":\"u\"}");
  cr_assert_eq(run(&sink), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(sink.stored, 2);
  cr_assert_eq(sink.positions[1].offset, sizeof "{\"user\":\"u\",\"item\":1,\"ts\":1600000000001}" + 1 + 3 + 10,
               "the byte at which its line begins");
  cr_assert_eq(sink.rejected, 2);
  cr_assert_eq(sink.rejected_lines[0], 4);
  cr_assert_eq(sink.rejected_lines[1], 6);
  cr_assert_eq(last.rejected[SOLID_REJECT_NOT_JSON], 1);
  cr_assert_eq(last.rejected[SOLID_REJECT_NO_ITEM], 1);
  cr_assert_eq(last.events, 4);
}

/* Its end is never seen in full, and what is behind it keeps its place. */
Test(replay, keeps_no_more_of_a_line_than_an_event_has) {
  enum { LONG = 1 << 20 };
  static char text[LONG + 200];
  for (int with_nul = 0; with_nul < 2; with_nul++) {
    fake_sink sink = {0};
    memset(text, 'x', LONG);
    if (with_nul) text[10] = 0;
    snprintf(text + LONG, 200, "\n{\"user\":\"u\",\"item\":1,\"ts\":1600000000001}\n");
    write_file("");
    FILE *file = fopen(path, "w");
    cr_assert(file && fwrite(text, 1, LONG + strlen(text + LONG), file) > LONG && fclose(file) == 0);
    cr_assert_eq(run(&sink), SOLID_OK, "%s", solid_last_error());
    cr_assert_eq(last.rejected[SOLID_REJECT_TOO_LARGE], 1);
    cr_assert_eq(sink.stored, 1);
    cr_assert_eq(sink.positions[0].offset, LONG + 1);
    sink = (fake_sink){0};
    cr_assert_eq(run(&sink), SOLID_OK);
    cr_assert_eq(sink.calls, 0, "all of it was read before");
    unlink(path);
  }
}

Test(replay, a_byte_order_mark_is_no_part_of_the_first_line) {
  fake_sink sink = {0};
  write_file("\xef\xbb\xbf{\"user\":\"u\",\"item\":1,\"ts\":1600000000001}\n"
             "\xef\xbb\xbf{\"user\":\"u\",\"item\":1,\"ts\":1600000000001}\n");
  cr_assert_eq(run(&sink), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(sink.stored, 1);
  cr_assert_eq(last.rejected[SOLID_REJECT_NOT_JSON], 1);
}

Test(replay, offers_a_batch_again_while_the_sink_is_away) {
  fake_sink sink = {.away = 4};
  write_events(10);
  cr_assert_eq(run(&sink), SOLID_OK, "%s", solid_last_error());
  in_order(&sink, 10);
  cr_assert_eq(last.retries, 4);
}

Test(replay, ends_with_the_sinks_reason) {
  fake_sink sink = {.fail = SOLID_EMISMATCH, .fail_call = 2};
  write_events(20);
  cr_assert_eq(run(&sink), SOLID_EMISMATCH);
  cr_assert_str_eq(solid_last_error(), "the sink is broken");
  cr_assert_eq(last.waiting, 0, "it is waited for nothing");
  in_order(&sink, 8);
}

Test(replay, stores_the_batch_in_hand_when_stopped) {
  fake_sink sink = {.stop_call = 2};
  write_events(30);
  cr_assert_eq(run(&sink), SOLID_OK, "%s", solid_last_error());
  in_order(&sink, 16);
}

Test(replay, gives_up_when_stopped_and_the_sink_stays_away) {
  fake_sink sink = {.stop_call = 1, .away = 1000000};
  write_events(3);
  cr_assert_eq(run(&sink), SOLID_ETIMEDOUT);
  cr_assert_eq(sink.stored, 0);
}

static solid_file_source *interrupted;

static void stop_replay(int number) {
  (void)number;
  solid_file_source_stop(interrupted);
}

/* Nothing comes from a pipe that stays open: the signal itself has to end the read. */
Test(replay, ends_when_a_signal_stops_it_in_the_middle_of_a_read) {
  static const char event[] = "{\"user\":\"u\",\"item\":1,\"ts\":1600000000001}\n";
  fake_sink sink = {0};
  struct sigaction action = {.sa_handler = stop_replay};
  int ends[2];
  cr_assert_eq(pipe(ends), 0);
  cr_assert_eq(write(ends[1], event, sizeof event - 1), (ssize_t)sizeof event - 1);
  cr_assert_eq(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
  solid_file_source_options options = options_for(&sink);
  options.path = "-";
  cr_assert_eq(solid_file_source_open(&interrupted, &options), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(sigaction(SIGALRM, &action, NULL), 0);
  struct itimerval often = {{0, 100000}, {0, 100000}}; /* the first may come before the read */
  cr_assert_eq(setitimer(ITIMER_REAL, &often, NULL), 0);
  cr_assert_eq(solid_file_source_run(interrupted), SOLID_OK, "%s", solid_last_error());
  often = (struct itimerval){{0, 0}, {0, 0}};
  cr_assert_eq(setitimer(ITIMER_REAL, &often, NULL), 0);
  cr_assert_eq(sink.stored, 1, "what had come is stored");
  solid_file_source_close(interrupted);
}

Test(replay, a_line_without_end_ends_with_a_stop) {
  fake_sink sink = {0};
  struct sigaction action = {.sa_handler = stop_replay};
  solid_file_source_options options = options_for(&sink);
  options.path = "/dev/zero";
  cr_assert_eq(solid_file_source_open(&interrupted, &options), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(sigaction(SIGALRM, &action, NULL), 0);
  alarm(1);
  cr_assert_eq(solid_file_source_run(interrupted), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(last.rejected[SOLID_REJECT_TOO_LARGE], 1);
  solid_file_source_close(interrupted);
}

static int slow_end; /* of a pipe that its writer leaves open */

/* What is there is delivered although the writer has said the next line by half; then it says the rest and goes. */
static solid_status store_slowly(void *user, const solid_event *events, size_t n, solid_status *verdicts) {
  static const char rest[] = "\"item\":3,\"ts\":1600000000003}\n";
  fake_sink *sink = user;
  solid_status status = store(user, events, n, verdicts);
  if (sink->calls == 1) {
    cr_assert_eq(n, 2);
    cr_assert_eq(write(slow_end, rest, sizeof rest - 1), (ssize_t)sizeof rest - 1);
    close(slow_end);
  }
  return status;
}

static int reports;

static void count_reports(void *user, const solid_ingest_stats *stats) {
  static const char two[] = "{\"user\":\"u\",\"item\":1,\"ts\":1600000000001}\n"
                            "{\"user\":\"u\",\"item\":2,\"ts\":1600000000002}\n{\"user\":\"u\",";
  (void)user;
  last = *stats;
  if (reports++) return; /* the first one comes while nothing has: the writer begins now */
  cr_assert_eq(write(slow_end, two, sizeof two - 1), (ssize_t)sizeof two - 1);
}

Test(replay, a_slow_pipe_is_not_waited_for) {
  fake_sink sink = {0};
  int ends[2];
  cr_assert_eq(pipe(ends), 0);
  slow_end = ends[1];
  cr_assert_eq(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
  solid_file_source *source = NULL;
  solid_file_source_options options = options_for(&sink);
  options.path = "-";
  options.batch_size = 256;
  options.batch_ms = 30;
  options.stats_ms = 100;
  options.sink = store_slowly;
  options.on_stats = count_reports;
  cr_assert_eq(solid_file_source_open(&source, &options), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(solid_file_source_run(source), SOLID_OK, "%s", solid_last_error());
  cr_assert(sink.calls == 2 && sink.stored == 3, "%d events in %d batches", sink.stored, sink.calls);
  cr_assert_eq(last.accepted, 3);
  solid_file_source_close(source);
}

Test(replay, takes_an_empty_file) {
  fake_sink sink = {0};
  write_file("");
  cr_assert_eq(run(&sink), SOLID_OK);
  cr_assert_eq(sink.calls, 0);
}

static void refused(const solid_file_source_options *options, solid_status expected, const char *text) {
  solid_file_source *replay = NULL;
  cr_assert_eq(solid_file_source_open(&replay, options), expected);
  cr_assert_null(replay);
  cr_assert(strstr(solid_last_error(), text), "%s", solid_last_error());
}

Test(replay, names_what_cannot_be_read) {
  fake_sink sink = {0};
  solid_file_source_options options = options_for(&sink);
  options.path = "/no/such/file";
  refused(&options, SOLID_EIO, "/no/such/file: No such file");
  options.path = "/tmp";
  refused(&options, SOLID_EIO, "/tmp: is a folder: give a file in it");
  strcpy(path, "/proc/self/mem"); /* opens, but its first bytes cannot be read */
  cr_assert_eq(run(&sink), SOLID_EIO);
  cr_assert(strstr(solid_last_error(), "/proc/self/mem:1: Input/output error"), "%s", solid_last_error());
  *path = 0;
}

Test(replay, says_what_compressed_events_want) {
  fake_sink sink = {0};
  write_events(1);
  FILE *file = fopen(path, "w");
  cr_assert_not_null(file);
  fputs("\x1f\x8b\x08", file);
  fclose(file);
  solid_file_source_options options = options_for(&sink);
  refused(&options, SOLID_EFORMAT, "compressed with gzip");
}

Test(replay, checks_its_options) {
  fake_sink sink = {0};
  solid_file_source_options options = options_for(&sink);
  options.sink = NULL;
  refused(&options, SOLID_EINVAL, "no path or no sink");
  options = options_for(&sink);
  options.batch_size = 0;
  refused(&options, SOLID_EINVAL, "batch_size is 0");
  options = options_for(&sink);
  options.retry_max_ms = 0;
  refused(&options, SOLID_EINVAL, "retry_min_ms 1, retry_max_ms 0");
  options.struct_size = 1;
  refused(&options, SOLID_EINVAL, "struct_size 1");
  cr_assert_eq(solid_file_source_open(NULL, &options), SOLID_EINVAL);
  cr_assert_eq(solid_file_source_run(NULL), SOLID_EINVAL);
  solid_file_source_stop(NULL);
  solid_file_source_close(NULL);
}
