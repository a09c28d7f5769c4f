/* What a training works on: the data, the part that may be trained on (all of it without hidden items), the content
 * features and the codebook. */
#ifndef SOLID_TRAIN_FIT_MATERIAL_H
#define SOLID_TRAIN_FIT_MATERIAL_H

#include "solid/train/codebook/codebook_fit.h"
#include "solid/train/codebook/features.h"
#include "solid/train/codebook/hidden_codes.h"
#include "solid/train/hidden.h"
#include "solid/train/options.h"

typedef struct sol_material {
  const solid_dataset *whole;    /* borrowed */
  const solid_dataset *trained;  /* whole, or `visible` */
  solid_hidden hidden;           /* zeroed when nothing is */
  solid_dataset events, visible; /* as solid_hidden_events and sol_hidden_catalogue */
  sol_features features;         /* zeroed without codes */
  float *visible_content;        /* the features' rows of the items that are trained on; NULL when that is all */
  sol_codebook book;             /* of the items that are trained on; zeroed without codes */
} sol_material;

/* Hides options->hide of the items; 0 hides none. EINVAL: hidden items would be known by nothing. A zeroed struct may
 * be cleared; so must one that could not be opened. */
solid_status sol_material_open(sol_material *m, const solid_dataset *whole, const solid_train_options *options);
void sol_material_clear(sol_material *m);

/* Features and codebook, with options->levels above 0; the context's log is told what is at work. */
solid_status sol_material_fit(sol_material *m, const solid_train_options *options, const solid_context *ctx);

/* Content vectors that the book was fitted to (V trained on, features.width), or NULL. */
const float *sol_material_content(const sol_material *m);

/* Writes the model over the whole catalogue. `config`, `book` and `weights` as trained, `provenance` as the file shall
 * have it. */
solid_status sol_material_write(const sol_material *m, const sol_config *config, const sol_codebook *book,
                                const float *weights, const solid_train_options *options, const char *provenance,
                                const char *path);

#endif
