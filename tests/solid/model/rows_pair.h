/* One model twice: E in memory, and E in its file; beside a GPU, E and the tables in its memory, and on the host. */
#ifndef TESTS_SOLID_MODEL_ROWS_PAIR_H
#define TESTS_SOLID_MODEL_ROWS_PAIR_H

#include "kernels/topk.h"
#include "solid/model/model_parts.h"

enum { ITEMS = SK_TOPK_LARGE + 77, D = 16, N = 3, NEVER = -1 };

typedef struct pair {
  solid_context *ctx;
  char path[256];
  solid_model *tables, *rows; /* E in memory, E in the file or on the host */
} pair;

/* Of as many items as a model in a file needs; others may join. */
sol_config rows_large(solid_head head);

pair rows_open(const sol_config *config);
/* On a device as serving_context_on has; ctx is NULL where it is absent. */
pair rows_open_on(const char *device, const sol_config *config);
void rows_close(pair *p);

/* Items `from` .. `to` - 1 of those that may join. */
void rows_join(const solid_model *model, int from, int to);

/* To the bit the same rows, on any device, vectors, lists and parameters. */
void rows_same(const pair *p);

#endif
