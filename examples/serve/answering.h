/* One question to one answer: the recommender's list, what the query's rules make of it, and its JSON. */
#ifndef EXAMPLES_SERVE_ANSWERING_H
#define EXAMPLES_SERVE_ANSWERING_H

#include "examples/serve/query.h"
#include "examples/serve/serve.h"

/* What is known of an answer beside its items. */
typedef struct serve_made {
  solid_answer answer;
  int is_fallback; /* made without the store, which was away */
} serve_made;

/* Ranks: the best query->k items under the query's rules, in desk->best. More of the recommender's list is asked for
 * until no item behind it could take a place. */
solid_status answering_rank(serve_desk *desk, const solid_seat *seat, const serve_query *query, size_t items,
                            serve_made *made);

/* The whole way of a question, its JSON into `out`; counts it. */
solid_status answering_write(serve *s, serve_desk *desk, const serve_query *query, growing *out);

#endif
