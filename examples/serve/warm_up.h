/* After a change of the model (and at the start), on a thread of its own: every user whom the store holds is asked
 * about, at a bounded rate, so that his parameters of the new generation are there before he comes. What is there
 * already is left. */
#ifndef EXAMPLES_SERVE_WARM_UP_H
#define EXAMPLES_SERVE_WARM_UP_H

#include "examples/serve/counts.h"
#include "solid/slot.h"
#include <pthread.h>
#include <stdatomic.h>

typedef struct serve_warm_up {
  solid_slot *slot;
  serve_counts *counts; /* that its states are added to */
  solid_store *store;   /* of its seat */
  uint32_t seat;
  int64_t per_s; /* users; 0 = there is none */
  pthread_t thread;
  int has_thread;
  atomic_int stop, is_running;
  _Atomic uint64_t users, made, failed; /* of the newest change: looked at, made anew, not answered */
  _Atomic uint64_t rounds;              /* gone through to the end */
} serve_warm_up;

/* "500/s"; NULL or "0" = none. EINVAL. */
solid_status warm_up_read(int64_t *per_s, const char *text);

/* With slot, counts, store, seat and per_s set. ENOMEM. */
solid_status warm_up_start(serve_warm_up *warm);
void warm_up_stop(serve_warm_up *warm);

#endif
