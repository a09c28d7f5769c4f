#include "examples/ingestd/ingestd_watch.h"
#include "solid/extend.h"
#ifdef SOLID_WITH_HTTP
#include "examples/common/ground.h"
#include "examples/common/http.h"
#include "examples/common/http_address.h"
#include "examples/common/metrics.h"
#include "examples/common/store_facts.h"
#include "solid/version.h"
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONNECTIONS = 64, MAX_BODY = 4096, IDLE_S = 30, DEADLINE_MS = 5000 };

struct ingestd_watch {
  solid_pipeline *pipeline;
  solid_store *store;
  const solid_generate *how;
  http_server *server;
  pthread_mutex_t lock; /* guards what the handlers read */
  store_facts facts;
  solid_partition_lag *lags; /* of ingest_stats; owned */
  uint32_t n_lags, lags_room;
  uint64_t generation;
  int is_off; /* another generation is live */
  solid_pipeline_stats pipeline_stats;
  solid_ingest_stats ingest_stats;
  int has_stats;
  solid_status last; /* of the newest push */
  char why[256];
  metrics_histogram window_age, params_age, advance_seconds, put_seconds, generate_seconds, commit_seconds;
};

/* ---- Recording ---- */

/* Since when an event is on its way: the broker's time, or its own where it came through none. What parameters are
 * made after is told of only where each batch makes them. */
static void note_ages(ingestd_watch *watch, const solid_event *events, size_t n, const solid_status *verdicts,
                      int64_t behind_ns, int has_params) {
  double now_s = (double)sol_wall_ms() / 1e3, behind_s = (double)behind_ns / 1e9;
  for (size_t i = 0; i < n; i++) {
    if ((verdicts && verdicts[i]) || events[i].worth != SOLID_WORTH_STEP) continue;
    double age = now_s - (double)(events[i].taken_ms ? events[i].taken_ms : events[i].time_ms) / 1e3;
    metrics_observe(&watch->window_age, age - behind_s);
    if (has_params) metrics_observe(&watch->params_age, age);
  }
}

/* Calls that took so long together, each as the mean of them. */
static void note_calls(metrics_histogram *histogram, uint64_t calls, int64_t ns) {
  for (uint64_t i = 0; i < calls; i++) metrics_observe(histogram, (double)ns / (double)calls / 1e9);
}

solid_status ingestd_watch_push(void *user, const solid_event *events, size_t n, solid_status *verdicts) {
  ingestd_watch *watch = user;
  solid_pipeline_stats before = {.struct_size = sizeof before}, after = before;
  solid_status status = solid_pipeline_get_stats(watch->pipeline, &before), got = SOLID_OK;
  if (!status) status = solid_pipeline_push(watch->pipeline, events, n, verdicts);
  if (!status) got = solid_pipeline_get_stats(watch->pipeline, &after);
  pthread_mutex_lock(&watch->lock);
  watch->last = status;
  snprintf(watch->why, sizeof watch->why, "%s", status ? solid_last_error() : "");
  if (!status && !got) watch->pipeline_stats = after;
  pthread_mutex_unlock(&watch->lock);
  if (status || got) return status;
  uint64_t puts = after.puts - before.puts;
  int64_t put_ns = after.put_ns - before.put_ns, generate_ns = after.generate_ns - before.generate_ns;
  note_ages(watch, events, n, verdicts, put_ns + generate_ns, puts && watch->how->mode == SOLID_GENERATE_EAGER);
  note_calls(&watch->advance_seconds, after.advances - before.advances, after.advance_ns - before.advance_ns);
  note_calls(&watch->put_seconds, puts, put_ns);
  note_calls(&watch->generate_seconds, puts, generate_ns);
  return SOLID_OK;
}

