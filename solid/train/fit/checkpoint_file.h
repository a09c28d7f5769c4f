/* What every checkpoint is made of: a safetensors file whose texts say what it belongs to and whose values have a
 * checksum. */
#ifndef SOLID_TRAIN_FIT_CHECKPOINT_FILE_H
#define SOLID_TRAIN_FIT_CHECKPOINT_FILE_H

#include "solid/model/safetensors.h"

#define SOL_CHECKPOINT_SUM 17 /* of a checksum in hexadecimal, with its end */

/* Compares one text, of `name=value` words, with the checkpoint's. EMISMATCH names the first word that differs. */
solid_status sol_checkpoint_check_text(const sol_safetensors *st, const char *path, const char *key, const char *now);

/* Reads tensor `name` of n values into data. EFORMAT: there is none, or it is of another shape. */
solid_status sol_checkpoint_read(const sol_safetensors *st, const char *path, const char *name, sol_dtype dtype,
                                 uint64_t n, void *data);

/* The checksum of this name against what was made of what was read. EFORMAT. */
solid_status sol_checkpoint_check_sum(const sol_safetensors *st, const char *path, const char *key, const char *now);

#endif
