#include "ingest/replay.h"
#include "ingest/internal/intake.h"
#include "solid/extend.h"
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum { STEP_MS = 50 }; /* how soon a stop is noticed */

typedef struct line {
  char *text; /* owned; `room` bytes, reused */
  size_t size, room;
  uint64_t number;
} line;

struct solid_replay {
  solid_replay_options options;
  FILE *file;
  int read_errno; /* of the failure that ended the file, 0 = none */
  uint64_t line_number;
  sol_intake intake;
  line *lines;           /* (batch_size) */
  sol_payload *payloads; /* (batch_size), borrowed from lines */
  solid_ingest_stats stats;
  sol_reporter reporter;
  atomic_int stopped;
};

static solid_status check(const solid_replay_options *o) {
  if (!o->path || !o->sink) return solid_fail(SOLID_EINVAL, "replay: no path or no sink");
  if (!o->batch_size) return solid_fail(SOLID_EINVAL, "replay: batch_size is 0");
  if (o->retry_min_ms < 1 || o->retry_max_ms < o->retry_min_ms)
    return solid_fail(SOLID_EINVAL, "replay: retry_min_ms %lld, retry_max_ms %lld", (long long)o->retry_min_ms,
                      (long long)o->retry_max_ms);
  return SOLID_OK;
}

/* Of a file that can be read twice, also whether its lines are text at all: each would be rejected otherwise. */
static solid_status open_file(FILE **out, const char *path) {
  struct stat about;
  if (strcmp(path, "-") == 0) return *out = stdin, SOLID_OK;
  *out = fopen(path, "r");
  if (!*out || fstat(fileno(*out), &about) != 0) return solid_fail(SOLID_EIO, "%s: %s", path, strerror(errno));
  if (S_ISDIR(about.st_mode)) return solid_fail(SOLID_EIO, "%s: %s", path, strerror(EISDIR));
  if (!S_ISREG(about.st_mode)) return SOLID_OK;
  unsigned char mark[2] = {0};
  if (fread(mark, 1, sizeof mark, *out) == sizeof mark && mark[0] == 0x1f && mark[1] == 0x8b)
    return solid_fail(SOLID_EFORMAT, "%s: compressed with gzip, want lines of JSON: pipe them (zcat) and read \"-\"",
                      path);
  rewind(*out);
  return SOLID_OK;
}

solid_status solid_replay_open(solid_replay **out, const solid_replay_options *options) {
  solid_replay_options all = SOLID_REPLAY_OPTIONS_INIT;
  if (!out || !options) return solid_fail(SOLID_EINVAL, "replay: an argument is NULL");
  if (options->struct_size < sizeof options->struct_size || options->struct_size > sizeof all)
    return solid_fail(SOLID_EINVAL, "replay: struct_size %u, this library knows %zu", options->struct_size, sizeof all);
  memcpy(&all, options, options->struct_size);
  options = &all;
  solid_status status = check(options);
  if (status != SOLID_OK) return status;
  solid_replay *replay = calloc(1, sizeof *replay);
  if (!replay) return solid_fail(SOLID_ENOMEM, "replay: out of memory");
  replay->options = *options;
  replay->reporter = (sol_reporter){options->on_stats, options->user, options->stats_ms, sol_steady_ms(), 0};
  replay->stats.lag = -1;
  replay->lines = calloc(options->batch_size, sizeof *replay->lines);
  replay->payloads = calloc(options->batch_size, sizeof *replay->payloads);
  if (!replay->lines || !replay->payloads)
    status = solid_fail(SOLID_ENOMEM, "replay: out of memory");
  else
    status = sol_intake_open(&replay->intake, options->sink, options->sink_user, options->max_future_ms);
  if (status == SOLID_OK) status = open_file(&replay->file, options->path);
  if (status != SOLID_OK) {
    solid_replay_close(replay);
    return status;
  }
  *out = replay;
  return SOLID_OK;
}

void solid_replay_close(solid_replay *replay) {
  if (!replay) return;
  if (replay->file && replay->file != stdin) fclose(replay->file);
  for (size_t i = 0; replay->lines && i < replay->options.batch_size; i++) free(replay->lines[i].text);
  free(replay->lines);
  free(replay->payloads);
  sol_intake_close(&replay->intake);
  free(replay);
}

