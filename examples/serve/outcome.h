/* What became of the events of a request: counts, and by name each event that was not applied. */
#ifndef EXAMPLES_SERVE_OUTCOME_H
#define EXAMPLES_SERVE_OUTCOME_H

#include "examples/serve/serve.h"

/* A zeroed one is empty. */
typedef struct serve_outcome {
  uint64_t counts[SERVE_VERDICTS];
  size_t total;           /* events of the request */
  growing rejects;        /* JSON, comma between */
  serve_failure failure;  /* of the request: the first that to send again may end; code 0 = there is none */
  serve_failure rejected; /* of the last event that it does not end */
  char text[512];         /* of `failure`, else of `rejected` */
} serve_outcome;

/* An event that was not applied, or of which it is not known. */
typedef struct outcome_entry {
  size_t number; /* in the request */
  solid_bytes user;
  serve_verdict verdict; /* SERVE_REJECTED, SERVE_UNKNOWN_ITEM, SERVE_FAILED, SERVE_UNKNOWN */
  serve_failure failure; /* code 0: this event alone does not make the request fail */
  const char *text;
} outcome_entry;

void outcome_add(serve_outcome *outcome, const outcome_entry *entry);

/* The same of what a library's call said of an event. `call` is the status of the call, whose text is the thread's last
 * one, and `away` the name of who was asked and may be away. */
void outcome_add_status(serve_outcome *outcome, size_t number, solid_bytes user, solid_status of_event,
                        solid_status call, const char *away);

/* Counts for /metrics, and writes the answer: 503 (or what else fits the failure) where to send again may help. */
void outcome_write(serve_outcome *outcome, serve *s, http_reply *reply);

void outcome_clear(serve_outcome *outcome);

#endif
