/* The users of a batch who ask to be forgotten. */
#ifndef SOLID_SERVE_FORGETTING_H
#define SOLID_SERVE_FORGETTING_H

#include "solid/pipeline.h"

enum { SOL_NEWER_TEXT = 512 };

typedef struct sol_forgetting_batch {
  solid_store *store;
  uint8_t *keep;               /* (n) 1 = the event is appended afterwards */
  solid_status *verdicts;      /* (n) or NULL */
  solid_pipeline_stats *stats; /* counts them */
  char *newer;                 /* (SOL_NEWER_TEXT) what is said of a record of a later version, if there is one */
} sol_forgetting_batch;

/* Forgets them, and leaves out what stands before such an event and is of the same user. Retriable, as the store is;
 * EUNSUPPORTED: a store that cannot forget. */
solid_status sol_forget_users(const sol_forgetting_batch *batch, const solid_event *events, size_t n);

#endif
