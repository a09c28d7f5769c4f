/* One table of every trained weight: name in the file, shape, place in one contiguous array. Trainer, model file and
 * forward pass all read it, so they cannot disagree.
 *
 * All weights of a model are one float array of sol_tensors_total() floats; sol_weights_bind points the members of
 * sol_weights into it (or into an array of gradients, or of moments: the same struct serves). Members of parts that the
 * config does not have are NULL. Every tensor starts at a multiple of 16 floats; the gaps stay zero. */
#ifndef SOLID_MODEL_TENSORS_H
#define SOLID_MODEL_TENSORS_H

#include "kernels/layers.h"
#include "solid/model/config.h"
#include "solid/status.h"

typedef struct sol_block_weights {
  sol_norm norm1, norm2;
  sol_linear qkv, out; /* d -> 3d, d -> d */
  sol_linear up, down; /* d -> 4d -> d */
  float *distance;     /* (heads, SK_ATTEND_BUCKETS): with positions by distance */
} sol_block_weights;

/* Rows 0 .. d - 1 of qkv make queries, the others keys and values. */
static inline sol_linear sol_key_value_part(sol_linear qkv, int32_t d) {
  return (sol_linear){qkv.w + (size_t)d * (size_t)d, qkv.b + d};
}

typedef struct sol_branch_weights { /* one branch of the generator */
  sol_gru gru;
  sol_linear mlp1, mlp2;                  /* d -> d */
  sol_linear layer[SOL_GENERATED_LAYERS]; /* d -> m */
} sol_branch_weights;

/* The decoder of slates (solid/infer/slate/decoder.h); H heads, C = levels + 1 columns, N codes of all columns, those
 * of column c from c * codes on. */
typedef struct sol_decoder_weights {
  sol_linear state, user; /* d -> d: of h, of u */
  float *codes;           /* (N, d) */
  float *rows;            /* (K, d) */
  float *columns;         /* (C + 1, d): the last is that of a row's token */
  sol_block_weights block[SOL_MAX_BLOCKS + SOL_MAX_SLATE_HEADS - 1];
  sol_norm norm[SOL_MAX_SLATE_HEADS];
  float *out; /* (N, H d): what the heads' outputs side by side meet */
} sol_decoder_weights;

typedef struct sol_weights {
  float *items;      /* E (V, d) */
  float *metacodes;  /* M (C, K, d) */
  float *attributes; /* T (A, d) */
  float *positions;  /* (L, d): row a serves the step that is a steps older than the newest; learned ones only */
  sol_block_weights block[SOL_MAX_BLOCKS];
  sol_norm norm;
  sol_branch_weights item, semantic;
  sol_linear down, up;       /* d -> r, r -> d: only with a rank */
  sol_decoder_weights slate; /* last in the array: without it the others stand where they stood */
} sol_weights;

typedef enum sol_init { SOL_INIT_ZERO, SOL_INIT_ONE, SOL_INIT_NORMAL, SOL_INIT_UNIFORM } sol_init;

typedef struct sol_tensor {
  char name[64]; /* "block.0.qkv.weight" */
  uint32_t dims[3];
  uint32_t n_dims;
  size_t offset; /* floats from the start of the array */
  size_t count;  /* floats */
  size_t member; /* offsetof in sol_weights of the float * */
  sol_init init;
  float scale;   /* standard deviation, or bound of the uniform */
  int generator; /* 1 = belongs to the generator (own learning rate and decay) */
} sol_tensor;

#define SOL_MAX_TENSORS 288

/* Fills `tensors` (room for SOL_MAX_TENSORS) for a checked config; returns how many. */
size_t sol_tensors_list(const sol_config *config, sol_tensor *tensors);

/* Floats of the whole array, and of the part before the decoder of slates. */
size_t sol_tensors_total(const sol_config *config);
size_t sol_tensors_ranker(const sol_config *config);

/* Where the tensors behind E begin. */
size_t sol_tensors_behind_items(const sol_config *config);

/* Points the members of `weights` into `base`. */
void sol_weights_bind(sol_weights *weights, const sol_config *config, float *base);

/* Points the decoder's members into `base`, which holds the part behind the ranker's alone. */
void sol_decoder_weights_bind(sol_decoder_weights *weights, const sol_config *config, float *base);

/* Every weight is below this. Then no row of an item and no score can overflow, and a score that is not finite has one
 * cause: a user vector u that is not finite. With width and rank d <= 1024 and weights below w = 2^16:
 *   |e_v| < 2^21 (embedding, levels, slots), |z| < (d w)^2 <= 2^52, |W| < 2 d w |z| <= 2^79, |y| < 2 d |W| <= 2^90,
 *   and every partial sum of u . e_v is below d |u| |e_v| < 2^122.
 * Stored values are below 2^63 (store/record/codec.h); then |y| < 2^75. */
#define SOL_WEIGHT_LIMIT 65536.0f

/* Weights from element `first` of a tensor on: finite and below the limit. EFORMAT. */
solid_status sol_check_weights(const char *name, const float *x, size_t first, size_t n);

#define SOL_ITEM_SCALE 0.02f /* of every embedding */

/* The seeded initial values, on the host (recipe: embeddings normal 0.02; torch's uniform 1/sqrt(fan_in) for linear and
 * GRU; generator maps normal 0.1/d, biases normal 0.1/sqrt(d), the last generated layer zero; norms 1 and 0). */
void sol_weights_init(const sol_config *config, uint64_t seed, float *base);

#endif
