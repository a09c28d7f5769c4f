/* The steps of a batch of events as the pipeline lays them out, sized by the largest batch seen. */
#ifndef SOLID_SERVE_STREAM_BATCH_H
#define SOLID_SERVE_STREAM_BATCH_H

#include "solid/status.h"
#include "solid/types.h"

/* A zeroed one is empty. */
typedef struct sol_stream_batch {
  size_t capacity;
  solid_step *steps;         /* (events) in the order of the groups */
  solid_position *positions; /* (events) likewise */
  uint8_t *keep;             /* (events) 1 = valid and known */
  uint8_t *dislikes;         /* (events) in the order of the groups: 1 = a dislike and no step */
  int has_dislikes;
} sol_stream_batch;

/* Makes room for n events and discards what was laid out. ENOMEM changes nothing. */
solid_status sol_stream_reserve(sol_stream_batch *stream, size_t n);
void sol_stream_clear(sol_stream_batch *stream);

#endif
