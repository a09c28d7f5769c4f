#include "examples/common/ground.h"
#include "examples/common/logging.h"
#include "examples/common/notify.h"
#include "examples/ingestd/ingestd.h"
#include "examples/ingestd/ingestd_watch.h"
#include <inttypes.h>
#include <string.h>

enum { WATCHED_MS = 500, REBUILD_MS = 100 };

ingestd_report ingestd_report_start(const solid_pipeline *pipeline, ingestd_watch *watch, int64_t every_s) {
  int64_t now_ms = sol_steady_ms();
  return (ingestd_report){.pipeline = pipeline,
                          .watch = watch,
                          .every_ms = every_s * 1000,
                          .due_ms = now_ms + every_s * 1000,
                          .last_ms = now_ms,
                          .idle_ms = now_ms};
}

int64_t ingestd_stats_ms(const ingestd_report *report) {
  int64_t ms = report->watch ? WATCHED_MS : report->every_ms, alive_ms = notify_watchdog_ms();
  if (report->rebuild_ms) ms = REBUILD_MS;
  return alive_ms && alive_ms < ms ? alive_ms : ms;
}

/* " rejected 3 (bad_ts 1, unknown_item 2)" */
static void print_rejected(const solid_ingest_stats *stats) {
  uint64_t sum = 0;
  for (int i = 0; i < SOLID_REJECT_COUNT; i++) sum += stats->rejected[i];
  printf(" rejected %" PRIu64, sum);
  const char *separator = " (";
  for (int i = 0; i < SOLID_REJECT_COUNT; i++) {
    if (!stats->rejected[i]) continue;
    printf("%s%s %" PRIu64, separator, solid_reject_code((solid_reject)i), stats->rejected[i]);
    separator = ", ";
  }
  if (sum) putchar(')');
}

static const char *hint_of(const solid_ingest_stats *stats) {
  if (stats->rejected[SOLID_REJECT_NOT_JSON] == stats->events)
    return ": it reads JSON lines, and solid_send --data FILE --write LINES makes them of a csv";
  if (stats->rejected[SOLID_REJECT_UNKNOWN_ITEM] == stats->events)
    return ": the model knows none of their items; was it trained on other data?";
  return "";
}

/* How many are made says how far a new model is. */
static void print_states(const solid_state_stats *states) {
  uint64_t found = states->cached + states->read;
  if (found + states->made == 0) return;
  printf(" states %" PRIu64 " (%" PRIu64 " in memory) made %" PRIu64, found, states->cached, states->made);
  if (states->refused) printf(" refused %" PRIu64, states->refused);
  if (states->unsaved) printf(" unsaved %" PRIu64, states->unsaved);
}

static void print_line(ingestd_report *report, const solid_ingest_stats *stats) {
  solid_pipeline_stats done = {.struct_size = sizeof done};
  int64_t now_ms = sol_steady_ms();
  report->events = stats->events;
  report->accepted = stats->accepted;
  report->hint = hint_of(stats);
  if (solid_pipeline_get_stats(report->pipeline, &done)) return;
  double seconds = (double)(now_ms - report->last_ms) / 1e3;
  double params_per_s = seconds > 0 ? (double)(done.generated - report->generated) / seconds : 0;
  printf("events %" PRIu64 " (%.0f/s) parameters %" PRIu64 " (%.0f/s) duplicates %" PRIu64, stats->events,
         stats->events_per_s, done.generated, params_per_s, stats->duplicates);
  print_rejected(stats);
  print_states(&done.states);
  if (stats->lag >= 0)
    printf(" lag %" PRId64 " partitions %d commits %" PRIu64, stats->lag, stats->partitions, stats->commits);
  printf(" retries %" PRIu64 " batch %.0f ms", stats->retries, stats->last_batch_ms);
  const char *why = solid_last_error();
  if (report->group && report->idle_ms)
    printf(" WAITING for partitions from group %s, for %.0f s", sol_show(report->group, strlen(report->group)).text,
           (double)(now_ms - report->idle_ms) / 1e3);
  if (stats->waiting) printf(" WAITING for the store or the broker: %s", sol_show(why, strlen(why)).text);
  putchar('\n');
  fflush(stdout);
  report->generated = done.generated;
  report->last_ms = now_ms;
}

/* A rebuild is done when the end of the topic has been reached for the first time. */
static void watch_rebuild(ingestd_report *report, const solid_ingest_stats *stats) {
  if (!report->rebuild_ms || stats->waiting || stats->partitions == 0 || stats->lag != 0) return;
  double seconds = (double)(sol_steady_ms() - report->rebuild_ms) / 1e3;
  logging_say(SOLID_LOG_INFO, "rebuilt: %" PRIu64 " events in %.1f s (%.0f/s); goes on with what comes", stats->events,
              seconds, (double)stats->events / (seconds > 1e-3 ? seconds : 1e-3));
  report->rebuild_ms = 0;
}

void ingestd_print(void *user, const solid_ingest_stats *stats) {
  ingestd_report *report = user;
  report->was_store_away = report->store->is_away;
  notify_alive();
  ingestd_live_check(&report->live);
  ingestd_watch_note(report->watch, stats, &report->live);
  watch_rebuild(report, stats);
  if (stats->partitions)
    report->idle_ms = 0;
  else if (!report->idle_ms)
    report->idle_ms = sol_steady_ms();
  report->newest = *stats;
  report->has_newest = 1;
  if (ingestd_stats_ms(report) < report->every_ms && sol_steady_ms() < report->due_ms) return;
  report->due_ms += report->every_ms;
  ingestd_report_end(report);
}

void ingestd_report_end(ingestd_report *report) {
  if (report->has_newest) print_line(report, &report->newest);
  report->has_newest = 0;
}
