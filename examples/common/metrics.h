/* Metrics in Prometheus' text format (version 0.0.4): counters and histograms that any thread may add to, and their
 * output lines. */
#ifndef EXAMPLES_COMMON_METRICS_H
#define EXAMPLES_COMMON_METRICS_H

#include "examples/common/growing.h"
#include "solid/types.h"
#include <stdatomic.h>
#include <stdint.h>

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

enum { METRICS_BOUNDS = 16 };

/* A zeroed one with its bounds set is empty. */
typedef struct metrics_histogram {
  const double *bounds; /* ascending, at most METRICS_BOUNDS */
  uint32_t count;       /* of bounds */
  _Atomic uint64_t in[METRICS_BOUNDS + 1];
  _Atomic uint64_t sum_millionths;
} metrics_histogram;

/* Seconds: 0.1 ms to 10 s; and 5 ms to ten minutes. Events: 0 to 1,000. */
extern const double metrics_short_times[12], metrics_long_times[15], metrics_small_counts[9];

/* Empty, with the bounds of one of these arrays. */
#define METRICS_BEGIN(histogram_, bounds_)                                                                             \
  ((histogram_)->bounds = (bounds_), (histogram_)->count = sizeof(bounds_) / sizeof *(bounds_))

/* A value below 0 counts as 0. */
void metrics_observe(metrics_histogram *histogram, double value);

/* "# HELP", "# TYPE". */
void metrics_head(growing *text, const char *name, const char *type, const char *help);

/* One line. `labels` is {...} without its braces, "" = none; made by metrics_label where a value is not a fixed one. */
void metrics_count(growing *text, const char *name, const char *labels, uint64_t value);
void metrics_gauge(growing *text, const char *name, const char *labels, double value);

/* Attention states that were wanted. */
void metrics_states(growing *text, const solid_state_stats *states);

/* Processor time and memory of this process, under the names that all exporters use. */
void metrics_process(growing *text);

/* Lines of _bucket, _sum and _count. */
void metrics_write(growing *text, const char *name, const char *labels, const metrics_histogram *histogram);

#endif
