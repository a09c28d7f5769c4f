#include "ingest/file_source.h"
#include "ingest/intake/intake.h"
#include "ingest/intake/line_reader.h"
#include "solid/base/backoff.h"
#include "solid/base/clock.h"
#include "solid/base/handshake.h"
#include "solid/extend.h"
#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  STEP_MS = 50, /* how soon a stop is noticed */
  NAME_MOST = 200,
  WARN_MS = 60000
};

struct solid_file_source {
  solid_file_source_options options;
  sol_line_reader in; /* its `known` is owned here: NULL = no stream */
  int read_errno;     /* of the failure that ended the file, 0 = none */
  int is_fresh;       /* an event that was not applied before came */
  int64_t warned_ms;
  sol_intake intake;
  sol_line *lines;       /* (batch_size) */
  sol_payload *payloads; /* (batch_size), borrowed from lines */
  solid_ingest_stats stats;
  sol_reporter reporter;
  atomic_int stopped;
};

static solid_status check(const solid_file_source_options *o) {
  if (!o->path || !o->sink) return solid_fail(SOLID_EINVAL, "file source: no path or no sink");
  if (o->batch_ms < 0 || o->batch_ms > INT32_MAX)
    return solid_fail(SOLID_EINVAL, "file source: batch_ms %lld", (long long)o->batch_ms);
  if (!o->batch_size) return solid_fail(SOLID_EINVAL, "file source: batch_size is 0");
  if (o->retry_min_ms < 1 || o->retry_max_ms < o->retry_min_ms)
    return solid_fail(SOLID_EINVAL, "file source: retry_min_ms %lld, retry_max_ms %lld", (long long)o->retry_min_ms,
                      (long long)o->retry_max_ms);
  return SOLID_OK;
}

static solid_status open_known(solid_file_source *source) {
  const solid_file_source_options *o = &source->options;
  const char *name = o->stream && *o->stream ? o->stream : NULL;
  if (source->in.is_file && name)
    return solid_fail(SOLID_EINVAL, "%s: a file is known by what is in it: --stream NAME is for standard input",
                      o->path);
  if (!source->in.is_file && !name) return SOLID_OK;
  if (name && strlen(name) > NAME_MOST)
    return solid_fail(SOLID_EINVAL, "file source: name of a stream of %zu bytes, %d are the most", strlen(name),
                      NAME_MOST);
  if (!o->streams || !o->streams->load || !o->streams->save)
    return solid_fail(SOLID_EINVAL, "%s: no streams: what is read could not be told from what is read again", o->path);
  sol_known_file_options known = {.streams = o->streams,
                                  .path = source->in.is_file ? o->path : NULL,
                                  .name = name,
                                  .is_new = o->stream_choice == SOLID_STREAM_NEW,
                                  .take = sol_line_reader_take,
                                  .take_user = &source->in,
                                  .log = o->log,
                                  .log_user = o->log_user};
  return sol_known_file_open(&source->in.known, &known);
}

solid_file_source_options solid_file_source_options_default(void) {
  return (solid_file_source_options)SOLID_FILE_SOURCE_OPTIONS_INIT;
}

solid_status solid_file_source_open(solid_file_source **out, const solid_file_source_options *options) {
  solid_file_source_options all = SOLID_FILE_SOURCE_OPTIONS_INIT;
  if (!out || !options) return solid_fail(SOLID_EINVAL, "file source: an argument is NULL");
  solid_status status = sol_struct_take(&all, sizeof all, options, "file source options");
  options = &all;
  if (status == SOLID_OK) status = check(options);
  if (status != SOLID_OK) return status;
  solid_file_source *source = calloc(1, sizeof *source);
  if (!source) return solid_fail(SOLID_ENOMEM, "file source: out of memory");
  source->options = *options;
  source->reporter = (sol_reporter){options->on_stats, options->user, options->stats_ms, sol_steady_ms(), 0};
  source->stats.lag = -1;
  source->lines = calloc(options->batch_size, sizeof *source->lines);
  source->payloads = calloc(options->batch_size, sizeof *source->payloads);
  if (!source->lines || !source->payloads)
    status = solid_fail(SOLID_ENOMEM, "file source: out of memory");
  else
    status =
        sol_intake_open(&source->intake, options->sink, options->sink_user, options->max_future_ms, options->worth);
  if (status == SOLID_OK) status = sol_line_reader_open(&source->in, options->path, &source->stopped);
  if (status == SOLID_OK) status = open_known(source);
  if (status != SOLID_OK) {
    solid_file_source_close(source);
    return status;
  }
  *out = source;
  return SOLID_OK;
}

