#include "examples/serve/query.h"
#include "examples/common/ground.h"
#include "examples/common/slate_order.h"
#include "solid/extend.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBER_ROOM = 24, NUMBERS = 4 * QUERY_MOST + 2 };

void query_init(serve_query *query) {
  *query = (serve_query){.k = 10, .exclude_seen = 1, .slate = SOLID_SLATE_OPTIONS_INIT};
}

void query_clear(serve_query *query) {
  free(query->session);
  free(query->blocked);
  free(query->allowed);
  free(query->boosted);
  free(query->boosts);
  free(query->numbers);
  query_init(query);
}

static solid_status wrong(const char *field, const char *what) {
  return solid_fail(SOLID_EINVAL, "\"%s\" %s", field, what);
}

solid_status query_check_id(const char *field, solid_bytes id) {
  if (id.size >= 1 && id.size <= SOLID_ID_MAX) return SOLID_OK;
  return solid_fail(SOLID_EINVAL, "\"%s\" is an id of %zu bytes, 1 to %d are allowed", field, id.size, SOLID_ID_MAX);
}

json_t *query_json(const char *body, size_t size, const char *several) {
  json_error_t error;
  json_t *root = json_loadb(body, size, JSON_REJECT_DUPLICATES, &error);
  if (root) return root;
  int is_more = json_error_code(&error) == json_error_end_of_input_expected;
  if (size)
    solid_fail(SOLID_EFORMAT, "line %d, column %d: %s%s%s", error.line, error.column, error.text, is_more ? "; " : "",
               is_more ? several : "");
  else
    solid_fail(SOLID_EFORMAT, "the request has no body: it takes JSON; see /openapi.json");
  return NULL;
}

/* An id: a string, or an integer, which stands for its decimal text, as in events. */
static solid_status read_id(serve_query *query, const char *field, const json_t *from, solid_bytes *out) {
  if (json_is_string(from)) {
    *out = (solid_bytes){json_string_value(from), json_string_length(from)};
  } else if (json_is_integer(from)) {
    if (!query->numbers && !(query->numbers = malloc((size_t)NUMBERS * NUMBER_ROOM)))
      return solid_fail(SOLID_ENOMEM, "out of memory: query");
    char *text = query->numbers + query->at_numbers++ * NUMBER_ROOM;
    *out = (solid_bytes){text, (size_t)snprintf(text, NUMBER_ROOM, "%" JSON_INTEGER_FORMAT, json_integer_value(from))};
  } else {
    return wrong(field, "is neither a string nor an integer");
  }
  return query_check_id(field, *out);
}

static solid_status read_ids(serve_query *query, const char *field, const json_t *from, solid_bytes **out, size_t *n) {
  if (!json_is_array(from)) return wrong(field, "is not a list of ids");
  size_t count = json_array_size(from);
  if (count > QUERY_MOST) return wrong(field, "has more than 1000 ids");
  *out = calloc(count + 1, sizeof **out);
  if (!*out) return solid_fail(SOLID_ENOMEM, "out of memory: query");
  for (*n = 0; *n < count; (*n)++) {
    solid_status status = read_id(query, field, json_array_get(from, *n), &(*out)[*n]);
    if (status) return status;
  }
  return SOLID_OK;
}

static solid_status read_boosts(serve_query *query, const json_t *from) {
  if (!json_is_object(from)) return wrong("boosts", "is not {\"item\": number, ...}");
  size_t count = json_object_size(from);
  if (count > QUERY_MOST) return wrong("boosts", "has more than 1000 items");
  query->boosted = calloc(count + 1, sizeof *query->boosted);
  query->boosts = calloc(count + 1, sizeof *query->boosts);
  if (!query->boosted || !query->boosts) return solid_fail(SOLID_ENOMEM, "out of memory: query");
  for (void *at = json_object_iter((json_t *)(uintptr_t)from); at;
       at = json_object_iter_next((json_t *)(uintptr_t)from, at)) {
    const char *key = json_object_iter_key(at);
    const json_t *value = json_object_iter_value(at);
    if (!json_is_number(value) || !(fabs(json_number_value(value)) <= 1e6))
      return wrong("boosts", "has a value that is no number from -1e6 to 1e6");
    query->boosts[query->n_boosted] = json_number_value(value);
    query->boosted[query->n_boosted++] = (solid_bytes){key, strlen(key)};
  }
  return SOLID_OK;
}

