/* One table of every weight of a paper model: name, shape, place, first value. All weights are one float array; the
 * trained ones come first, so that the optimiser walks a prefix, then the frozen ones: the codebook, and the faithful
 * form's generators. */
#ifndef EXAMPLES_PAPER_WEIGHTS_H
#define EXAMPLES_PAPER_WEIGHTS_H

#include "examples/paper/config.h"
#include "kernels/layers.h"

typedef struct sol_paper_branch {
  sol_gru gru;
  sol_linear mlp1, mlp2;
  sol_linear generator[SOL_PAPER_LAYERS]; /* (m, d), (m): m = in * out + out, weights [in][out], then biases */
} sol_paper_branch;

typedef struct sol_paper_weights {
  float *items, *positions; /* (V, d), (L, d) */
  sol_linear sequence, target1, target2;
  sol_linear attention_in, attention_out, ffn1, ffn2; /* sasrec: q, k, v one under the other */
  sol_norm norm1, norm2;
  sol_gru encoder;                    /* gru4rec */
  sol_linear query, key, value;       /* din */
  sol_linear layer[SOL_PAPER_LAYERS]; /* base */
  sol_paper_branch item, semantic;
  float *semantics, *semantic_positions; /* (Vc, d), (L, d) */
  sol_linear semantic_sequence, decoder1, decoder2;
  float *codebook; /* (Vc, d) */
} sol_paper_weights;

typedef enum sol_paper_init {
  SOL_PAPER_ZERO,
  SOL_PAPER_ONE,
  SOL_PAPER_UNIFORM,  /* -scale .. scale */
  SOL_PAPER_REMAINDER /* scale * fmod(normal, 2) */
} sol_paper_init;

typedef struct sol_paper_tensor {
  char name[48];
  uint32_t dims[2], n_dims;
  size_t offset, count; /* floats */
  size_t member;        /* offsetof in sol_paper_weights */
  int frozen;
  sol_paper_init init;
  float scale;
} sol_paper_tensor;

#define SOL_PAPER_MAX_TENSORS 64

typedef struct sol_paper_tensors {
  sol_paper_tensor list[SOL_PAPER_MAX_TENSORS];
  size_t count;
  size_t trained, total; /* floats */
} sol_paper_tensors;

void sol_paper_tensors_make(const sol_paper_config *config, sol_paper_tensors *tensors);
void sol_paper_weights_bind(sol_paper_weights *weights, const sol_paper_tensors *tensors, float *base);

/* Seeded first values on the host: Xavier's bound for tables and products, the library defaults 1 / sqrt(fan in) for
 * the codebook's decoder, zero biases; generators as sol_paper_form says. The codebook is zero: it comes from
 * elsewhere. */
void sol_paper_weights_init(const sol_paper_tensors *tensors, uint64_t seed, float *base);

#endif