/* Under the lock. Without memory for them the partitions keep what they were said to lag. */
static void keep_lags(ingestd_watch *watch, const solid_ingest_stats *stats) {
  if (stats->n_lags > watch->lags_room) {
    solid_partition_lag *lags = realloc(watch->lags, stats->n_lags * sizeof *lags);
    if (!lags) return;
    watch->lags = lags;
    watch->lags_room = stats->n_lags;
  }
  watch->n_lags = stats->n_lags;
  if (stats->n_lags) memcpy(watch->lags, stats->lags, stats->n_lags * sizeof *watch->lags);
}

void ingestd_watch_note(ingestd_watch *watch, const solid_ingest_stats *stats, const ingestd_live *live) {
  if (!watch) return;
  const solid_ingest_stats *before = &watch->ingest_stats; /* written on this thread alone */
  store_facts facts = watch->facts;
  note_calls(&watch->commit_seconds, stats->commits - before->commits, stats->commit_ns - before->commit_ns);
  store_facts_count(&facts, watch->store);
  if (!stats->waiting) store_facts_read_epoch(&facts, watch->store);
  pthread_mutex_lock(&watch->lock);
  keep_lags(watch, stats);
  watch->ingest_stats = *stats;
  watch->ingest_stats.lags = NULL; /* ours are kept apart */
  watch->facts = facts;
  watch->generation = live->generation;
  watch->is_off = live->is_off;
  watch->has_stats = 1;
  pthread_mutex_unlock(&watch->lock);
}

/* ---- Showing ---- */

static void on_live(void *user, const http_request *request, http_reply *reply) {
  (void)user, (void)request;
  growing_text(&reply->body, "{\"status\":\"live\"}");
}

/* A live program may not be ready: without partitions, or while store or broker are away, it processes nothing. */
static void on_ready(void *user, const http_request *request, http_reply *reply) {
  ingestd_watch *watch = user;
  (void)request;
  pthread_mutex_lock(&watch->lock);
  const char *why = !watch->has_stats             ? "starting"
                    : watch->last                 ? watch->why
                    : watch->ingest_stats.waiting ? "the store or the broker is away"
                    : watch->ingest_stats.lag >= 0 && watch->ingest_stats.partitions == 0 ? "no partition is assigned"
                                                                                          : NULL;
  growing_add(&reply->body, "{\"status\":\"%s\",\"why\":", why ? "not ready" : "ready");
  growing_json(&reply->body, why ? why : "", why ? strlen(why) : 0);
  growing_add(&reply->body, ",\"partitions\":%d,\"lag\":%lld}", watch->ingest_stats.partitions,
              (long long)watch->ingest_stats.lag);
  pthread_mutex_unlock(&watch->lock);
  if (why) reply->status = 503;
}

static void write_counter(growing *out, const char *name, const char *help, uint64_t value) {
  metrics_head(out, name, "counter", help);
  metrics_count(out, name, "", value);
}

static void write_gauge(growing *out, const char *name, const char *help, double value) {
  metrics_head(out, name, "gauge", help);
  metrics_gauge(out, name, "", value);
}

static void write_verdicts(growing *out, const solid_ingest_stats *stats) {
  char labels[64];
  metrics_head(out, "solid_ingest_events_total", "counter", "Messages or lines dealt with, by what became of them.");
  metrics_count(out, "solid_ingest_events_total", "verdict=\"accepted\"", stats->accepted);
  for (int i = 1; i < SOLID_REJECT_COUNT; i++) {
    snprintf(labels, sizeof labels, "verdict=\"%s\"", solid_reject_code((solid_reject)i));
    metrics_count(out, "solid_ingest_events_total", labels, stats->rejected[i]);
  }
}

