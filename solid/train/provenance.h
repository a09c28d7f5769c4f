/* How a model was trained, as its file says: enough to train it again, and to evaluate it only on what it was not
 * trained on. solid_trainer_export writes it. */
#ifndef SOLID_TRAIN_PROVENANCE_H
#define SOLID_TRAIN_PROVENANCE_H

#include "solid/context.h"
#include "solid/model.h"
#include "solid/train/options.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SOLID_PROVENANCE_TEXT 160 /* size of the texts below */

typedef struct solid_provenance {
  char version[SOLID_PROVENANCE_TEXT]; /* of the library that trained; "" = unknown */
  char split[SOLID_PROVENANCE_TEXT];   /* solid_split_describe; "" = unknown: leave-one-out */
  int has_data;                        /* 1 = `data` is known */
  uint64_t data;                       /* solid_dataset_hash of the whole dataset */
  solid_precision precision;           /* solid_precision of products */
  uint32_t epochs, best_epoch;         /* epochs trained, and the one whose weights were kept */
  double valid_ndcg10;                 /* of that epoch */
  solid_train_options options;         /* defaults where the file has none */
} solid_provenance;

/* ENOTFOUND: the model file has no provenance. EFORMAT: an option in it is out of range. Any thread. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_provenance_read(const solid_model *model, solid_provenance *out);

/* The provenance as in the file, a JSON object, for reports; borrowed from the model. NULL = none. */
SOLID_API const char *solid_provenance_text(const solid_model *model);

#ifdef __cplusplus
}
#endif
#endif
