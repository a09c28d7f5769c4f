/* The head of the model and its loss, forward and backward in one walk over tiles of rows. In training every row has
 * generated layers of its own, P floats each; a tile's layers are made, used, differentiated and forgotten, so they
 * never exist for all rows and are never made twice. The loss of a row is xent(u . e, target). */
#ifndef SOLID_TRAIN_FIT_HEAD_H
#define SOLID_TRAIN_FIT_HEAD_H

#include "solid/train/fit/backward.h"

typedef struct sol_head_args {
  const float *h;                   /* (rows, d) */
  const float *z_item, *z_semantic; /* (rows, d) or NULL */
  const int32_t *target;            /* (rows) the item that came next, -1 = none */
  const float *offset;              /* (V) as kernels/xent.h, of a part of a catalogue of `whole` items; or NULL */
  int32_t whole;
  float smoothing, weight;           /* as kernels/xent.h: weight scales the gradients */
  float *loss;                       /* (rows) */
  float *dh, *dz_item, *dz_semantic; /* (rows, d) overwritten */
  float *work;                       /* sol_head_floats */
} sol_head_args;

/* Rows of a tile: a function of device and config alone. Results do not depend on it. */
size_t sol_head_tile_rows(const sk_backend *be, const sol_config *config);

/* Floats of work for batches of up to `rows` rows. */
size_t sol_head_floats(const sk_backend *be, const sol_config *config, size_t rows);

solid_status sol_head_step(const sol_pass *pass, const sol_dropout *drop, const sol_head_args *args,
                           const sol_weights *grads, const sol_catalogue_grads *tables);

#endif