void solid_file_source_close(solid_file_source *source) {
  if (!source) return;
  for (size_t i = 0; source->lines && i < source->options.batch_size; i++) free(source->lines[i].text);
  free(source->lines);
  free(source->payloads);
  sol_intake_close(&source->intake);
  sol_known_file_close(source->in.known);
  sol_line_reader_close(&source->in);
  free(source);
}

void solid_file_source_stop(solid_file_source *source) {
  if (source) atomic_store(&source->stopped, 1);
}

static void report_if_due(solid_file_source *source) {
  int64_t now_ms = sol_steady_ms();
  if (now_ms - source->reporter.last_ms >= source->options.stats_ms)
    sol_report(&source->reporter, &source->stats, now_ms);
}

/* A byte order mark stands before the first line of a file alone. */
static size_t mark_before(const sol_line *l, uint64_t start) {
  return start == 0 && l->size >= 3 && !memcmp(l->text, "\xef\xbb\xbf", 3) ? 3 : 0;
}

/* 1 when a line of the pipe is there; 0: not by deadline_ms, or a stop came first. Without a deadline it reports
 * meanwhile. */
static int wait_for_line(solid_file_source *source, int64_t deadline_ms) {
  if (deadline_ms) return sol_piped_has_line(&source->in.piped, deadline_ms);
  while (!atomic_load(&source->stopped)) {
    if (sol_piped_has_line(&source->in.piped, sol_steady_ms() + STEP_MS)) return 1;
    report_if_due(source);
  }
  return 0;
}

/* Reads up to batch_size lines that are not blank; from a pipe those that come within batch_ms of the first. */
static solid_status read_batch(solid_file_source *source, size_t *n) {
  int64_t deadline_ms = 0;
  *n = 0;
  errno = 0;
  while (*n < source->options.batch_size && !atomic_load(&source->stopped)) {
    sol_line *l = &source->lines[*n];
    int is_there = 0;
    if (!source->in.is_file && !wait_for_line(source, *n ? deadline_ms : 0)) break;
    uint64_t start = source->in.at;
    solid_status status = sol_line_reader_next(&source->in, l, &is_there);
    if (status != SOLID_OK) return status;
    if (!is_there) break;
    while (l->size && (l->text[l->size - 1] == '\r' || l->text[l->size - 1] == '\n')) l->size--;
    size_t mark = mark_before(l, start);
    if (l->size == mark || strspn(l->text + mark, " \t") == l->size - mark) continue;
    if (!*n) deadline_ms = sol_steady_ms() + source->options.batch_ms;
    source->payloads[(*n)++] = (sol_payload){l->text + mark, l->size - mark, {0, source->in.known ? start : 0}, 0};
  }
  if (sol_line_reader_has_failed(&source->in) && errno == EINTR && atomic_load(&source->stopped))
    return SOLID_OK; /* the stop's signal */
  if (source->in.piped.read_errno) source->read_errno = source->in.piped.read_errno;
  if (sol_line_reader_has_failed(&source->in) && !source->read_errno) source->read_errno = errno ? errno : EIO;
  if (*n || !source->read_errno) return SOLID_OK; /* what was read before the error counts */
  return solid_fail(SOLID_EIO, "%s:%llu: %s", source->options.path, (unsigned long long)source->in.lines + 1,
                    strerror(source->read_errno));
}

/* Waits wait_ms, reporting meanwhile; a stop cuts the wait short once. */
static void pause_for(solid_file_source *source, int64_t wait_ms) {
  int was_stopped = atomic_load(&source->stopped);
  for (int64_t end_ms = sol_steady_ms() + wait_ms; sol_steady_ms() < end_ms;) {
    sol_sleep_ms(STEP_MS);
    report_if_due(source);
    if (!was_stopped && atomic_load(&source->stopped)) return;
  }
}

