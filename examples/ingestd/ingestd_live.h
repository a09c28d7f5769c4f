/* Whether the loaded model is the live one. While it is not, or not for all users, windows are still written but
 * parameters are left to the questions: made here, they would replace those of the live generation. */
#ifndef EXAMPLES_INGESTD_INGESTD_LIVE_H
#define EXAMPLES_INGESTD_INGESTD_LIVE_H

#include "solid/live.h"
#include "solid/pipeline.h"

typedef struct ingestd_live {
  solid_store *store;
  solid_pipeline *pipeline;
  uint64_t generation;       /* of the model at hand */
  const solid_generate *how; /* the rule while it is live */
  int is_off;
} ingestd_live;

/* Begins. If no process has recorded a generation, this one is recorded. */
solid_status ingestd_live_begin(ingestd_live *live, const solid_model *model, solid_store *store,
                                solid_pipeline *pipeline, const solid_generate *how);

/* Reads the record again, between batches, on the thread that runs the source. Changes nothing while the store is away.
 */
void ingestd_live_check(ingestd_live *live);

#endif
