/* The training step of the paper's own model in the shape of the published model's speed test: 1,024 samples of (window
 * of 30, candidate, label), width 32, sasrec with the solid head in its fixed form, 12,101 items in 80 clusters. */
#ifndef BENCH_STEP_AUTHORS_H
#define BENCH_STEP_AUTHORS_H

#include "examples/paper/net.h"

typedef struct step_authors {
  sol_paper_net net;
  int32_t *category;
  int with_ops; /* no recording, so that each operation is seen */
} step_authors;

solid_status step_authors_open(step_authors *s, sk_backend *be);
void step_authors_close(step_authors *s);

/* Steps first .. first + n - 1 on batches that lie on the device; enqueued, not waited for. */
solid_status step_authors_run(step_authors *s, uint64_t first, uint64_t n);

/* Samples a second beside the anchor, and on CUDA beside what the card allows. */
void step_authors_print(const step_authors *s, double seconds_a_step, int on_cuda);

#endif
