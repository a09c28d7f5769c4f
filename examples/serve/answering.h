/* One question to one answer: the recommender's list, what the query's rules make of it, and its JSON. */
#ifndef EXAMPLES_SERVE_ANSWERING_H
#define EXAMPLES_SERVE_ANSWERING_H

#include "examples/serve/query.h"
#include "examples/serve/serve.h"

/* What is known of an answer beside its items. */
typedef struct serve_made {
  solid_answer answer;
  int is_fallback;          /* made without the store, which was away */
  solid_slate_answer slate; /* of a slate; `answer` has what both have */
} serve_made;

/* Ranks: the best query->k items under the query's rules, in desk->best. More of the recommender's list is asked for
 * until no item behind it could take a place. */
solid_status answering_rank(serve_desk *desk, const solid_seat *seat, const serve_query *query, size_t items,
                            serve_made *made);

/* The query's filters as the library has them. */
void answering_filters(const serve_query *query, solid_query *out);

/* The slate of query->k items, in desk->best: slates.c. EUNSUPPORTED: the model has no decoder, or none for the order.
 */
solid_status answering_decode(serve_desk *desk, const solid_seat *seat, const serve_query *query, serve_made *made);
void answering_write_slate(const serve_query *query, const serve_made *made, growing *out);

/* The whole way of a question, its JSON into `out`; counts it. */
solid_status answering_write(serve *s, serve_desk *desk, const serve_query *query, growing *out);

#endif
