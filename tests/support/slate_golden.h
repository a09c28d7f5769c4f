/* What PyTorch says of the decoder of slates (tests/golden/make_slate_golden.py): config, weights by the same rule of
 * names, users, codes, targets, and every stored array by name. */
#ifndef TESTS_SUPPORT_SLATE_GOLDEN_H
#define TESTS_SUPPORT_SLATE_GOLDEN_H

#include "solid/model/safetensors.h"
#include "solid/model/tensors.h"

typedef struct slate_golden {
  sol_safetensors file;
  sol_config config;
  uint32_t windows;         /* B */
  uint32_t widest;          /* codes of a column at most: logits are (B, K, C, widest) */
  float *weights;           /* sol_tensors_total floats, those of the ranker zero */
  float *h, *u;             /* (B, d) */
  int32_t *codes, *targets; /* (B, K, C); -1 = no target */
} slate_golden;

/* Fails the running test where the file is not as it should be. */
void slate_golden_open(slate_golden *g, int near);
void slate_golden_close(slate_golden *g);

/* An array of floats, and how many; free() it. */
float *slate_golden_floats(const slate_golden *g, const char *name, size_t *count);

#endif
