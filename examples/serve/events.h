/* The events of one request: events.c reads them and answers, events_apply.c brings them into the store. */
#ifndef EXAMPLES_SERVE_EVENTS_H
#define EXAMPLES_SERVE_EVENTS_H

#include "examples/serve/outcome.h"

/* What a request that is tried again under its key has of an event. */
enum { EVENT_OPEN = 0, EVENT_DONE = 1, EVENT_UNSURE = 2 };

typedef struct serve_batch {
  solid_event *events; /* (n) those that are steps, or are looked at by the pipeline */
  size_t *numbers;     /* (n) which of the request's each is */
  solid_status *verdicts;
  char **payloads; /* (n) as they are decoded and produced */
  size_t n, total;
  uint8_t *done; /* (total) EVENT_OPEN ... */
  serve_outcome outcome;
} serve_batch;

/* Applies them, all that can be. Each has its verdict afterwards, and those that were not applied are in the outcome.
 */
void events_apply(serve *s, serve_desk *desk, serve_batch *batch);

/* Behind a call whose text is the thread's last one: the verdicts of those that `mine` (NULL = all) names, into outcome
 * and `done`. */
void events_judge(serve_batch *batch, const uint8_t *mine, solid_status call, const char *away);

#endif
