/* The weights of a layer, or in the same struct their gradients. */
#ifndef KERNELS_LAYERS_H
#define KERNELS_LAYERS_H

typedef struct sol_linear {
  float *w, *b; /* (out, in), (out) */
} sol_linear;

typedef struct sol_norm {
  float *gamma, *beta; /* (d) */
} sol_norm;

typedef struct sol_gru {
  sol_linear in, recurrent; /* (3d, d), (3d): of the inputs, of the state before */
} sol_gru;

#endif
