#include "examples/serve/counts.h"

const char *const serve_mode_names[SERVE_MODES] = {"user", "session", "fallback", "slate"};
const char *const serve_verdict_names[SERVE_VERDICTS] = {"applied",  "duplicate",  "produced", "unknown_item",
                                                         "rejected", "impression", "failed",   "unknown"};

void serve_counts_init(serve_counts *counts) {
  for (int i = 0; i < SERVE_SOURCES; i++) METRICS_BEGIN(&counts->answer_seconds[i], metrics_short_times);
  METRICS_BEGIN(&counts->request_seconds, metrics_short_times);
  METRICS_BEGIN(&counts->params_age, metrics_small_counts);
  METRICS_BEGIN(&counts->generate_seconds, metrics_short_times);
  timed_store_init(&counts->store_seconds);
}

solid_state_stats serve_states_of(const solid_recommender *recommender) {
  solid_recommender_stats stats = {.struct_size = sizeof stats};
  return solid_recommender_get_stats(recommender, &stats) ? (solid_state_stats){0} : stats.states;
}

static void add(_Atomic uint64_t *counter, uint64_t before, uint64_t after) {
  if (after > before) atomic_fetch_add_explicit(counter, after - before, memory_order_relaxed);
}

void serve_count_states(serve_counts *counts, const solid_state_stats *before, const solid_state_stats *after) {
  add(&counts->states_cached, before->cached, after->cached);
  add(&counts->states_read, before->read, after->read);
  add(&counts->states_made, before->made, after->made);
  add(&counts->states_refused, before->refused, after->refused);
  add(&counts->states_unsaved, before->unsaved, after->unsaved);
}
