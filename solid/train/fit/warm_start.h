/* Training that goes on from a model: what it knows is kept, for other events and more items than it was trained on. */
#ifndef SOLID_TRAIN_FIT_WARM_START_H
#define SOLID_TRAIN_FIT_WARM_START_H

#include "solid/model/model_file.h"
#include "solid/train/codebook/codebook_fit.h"
#include "solid/train/dataset.h"

/* EMISMATCH names the first number of the shape in which the two differ. Items and attributes may. */
solid_status sol_warm_check(const sol_model_file *from, const sol_config *config);

/* Items that the model knows keep its codes; the others get the nearest codes of these by their content (V,
 * book->width). Centroids are the means of what has the codes. ENOTFOUND: the model knows none of the items. ENOMEM. */
solid_status sol_warm_codes(const sol_model_file *from, const solid_dataset *dataset, const float *content,
                            sol_codebook *book, uint32_t *known);

/* Weights to begin with (malloc, sol_tensors_total): those of the model, rows of items and attributes by their ids. A
 * new item has no embedding of its own yet, so that it is what its codes and attributes say; a new attribute begins as
 * in any training. NULL: no memory. */
float *sol_warm_weights(const sol_model_file *from, const sol_config *config, const solid_dataset *dataset,
                        uint64_t seed);

#endif
