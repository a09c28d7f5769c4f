/* Lets the codes of the items follow what is learned about the items while a model trains. Clustered are, beside one
 * another, what an item is (its content vector x_v) and how it is used (its item vector e_v = E[v] + sum_c M_c[code]):
 *
 *   row_v = [x_v ; share e_v / ||e_v||]
 *
 * An item that was hardly seen is mostly its codes, so that its e_v says again what its content says. An update takes
 * the residual codes of all rows under the centroids there are, and moves the centroids by a moving average over the
 * residuals of the items that have the code, level by level:
 *
 *   r_0 = row     n_lk' = keep n_lk + (1 - keep) |items of k|
 *   c_lk' = (keep n_lk c_lk + (1 - keep) sum over them of r_l) / n_lk'     r_{l+1} = r_l - c'_l,code
 *
 * So a code moves slowly and keeps its meaning, and its metacode remains valid. A code of less than half an item starts
 * again at an item, drawn with probability proportional to its squared distance from its centroid, as the twin of that
 * item's code. The first update leaves the codes as they are and only finds centroids in both. */
#ifndef SOLID_TRAIN_CODEBOOK_CODEBOOK_LEARN_H
#define SOLID_TRAIN_CODEBOOK_CODEBOOK_LEARN_H

#include "kernels/backend.h"
#include "solid/train/codebook/codebook_fit.h"

typedef struct sol_code_learner {
  uint32_t items, levels, codes;
  uint32_t content, width; /* floats of x_v, of a row: x_v and e_v */
  const float *x;          /* (V, content) borrowed */
  float share, keep;

  size_t state_floats, state_codes; /* what a later process needs: both arrays below whole */
  float *state;
  float *centroids;      /* (C, K, width), in state */
  float *counts;         /* (C, K) n, in state; all zero before the first update */
  float *best_centroids; /* (C, K, width), in state */
  uint16_t *table;       /* (V, C) */
  uint16_t *best_table;  /* (V, C), in the array of table */

  sk_backend *be;
  void *device_rows, *device_centroids, *device_codes; /* as rows, centroids and fresh */

  float *rows;      /* (V, width) */
  uint16_t *before; /* (V, C) codes before the last update */
  int32_t *fresh;   /* (V, C) codes as the device gives them */
  int32_t *twins;   /* (C, K) of the last update: the code whose item a code that started again took, or -1 */
  double *sums;     /* (K, width) */
  double *weights;  /* (K) */
  double *distance; /* (V) */
} sol_code_learner;

/* Starts at `book`, which was fitted to x (items, content), for item vectors of d floats; x and be are borrowed. A
 * zeroed struct may be closed. */
solid_status sol_code_learner_open(sol_code_learner *learner, sk_backend *be, const sol_codebook *book, const float *x,
                                   uint32_t d, float share, float keep);
void sol_code_learner_close(sol_code_learner *learner);

/* Bytes that it takes on the device; `width` is that of content and item vector together. */
uint64_t sol_code_learner_bytes(uint64_t items, uint64_t levels, uint64_t codes, uint64_t width);

/* One update with vectors (V, d), host. `seed` draws where codes start again. Changes table and twins; the last table
 * is in `before`. */
solid_status sol_code_learner_update(sol_code_learner *learner, const float *vectors, uint64_t seed);

/* Keeps the present codes and centroids as the best ones. */
void sol_code_learner_keep(sol_code_learner *learner);

/* The best codes and the content columns of their centroids take the place of those of `book`, which the learner was
 * opened with; it is counted again. */
solid_status sol_code_learner_give(const sol_code_learner *learner, sol_codebook *book);

/* Item vectors that stay where they are when codes change: E[v] += sum over levels of M[code before] - M[code now], of
 * items (V, d), metacodes (C, K, d). Then codes that started again get the metacodes of their twins. */
void sol_code_learner_realign(const sol_code_learner *learner, float *items, float *metacodes);

#endif
