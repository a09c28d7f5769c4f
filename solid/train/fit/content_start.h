/* Item embeddings to start training from: what is known about the items, in as many dimensions as the model has, so
 * that items that few have met begin beside their like.
 *
 *   X = U S V^T of the content vectors      E_v = length * (U S)_v / |(U S)_v| + N(0, 0.02)
 *
 * with the singular vectors turned at random, so that every dimension carries as much. */
#ifndef SOLID_TRAIN_FIT_CONTENT_START_H
#define SOLID_TRAIN_FIT_CONTENT_START_H

#include "solid/model/config.h"
#include "solid/train/codebook/features.h"

/* *out (items, width of the config) is the caller's: free. A function of its arguments. */
solid_status sol_content_start(float **out, const sol_features *features, const sol_config *config, double length,
                               uint64_t seed);

#endif
