#include "examples/serve/counts.h"

const char *const serve_mode_names[SERVE_MODES] = {"user", "session", "fallback", "slate"};
const char *const serve_verdict_names[SERVE_VERDICTS] = {"applied",      "duplicate", "produced",
                                                         "unknown_item", "rejected",  "impression"};

void serve_counts_init(serve_counts *counts) {
  for (int i = 0; i < SERVE_SOURCES; i++) METRICS_BEGIN(&counts->answer_seconds[i], metrics_short_times);
  METRICS_BEGIN(&counts->request_seconds, metrics_short_times);
  METRICS_BEGIN(&counts->params_age, metrics_small_counts);
  METRICS_BEGIN(&counts->generate_seconds, metrics_short_times);
  timed_store_init(&counts->store_seconds);
}
