/* E of a large model, left in its file and read a row at a time (kernels/rows.h): what opening it and checking it
 * takes. Whoever replaces the file renames another one over it, as sol_model_file_write does: the open file stays what
 * it was. A file that is written anew in place, or cut short, makes every question fail with ESTALE until the model
 * is loaded again. */
#ifndef SOLID_MODEL_ROWS_FILE_H
#define SOLID_MODEL_ROWS_FILE_H

#include "kernels/rows.h"
#include "solid/model/config.h"
#include "solid/model/context.h"
#include "solid/model/safetensors.h"
#include <xxhash.h>

/* Items from which on E stays in the file: below, reading rows costs more of a question than memory is worth
 * (tests/bench/NOTES.md). */
#define SOL_ROWS_STAY ((uint32_t)1 << 21)

/* From how many items on the rows of a model stay on this context's device: UINT32_MAX where nothing scouts. */
uint32_t sol_rows_stay(const solid_context *ctx, uint32_t items);

/* Whether a scout ranks such models and nothing needs all rows at once, as slates do. */
int sol_rows_may_stay(const sol_config *config);

/* The file of `st`, opened once more. ENOMEM, EIO. */
solid_status sol_rows_file_open(sk_rows_file **out, const sol_safetensors *st);

/* E is the tensor `entry`. */
void sol_rows_file_place(sk_rows_file *file, const sol_safetensors *st, const sol_tensor_entry *entry);

/* Checks the `floats` weights of E and adds their bytes to the hash. EFORMAT, EIO, ENOMEM. */
solid_status sol_rows_file_hash(const sk_rows_file *file, size_t floats, XXH3_state_t *state);

/* The same file for another model. ENOMEM, EIO; ESTALE: it was changed since. */
solid_status sol_rows_file_copy(sk_rows_file **out, const sk_rows_file *file);

/* NULL is a no-op. */
void sol_rows_file_close(sk_rows_file *file);

#endif
