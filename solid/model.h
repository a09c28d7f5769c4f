/* A trained model: one bundle of weights, semantic codes, item vocabulary, categories and popularity prior, read from
 * one safetensors file. Nothing in it ever changes, but that items of the item log may join and leave it where it was
 * loaded for that. A `const solid_model *` may be used by any number of threads at once, also while items join. */
#ifndef SOLID_MODEL_H
#define SOLID_MODEL_H

#include "solid/context.h"
#include "solid/items.h"
#include "solid/types.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct solid_model solid_model;

/* Which generated layers a model has: none, layers from the items, from the codes of the items, or from both. */
typedef enum solid_head {
  SOLID_HEAD_STATIC = 0,
  SOLID_HEAD_DUET = 1,
  SOLID_HEAD_SEMANTIC = 2,
  SOLID_HEAD_SOLID = 3
} solid_head;

typedef struct solid_model_info {
  uint32_t struct_size; /* set by the caller to sizeof(solid_model_info) */
  uint32_t width;       /* d: floats of an item vector and of a state */
  uint32_t window;      /* L: newest steps the encoder reads */
  uint32_t blocks, heads;
  uint32_t levels;     /* C: code levels of an item */
  uint32_t codes;      /* K: codewords a level */
  uint32_t items;      /* V: items that it was trained on */
  uint32_t categories; /* number of category names; 0 = no category filter */
  uint32_t rank;       /* r of the generated layers; equal to width when they are full */
  uint32_t params;     /* P: generated floats a user; 0 for the static head */
  uint32_t head;       /* solid_head */
  uint64_t generation; /* hash of config, weights, codes and vocabulary; parameters of another generation are ignored */
  uint32_t attributes; /* A: attributes that have an embedding; 0 = none */
  uint32_t slots;      /* S: most attributes of an item; 0 = none */
  uint32_t slate_rows; /* most items of a slate; 0 = the model has no decoder of slates */
  uint32_t slate_near; /* 1 = the decoder was trained near-to-far, 0 = in raster order */
  uint32_t rows;       /* room for items: V, and spare rows; every dense index is below it */
} solid_model_info;

/* Reads and validates a model file: header, shapes, finite weights, codes within range, vocabulary without repeats,
 * and the stored hash against the contents. On success *out is owned by the caller: solid_model_free. `ctx` must
 * outlive it. EIO: cannot be read. EFORMAT: not safetensors, truncated, damaged, wrong shapes; the text names file and
 * tensor. EUNSUPPORTED: the file has a newer format. ENOMEM, EDEVICE: no memory left on this machine or device.
 *
 * On a GPU, catalogues of 65,536 items and more (width up to 256) also have 8 bits an input in the device's memory, in
 * which ranking looks first: d + 3 bytes an item where FP32 has 4 d, for d a multiple of 32; lists keep their bits. Of
 * 2,097,152 items and more without slates, embeddings and tables of the catalogue are in pinned memory of the host, 12
 * d bytes an item with codes and 4 d without, of which the device reads the rows that it needs; so it holds little more
 * than a quarter of the bytes of one table.
 *
 * On a CPU, of 2,097,152 items and more without slates, the embeddings stay in the file, which is open as long as the
 * model: questions read the rows that they need. Replace a model file by renaming another one over it, as
 * solid_trainer_export does. One that is cut short or written anew in place makes the calls that need a row fail with
 * ESTALE until it is loaded again. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_model_load(solid_model **out, const solid_context *ctx,
                                                           const char *path);

typedef struct solid_model_options {
  uint32_t struct_size; /* set by SOLID_MODEL_OPTIONS_INIT */
  int32_t spare_items;  /* spare rows for items of the item log, in percent of V and at least 64; -1 = the model never
                           changes, 0 = items may be hidden and removed, but not added; default 10 */
} solid_model_options;

#define SOLID_MODEL_OPTIONS_INIT                                                                                       \
  { sizeof(solid_model_options), 10 }

/* The same for callers who cannot use macros. */
SOLID_API solid_model_options solid_model_options_default(void);

