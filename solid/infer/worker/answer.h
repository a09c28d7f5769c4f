/* solid_worker_answer, and what warm.c needs to run it once in every size. */
#ifndef SOLID_INFER_WORKER_ANSWER_H
#define SOLID_INFER_WORKER_ANSWER_H

#include "solid/infer/worker/memory.h"

#define SOL_MOST_RECORDED ((size_t)1 << (SOL_ANSWER_SIZES - 1)) /* rows */

/* The two numbers of ranked places for which answers are recorded. */
extern const size_t sol_answer_places[SOL_ANSWER_PLACES];

/* Turns the states in device.u of n rows into user vectors, in place, under the layers made from device.z from row
 * `first` on. */
solid_status sol_worker_apply_made(solid_worker *worker, size_t first, size_t n);

#endif
