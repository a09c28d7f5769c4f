/* Training and evaluation of a paper model under its protocol, and the earlier stages that SOLID needs:
 *
 *   0  duet on items                                    -> item vectors
 *   0b k-means of the item vectors (Euclidean), or of   -> item -> semantic, 1 .. clusters
 *      content vectors of length 1, or given categories
 *   1  duet on semantics in place of items              -> semantic vectors: the codebook
 *   2  solid, from scratch but for the codebook
 *
 * The authors' clustering is not published; a sibling project of theirs uses k-means. */
#ifndef EXAMPLES_PAPER_FIT_H
#define EXAMPLES_PAPER_FIT_H

#include "examples/paper/config.h"
#include "examples/paper/data.h"
#include "examples/paper/metrics.h"
#include "solid/context.h"

typedef struct sol_paper_options {
  uint32_t epochs;
  uint32_t batch; /* windows a step; the authors' 1024 rows are 205 of them */
  float rate;
  uint64_t seed; /* weights and order */
} sol_paper_options;

#define SOL_PAPER_OPTIONS_INIT                                                                                         \
  { 10, 205, 1e-3f, 0 }

typedef struct sol_paper_epoch {
  uint32_t epoch; /* from 1 */
  double loss, codebook_loss;
  double seconds; /* of training */
  sol_paper_metrics test;
} sol_paper_epoch;

typedef void (*sol_paper_epoch_fn)(void *user, const sol_paper_config *config, const sol_paper_epoch *epoch);

/* A trained model; `values` as sol_paper_tensors says. */
typedef struct sol_paper_model {
  sol_paper_config config;
  float *values;
  int32_t *category; /* (items) of a solid head, else NULL */
} sol_paper_model;

void sol_paper_model_clear(sol_paper_model *model);

/* What an item's semantic is made from; of the data's attributes an item must have one and no more, its category. */
typedef enum sol_paper_source {
  SOL_PAPER_FROM_ITEMS,
  SOL_PAPER_FROM_VECTORS,
  SOL_PAPER_FROM_ATTRIBUTES
} sol_paper_source;

/* The inputs of a training. category and codebook (semantics, width) are a solid head's, copied. */
typedef struct sol_paper_task {
  const solid_context *ctx; /* the device; every training has its own queue on it */
  sol_paper_config config;
  sol_paper_options options;
  sol_paper_data *data;    /* its order changes */
  sol_paper_source source; /* of a solid head's semantics */
  const int32_t *category;
  const float *codebook;
  sol_paper_epoch_fn on_epoch; /* may be NULL: then nothing is evaluated */
  void *user;
} sol_paper_task;

/* On success the caller owns *model: the weights after the last epoch. */
solid_status sol_paper_fit(const sol_paper_task *task, sol_paper_model *model);

/* Stages 0b and 1 from a trained duet: *category and *codebook for `config` (solid), to be freed. EINVAL: the data has
 * no vectors, or an item without or with several attributes, or another number of attributes than clusters. */
solid_status sol_paper_semantics(const sol_paper_task *task, const sol_paper_model *duet, int32_t **category,
                                 float **codebook);

/* The protocol's figures of a model on the data's test part. */
solid_status sol_paper_evaluate(const solid_context *ctx, const sol_paper_model *model, const sol_paper_data *data,
                                sol_paper_ties ties, sol_paper_metrics *metrics);

#endif
