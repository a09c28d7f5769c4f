/* Whether the model at hand is the one that is live. While it is not, or not for all users, windows go on to be written
 * and parameters are left to whoever asks: made here, they would take the place of the live generation's. */
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

/* Begins: where no process has recorded a generation, this one is recorded. */
solid_status ingestd_live_begin(ingestd_live *live, const solid_model *model, solid_store *store,
                                solid_pipeline *pipeline, const solid_generate *how);

/* Looks again, between batches, on the thread that runs the source. A store that is away changes nothing. */
void ingestd_live_check(ingestd_live *live);

#endif
