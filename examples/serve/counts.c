#include "examples/serve/counts.h"

const char *const serve_mode_names[SERVE_MODES] = {"user", "session", "fallback", "slate"};
const char *const serve_verdict_names[SERVE_VERDICTS] = {"applied",      "duplicate", "produced",
                                                         "unknown_item", "rejected",  "impression"};

static void set_bounds(metrics_histogram *histogram, const double *bounds, uint32_t count) {
  histogram->bounds = bounds;
  histogram->count = count;
}

void serve_counts_init(serve_counts *counts) {
  for (int i = 0; i < SERVE_SOURCES; i++) set_bounds(&counts->answer_seconds[i], metrics_short_times, 12);
  set_bounds(&counts->request_seconds, metrics_short_times, 12);
  set_bounds(&counts->params_age, metrics_small_counts, 9);
}
