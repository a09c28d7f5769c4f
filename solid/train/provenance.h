/* Where a model comes from, as its file says: enough to make it again and to ask it only what it has not learned.
 * Written by solid_trainer_export, read here, nowhere else. */
#ifndef SOLID_TRAIN_PROVENANCE_H
#define SOLID_TRAIN_PROVENANCE_H

#include "solid/context.h"
#include "solid/model.h"
#include "solid/train/options.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SOLID_PROVENANCE_TEXT 160 /* room for a text below, with its end */

typedef struct solid_provenance {
  char version[SOLID_PROVENANCE_TEXT]; /* of the library that trained; "" = not said */
  char split[SOLID_PROVENANCE_TEXT];   /* solid_split_describe; "" = not said: leave-one-out */
  int has_data;                        /* 1 = the next is said */
  uint64_t data;                       /* solid_dataset_hash of all that was given */
  solid_precision precision;           /* of products */
  uint32_t epochs, best_epoch;         /* that were trained, and whose weights were kept */
  double valid_ndcg10;                 /* of those */
  solid_train_options options;         /* defaults where the file does not say */
} solid_provenance;

/* ENOTFOUND: the model's file says nothing that is provenance. EFORMAT: an option that is said cannot be. Any thread.
 */
SOLID_API SOLID_CHECK_RESULT solid_status solid_provenance_read(const solid_model *model, solid_provenance *out);

/* The text as the file has it, a JSON object, for reports; borrowed from the model. NULL: none. */
SOLID_API const char *solid_provenance_text(const solid_model *model);

#ifdef __cplusplus
}
#endif
#endif
