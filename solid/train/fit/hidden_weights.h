/* Weights of a catalogue after hidden items have joined it. */
#ifndef SOLID_TRAIN_FIT_HIDDEN_WEIGHTS_H
#define SOLID_TRAIN_FIT_HIDDEN_WEIGHTS_H

#include "solid/model/config.h"
#include "solid/train/hidden.h"

/* weights of a catalogue of V items from those of V' (`config` has V'): a hidden item's id embedding is zero. malloc,
 * or NULL. */
float *sol_hidden_weights(const solid_hidden *hidden, const sol_config *config, const float *weights);

#endif
