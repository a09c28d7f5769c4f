/* What the two files of bench_slate share. */
#ifndef TESTS_BENCH_BENCH_SLATE_H
#define TESTS_BENCH_BENCH_SLATE_H

#include "solid/infer/slate/fused.h"
#include "solid/infer/slate/slater.h"
#include "solid/infer/worker/worker.h"

typedef struct arguments {
  const char *device;
  uint32_t threads, items, width, blocks, rows, calls, batch, run;
} arguments;

typedef struct bench {
  arguments args;
  solid_context *ctx;
  solid_model *model;
  solid_worker *worker;
  sol_slater *slater;
  size_t n, words;
  float *h, *u, *stored, *layers;
  uint64_t *masks;
  solid_scored *best, *out;
  solid_question *questions;
  sol_slate_user *users;
  double *us;
  sk_backend *be;           /* for the parts of the operation */
  sol_fused *fused, *plain; /* plain: of as many items as rows, all of equal codes */
  sol_config few;
  sol_trie path;
  sol_fused_user *fused_users, **fused_list;
} bench;

/* Microseconds, unguided and guided: `start` of the operation for users who have nothing left of as many items as rows,
 * `once` of the catalogue; then what decoding takes beyond that, of the catalogue, of the few items, and without
 * blocks. */
typedef struct parts {
  double scores, start[2], once[2], decoding[2], plain[2], choice[2];
} parts;

void bench_time_parts(bench *b, const sol_grid_shape *shape, parts *us);
int bench_by_size(const void *left, const void *right);

#endif