static solid_status read_whole(const char *field, const json_t *from, int64_t least, int64_t most, uint32_t *out) {
  int64_t value = json_integer_value(from);
  if (!json_is_integer(from)) return wrong(field, "is not a whole number");
  if (value < least || value > most)
    return solid_fail(SOLID_ERANGE, "\"%s\" is %" PRId64 ", must be from %" PRId64 " to %" PRId64, field, value, least,
                      most);
  *out = (uint32_t)value;
  return SOLID_OK;
}

static solid_status read_truth(const char *field, const json_t *from, int *out) {
  if (!json_is_boolean(from)) return wrong(field, "is neither true nor false");
  *out = json_is_true(from);
  return SOLID_OK;
}

/* true = "ever". */
static solid_status read_seen(const char *field, const json_t *from, int *out) {
  const char *text = json_string_value(from);
  if (text && query_seen((solid_bytes){text, strlen(text)}, out)) return SOLID_OK;
  if (!text && json_is_boolean(from)) return read_truth(field, from, out);
  return wrong(field, "is none of true, false, \"ever\", \"window\"");
}

static solid_status read_fallback(serve_query *query, const json_t *from) {
  const char *text = json_string_value(from);
  if (!text || (strcmp(text, "popularity") != 0 && strcmp(text, "none") != 0))
    return wrong("fallback", "is neither \"popularity\" nor \"none\"");
  query->fallback = *text == 'p';
  return SOLID_OK;
}

static solid_status read_real(const char *field, const json_t *from, double least, double most, float *out) {
  double value = json_number_value(from);
  if (!json_is_number(from)) return wrong(field, "is not a number");
  if (!(value >= least && value <= most))
    return solid_fail(SOLID_ERANGE, "\"%s\" is %g, must be from %g to %g", field, value, least, most);
  *out = (float)value;
  return SOLID_OK;
}

static solid_status read_order(serve_query *query, const json_t *from) {
  const char *text = json_string_value(from);
  if (text && slate_order_read(text, &query->slate)) return SOLID_OK;
  return wrong(
      "order",
      "is none of \"trained\", \"raster\", \"zipar:S\", \"zipar:adaptive:S\" (S from 1 to 1000), \"near-to-far\"");
}

static solid_status read_seed(serve_query *query, const json_t *from) {
  json_int_t value = json_integer_value(from);
  if (!json_is_integer(from) || value < 0) return wrong("seed", "is not a whole number from 0");
  query->slate.seed = (uint64_t)value;
  return SOLID_OK;
}

/* How a slate is decoded: *known = 0 for other fields. */
static solid_status read_decoding(serve_query *query, const char *key, const json_t *value, int *known) {
  static const char *const rules[] = {"boosts", "per_category"};
  *known = 1;
  if (strcmp(key, "order") == 0) return read_order(query, value);
  if (strcmp(key, "guide") == 0) return read_real(key, value, 0, 1, &query->slate.guide);
  if (strcmp(key, "temperature") == 0) return read_real(key, value, 0, 100, &query->slate.temperature);
  if (strcmp(key, "top_p") == 0) return read_real(key, value, 1e-6, 1, &query->slate.top_p);
  if (strcmp(key, "seed") == 0) return read_seed(query, value);
  for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
    if (strcmp(key, rules[i]) == 0)
      return wrong(key, "is a rule over a ranked list, for /recommend and not for slates");
  *known = 0;
  return SOLID_OK;
}

