/* Which stream a file is: the same again, grown, rotated, another; and what comes through a pipe. */
#include "ingest/file_source.h"
#include "solid/extend.h"
#include "tests/ingest/fake_streams.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { USERS = 40, ROOM = 4000 };

/* A store of marks: an event of a stream is applied when its offset is beyond the mark of that stream. Offsets here are
 * bytes of a line, of which the first is 0. */
typedef struct marks {
  solid_position marks[USERS];
  int count, applied, repeats;
  solid_status fail; /* answered once, after half of the events were applied */
  solid_file_source *source;
  int stop_at; /* stops the source when so many calls were made */
  int calls;
  int repeat_from; /* from this call on all events are said to be applied before; 0 = none */
} marks;

static char folder[] = "/tmp/solid-files-XXXXXX", path[64], other[64];
static fake_streams kept;
static solid_streams streams;
static solid_ingest_stats last;
static char warning[512];

static void start(void) {
  cr_assert(mkdtemp(folder));
  snprintf(path, sizeof path, "%s/events", folder);
  snprintf(other, sizeof other, "%s/events.1", folder);
  streams = fake_streams_of(&kept);
}

static void stop(void) {
  unlink(path);
  unlink(other);
  rmdir(folder);
}

TestSuite(file_streams, .init = start, .fini = stop, .timeout = 600);

static int is_new(marks *m, solid_position position) {
  if (!position.stream) return 1;
  for (int i = 0; i < m->count; i++) {
    if (m->marks[i].stream != position.stream) continue;
    if (position.offset <= m->marks[i].offset) return 0;
    m->marks[i] = position;
    return 1;
  }
  cr_assert_lt(m->count, USERS);
  m->marks[m->count++] = position;
  return 1;
}

static solid_status apply(void *user, const solid_event *events, size_t n, solid_status *verdicts) {
  marks *m = user;
  if (++m->calls == m->stop_at) solid_file_source_stop(m->source);
  for (size_t i = 0; i < n; i++) {
    if (m->fail && i == n / 2) {
      solid_status fail = m->fail;
      m->fail = SOLID_OK;
      return solid_fail(fail, "the store fails");
    }
    int applied = is_new(m, events[i].position) && !(m->repeat_from && m->calls >= m->repeat_from);
    m->applied += applied;
    m->repeats += !applied;
    if (!applied) verdicts[i] = SOLID_EDUPLICATE;
  }
  return SOLID_OK;
}

static void remember(void *user, const solid_ingest_stats *stats) {
  (void)user;
  last = *stats;
}

static void hear(void *user, solid_log_level level, const char *line) {
  (void)user;
  if (level == SOLID_LOG_WARN) snprintf(warning, sizeof warning, "%s", line);
}

/* `mode` as of fopen: "w" or "a". */
static void put(const char *where, const char *mode, int first, int n) {
  FILE *file = fopen(where, mode);
  cr_assert(file);
  for (int i = first; i < first + n; i++)
    fprintf(file, "{\"user\":\"u\",\"item\":%d,\"ts\":%lld}\n", i, 1600000000000LL + i);
  cr_assert_eq(fclose(file), 0);
}

static void put_text(const char *mode, const char *text) {
  FILE *file = fopen(path, mode);
  cr_assert(file);
  fputs(text, file);
  cr_assert_eq(fclose(file), 0);
}

static solid_file_source_options options_for(marks *m, const char *where) {
  solid_file_source_options options = SOLID_FILE_SOURCE_OPTIONS_INIT;
  options.path = where;
  options.batch_size = 4;
  options.sink = apply;
  options.sink_user = m;
  options.retry_min_ms = 1;
  options.retry_max_ms = 2;
  options.on_stats = remember;
  options.streams = &streams;
  options.log = hear;
  return options;
}

static solid_status run_with(marks *m, const solid_file_source_options *options) {
  m->applied = m->repeats = m->calls = 0;
  *warning = 0;
  cr_assert_eq(solid_file_source_open(&m->source, options), SOLID_OK, "%s", solid_last_error());
  solid_status status = solid_file_source_run(m->source);
  solid_file_source_close(m->source);
  return status;
}

