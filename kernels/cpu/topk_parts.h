/* What the two ways of ranking on a CPU share: topk.c scores all items, topk_scout.c those that a scout leaves. */
#ifndef SK_CPU_TOPK_PARTS_H
#define SK_CPU_TOPK_PARTS_H

#include "kernels/cpu/best.h"
#include "kernels/cpu/cpu.h"
#include "kernels/topk.h"

enum {
  SK_TOPK_ROWS_AT_ONCE = 32, /* a block */
  SK_TOPK_CHUNK = 1024,      /* items scored at a time: a multiple of 64, the bits of a mask word */
  SK_TOPK_SEGMENT = 65536,   /* items, for few rows and many items */
  SK_TOPK_SEGMENTS = 32,
  SK_TOPK_SEGMENT_K = 1024
};

/* Segments of the catalogue are ranked apart and merged. */
typedef struct sk_topk_job {
  const sk_topk_args *a;
  int64_t segments, segment_items;
  float *score; /* (n, segments, k): the outputs themselves when there is one segment */
  int32_t *index;
  _Atomic int *error; /* of a->rows */
} sk_topk_job;

/* Where a thread makes rows that stand in no table. */
typedef struct sk_topk_made {
  float *rows; /* (SK_TOPK_CHUNK, d); NULL: a->e is a table */
  _Atomic int *error;
} sk_topk_made;

static inline size_t sk_topk_made_bytes(const sk_topk_args *a) {
  return a->rows ? sizeof(float) * SK_TOPK_CHUNK * (size_t)a->d : 0;
}

static inline sk_topk_made sk_topk_made_at(const sk_topk_job *job, void *memory) {
  return (sk_topk_made){.rows = job->a->rows ? memory : NULL, .error = job->error};
}

static inline sk_best sk_topk_best(const sk_topk_job *job, int64_t row, int64_t segment) {
  int64_t at = (row * job->segments + segment) * job->a->k;
  return (sk_best){.k = job->a->k, .score = job->score + at, .index = job->index + at};
}

static inline int sk_topk_is_masked(const sk_topk_args *a, int64_t row, int64_t v) {
  return a->mask && (a->mask[row * a->mask_words + v / 64] >> v % 64 & 1);
}

/* s (rows, SK_TOPK_CHUNK) of `width` items from e on, summed in lanes: the same for any batch. */
void SK_CPU(topk_lanes)(int64_t rows, int64_t width, int64_t d, const float *u, const float *e, float *s);

/* Offers the items [first, end) to the best of `rows` rows from `row` on; first is a multiple of 64; s: rows *
 * SK_TOPK_CHUNK. */
typedef struct sk_topk_scan_args {
  const sk_topk_args *a;
  int64_t row, rows, first, end;
  const sk_topk_made *made;
} sk_topk_scan_args;

void SK_CPU(topk_scan)(const sk_topk_scan_args *scan, sk_best *best, float *s);

/* Runs blocks * segments blocks of work on the job, block % segments being the segment, each with `local` bytes of
 * scratch, and merges. */
solid_status SK_CPU(topk_run)(sk_backend *be, sk_topk_job *job, int64_t blocks, sk_cpu_block_fn block, size_t local);

/* By the scout: topk_scout.c. */
solid_status SK_CPU(topk_scouted)(sk_backend *be, const sk_topk_args *a);

/* Items that the scout is asked about: whole words of a mask. */
static inline int64_t sk_topk_covered(const sk_topk_args *a) {
  return (a->scout->items < a->items ? a->scout->items : a->items) / 64 * 64;
}

/* A list that is long for the catalogue is no work for a scout. */
static inline int sk_topk_is_scouted_on_cpu(const sk_topk_args *a) {
  return a->scout && a->scout->items <= a->items && a->d <= SK_SCOUT_MAX_D && a->k <= SK_TOPK_SEGMENT_K &&
         (int64_t)a->k * 64 <= sk_topk_covered(a);
}

#endif
