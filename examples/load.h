/* Data files into one history: what solid_train and solid_eval begin with. */
#ifndef EXAMPLES_LOAD_H
#define EXAMPLES_LOAD_H

#include "solid/train/history.h"
#include <stdint.h>

typedef struct load_files {
  const char *data;       /* events, any format of ingest/dataset.h */
  const char *format;     /* its name; NULL or "auto" = told by the first lines */
  const char *attributes; /* of items; NULL = none */
  const char *vectors;    /* raw float32, one row an item; NULL = none */
  uint32_t vector_width;  /* floats a row */
} load_files;

/* On success the caller owns *history: sol_history_clear. Texts name the file. ENOTFOUND: no events. */
solid_status load_history(sol_history *history, const load_files *files);

#endif