static solid_status read_field(serve_query *query, const char *key, const json_t *value, const query_limits *limits) {
  if (limits->is_slate) {
    int known;
    solid_status status = read_decoding(query, key, value, &known);
    if (known) return status;
  }
  if (strcmp(key, "user") == 0) return json_is_null(value) ? SOLID_OK : read_id(query, key, value, &query->user);
  if (strcmp(key, "k") == 0) return read_whole(key, value, 1, limits->max_k, &query->k);
  if (strcmp(key, "category") == 0) return read_id(query, key, value, &query->category);
  if (strcmp(key, "session") == 0) return read_ids(query, key, value, &query->session, &query->n_session);
  if (strcmp(key, "block") == 0) return read_ids(query, key, value, &query->blocked, &query->n_blocked);
  if (strcmp(key, "allow") == 0) {
    query->has_allowed = 1;
    return read_ids(query, key, value, &query->allowed, &query->n_allowed);
  }
  if (strcmp(key, "boosts") == 0) return read_boosts(query, value);
  if (strcmp(key, "per_category") == 0) return read_whole(key, value, 1, QUERY_MOST, &query->per_category);
  if (strcmp(key, "exclude_seen") == 0) return read_seen(key, value, &query->exclude_seen);
  if (strcmp(key, "reasons") == 0) return read_truth(key, value, &query->reasons);
  if (strcmp(key, "fallback") == 0) return read_fallback(query, value);
  return solid_fail(SOLID_EINVAL, "unknown field \"%s\"; see /openapi.json", sol_show(key, strlen(key)).text);
}

solid_status query_read(serve_query *query, const json_t *from, const query_limits *limits) {
  query_init(query);
  query->is_slate = limits->is_slate;
  query->max_k = limits->max_k;
  query->k = query->is_slate ? 0 : query_usual(limits->max_k);
  if (!json_is_object(from))
    return solid_fail(SOLID_EINVAL, "a question is not an object, {\"user\": ..., \"k\": ...}; see /openapi.json");
  solid_status status = SOLID_OK;
  for (void *at = json_object_iter((json_t *)(uintptr_t)from); at && !status;
       at = json_object_iter_next((json_t *)(uintptr_t)from, at))
    status = read_field(query, json_object_iter_key(at), json_object_iter_value(at), limits);
  return status;
}

solid_status query_read_body(const char *body, size_t size, const query_limits *limits, json_t **root,
                             serve_query **out, size_t *n, int *is_batch) {
  *n = 0;
  *out = NULL;
  *root = query_json(body, size, "several questions are {\"queries\": [...]}");
  if (!*root) return SOLID_EFORMAT;
  const json_t *queries = json_object_get(*root, "queries");
  *is_batch = queries != NULL;
  if (queries && (!json_is_array(queries) || json_object_size(*root) != 1))
    return wrong("queries", "is not a list, or does not stand alone");
  size_t count = queries ? json_array_size(queries) : 1;
  if (count < 1 || count > (size_t)limits->max_batch)
    return solid_fail(SOLID_ERANGE, "%zu queries, from 1 to %" PRId64 " are answered at once", count,
                      limits->max_batch);
  *out = calloc(count, sizeof **out);
  if (!*out) return solid_fail(SOLID_ENOMEM, "out of memory: %zu queries", count);
  for (size_t i = 0; i < count; i++) {
    (*n)++;
    solid_status status = query_read(&(*out)[i], queries ? json_array_get(queries, i) : *root, limits);
    if (status) return is_batch[0] ? solid_fail(status, "query %zu: %s", i, solid_last_error()) : status;
  }
  return SOLID_OK;
}

int query_seen(solid_bytes text, int *out) {
  static const char *const names[] = {[SOLID_SEEN_EVER] = "ever", [SOLID_SEEN_WINDOW] = "window"};
  int truth = query_truth(text);
  for (int i = SOLID_SEEN_EVER; i <= SOLID_SEEN_WINDOW && truth < 0; i++)
    if (text.size == strlen(names[i]) && memcmp(text.data, names[i], text.size) == 0) truth = i;
  if (truth >= 0) *out = truth;
  return truth >= 0;
}

int query_truth(solid_bytes text) {
  if ((text.size == 1 && text.data[0] == '1') || (text.size == 4 && memcmp(text.data, "true", 4) == 0)) return 1;
  if ((text.size == 1 && text.data[0] == '0') || (text.size == 5 && memcmp(text.data, "false", 5) == 0)) return 0;
  return -1;
}

int query_whole(solid_bytes text, int64_t *out) {
  if (text.size < 1 || text.size > 12) return 0;
  *out = 0;
  for (size_t i = 0; i < text.size; i++) {
    if (text.data[i] < '0' || text.data[i] > '9') return 0;
    *out = *out * 10 + (text.data[i] - '0');
  }
  return 1;
}
