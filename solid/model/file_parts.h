/* What a model file consists of, and its hashes: tensors of weights, then parts beside them, in one order for reading,
 * writing and hashing. */
#ifndef SOLID_MODEL_FILE_PARTS_H
#define SOLID_MODEL_FILE_PARTS_H

#include "solid/model/model_arrays.h"
#include "solid/model/safetensors.h"
#include "solid/model/tensors.h"

#define SOL_ANY_LENGTH UINT64_MAX
#define SOL_FILE_PARTS 15

/* One array beside the weights: its place in sol_model_file and its tensor. A first dimension of SOL_ANY_LENGTH is
 * whatever the file says; it is checked against the offsets that point into it. */
typedef struct sol_file_part {
  const char *name;
  sol_dtype dtype;
  uint32_t n_dims;
  uint64_t dims[SOL_SAFETENSORS_DIMS];
  size_t member; /* offsetof in sol_model_file of the pointer */
} sol_file_part;

/* The parts that a file has, in the order in which they are hashed and written; those of the titles are the last.
 * parts: room for SOL_FILE_PARTS. Returns how many. */
size_t sol_file_parts(const sol_model_file *file, sol_file_part *parts);

/* Of a part of any length, what it is by the offsets, which come before it in the list. */
uint64_t sol_file_part_length(const sol_model_file *file, const sol_file_part *part);

/* Whether the tensor is E, and not among the weights. */
int sol_file_stays(const sol_model_file *file, const sol_tensor *tensor);

/* All tensors of a checked file, borrowed from it; E has no data where it stays in the file. sources: room for
 * SOL_MAX_TENSORS + SOL_FILE_PARTS. Returns how many. */
size_t sol_file_sources(const sol_model_file *file, sol_tensor_source *sources);

/* XXH3-64 over the config's text and every tensor's bytes in the order of sol_file_sources, but for titles. Never 0.
 * ENOMEM; of E that stays in the file EFORMAT, EIO. */
solid_status sol_file_generation(const sol_model_file *file, const char *config_text, uint64_t *generation);

/* Covers the texts that the generation leaves out. */
uint64_t sol_file_checksum(const sol_model_file *file);

#endif
