/* Writes a trained model to a file. */
#ifndef SOLID_TRAIN_FIT_EXPORT_H
#define SOLID_TRAIN_FIT_EXPORT_H

#include "solid/train/codebook/codebook_fit.h"
#include "solid/train/codebook/features.h"
#include "solid/train/dataset.h"

typedef struct sol_export {
  const sol_config *config; /* as trained; the width of the codebook's content is added */
  const solid_dataset *dataset;
  const sol_codebook *codebook; /* NULL when config->levels is 0 */
  const sol_features *features; /* of the dataset's items: how new ones get theirs; NULL = that is not kept */
  const uint32_t *attributes;   /* (V, S); NULL: the dataset's own, see attributes.h */
  const float *weights;         /* sol_tensors_total floats */
  const char *training;         /* JSON for people; may be NULL */
} sol_export;

/* Writes the model with its vocabulary, codes, categories (the attributes of the items) and popularity (training
 * events). Statuses as sol_model_file_write. */
solid_status sol_export_model(const sol_export *what, const char *path);

#endif
