/* An item's content vector: what is known about it before training. The semantic codes are made from it.
 *
 *   attributes      TF-IDF (idf = log((V + 1) / (1 + df)), rows of length 1) -> SVD, U S
 *   given vectors   centred over the items that have one -> principal components when wider than `dims`
 *   co-occurrence   PPMI over training events (cooccurrence.h) -> SVD, U sqrt(S)
 *
 * Hidden items take no part in the fit (idf, mean, singular vectors) and are projected into it afterwards: they get the
 * rows that items added after the fit would get.
 *
 * Each part's rows are scaled to length 1 and the parts stand side by side, in this order. An item without data for a
 * part has zeros there. The result is a function of dataset and options, whatever the number of threads. */
#ifndef SOLID_TRAIN_CODEBOOK_FEATURES_H
#define SOLID_TRAIN_CODEBOOK_FEATURES_H

#include "solid/context.h"
#include "solid/model/content.h"
#include "solid/train/dataset.h"

typedef struct sol_features_options {
  uint32_t dims;         /* at most, of each part */
  uint32_t window;       /* distance up to which two events co-occur; 0 leaves the part out */
  int ignore_attributes; /* leave the part out */
  int ignore_vectors;
  uint64_t seed;
  const uint8_t *hidden;    /* (V) 1 = hidden, an item without training events; NULL = none */
  const solid_context *ctx; /* its log is told what is at work; NULL = silent */
} sol_features_options;

#define SOL_FEATURES_OPTIONS_INIT                                                                                      \
  { 64, 3, 0, 0, 0, NULL, NULL }

typedef struct sol_features {
  uint32_t items, width;        /* V, dc */
  uint32_t attributes, vectors; /* widths of the parts; 0 = absent */
  uint32_t cooccurrence;
  float *values; /* (V, dc) */

  /* How the first two parts are made of an item that comes later (solid/model/content.h). */
  uint32_t names, given;       /* attributes; floats of a given vector */
  float *words, *mean, *basis; /* (names, attributes), (given), (given, vectors); NULL = no such part, or no basis */
} sol_features;

/* On success the caller owns *out: sol_features_clear. `options` NULL = the defaults. ENOTFOUND: no part has anything
 * to show. ENOMEM. */
solid_status sol_features_build(sol_features *out, const solid_dataset *dataset, const sol_features_options *options);

/* Of its arrays. */
sol_content sol_features_content(const sol_features *features);

/* Frees and zeroes; a zeroed struct is a no-op. */
void sol_features_clear(sol_features *features);

#endif
