/* The last stage: user vectors in, items out. */
#ifndef SOLID_INFER_WORKER_RANK_H
#define SOLID_INFER_WORKER_RANK_H

#include "solid/infer/worker/memory.h"

/* n rows of u and of masks (NULL: none), all on the device, ranked into device.results: n * k indices, then as many
 * scores. n * k <= worker->ranked. */
solid_status sol_worker_topk(solid_worker *worker, size_t n, const float *u, const uint64_t *mask, size_t k);

/* Enqueues the download of those results; `index` and `score` point to them, valid after sol_worker_finish. */
void sol_worker_results(solid_worker *worker, solid_status *status, size_t n, size_t k, const int32_t **index,
                        const float **score);

/* Copies one row's k best from k or more results; returns how many of them are items. */
size_t sol_worker_best(const int32_t *index, const float *score, size_t k, solid_scored *out);

/* ERANGE, EINVAL if n rows cannot be ranked or k is out of range. */
solid_status sol_worker_check_ranking(const solid_worker *worker, size_t n, size_t k);

#endif
