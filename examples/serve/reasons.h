/* Why an item is in an answer: the events of the history that it is most like, and the categories it shares with them.
 */
#ifndef EXAMPLES_SERVE_REASONS_H
#define EXAMPLES_SERVE_REASONS_H

#include "examples/serve/query.h"
#include "examples/serve/serve.h"

typedef struct reasons {
  uint32_t *items; /* the newest of the history, then the session's; owned */
  size_t count;
} reasons;

/* Reads the history. One that cannot be read leaves no reasons, and the answer stays. */
void reasons_begin(reasons *why, serve_desk *desk, const solid_seat *seat, const serve_query *query);
/* ,"reasons":{"events":[{"item":...,"similarity":...}],"shared":[...]} */
void reasons_write(const reasons *why, const solid_seat *seat, uint32_t item, growing *out);
void reasons_end(reasons *why);

/* Items of the user's stored window that the model knows, oldest first, into *items (owned by the caller); *seq
 * receives the window's. */
solid_status reasons_history(serve_desk *desk, const solid_model *model, solid_bytes user, uint32_t **items,
                             size_t *count, uint64_t *seq);

#endif
