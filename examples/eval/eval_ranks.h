/* Ranks of a result file: one character a user, in the order of the data. 'a' is rank 0 (the target stood first), 't'
 * rank 19, '.' beyond. */
#ifndef EXAMPLES_EVAL_EVAL_RANKS_H
#define EXAMPLES_EVAL_EVAL_RANKS_H

#include "solid/status.h"
#include "solid/train/metrics.h"
#include <jansson.h>

/* A file of solid_eval --json, which the caller gives back (json_decref). EIO: it cannot be read. EFORMAT: it is no
 * JSON. */
solid_status eval_result_read(json_t **out, const char *path);

/* NULL: no memory. */
json_t *eval_ranks_write(const uint32_t *ranks, size_t n);

/* malloc, or NULL when `text` has another length or a character that is none (or there is no memory). */
uint32_t *eval_ranks_read(const json_t *text, size_t n);

#endif