static void write_source(growing *out, const solid_ingest_stats *stats) {
  write_verdicts(out, stats);
  write_counter(out, "solid_ingest_batches_total", "Batches that were stored.", stats->batches);
  write_counter(out, "solid_ingest_retries_total", "Times a batch was offered again.", stats->retries);
  write_counter(out, "solid_ingest_commits_total", "Commits that the broker acknowledged.", stats->commits);
  write_counter(out, "solid_ingest_dead_letters_total", "Messages that went to the dead-letter topic.",
                stats->dead_letters);
  write_counter(out, "solid_ingest_unburied_total",
                "Rejected messages that it did not take and that were only counted.", stats->unburied);
  write_gauge(out, "solid_ingest_lag_events", "Behind the end of the assigned partitions; -1 = not known.",
              (double)stats->lag);
  write_gauge(out, "solid_ingest_partitions", "Assigned now.", stats->partitions);
  write_gauge(out, "solid_ingest_waiting", "1 while the store or the broker is away.", stats->waiting);
}

static void write_pipeline(growing *out, const solid_pipeline_stats *stats) {
  write_counter(out, "solid_ingest_applied_total", "Steps that were new in a window.", stats->applied);
  write_counter(out, "solid_ingest_forgotten_total", "Events that asked to forget their user.", stats->forgotten);
  write_counter(out, "solid_ingest_duplicates_total", "Steps that were applied before.", stats->duplicates);
  write_counter(out, "solid_ingest_generated_total", "Parameters of users that were made.", stats->generated);
  write_counter(out, "solid_ingest_set_aside_total", "Events of users whose record is none.", stats->set_aside);
  metrics_states(out, &stats->states);
}

/* Under the lock. */
static void write_state(growing *out, const ingestd_watch *watch) {
  char labels[64];
  metrics_head(out, "solid_ingest_partition_lag_events", "gauge", "Behind the end of each assigned partition.");
  for (uint32_t i = 0; i < watch->n_lags; i++) {
    snprintf(labels, sizeof labels, "partition=\"%d\"", (int)watch->lags[i].partition);
    metrics_gauge(out, "solid_ingest_partition_lag_events", labels, (double)watch->lags[i].lag);
  }
  metrics_head(out, "solid_generation_info", "gauge", "1, with the generation of this model.");
  snprintf(labels, sizeof labels, "generation=\"%016" PRIx64 "\",which=\"own\"", watch->generation);
  if (watch->has_stats) metrics_gauge(out, "solid_generation_info", labels, 1);
  write_gauge(out, "solid_ingest_generation_live", "1 where it is live for all users, so that parameters are made.",
              watch->has_stats && !watch->is_off);
  store_facts_write(out, &watch->facts);
}

static void write_times(growing *out, const ingestd_watch *watch) {
  metrics_head(out, "solid_freshness_window_seconds", "histogram",
               "From the broker's time of an event (its own, from a file) to its window in the store.");
  metrics_write(out, "solid_freshness_window_seconds", "", &watch->window_age);
  metrics_head(out, "solid_freshness_params_seconds", "histogram",
               "The same to parameters after it; only where each batch makes them (--generate eager).");
  metrics_write(out, "solid_freshness_params_seconds", "", &watch->params_age);
  metrics_head(out, "solid_store_round_trip_seconds", "histogram", "Calls to the store.");
  metrics_write(out, "solid_store_round_trip_seconds", "call=\"advance\"", &watch->advance_seconds);
  metrics_write(out, "solid_store_round_trip_seconds", "call=\"put_params\"", &watch->put_seconds);
  metrics_head(out, "solid_generate_seconds", "histogram", "Making the parameters of a batch.");
  metrics_write(out, "solid_generate_seconds", "", &watch->generate_seconds);
  metrics_head(out, "solid_ingest_commit_seconds", "histogram", "Commits of offsets, to the broker's answer.");
  metrics_write(out, "solid_ingest_commit_seconds", "", &watch->commit_seconds);
}

