/* The numbers that fix a model's shapes. Written into the model file, read back, never guessed. */
#ifndef SOLID_MODEL_CONFIG_H
#define SOLID_MODEL_CONFIG_H

#include "kernels/select.h"
#include "solid/model.h"

#define SOL_GENERATED_LAYERS 2
#define SOL_MAX_BLOCKS       8
#define SOL_MAX_LEVELS       8
#define SOL_MAX_SLOTS        64
#define SOL_MAX_SLATE_ROWS   1024
#define SOL_MAX_SLATE_HEADS  2 /* right, and down where the order is near-to-far */

#define SOL_NO_ATTRIBUTE UINT32_MAX /* of an empty slot */

/* How the encoder encodes an event's place in the history. */
typedef enum sol_positions {
  SOL_POSITIONS_LEARNED = 0, /* a vector for every age, added to the input: it shifts with every event */
  SOL_POSITIONS_ROTARY = 1,  /* queries and keys are turned (kernels/rotate.h) */
  SOL_POSITIONS_DISTANCE = 2 /* scores have a bias by distance (kernels/attend.h), of every block and head */
} sol_positions;

/* Which keys of a long history queries read. */
typedef enum sol_attention {
  SOL_ATTENTION_DENSE = 0, /* all of the window that are no newer */
  SOL_ATTENTION_SPARSE = 1 /* those that lists keep (kernels/select.h) */
} sol_attention;

typedef struct sol_config {
  uint32_t items;  /* V */
  uint32_t width;  /* d */
  uint32_t window; /* L */
  uint32_t blocks, heads;
  uint32_t levels;     /* C; 0 = no semantic codes (metacodes are then absent from e_v) */
  uint32_t codes;      /* K */
  uint32_t rank;       /* r; 0 = generated layers in full width */
  uint32_t attributes; /* A; embeddings of attributes that are part of an item's semantics; 0 = none */
  uint32_t slots;      /* S; attributes an item has at most; 0 = none */
  uint32_t content;    /* width of the content vectors behind the codebook; 0 = none kept */

  /* How the content of a new item is made (content.h): wa, wv, w; 0 = the part is absent, or nobody kept how. */
  uint32_t content_attributes, content_vectors, content_given;

  /* The decoder of slates: rows of a slate at most; 0 = there is none, and the others are 0 too. */
  uint32_t slate_rows;
  uint32_t slate_blocks;     /* without the additional one under the head "down" */
  uint32_t slate_collisions; /* codes of the last column, which tells items of equal codes apart */
  uint32_t slate_near;       /* 1 = trained near-to-far, 0 = raster, which serves ZipAR too */

  uint32_t positions;        /* sol_positions */
  uint32_t turned;           /* rotary: numbers of each head that are turned; 0 = all */
  uint32_t generator_window; /* G: newest events that the generator reads; 0 = those of the window */

  /* How lists are made, of every block: sk_select_rule, its p in thousandths. All 0 where attention is dense. */
  uint32_t attention; /* sol_attention */
  uint32_t select_chunk, select_sink, select_window, select_recent, select_stride, select_budget, select_dense_below;
  uint32_t select_mass;

  solid_head head;
  float clip; /* t of the item branch */
} sol_config;

/* EINVAL/ERANGE with the name and the number that is wrong (heads must divide width, window 1..131072, ...). */
solid_status sol_config_check(const sol_config *config);

int sol_config_has_item_branch(const sol_config *config);     /* duet, solid */
int sol_config_has_semantic_branch(const sol_config *config); /* semantic, solid */
uint32_t sol_config_layer_width(const sol_config *config);    /* side of a generated matrix: rank, or width */
uint32_t sol_config_layer_params(const sol_config *config);   /* m = side * side + side */
uint32_t sol_config_params(const sol_config *config);         /* P = layers * m; 0 for static */
sk_select_rule sol_config_rule(const sol_config *config);     /* with sparse attention */
uint32_t sol_config_slate_heads(const sol_config *config);    /* 0 without a decoder, 1 raster, 2 near-to-far */
uint32_t sol_config_slate_codes(const sol_config *config);    /* of all columns together: levels * codes + collisions */

#endif
