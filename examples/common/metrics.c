#include "examples/common/metrics.h"
#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

const double metrics_short_times[12] = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 10};
const double metrics_long_times[15] = {0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 10, 60, 600};
const double metrics_small_counts[9] = {0, 1, 2, 5, 10, 20, 50, 100, 1000};

void metrics_observe(metrics_histogram *histogram, double value) {
  uint32_t at = 0;
  if (!(value > 0)) value = 0;
  while (at < histogram->count && value > histogram->bounds[at]) at++;
  atomic_fetch_add_explicit(&histogram->in[at], 1, memory_order_relaxed);
  atomic_fetch_add_explicit(&histogram->sum_millionths, (uint64_t)(value * 1e6 + 0.5), memory_order_relaxed);
}

void metrics_head(growing *text, const char *name, const char *type, const char *help) {
  growing_add(text, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void begin(growing *text, const char *name, const char *suffix, const char *labels) {
  growing_add(text, "%s%s%s%s%s ", name, suffix, *labels ? "{" : "", labels, *labels ? "}" : "");
}

void metrics_count(growing *text, const char *name, const char *labels, uint64_t value) {
  begin(text, name, "", labels);
  growing_add(text, "%" PRIu64 "\n", value);
}

void metrics_gauge(growing *text, const char *name, const char *labels, double value) {
  begin(text, name, "", labels);
  growing_add(text, "%.9g\n", value);
}

/* The counts are read once, so that the lines of one answer agree whatever happens meanwhile. */
void metrics_write(growing *text, const char *name, const char *labels, const metrics_histogram *histogram) {
  uint64_t sum = 0;
  for (uint32_t i = 0; i <= histogram->count; i++) {
    sum += atomic_load_explicit(&histogram->in[i], memory_order_relaxed);
    growing_add(text, "%s_bucket{%s%sle=\"", name, labels, *labels ? "," : "");
    if (i < histogram->count)
      growing_add(text, "%.9g\"} %" PRIu64 "\n", histogram->bounds[i], sum);
    else
      growing_add(text, "+Inf\"} %" PRIu64 "\n", sum);
  }
  begin(text, name, "_sum", labels);
  growing_add(text, "%.9g\n", (double)atomic_load_explicit(&histogram->sum_millionths, memory_order_relaxed) / 1e6);
  begin(text, name, "_count", labels);
  growing_add(text, "%" PRIu64 "\n", sum);
}

void metrics_states(growing *text, const solid_state_stats *states) {
  metrics_head(text, "solid_states_total", "counter", "Attention states that were wanted, by where they came from.");
  metrics_count(text, "solid_states_total", "from=\"memory\"", states->cached);
  metrics_count(text, "solid_states_total", "from=\"store\"", states->read);
  metrics_count(text, "solid_states_total", "from=\"history\"", states->made);
  metrics_head(text, "solid_states_refused_total", "counter",
               "Attention states made from the history because the one in the store was damaged or of another model.");
  metrics_count(text, "solid_states_refused_total", "", states->refused);
  metrics_head(text, "solid_states_unsaved_total", "counter", "Attention states that the store did not take.");
  metrics_count(text, "solid_states_unsaved_total", "", states->unsaved);
}

static double seconds(struct timeval time) {
  return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

void metrics_process(growing *text) {
  struct rusage used;
  unsigned long pages = 0;
  metrics_head(text, "process_cpu_seconds_total", "counter", "Processor time of user and system.");
  if (getrusage(RUSAGE_SELF, &used) == 0)
    metrics_gauge(text, "process_cpu_seconds_total", "", seconds(used.ru_utime) + seconds(used.ru_stime));
  FILE *file = fopen("/proc/self/statm", "r");
  if (!file) return;
  if (fscanf(file, "%*u %lu", &pages) == 1) {
    metrics_head(text, "process_resident_memory_bytes", "gauge", "Memory that is in use.");
    metrics_gauge(text, "process_resident_memory_bytes", "", (double)pages * (double)sysconf(_SC_PAGESIZE));
  }
  fclose(file);
}
