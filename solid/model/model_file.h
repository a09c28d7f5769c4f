/* What a model file holds, in host memory, and its way to and from safetensors. solid_model is this plus look-up tables
 * and device buffers; the trainer makes one and writes it; tests make tiny ones. */
#ifndef SOLID_MODEL_MODEL_FILE_H
#define SOLID_MODEL_MODEL_FILE_H

#include "solid/model/config.h"

/* A file says the lowest format that holds it. */
#define SOL_MODEL_FORMAT            4
#define SOL_MODEL_FORMAT_TITLES     4 /* of items */
#define SOL_MODEL_FORMAT_SLATES     3 /* a decoder of them */
#define SOL_MODEL_FORMAT_ATTRIBUTES 2 /* that have embeddings */
#define SOL_MODEL_FORMAT_FIRST      1

/* n byte strings: string i is bytes[offsets[i] .. offsets[i+1]). */
typedef struct sol_strings {
  uint32_t count;
  uint32_t *offsets; /* count + 1 */
  char *bytes;
} sol_strings;

typedef struct sol_model_file {
  sol_config config;
  float *weights;             /* sol_tensors_total floats */
  uint16_t *codes;            /* (V, C) */
  uint32_t *attributes;       /* (V, S) rows of T, SOL_NO_ATTRIBUTE in an empty slot; NULL without slots */
  float *centroids;           /* (C, K, content) of the codebook, or NULL */
  float *content_mean;        /* not used yet: NULL */
  float *popularity;          /* (V): training events of each item */
  sol_strings items;          /* ids in order of their dense index */
  sol_strings categories;     /* names; count may be 0 */
  uint32_t *category_offsets; /* (categories + 1) into category_items */
  uint32_t *category_items;   /* ascending within a category */
  sol_strings titles;         /* of the items, for people; no part of the generation; count 0 = none */
  uint64_t generation;        /* set by write and read */
  char *training;             /* JSON of the training run (seed, data hash, flags), for people; may be NULL */
} sol_model_file;

/* Validates every array against the config (finite weights, codes < K, offsets, ids of 1..255 bytes without repeats,
 * categories) and sets file->generation. EFORMAT names the array and the two values that disagree. */
solid_status sol_model_file_seal(sol_model_file *file);

/* Reads, validates, compares the generation; on success the caller owns what *file points at: sol_model_file_clear. On
 * failure *file is zeroed. Texts begin with the path. EIO, EFORMAT, ENOMEM, EUNSUPPORTED (a newer format). */
solid_status sol_model_file_read(sol_model_file *file, const char *path);

/* Seals, writes path.tmp, syncs, renames: a reader never sees half a file. EIO, EFULL name the path. */
solid_status sol_model_file_write(sol_model_file *file, const char *path);

/* Puts the path before this thread's last error; returns `status`. */
solid_status sol_fail_at(solid_status status, const char *path);

/* Frees every array and zeroes the struct; a zeroed struct is a no-op. All arrays come from malloc. */
void sol_model_file_clear(sol_model_file *file);

#endif
