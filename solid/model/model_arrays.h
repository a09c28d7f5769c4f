/* What a model file holds, in host memory. */
#ifndef SOLID_MODEL_MODEL_ARRAYS_H
#define SOLID_MODEL_MODEL_ARRAYS_H

#include "kernels/rows.h"
#include "solid/model/config.h"
#include "solid/model/strings.h"

typedef struct sol_model_file {
  sol_config config;
  float *weights;       /* sol_tensors_total floats of sol_model_file_layout */
  sk_rows_file *rows;   /* NULL: E is among the weights; else it stays in this file, which is open */
  uint16_t *codes;      /* (V, C) */
  uint32_t *attributes; /* (V, S) rows of T, SOL_NO_ATTRIBUTE in an empty slot; NULL without slots */
  float *centroids;     /* (C, K, content) of the codebook, or NULL */
  float *content_words; /* W (names, content_attributes) of content.h, and its mean (content_given) and basis */
  float *content_mean;  /* (content_given, content_vectors); the last is NULL where the two are equal */
  float *content_basis;
  float *popularity;          /* (V): training events of each item */
  sol_strings items;          /* ids in order of their dense index */
  sol_strings categories;     /* names; count may be 0 */
  uint32_t *category_offsets; /* (categories + 1) into category_items */
  uint32_t *category_items;   /* ascending within a category */
  sol_strings titles;         /* of the items, for people; no part of the generation; count 0 = none */
  uint64_t generation;        /* set by write and read */
  char *training;             /* JSON of the training run (seed, data hash, flags), for people; may be NULL */
} sol_model_file;

/* The config by which `weights` are laid out: as of no items where E stays in the file. */
static inline sol_config sol_model_file_layout(const sol_model_file *file) {
  sol_config layout = file->config;
  if (file->rows) layout.items = 0;
  return layout;
}

/* Makes room for `spare` more items in the arrays of weights, codes, attributes and popularity: E is zero there,
 * nothing popular, no attribute set. config.items counts them. ENOMEM: *file is as it was. */
solid_status sol_model_file_spare(sol_model_file *file, uint32_t spare);

/* A copy of its own, without spare items and with the weights `weights` (malloc, taken over on success) in place of the
 * file's, both laid out by sol_model_file_layout. ENOMEM, EIO, ESTALE. */
solid_status sol_model_file_copy(sol_model_file *out, const sol_model_file *file, float *weights);

/* Weights laid out by `config` for `items` items in place of config->items, of which those that both have keep their
 * embeddings (malloc). NULL: no memory. */
float *sol_weights_with_items(const sol_config *config, const float *weights, uint32_t items);

/* Frees every array, closes the file and zeroes the struct; a zeroed struct is a no-op. All arrays come from malloc. */
void sol_model_file_clear(sol_model_file *file);

#endif