void solid_replay_stop(solid_replay *replay) {
  if (replay) atomic_store(&replay->stopped, 1);
}

static void report_if_due(solid_replay *replay) {
  int64_t now_ms = sol_steady_ms();
  if (now_ms - replay->reporter.last_ms >= replay->options.stats_ms)
    sol_report(&replay->reporter, &replay->stats, now_ms);
}

/* Reads up to batch_size lines that are not blank. A line beyond SOLID_PAYLOAD_MAX is read whole, and rejected later.
 */
static solid_status read_batch(solid_replay *replay, size_t *n) {
  *n = 0;
  errno = 0;
  while (*n < replay->options.batch_size && !atomic_load(&replay->stopped)) {
    line *l = &replay->lines[*n];
    ssize_t size = getline(&l->text, &l->room, replay->file);
    if (size < 0) break;
    l->number = ++replay->line_number;
    l->size = (size_t)size;
    while (l->size && strchr("\r\n", l->text[l->size - 1])) l->size--;
    if (!l->size || strspn(l->text, " \t") == l->size) continue;
    replay->payloads[(*n)++] = (sol_payload){l->text, l->size, SOLID_POSITION(SOLID_REPLAY_PARTITION, l->number)};
  }
  if (ferror(replay->file) && errno == EINTR && atomic_load(&replay->stopped)) return SOLID_OK; /* the stop's signal */
  if (ferror(replay->file) && !replay->read_errno) replay->read_errno = errno ? errno : EIO;
  if (*n || !replay->read_errno) return SOLID_OK; /* what was read before the error counts */
  return solid_fail(SOLID_EIO, "%s:%llu: %s", replay->options.path, (unsigned long long)replay->line_number + 1,
                    strerror(replay->read_errno));
}

/* Waits wait_ms, reporting meanwhile; a stop cuts the wait short once. */
static void pause_for(solid_replay *replay, int64_t wait_ms) {
  struct timespec step = {0, STEP_MS * 1000000L};
  int was_stopped = atomic_load(&replay->stopped);
  for (int64_t end_ms = sol_steady_ms() + wait_ms; sol_steady_ms() < end_ms;) {
    nanosleep(&step, NULL);
    report_if_due(replay);
    if (!was_stopped && atomic_load(&replay->stopped)) return;
  }
}

static solid_status push_batch(solid_replay *replay, size_t n) {
  sol_backoff backoff = {replay->options.retry_min_ms, replay->options.retry_max_ms, 0};
  int64_t start_ms = sol_steady_ms(), give_up_ms = INT64_MAX;
  for (;;) {
    solid_status status = sol_intake_push(&replay->intake, replay->payloads, n);
    replay->stats.waiting = status != SOLID_OK;
    if (status == SOLID_OK) break;
    if (!solid_status_is_retriable(status)) return status;
    if (atomic_load(&replay->stopped) && give_up_ms == INT64_MAX)
      give_up_ms = sol_steady_ms() + replay->options.drain_ms;
    if (sol_steady_ms() >= give_up_ms) return status;
    replay->stats.retries++;
    pause_for(replay, sol_backoff_next(&backoff));
  }
  replay->stats.last_batch_ms = (double)(sol_steady_ms() - start_ms);
  sol_intake_count(&replay->intake, n, &replay->stats);
  for (size_t i = 0; replay->options.on_reject && i < n; i++) {
    if (replay->intake.rejects[i] == SOLID_REJECT_NONE) continue;
    const sol_payload *payload = &replay->payloads[i];
    replay->options.on_reject(replay->options.user, replay->lines[i].number,
                              (solid_bytes){payload->data, payload->size}, replay->intake.rejects[i]);
  }
  return SOLID_OK;
}

solid_status solid_replay_run(solid_replay *replay) {
  if (!replay) return solid_fail(SOLID_EINVAL, "replay: is NULL");
  solid_status status = SOLID_OK;
  size_t n;
  while (status == SOLID_OK && !atomic_load(&replay->stopped)) {
    status = read_batch(replay, &n);
    if (status != SOLID_OK || !n) break;
    status = push_batch(replay, n);
    report_if_due(replay);
  }
  sol_report(&replay->reporter, &replay->stats, sol_steady_ms());
  return status;
}
