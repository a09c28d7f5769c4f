/* A model file's way to and from safetensors. solid_model is what a file holds plus look-up tables and device buffers;
 * the trainer makes one and writes it; tests make tiny ones. */
#ifndef SOLID_MODEL_MODEL_FILE_H
#define SOLID_MODEL_MODEL_FILE_H

#include "solid/model/model_arrays.h"

/* A file is marked with the lowest format that can hold it. */
#define SOL_MODEL_FORMAT            5
#define SOL_MODEL_FORMAT_CONTENT    5 /* of items that come later: how it is made */
#define SOL_MODEL_FORMAT_TITLES     4 /* of items */
#define SOL_MODEL_FORMAT_SLATES     3 /* a decoder of them */
#define SOL_MODEL_FORMAT_ATTRIBUTES 2 /* that have embeddings */
#define SOL_MODEL_FORMAT_FIRST      1

/* Validates every array against the config (finite weights, codes < K, offsets, ids of 1..255 bytes without repeats,
 * categories) and sets file->generation. EFORMAT names the array and the two values that disagree. */
solid_status sol_model_file_seal(sol_model_file *file);

/* Reads, validates, compares the generation; on success the caller owns what *file points at: sol_model_file_clear. On
 * failure *file is zeroed. Texts begin with the path. EIO, EFORMAT, ENOMEM, EUNSUPPORTED (a newer format). */
solid_status sol_model_file_read(sol_model_file *file, const char *path);

/* The same, but of a model of `stay` items or more E stays in the file, if the config lets it (rows_file.h). */
solid_status sol_model_file_read_from(sol_model_file *file, const char *path, uint32_t stay);

/* Seals, writes path.tmp, syncs, renames: a reader never sees half a file. E is in memory. EIO, EFULL name the path. */
solid_status sol_model_file_write(sol_model_file *file, const char *path);

/* Puts the path before this thread's last error; returns `status`. */
solid_status sol_fail_at(solid_status status, const char *path);

#endif
