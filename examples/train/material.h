/* What solid_train works on: the data, the part of it that may be trained on, the content features and the codebook.
 * Without hidden items the part is the whole. */
#ifndef EXAMPLES_TRAIN_MATERIAL_H
#define EXAMPLES_TRAIN_MATERIAL_H

#include "solid/train/codebook/codebook_fit.h"
#include "solid/train/codebook/features.h"
#include "solid/train/data/hidden.h"
#include "solid/train/fit/trainer.h"

typedef struct material {
  const sol_history *whole;    /* borrowed */
  const sol_history *trained;  /* whole, or `visible` */
  sol_hidden hidden;           /* zeroed when nothing is */
  sol_history events, visible; /* as sol_hidden_events and sol_hidden_catalogue */
  sol_features features;
  float *visible_content; /* the features' rows of the items that are trained on; NULL when that is all */
  sol_codebook book;      /* of the items that are trained on */
} material;

/* Hides `share` of the items; 0 hides none. A zeroed struct may be cleared. */
solid_status material_open(material *m, const sol_history *whole, double share, uint64_t seed);
void material_clear(material *m);

/* Features and codebook; prints how it came out. */
solid_status material_fit(material *m, const sol_features_options *features, const sol_codebook_options *options);

/* Content vectors that the book was fitted to, a row for each item that is trained on. */
const float *material_content(const material *m);

/* What the trainer learned of the codes becomes the book's; prints how they are used. */
solid_status material_learn(material *m, const sol_trainer *trainer);

/* Writes the model over the whole catalogue. `config` and `weights` as trained; hidden items get codes of kind `how`.
 */
solid_status material_write(const material *m, const sol_config *config, const float *weights, sol_hidden_code how,
                            uint64_t seed, const char *training, const char *path);

#endif
