/* What the service counts, for /metrics. */
#ifndef EXAMPLES_SERVE_COUNTS_H
#define EXAMPLES_SERVE_COUNTS_H

#include "examples/common/metrics.h"
#include "examples/serve/timed_store.h"
#include "solid/recommender.h"

enum { SERVE_SOURCES = 5, SERVE_ROUTES = 20, SERVE_MODES = 4, SERVE_VERDICTS = 8 };

/* How an answer came about. */
typedef enum serve_mode { SERVE_USER = 0, SERVE_SESSION = 1, SERVE_FALLBACK = 2, SERVE_SLATE = 3 } serve_mode;

/* What became of an event. */
typedef enum serve_verdict {
  SERVE_APPLIED = 0,
  SERVE_DUPLICATE = 1,
  SERVE_PRODUCED = 2,
  SERVE_UNKNOWN_ITEM = 3,
  SERVE_REJECTED = 4,
  SERVE_SEEN = 5,   /* an impression: counted, and no step */
  SERVE_FAILED = 6, /* not applied, and to send it again may do */
  SERVE_UNKNOWN = 7 /* asked for, and not known whether it was applied */
} serve_verdict;

extern const char *const serve_mode_names[SERVE_MODES], *const serve_verdict_names[SERVE_VERDICTS];

/* Which generations impressions and clicks are told apart by. */
typedef enum serve_which { SERVE_CURRENT = 0, SERVE_PREVIOUS = 1, SERVE_OTHER = 2, SERVE_WHICHES = 3 } serve_which;

typedef _Atomic uint64_t serve_followed[SERVE_WHICHES][SERVE_SOURCES][SERVE_MODES];

typedef struct serve_counts {
  _Atomic uint64_t answers[SERVE_SOURCES];
  _Atomic uint64_t modes[SERVE_MODES];
  metrics_histogram answer_seconds[SERVE_SOURCES];
  metrics_histogram params_age;               /* events, at the question */
  _Atomic uint64_t requests[SERVE_ROUTES][6]; /* by route (the last: none fits) and hundreds of the status */
  metrics_histogram request_seconds;
  metrics_histogram generate_seconds; /* making parameters of a batch of events */
  timed_store_counts store_seconds;
  _Atomic uint64_t events[SERVE_VERDICTS];
  _Atomic uint64_t store_failures, switches, switch_failures, repeated_keys, items_in;
  _Atomic uint64_t states_cached, states_read, states_made, states_refused, states_unsaved;
  serve_followed shown, clicked; /* impressions and clicks that name an answer */
} serve_counts;

void serve_counts_init(serve_counts *counts);

/* What a recommender has counted, and what came to it, or to a pipeline, since. */
solid_state_stats serve_states_of(const solid_recommender *recommender);
void serve_count_states(serve_counts *counts, const solid_state_stats *before, const solid_state_stats *after);

static inline void serve_count(_Atomic uint64_t *counter) {
  atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

#endif
