/* Writes provenance into a model file and reads it: the only place that knows its text.
 *
 *   {"version": "0.9.0", "data": "16 hex digits", "split": "leave-one-out", "precision": "fp32", "epochs": 12,
 *    "best_epoch": 9, "valid_ndcg@10": 0.05, "options": {"rate-end": 0.05, ...}}      options by their flags */
#ifndef SOLID_TRAIN_FIT_PROVENANCE_H
#define SOLID_TRAIN_FIT_PROVENANCE_H

#include "solid/train/provenance.h"

/* The text, from malloc, or NULL without memory. The same provenance gives the same bytes. */
char *sol_provenance_write(const solid_provenance *provenance);

/* Statuses as solid_provenance_read; `text` may be NULL. */
solid_status sol_provenance_parse(const char *text, solid_provenance *out);

#endif
