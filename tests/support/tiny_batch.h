/* Small configs, weights that leave nothing at zero, codes and windows: what the tests of the whole model walk over. */
#ifndef TESTS_SUPPORT_TINY_BATCH_H
#define TESTS_SUPPORT_TINY_BATCH_H

#include "solid/infer/forward.h"
#include "tests/support/seed.h"

typedef struct tiny_case {
  const char *name;
  sol_config config;
} tiny_case;

/* Every head, with and without codes, attributes and rank. */
extern const tiny_case tiny_cases[];
extern const size_t tiny_case_count;

typedef struct tiny_batch {
  float *weights; /* sol_tensors_total; every tensor has values, the last generated layer too */
  uint16_t *codes;
  uint32_t *attributes; /* some slots are empty, some items have an attribute in common */
  uint32_t *offsets, *items;
  int32_t *targets;
  solid_windows windows;
  size_t rows;
} tiny_batch;

/* n windows of 1 .. L rows, or 0 .. L + 3 rows when `ragged` (for inference). */
void tiny_batch_make(tiny_batch *batch, const sol_config *config, seed_rng *rng, size_t n, int ragged);
void tiny_batch_free(tiny_batch *batch);

#endif