/* Tries until it succeeds, however long the store is away; after a stop for drain_ms at most. */
static solid_status persist(solid_file_source *source, solid_status (*try_once)(solid_file_source *source, size_t n),
                            size_t n) {
  const solid_file_source_options *o = &source->options;
  sol_retry retry = {.backoff = {o->retry_min_ms, o->retry_max_ms, 0}, .drain_ms = o->drain_ms};
  for (;;) {
    solid_status status = try_once(source, n);
    source->stats.waiting =
        status != SOLID_OK && sol_retry_again(&retry, status, atomic_load(&source->stopped), sol_steady_ms());
    if (!source->stats.waiting) return status;
    source->stats.retries++;
    pause_for(source, sol_retry_wait(&retry, 0, sol_steady_ms()));
  }
}

/* After a stop nothing is read: that the store is away, or the input was cut short, does not matter any more. */
static solid_status start(solid_file_source *source, size_t n) {
  (void)n;
  if (!source->in.known) return SOLID_OK;
  solid_status status = sol_known_file_start(source->in.known, source->in.file, &source->in.at, &source->in.lines);
  return atomic_load(&source->stopped) ? SOLID_OK : status;
}

static solid_status push(solid_file_source *source, size_t n) {
  int is_new;
  if (source->in.known) {
    solid_status status = sol_known_file_register(source->in.known);
    if (status != SOLID_OK) return status;
    uint64_t stream = sol_known_file_stream(source->in.known, &is_new);
    for (size_t i = 0; i < n; i++) source->payloads[i].position.stream = stream;
  }
  return sol_intake_push(&source->intake, source->payloads, n);
}

/* Warns if a whole batch was applied before: another program reads the same file, or positions are wrong. */
static void watch_repeats(solid_file_source *source, size_t n) {
  size_t taken = 0, repeats = 0;
  int64_t now_ms = sol_steady_ms();
  int is_new;
  char text[256];
  for (size_t i = 0; i < n; i++) {
    taken += source->intake.rejects[i] == SOLID_REJECT_NONE;
    repeats += source->intake.repeats[i];
  }
  if (taken && repeats == taken && source->is_fresh && source->options.log &&
      (!source->warned_ms || now_ms - source->warned_ms >= WARN_MS)) {
    source->warned_ms = now_ms;
    snprintf(text, sizeof text,
             "%.100s, stream %016" PRIx64 ": all %zu events of a batch were applied before, and nothing was restarted",
             source->options.path, source->in.known ? sol_known_file_stream(source->in.known, &is_new) : 0, taken);
    source->options.log(source->options.log_user, SOLID_LOG_WARN, text);
  }
  source->is_fresh |= taken > repeats;
}

static solid_status push_batch(solid_file_source *source, size_t n) {
  int64_t start_ms = sol_steady_ms();
  solid_status status = persist(source, push, n);
  if (status != SOLID_OK) return status;
  source->stats.last_batch_ms = (double)(sol_steady_ms() - start_ms);
  sol_intake_count(&source->intake, n, &source->stats);
  watch_repeats(source, n);
  int is_open = source->lines[n - 1].is_open && source->intake.rejects[n - 1] != SOLID_REJECT_NONE;
  if (source->in.known) sol_known_file_applied(source->in.known, is_open);
  for (size_t i = 0; source->options.on_reject && i < n; i++) {
    if (source->intake.rejects[i] == SOLID_REJECT_NONE) continue;
    const sol_payload *payload = &source->payloads[i];
    source->options.on_reject(source->options.user, source->lines[i].number,
                              (solid_bytes){payload->data, payload->size}, source->intake.rejects[i]);
  }
  return SOLID_OK;
}

solid_status solid_file_source_run(solid_file_source *source) {
  if (!source) return solid_fail(SOLID_EINVAL, "file source: is NULL");
  char text[512];
  int is_new = 1;
  size_t n = 0;
  solid_status status = persist(source, start, 0);
  if (status == SOLID_OK && source->in.known) sol_known_file_stream(source->in.known, &is_new);
  source->stats.new_streams += status == SOLID_OK && is_new;
  while (status == SOLID_OK && !atomic_load(&source->stopped)) {
    status = read_batch(source, &n);
    if (status != SOLID_OK || !n) break;
    status = push_batch(source, n);
    if (status == SOLID_OK) report_if_due(source);
  }
  snprintf(text, sizeof text, "%s", solid_last_error()); /* whoever is reported to may set another */
  sol_report(&source->reporter, &source->stats, sol_steady_ms());
  if (source->in.known) sol_known_file_end(source->in.known);
  return status == SOLID_OK ? SOLID_OK : solid_fail(status, "%s", text);
}
