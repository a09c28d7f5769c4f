/* The semantic codebook of a model: codes for items that the model has not seen, and how well its codes are used. */
#ifndef SOLID_CODEBOOK_H
#define SOLID_CODEBOOK_H

#include "solid/model.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SOLID_LEVELS_MAX 8

/* One level's codes over the catalogue. */
typedef struct solid_codebook_level {
  uint32_t used;     /* codes that have items */
  double perplexity; /* exp of the entropy of the codes: K when all are used equally often */
} solid_codebook_level;

typedef struct solid_codebook_info {
  uint32_t struct_size; /* set by the caller to sizeof(solid_codebook_info) */
  uint32_t levels;      /* C */
  uint32_t codes;       /* K */
  uint32_t content;     /* floats of a content vector; 0 = the file has no centroids */
  uint32_t collisions;  /* items whose codes all equal those of an item with a lower index */
  solid_codebook_level level[SOLID_LEVELS_MAX];
} solid_codebook_info;

/* Fills the fields that fit in info->struct_size. Reads the codes of the whole catalogue, so it is meant for reports. A
 * model without codes has levels 0. EINVAL: struct_size; ENOMEM. Any thread. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_codebook_get_info(const solid_model *model, solid_codebook_info *info);

/* codes (n, C) of n content vectors (n, content), nearest centroids level by level, ties to the lowest code. The
 * vectors must be computed as those that the codebook was fitted to. Opens a device queue for the call: meant for
 * batches of new items, not for the hot path. Any thread. ENOTFOUND: the model has no centroids. ERANGE: a value is not
 * finite; the text names row and element. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_codebook_quantize(const solid_model *model, const float *vectors,
                                                                  size_t n, uint16_t *codes);

#ifdef __cplusplus
}
#endif
#endif
