/* A store in front of another: it passes every call on and notes how long the calls about users took. */
#ifndef EXAMPLES_SERVE_TIMED_STORE_H
#define EXAMPLES_SERVE_TIMED_STORE_H

#include "examples/common/metrics.h"
#include "solid/store.h"

typedef struct timed_store_counts {
  metrics_histogram advance, put_params, get; /* seconds; any thread may add */
} timed_store_counts;

void timed_store_init(timed_store_counts *counts);

/* *store becomes one in front of it, which closes it with itself. ENOMEM: it is as it was. */
solid_status timed_store_wrap(solid_store **store, timed_store_counts *counts);

/* The one behind. */
solid_store *timed_store_inner(solid_store *store);

#endif
