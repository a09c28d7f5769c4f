/* A question as a client asks it: from an URL or from JSON. What is wrong is said with the field's name. */
#ifndef EXAMPLES_SERVE_QUERY_H
#define EXAMPLES_SERVE_QUERY_H

#include "solid/slate.h"
#include "solid/status.h"
#include "solid/types.h"
#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

/* Most ids of one list. */
enum { QUERY_MOST = 1000 };

typedef struct query_limits {
  int64_t max_k, max_batch;
  int is_slate; /* 1 = questions for slates: how to decode is known, rules over a list are refused */
} query_limits;

/* Strings are borrowed from the JSON value or the URL they were read from; lists are owned. */
typedef struct serve_query {
  solid_bytes user; /* empty = anonymous */
  solid_bytes category;
  uint32_t k;    /* 0, for a slate: as many as the decoder has rows, at most max_k */
  int64_t max_k; /* of the limits it was read under; 0 = it was not read */
  int exclude_seen, reasons;
  int fallback;          /* 1 = an answer without the store is welcome */
  uint32_t per_category; /* most items of one category; 0 = any number */
  solid_bytes *session, *blocked, *allowed, *boosted;
  size_t n_session, n_blocked, n_allowed, n_boosted;
  int has_allowed;   /* 1 = only the allowed ones, were there none at all */
  double *boosts;    /* (n_boosted) added to the scores */
  char *numbers;     /* texts of ids that were integers; owned */
  size_t at_numbers; /* used of them */
  int is_slate;      /* 1 = the items are chosen together, as `slate` says */
  solid_slate_options slate;
} serve_query;

/* Items of an answer where the question does not say how many. */
static inline uint32_t query_usual(int64_t max_k) {
  return max_k < 10 ? (uint32_t)max_k : 10;
}

/* EINVAL where its size is none of an id. */
solid_status query_check_id(const char *field, solid_bytes id);

/* The JSON of a body, which the caller gives back (json_decref), or NULL and what is wrong in solid_last_error();
 * `several` is how a client sends more than one. */
json_t *query_json(const char *body, size_t size, const char *several);

/* All at their defaults. */
void query_init(serve_query *query);
void query_clear(serve_query *query);

/* One question: {"user": ..., "k": ..., ...}. EINVAL, ERANGE with the field; a query that failed may be cleared. */
solid_status query_read(serve_query *query, const json_t *from, const query_limits *limits);

/* A body: one question, or {"queries": [...]}. *root is to be kept while the questions are used, and json_decref'd;
 * *out is an array of *n questions that the caller clears and frees. EFORMAT: no JSON. */
solid_status query_read_body(const char *body, size_t size, const query_limits *limits, json_t **root,
                             serve_query **out, size_t *n, int *is_batch);

/* "1", "true" are 1; "0", "false" are 0; anything else -1. */
int query_truth(solid_bytes text);

/* "ever", "window", or true (ever) and false as above, into solid_seen; 0: something else. */
int query_seen(solid_bytes text, int *out);

/* A whole number of 1 .. most digits into *out. 0 = it is none. */
int query_whole(solid_bytes text, int64_t *out);

#endif
