/* safetensors: named tensors in one file. 8 bytes of header length, a JSON header, then the tensors' bytes without
 * gaps, all little-endian. The reader trusts no number in the file; the writer makes files that other readers open.
 *
 *   {"__metadata__": {"key": "text", ...}, "name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, ...} */
#ifndef SOLID_MODEL_SAFETENSORS_H
#define SOLID_MODEL_SAFETENSORS_H

#include "solid/status.h"
#include <stddef.h>
#include <stdint.h>

/*        name  bytes  as written */
#define SOL_DTYPE_MAP(X)                                                                                               \
  X(U8, 1, "U8")                                                                                                       \
  X(U16, 2, "U16")                                                                                                     \
  X(I32, 4, "I32")                                                                                                     \
  X(U32, 4, "U32")                                                                                                     \
  X(F32, 4, "F32")                                                                                                     \
  X(I64, 8, "I64")                                                                                                     \
  X(U64, 8, "U64")                                                                                                     \
  X(F64, 8, "F64")

typedef enum sol_dtype {
#define SOL_DTYPE_ENUM(name, bytes, text) SOL_##name,
  SOL_DTYPE_MAP(SOL_DTYPE_ENUM)
#undef SOL_DTYPE_ENUM
} sol_dtype;

size_t sol_dtype_size(sol_dtype dtype);
const char *sol_dtype_name(sol_dtype dtype);

#define SOL_SAFETENSORS_DIMS 4

/* One tensor to be written; the writer borrows everything. */
typedef struct sol_tensor_source {
  const char *name;
  sol_dtype dtype;
  uint32_t n_dims; /* 0 = one value */
  uint64_t dims[SOL_SAFETENSORS_DIMS];
  const void *data;
} sol_tensor_source;

typedef struct sol_metadata { /* UTF-8 texts */
  const char *key, *value;
} sol_metadata;

/* Writes path.tmp, syncs it, renames it to path and syncs the folder: a reader sees the old file or the new one. The
 * tensors stand in the file with the widest types first, otherwise in the order given. The same input gives the same
 * bytes. EFULL: no space; EIO; both leave no path.tmp behind and name the path. */
solid_status sol_safetensors_write(const char *path, const sol_tensor_source *tensors, size_t n,
                                   const sol_metadata *metadata, size_t n_metadata);

/* One tensor of an open file. */
typedef struct sol_tensor_entry {
  char *name;
  sol_dtype dtype;
  uint32_t n_dims;
  uint64_t dims[SOL_SAFETENSORS_DIMS];
  uint64_t begin; /* from the start of the data */
  uint64_t bytes;
} sol_tensor_entry;

typedef struct sol_text_pair {
  char *key, *value;
} sol_text_pair;

typedef struct sol_safetensors {
  char *path;
  int fd;                    /* -1 when only a header was parsed */
  sol_tensor_entry *tensors; /* in order of the file */
  size_t count;
  sol_text_pair *metadata;
  size_t n_metadata;
  uint64_t data_start; /* bytes before the data */
} sol_safetensors;

/* Opens and checks the header against the file's size. On success sol_safetensors_close ends it. EIO, ENOMEM;
 * EFORMAT names the file, the tensor and what disagrees. */
solid_status sol_safetensors_open(sol_safetensors *st, const char *path);

/* The same for a header in memory (without its length field) that precedes data_size bytes of data. `path` is for the
 * texts. */
solid_status sol_safetensors_parse(sol_safetensors *st, const char *path, const char *header, size_t header_size,
                                   uint64_t data_size);

/* NULL members are no-ops; a zeroed struct must have fd = -1. */
void sol_safetensors_close(sol_safetensors *st);

/* NULL when there is none. */
const sol_tensor_entry *sol_safetensors_find(const sol_safetensors *st, const char *name);
const char *sol_safetensors_metadata(const sol_safetensors *st, const char *key);

/* EFORMAT unless the tensor has this type and shape. */
solid_status sol_safetensors_expect(const sol_safetensors *st, const sol_tensor_entry *tensor, sol_dtype dtype,
                                    uint32_t n_dims, const uint64_t *dims);

/* Reads the tensor's bytes (tensor->bytes of room). EIO, EFORMAT: the file has become shorter. */
solid_status sol_safetensors_read(const sol_safetensors *st, const sol_tensor_entry *tensor, void *data);

/* Text of an errno, safe in threads. */
const char *sol_errno_text(int error, char *room, size_t size);

#endif
