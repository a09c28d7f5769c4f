/* Values of a JSON object, from a parser that knows the shape of nearly all events and nothing else: members that are
 * numbers, literals and strings without escapes. It never refuses: what it does not take goes through jansson, which
 * says what is wrong, and what it takes has the values that jansson would give. */
#ifndef INGEST_FLAT_JSON_H
#define INGEST_FLAT_JSON_H

#include "solid/types.h"

typedef enum sol_json_kind {
  SOL_JSON_ABSENT = 0,
  SOL_JSON_TEXT,
  SOL_JSON_WHOLE, /* an integer of 64 bits */
  SOL_JSON_REAL,
  SOL_JSON_TRUE,
  SOL_JSON_OTHER /* false, null, a list, an object */
} sol_json_kind;

typedef struct sol_json_value {
  sol_json_kind kind;
  solid_bytes text; /* borrowed from the payload */
  int64_t whole;
  double real; /* of a whole number too */
} sol_json_value;

/* values (n) of the members called names (n); others are read over. 1, or 0 where the payload is anything else than one
 * such object of at most 16 members: `values` may then be written in part. */
int sol_flat_json(const char *payload, size_t size, const char *const *names, size_t n, sol_json_value *values);

#endif
