#include "examples/common/ground.h"
#include "examples/ingestd/ingestd.h"
#include <inttypes.h>
#include <string.h>

void ingestd_log(void *user, solid_log_level level, const char *line) {
  static const char *const names[] = {"debug", "info", "warning", "error"};
  int chatty = user && *(const int *)user;
  if (level >= SOLID_LOG_WARN || chatty) fprintf(stderr, "solid_ingestd: %s: %s\n", names[level], line);
}

ingestd_report ingestd_report_start(const solid_pipeline *pipeline) {
  return (ingestd_report){.pipeline = pipeline, .last_ms = sol_steady_ms()};
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

void ingestd_print(void *user, const solid_ingest_stats *stats) {
  ingestd_report *report = user;
  solid_pipeline_stats done = {.struct_size = sizeof done};
  int64_t now_ms = sol_steady_ms();
  report->events = stats->events;
  report->accepted = stats->accepted;
  if (solid_pipeline_get_stats(report->pipeline, &done)) return;
  double seconds = (double)(now_ms - report->last_ms) / 1e3;
  double users_per_s = seconds > 0 ? (double)(done.generated - report->generated) / seconds : 0;
  printf("events %" PRIu64 " (%.0f/s) users %" PRIu64 " (%.0f/s) duplicates %" PRIu64, stats->events,
         stats->events_per_s, done.generated, users_per_s, stats->duplicates);
  print_rejected(stats);
  if (stats->lag >= 0)
    printf(" lag %" PRId64 " partitions %d commits %" PRIu64, stats->lag, stats->partitions, stats->commits);
  printf(" retries %" PRIu64 " batch %.0f ms", stats->retries, stats->last_batch_ms);
  const char *why = solid_last_error();
  if (stats->waiting) printf(" WAITING for the store or the broker: %s", sol_show(why, strlen(why)).text);
  putchar('\n');
  fflush(stdout);
  report->generated = done.generated;
  report->last_ms = now_ms;
}