static void on_metrics(void *user, const http_request *request, http_reply *reply) {
  ingestd_watch *watch = user;
  growing *out = &reply->body;
  (void)request;
  reply->type = METRICS_TYPE;
  pthread_mutex_lock(&watch->lock);
  solid_ingest_stats source = watch->ingest_stats;
  solid_pipeline_stats pipeline = watch->pipeline_stats;
  int store_up = !watch->last;
  write_state(out, watch);
  pthread_mutex_unlock(&watch->lock);
  write_gauge(out, "solid_ingest_store_up", "1 where the newest batch was stored.", store_up);
  metrics_head(out, "solid_build_info", "gauge", "1, with the version.");
  metrics_gauge(out, "solid_build_info", "version=\"" SOLID_VERSION_STRING "\"", 1);
  write_source(out, &source);
  write_pipeline(out, &pipeline);
  write_times(out, watch);
  metrics_process(out);
}

static const http_route routes[] = {{"GET", "/metrics", on_metrics, 1, NULL},
                                    {"GET", "/health/live", on_live, 1, NULL},
                                    {"GET", "/health/ready", on_ready, 1, NULL}};

solid_status ingestd_watch_open(ingestd_watch **out, const char *listen, solid_pipeline *pipeline, solid_store *store,
                                const solid_generate *how) {
  *out = NULL;
  if (!listen) return SOLID_OK;
  ingestd_watch *watch = calloc(1, sizeof *watch);
  if (!watch || pthread_mutex_init(&watch->lock, NULL)) {
    free(watch);
    return solid_fail(SOLID_ENOMEM, "out of memory: metrics");
  }
  watch->pipeline = pipeline;
  watch->store = store;
  watch->how = how;
  METRICS_BEGIN(&watch->window_age, metrics_long_times);
  METRICS_BEGIN(&watch->params_age, metrics_long_times);
  METRICS_BEGIN(&watch->advance_seconds, metrics_short_times);
  METRICS_BEGIN(&watch->put_seconds, metrics_short_times);
  METRICS_BEGIN(&watch->generate_seconds, metrics_short_times);
  METRICS_BEGIN(&watch->commit_seconds, metrics_short_times);
  http_options options = {.listen = listen,
                          .routes = routes,
                          .n_routes = sizeof routes / sizeof *routes,
                          .user = watch,
                          .threads = 1,
                          .connections = CONNECTIONS,
                          .max_body = MAX_BODY,
                          .idle_s = IDLE_S,
                          .deadline_ms = DEADLINE_MS};
  solid_status status = http_open(&watch->server, &options);
  if (status) {
    ingestd_watch_close(watch);
    return status;
  }
  printf("metrics on http://%s/metrics\n", http_address(watch->server));
  fflush(stdout);
  *out = watch;
  return SOLID_OK;
}

solid_status ingestd_watch_check(const char *listen) {
  return http_address_check(listen);
}

void ingestd_watch_close(ingestd_watch *watch) {
  if (!watch) return;
  http_close(watch->server, 0);
  pthread_mutex_destroy(&watch->lock);
  free(watch->lags);
  free(watch);
}
#else
solid_status ingestd_watch_open(ingestd_watch **out, const char *listen, solid_pipeline *pipeline, solid_store *store,
                                const solid_generate *how) {
  *out = NULL;
  (void)pipeline, (void)store, (void)how;
  return listen ? solid_fail(SOLID_EUNSUPPORTED, "--listen %s: built without HTTP", listen) : SOLID_OK;
}

solid_status ingestd_watch_check(const char *listen) {
  return listen ? solid_fail(SOLID_EUNSUPPORTED, "--listen %s: built without HTTP", listen) : SOLID_OK;
}

void ingestd_watch_close(ingestd_watch *watch) {
  (void)watch;
}

solid_status ingestd_watch_push(void *watch, const solid_event *events, size_t n, solid_status *verdicts) {
  (void)watch, (void)events, (void)n, (void)verdicts;
  return solid_fail(SOLID_EUNSUPPORTED, "built without HTTP");
}

void ingestd_watch_note(ingestd_watch *watch, const solid_ingest_stats *stats, const ingestd_live *live) {
  (void)watch, (void)stats, (void)live;
}
#endif
