/* Fits the semantic codebook: residual k-means over the items' content vectors. Level l clusters the residuals of the
 * levels before it, so that codes go from coarse to fine:
 *
 *   r_0 = x    code_l(v) = argmin_k ||r_l - c_lk||^2 (ties to the lowest k)    r_{l+1} = r_l - c_l,code_l(v)
 *
 * A code without items is restarted at an item, drawn with probability proportional to its squared distance from its
 * centroid; after the last iteration the farthest items take the codes that are still free, so that a code stays unused
 * only when there are fewer distinct residuals than codes. The result is a function of vectors and options, and from
 * SOL_CODEBOOK_ON_DEVICE items on of the context's device, which then compares and adds up the vectors: smaller
 * codebooks are the same whatever the device. */
#ifndef SOLID_TRAIN_CODEBOOK_CODEBOOK_FIT_H
#define SOLID_TRAIN_CODEBOOK_CODEBOOK_FIT_H

#include "solid/context.h"
#include "solid/model/config.h"

#define SOL_CODEBOOK_ON_DEVICE 32768

typedef struct sol_codebook_options {
  uint32_t levels; /* C, 1 .. SOL_MAX_LEVELS */
  uint32_t codes;  /* K, 1 .. 65536 */
  uint32_t iterations;
  uint64_t seed;
  const solid_context *ctx; /* its log is told what is at work, its device clusters many vectors; NULL = silent, host */
} sol_codebook_options;

#define SOL_CODEBOOK_OPTIONS_INIT                                                                                      \
  { 3, 256, 50, 0, NULL }

typedef struct sol_codebook_level {
  uint32_t used;     /* codes that have items */
  double perplexity; /* exp of the entropy of the codes: K when all are used alike */
  double error;      /* mean ||r_{l+1}||^2 */
  uint32_t restarts;
} sol_codebook_level;

typedef struct sol_codebook {
  uint32_t items, levels, codes, width;
  float *centroids; /* (C, K, width) */
  uint16_t *table;  /* (V, C) codes of the items */
  sol_codebook_level level[SOL_MAX_LEVELS];
  uint32_t collisions; /* items whose codes all equal those of an item with a lower index */
} sol_codebook;

/* x (items, width). On success the caller owns *out: sol_codebook_clear. `options` NULL = the defaults. EINVAL: an
 * option, no items, no width. ERANGE: a value of x is not finite. ENOMEM. */
solid_status sol_codebook_fit(sol_codebook *out, const float *x, uint32_t items, uint32_t width,
                              const sol_codebook_options *options);

/* Counts used codes, perplexity and collisions again after the table has changed; the levels' errors become NaN.
 * ENOMEM.
 */
solid_status sol_codebook_count(sol_codebook *codebook);

/* Frees and zeroes; a zeroed struct is a no-op. */
void sol_codebook_clear(sol_codebook *codebook);

#endif