static void run(marks *m, const char *where, int applied) {
  solid_file_source_options options = options_for(m, where);
  cr_assert_eq(run_with(m, &options), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(m->applied, applied, "%d applied, %d repeats, want %d", m->applied, m->repeats, applied);
}

Test(file_streams, the_same_file_again_is_read_on) {
  marks m = {0};
  put(path, "w", 0, 10);
  run(&m, path, 10);
  cr_assert_eq(last.new_streams, 1);
  run(&m, path, 0);
  cr_assert(m.calls == 0 && last.new_streams == 0, "nothing is left to read");
  cr_assert_eq(rename(path, other), 0);
  run(&m, other, 0);
  cr_assert_eq(m.calls, 0, "its name says nothing");
}

Test(file_streams, a_grown_file_is_read_on) {
  marks m = {0};
  for (int n = 0; n < 30; n += 6) {
    put(path, n ? "a" : "w", n, 6);
    run(&m, path, 6);
    cr_assert_eq(m.repeats, 0);
  }
}

Test(file_streams, a_rotated_file_is_two) {
  marks m = {0};
  put(path, "w", 0, 10);
  run(&m, path, 10);
  put(path, "a", 10, 3); /* what came before it was rotated */
  cr_assert_eq(rename(path, other), 0);
  put(path, "w", 20, 5);
  run(&m, path, 5);
  run(&m, other, 3);
  run(&m, path, 0);
}

Test(file_streams, another_file_is_another_stream) {
  marks m = {0};
  put(path, "w", 0, 10);
  run(&m, path, 10);
  put(path, "w", 50, 4); /* shorter, and other */
  run(&m, path, 4);
  put(path, "w", 100, 40); /* longer */
  run(&m, path, 40);
  cr_assert_str_empty(warning);
  put(path, "w", 0, 1); /* begins as the first, goes on otherwise */
  put(path, "a", 70, 12);
  run(&m, path, 13);
  cr_assert(strstr(warning, "begins with the same line"), "%s", warning);
  put(path, "w", 0, 10);
  run(&m, path, 0);
}

/* Whether it is the known file without its end, or another one that begins alike, nothing can tell. */
Test(file_streams, a_file_that_lost_its_end_is_not_applied_again) {
  marks m = {0};
  put(path, "w", 0, 10);
  run(&m, path, 10);
  put(path, "w", 0, 6);
  solid_file_source_options options = options_for(&m, path);
  cr_assert_eq(run_with(&m, &options), SOLID_EMISMATCH);
  cr_assert_eq(m.applied, 0);
  cr_assert(strstr(solid_last_error(), path) && strstr(solid_last_error(), "--stream new"), "%s", solid_last_error());
  put(path, "a", 6, 4);
  run(&m, path, 0);
  put(path, "w", 0, 6);
  options.stream_choice = SOLID_STREAM_NEW;
  cr_assert_eq(run_with(&m, &options), SOLID_OK);
  cr_assert_eq(m.applied, 6);
  run(&m, path, 0);
}

Test(file_streams, a_known_file_is_applied_again_when_asked) {
  marks m = {0};
  put(path, "w", 0, 10);
  run(&m, path, 10);
  solid_file_source_options options = options_for(&m, path);
  options.stream_choice = SOLID_STREAM_NEW;
  cr_assert_eq(run_with(&m, &options), SOLID_OK);
  cr_assert_eq(m.applied, 10);
  run(&m, path, 0);
}

/* The last line may not be there in full yet: it is read again when it has grown, and not twice when it has not. */
Test(file_streams, a_line_that_grows_is_read_in_full) {
  marks m = {0};
  put(path, "w", 0, 6);
  put_text("a", "{\"user\":\"u\",\"item\"");
  run(&m, path, 6);
  cr_assert_eq(last.rejected[SOLID_REJECT_NOT_JSON], 1);
  put_text("a", ":7,\"ts\":1600000000000}");
  run(&m, path, 1);
  run(&m, path, 0);
  put_text("a", "\n");
  put(path, "a", 20, 2);
  run(&m, path, 2);
  cr_assert_eq(m.repeats, 0);
}

/* Its name must not hang on a newline that comes later. */
Test(file_streams, a_first_line_that_grows_is_no_other_file) {
  marks m = {0};
  put_text("w", "{\"user\":\"u\",\"item\":7,\"ts\":1600000000000}");
  run(&m, path, 1);
  run(&m, path, 0);
  put_text("a", "\n");
  run(&m, path, 0);
  put(path, "a", 20, 2);
  run(&m, path, 2);
  cr_assert_eq(m.repeats, 0);
}

/* Ended after the sink took a batch and before the store knew: the same bytes come again under the same positions. */
Test(file_streams, a_batch_that_was_half_applied_is_not_doubled) {
  for (int stop_at = 1; stop_at <= 3; stop_at++) {
    marks m = {.fail = SOLID_EMISMATCH};
    memset(&kept, 0, sizeof kept);
    put(path, "w", 100 * stop_at, 11);
    solid_file_source_options options = options_for(&m, path);
    cr_assert_eq(run_with(&m, &options), SOLID_EMISMATCH);
    int before = m.applied;
    cr_assert_gt(before, 0);
    run(&m, path, 11 - before);
    cr_assert_eq(m.repeats, before);
    cr_assert_eq(last.duplicates, (uint64_t)before);
  }
}

Test(file_streams, waits_for_the_place_of_its_streams) {
  marks m = {0};
  put(path, "w", 0, 10);
  kept.away = 5;
  run(&m, path, 10);
  cr_assert_eq(last.retries, 5);
  cr_assert_eq(last.duplicates, 0);
}

/* Nothing is in hand that could be waited for. */
Test(file_streams, a_stop_while_their_place_is_away_is_no_failure) {
  marks m = {0};
  solid_file_source *source = NULL;
  put(path, "w", 0, 10);
  kept.away = 1000;
  solid_file_source_options options = options_for(&m, path);
  cr_assert_eq(solid_file_source_open(&source, &options), SOLID_OK, "%s", solid_last_error());
  solid_file_source_stop(source);
  cr_assert_eq(solid_file_source_run(source), SOLID_OK, "%s", solid_last_error());
  solid_file_source_close(source);
  cr_assert_eq(m.applied, 0);
}

/* Two programs begin with the same file: whoever is second goes by the stream of the first. */
Test(file_streams, the_loser_of_two_takes_the_winners_stream) {
  marks m = {0};
  put(path, "w", 0, 10);
  run(&m, path, 10);
  fake_stream winner = *fake_streams_find(&kept, NULL);
  memset(&kept, 0, sizeof kept);
  kept.rival = &winner;
  run(&m, path, 0);
  cr_assert_eq(m.repeats, 10, "both read all of it, one stream");
  memset(&kept, 0, sizeof kept); /* a rival that read another file with the same first line */
  kept.rival = &winner;
  put(path, "w", 0, 1);
  put(path, "a", 30, 5);
  run(&m, path, 6);
}

static solid_status pipe_in(marks *m, const char *name, int first, int n) {
  put(path, "w", first, n);
  cr_assert(freopen(path, "r", stdin));
  solid_file_source_options options = options_for(m, "-");
  options.stream = name;
  return run_with(m, &options);
}

Test(file_streams, a_pipe_without_a_name_has_no_stream) {
  marks m = {0};
  for (int i = 0; i < 2; i++) {
    cr_assert_eq(pipe_in(&m, NULL, 0, 10), SOLID_OK);
    cr_assert_eq(m.applied, 10);
  }
  cr_assert_eq(kept.count, 0);
}

Test(file_streams, a_pipe_with_a_name_goes_on_where_it_was) {
  marks m = {0};
  cr_assert_eq(pipe_in(&m, "log", 0, 10), SOLID_OK);
  cr_assert_eq(m.applied, 10);
  cr_assert_eq(pipe_in(&m, "log", 0, 13), SOLID_OK);
  cr_assert(m.applied == 3 && m.repeats == 0, "%d and %d", m.applied, m.repeats);
  cr_assert_eq(pipe_in(&m, "other", 0, 10), SOLID_OK);
  cr_assert_eq(m.applied, 10, "the name is what it is");
  cr_assert_eq(pipe_in(&m, "log", 50, 20), SOLID_EMISMATCH);
  cr_assert(strstr(solid_last_error(), "not those that were read under this name"), "%s", solid_last_error());
  cr_assert_eq(pipe_in(&m, "log", 0, 5), SOLID_EMISMATCH, "shorter than what was read");
  cr_assert_eq(m.applied, 0);
}

Test(file_streams, names_what_cannot_be_known) {
  marks m = {0};
  solid_file_source *source = NULL;
  put(path, "w", 0, 1);
  solid_file_source_options options = options_for(&m, path);
  options.stream = "log";
  cr_assert_eq(solid_file_source_open(&source, &options), SOLID_EINVAL);
  cr_assert(strstr(solid_last_error(), "--stream NAME is for standard input"), "%s", solid_last_error());
  options.stream = NULL;
  options.streams = NULL;
  cr_assert_eq(solid_file_source_open(&source, &options), SOLID_EINVAL);
  cr_assert(strstr(solid_last_error(), "no streams"), "%s", solid_last_error());
}

/* Once something new came, a batch of nothing but repeats is a mistake or a second reader. */
Test(file_streams, warns_of_a_batch_that_was_applied) {
  marks m = {.repeat_from = 3};
  put(path, "w", 0, 12);
  run(&m, path, 8);
  cr_assert(strstr(warning, "all 4 events of a batch were applied before"), "%s", warning);
  cr_assert_eq(last.duplicates, 4);
  m = (marks){.repeat_from = 1};
  put(path, "w", 20, 12);
  run(&m, path, 0);
  cr_assert_str_empty(warning, "from the start it may be a restart");
}
