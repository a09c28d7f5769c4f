/* The data without its hidden items, as training sees it. */
#ifndef SOLID_TRAIN_DATA_HIDDEN_H
#define SOLID_TRAIN_DATA_HIDDEN_H

#include "solid/train/hidden.h"

/* The same with hidden items gone from the catalogue: item i is kept[i] of `events`. Owned: solid_dataset_clear. */
solid_status sol_hidden_catalogue(const solid_hidden *hidden, const solid_dataset *events, solid_dataset *out);

/* Rows of the visible items (V', width) of x (V, width): malloc, or NULL. */
float *sol_hidden_visible_rows(const solid_hidden *hidden, const float *x, uint32_t width);

#endif
