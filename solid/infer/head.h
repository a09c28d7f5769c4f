/* The generated network: y = up(W2 tanh(W1 x + b1) + b2), x = down(h), each row under layers of its own; without a rank
 * up and down are absent. The caller decides where a row's layers come from. */
#ifndef SOLID_INFER_HEAD_H
#define SOLID_INFER_HEAD_H

#include "kernels/formula.h"
#include "solid/infer/forward.h"

/* One layer of n rows: y = f(x W_l + b_l), where all layers are side x side. */
typedef void (*sol_layer_fn)(sol_run *run, const void *user, int l, int32_t n, int32_t side, sk_activation f,
                             const float *x, float *y);

typedef struct sol_head_room {
  float *x;                         /* (n, side) down(h); not used without a rank */
  float *out[SOL_GENERATED_LAYERS]; /* (n, side) of each layer */
} sol_head_room;

/* Everything but `up`: returns the input of `up`, which is room->out of the last layer. */
const float *sol_head_layers(sol_run *run, const sol_config *config, const sol_weights *weights, int32_t n,
                             const float *h, sol_layer_fn layer, const void *user, const sol_head_room *room);

/* The activation after layer l. */
static inline sk_activation sol_layer_activation(int l) {
  return l + 1 < SOL_GENERATED_LAYERS ? SK_TANH : SK_IDENTITY;
}

/* Layer l of the generator for rows with z_item and z_semantic, of which one may be NULL. With only one branch nothing
 * is clipped. */
sol_dual sol_generated_layer(const sol_config *config, const sol_weights *weights, int l, const float *z_item,
                             const float *z_semantic);

/* Floats of scratch that sol_apply and sol_generate_apply take for n rows. */
size_t sol_apply_floats(const sol_config *config, size_t n);

#endif
