/* topk: score the catalogue and keep the best, without materialising rows x items.
 *
 *   s_v = u . e_v       u (n, d)   e (items, d)
 *   mask: n rows of mask_words 64-bit words, bit v set = item v is left out; NULL = none
 *   index (n, k) int32, score (n, k): best first, ties to the lowest index; places that remain are -1 and -INFINITY.
 *   A NaN score counts as -INFINITY and such an item is never returned. 1 <= k <= items.
 *
 * late: one row of mask_words words, bit v set = SK_TOPK_TWINS items or more before v have the bits of its row, and so
 * its score, and precede it in every list; NULL = none. A CPU leaves them out of a list that has room for those before
 * them (k and the masked ones are no more than SK_TOPK_TWINS), since bounds cannot rule out what is equal.
 *
 * On a CPU a score is a sum in 16 lanes where there is a scout: the same bits for any n, and whatever the scout covers.
 * From SK_TOPK_LARGE items on it is so without one too, unless there are 32 rows or more, which are products of BLAS.
 */
#ifndef SK_TOPK_H
#define SK_TOPK_H

#include "kernels/planes.h"
#include "kernels/rows.h"
#include "kernels/scout.h"
#include "kernels/scratch.h"
#include <stdint.h>

typedef struct sk_topk_args {
  int32_t n, d, items, k;
  const float *u, *e;  /* e may stand in memory of alloc_host: with planes, few rows of it are read */
  const sk_rows *rows; /* in place of e, with a scout: rows that are made when they are read. Other devices than a CPU:
                          EUNSUPPORTED */
  const uint64_t *mask;
  int32_t mask_words;
  const uint64_t *late;    /* of the items that the scout covers */
  const sk_scout *scout;   /* of e, or of its first items, on the host; NULL: none. Read by a CPU */
  const sk_planes *planes; /* the same for CUDA, its arrays on the device */
  int32_t approximate;     /* 1: with a scout, and k <= SK_TOPK_GUESSED, groups that promise most are looked at alone */
  int32_t *index;
  float *score;
} sk_topk_args;

enum { SK_TOPK_LARGE = 65536, SK_TOPK_GUESSED = 64, SK_TOPK_TWINS = 1024 };

/* ---- Scratch of CUDA ---- */

enum {
  SK_TOPK_MAX_D = 256, /* of the scout, which rules out most groups of items without scoring them */
  SK_TOPK_MAX_K = 1024,
  SK_TOPK_PARTS = 2048, /* of the groups, each with a lower bound */
  SK_TOPK_KEYS = 4096,  /* that wait for being sorted */
  SK_TOPK_FEW = 8,      /* rows that planes are read for by their high halves alone */
  SK_TOPK_ROWS = 2048   /* at a time, at most */
};

/* How the scout cuts the work: steps of 16 inputs, or of 32 by planes; items a group, groups, floats a row of best,
 * rows at a time; where its arrays stand, and the bytes of all. */
typedef struct sk_topk_cut {
  int32_t steps, size, groups, stride, rows;
  uint64_t users, keys, parts, widths, factors, bounds, kept, norm, best, bytes;
} sk_topk_cut;

/* Planes that cover no whole group are none. */
static inline int sk_topk_has_planes(const sk_topk_args *a) {
  return a->planes && a->d <= SK_PLANES_MAX_D && a->planes->items >= sk_planes_group(a->d);
}

static inline uint64_t sk_topk_place(sk_topk_cut *cut, uint64_t bytes) {
  uint64_t at = cut->bytes;
  cut->bytes += sk_whole(bytes, 16);
  return at;
}

static inline sk_topk_cut sk_topk_cut_of(const sk_topk_args *a) {
  sk_topk_cut cut;
  const int planes = sk_topk_has_planes(a);
  cut.steps = planes ? sk_planes_cut_of(a->d).steps : a->d <= 32 ? 2 : a->d <= 64 ? 4 : a->d <= 128 ? 8 : 16;
  cut.size = planes ? sk_planes_group(a->d) : cut.steps <= 4 ? 16 : 64 / cut.steps;
  uint64_t groups = sk_pieces((uint64_t)a->items, (uint64_t)cut.size), stride = sk_whole(sk_most(groups, 1), 8);
  uint64_t rows = sk_least(sk_most(SK_TILE_FLOATS / stride / 16 * 16, 16), SK_TOPK_ROWS);
  rows = sk_least(rows, sk_whole((uint64_t)a->n, 16));
  cut.groups = (int32_t)groups, cut.stride = (int32_t)stride, cut.rows = (int32_t)rows;
  cut.bytes = 0;
  cut.users = sk_topk_place(&cut, rows * (uint64_t)cut.steps * 16 * 2); /* 16 halves, or 32 bytes */
  cut.keys = sk_topk_place(&cut, rows * SK_TOPK_KEYS * 8);
  cut.parts = sk_topk_place(&cut, rows * SK_TOPK_PARTS * 4);
  cut.widths = sk_topk_place(&cut, rows * 8);
  cut.factors = sk_topk_place(&cut, rows * 8);
  cut.bounds = sk_topk_place(&cut, rows * 4);
  cut.kept = sk_topk_place(&cut, rows * 4);
  cut.norm = sk_topk_place(&cut, stride * 4);
  cut.best = sk_topk_place(&cut, rows * stride * 4);
  return cut;
}

static inline int sk_topk_is_scouted(const sk_topk_args *a) {
  return a->k <= SK_TOPK_MAX_K && a->d <= SK_TOPK_MAX_D;
}

/* Else a row at a time is sorted: scores and keys before and after, and what CUB takes, which is the keys once more and
 * counters. */
static inline uint64_t sk_topk_sort_bytes(const sk_topk_args *a) {
  return 16 * (uint64_t)a->items + (1 << 20);
}

static inline uint64_t sk_topk_scratch(const sk_topk_args *a) {
  return sk_topk_is_scouted(a) ? sk_topk_cut_of(a).bytes : 24 * (uint64_t)a->items + sk_topk_sort_bytes(a);
}

#endif