/* As solid_model_load, for a model that items of the item log may join and leave (solid/item_log.h). `options` NULL =
 * the defaults. ERANGE: spare_items. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_model_load_with(solid_model **out, const solid_context *ctx,
                                                                const char *path, const solid_model_options *options);

/* A copy with room for `items` that join it and half as many more, and at least twice the spare rows that `model` has,
 * or as many where `items` need no more than half of them: then most of its rows are of items that were described anew.
 * `model` stays as it is. The copy is without the items that joined: solid_item_log_apply brings them. EUNSUPPORTED: it
 * was not loaded to grow. ENOMEM, EDEVICE; EIO, ESTALE: of embeddings that are in the file (solid_model_load). */
SOLID_API SOLID_CHECK_RESULT solid_status solid_model_grow(solid_model **out, const solid_model *model, uint64_t items);

/* Dense indices in use: the items that it was trained on, then those that joined, in the order in which they did. It
 * grows. An item that joined again has another index, and its former one no id. */
SOLID_API uint32_t solid_model_item_count(const solid_model *model);

/* 1 if the item may be recommended: it is there, and neither hidden nor removed. */
SOLID_API int solid_model_item_is_open(const solid_model *model, uint32_t item);

/* Sets a bit of `mask` (ceil(rows / 64) words) for each row that is no item to be recommended; clears the others. */
SOLID_API void solid_model_closed_items(const solid_model *model, uint64_t *mask);

/* NULL is a no-op. Free every worker, recommender and pipeline of the model first. */
SOLID_API void solid_model_free(solid_model *model);

/* Fills the fields that fit in info->struct_size. EINVAL: struct_size is 0 or too large. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_model_get_info(const solid_model *model, solid_model_info *info);

/* "static", "duet", "semantic" or "solid"; "unknown" for another value. Never NULL. */
SOLID_API const char *solid_head_name(uint32_t head);

/* Dense index of an item id, or SOLID_NO_ITEM. A model that is NULL has no items: this and what answers without a
 * status say so. */
SOLID_API uint32_t solid_model_item_index(const solid_model *model, solid_bytes id);

/* Dense index of the item whose id has this 64-bit hash (solid_step.item), or SOLID_NO_ITEM. */
SOLID_API uint32_t solid_model_item_by_hash(const solid_model *model, uint64_t hash);

/* Id of an item as bytes borrowed from the model; {NULL, 0} if item >= V. */
SOLID_API solid_bytes solid_model_item_id(const solid_model *model, uint32_t item);

/* XXH3 64-bit hash of an item id: the `item` of a solid_step. Any thread; no model needed. */
SOLID_API uint64_t solid_item_hash(solid_bytes id);

/* Title of an item, borrowed; {NULL, 0} if the model file has none. */
SOLID_API solid_bytes solid_model_item_title(const solid_model *model, uint32_t item);

/* An item and its title. */
typedef struct solid_title {
  solid_bytes item, title;
} solid_title;

/* Replaces the titles in the model file at `path`. The generation does not change, so stored parameters stay valid.
 * Titles of unknown items are left out, and titles are cut to SOLID_TITLE_MAX bytes. *kept (may be NULL) receives the
 * number of items that have one. Errors of solid_model_load, and of writing. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_model_file_set_titles(const char *path, const solid_title *titles,
                                                                      size_t n, size_t *kept);

/* Categories of an item in ascending order, borrowed: *categories points at *count numbers. ERANGE: item >= V. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_model_item_categories(const solid_model *model, uint32_t item,
                                                                      const uint32_t **categories, size_t *count);

/* Semantic codes of an item, uint16[levels] borrowed from the model; NULL if item >= V. */
SOLID_API const uint16_t *solid_model_item_codes(const solid_model *model, uint32_t item);

/* The vectors e_v that score (u . e_v): id embedding, metacodes and attributes summed, copied from the device into
 * vectors (V, d) in host memory, without those of items that joined. EDEVICE; ESTALE: they are in a file that changed
 * (solid_model_load). */
SOLID_API SOLID_CHECK_RESULT solid_status solid_model_item_vectors(const solid_model *model, float *vectors);

/* Number of a category by its name, or UINT32_MAX. */
SOLID_API uint32_t solid_model_category(const solid_model *model, solid_bytes name);

/* Name of a category, borrowed; {NULL, 0} if category >= categories. */
SOLID_API solid_bytes solid_model_category_name(const solid_model *model, uint32_t category);

/* Items of a category in ascending order, borrowed: *items points at *count indices, without items that joined. ERANGE:
 * no such category. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_model_category_items(const solid_model *model, uint32_t category,
                                                                     const uint32_t **items, size_t *count);

#ifdef __cplusplus
}
#endif
#endif
