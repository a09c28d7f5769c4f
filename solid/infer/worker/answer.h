/* A question from what is known of its rows to their items, in one go: solid_worker_answer, and what warm.c needs to
 * meet every size of it. */
#ifndef SOLID_INFER_WORKER_ANSWER_H
#define SOLID_INFER_WORKER_ANSWER_H

#include "solid/infer/worker/memory.h"

#define SOL_MOST_RECORDED ((size_t)1 << (SOL_ANSWER_SIZES - 1)) /* rows */

/* The numbers of places that recorded answers have. */
extern const size_t sol_answer_places[SOL_ANSWER_PLACES];

/* u of n rows, their states, in place, under the layers of device.z from row `first` on. */
solid_status sol_worker_apply_made(solid_worker *worker, size_t first, size_t n);

#endif
