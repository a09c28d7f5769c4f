/* Any body of a request, for a list or for a slate: questions within their limits, or an error with a text; and any
 * path and token. */
#include "examples/common/http_parts.h"
#include "examples/serve/query.h"
#include "solid/extend.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_query(const serve_query *query, const query_limits *limits) {
  if ((query->k < 1 && !query->is_slate) || query->k > limits->max_k || query->user.size > SOLID_ID_MAX) abort();
  if (query->n_session > QUERY_MOST || query->n_blocked > QUERY_MOST || query->n_allowed > QUERY_MOST) abort();
  if (!(query->slate.guide >= 0 && query->slate.guide <= 1) || query->slate.order > SOLID_SLATE_ADAPTIVE) abort();
  for (size_t i = 0; i < query->n_session; i++)
    if (query->session[i].size < 1 || query->session[i].size > SOLID_ID_MAX) abort();
}

static void read_head(const uint8_t *data, size_t size) {
  char *text = malloc(size + 1);
  if (!text) return;
  solid_bytes part = {NULL, 0};
  memcpy(text, data, size);
  text[size] = 0;
  const char *path = http_target_path(text); /* of the other form what is left begins with a / */
  if (path != text && *path != '/') abort();
  if (http_path_fits("/items/{id}/similar", text, &part) && (!part.size || memchr(part.data, '/', part.size))) abort();
  /* the scheme's case does not matter (RFC 7235, 2.1), the token's does */
  int is_token = strncasecmp(text, "bearer ", 7) == 0 && strcmp(text + 7, "token") == 0;
  if (http_token_fits(text, "token") != is_token) abort();
  char why[HTTP_FAULT_TEXT];
  size_t length = strlen(text);
  int is_right = !http_text_fault(text, why);
  size_t decoded = http_decode(text, length);
  if (decoded > length || (is_right && memchr(text, 0, decoded))) abort();
  free(text);
}

static void read_body(const uint8_t *data, size_t size, int is_slate) {
  const query_limits limits = {7, 8, is_slate};
  json_t *root = NULL;
  serve_query *queries = NULL;
  size_t n = 0;
  int is_batch = 0;
  (void)solid_fail(SOLID_EINVAL, "%s", ""); /* no text is left of the call before */
  solid_status status = query_read_body((const char *)data, size, &limits, &root, &queries, &n, &is_batch);
  if (status == SOLID_OK && (n < 1 || n > 8)) abort();
  for (size_t i = 0; i < n; i++) {
    if (status == SOLID_OK) check_query(&queries[i], &limits);
    query_clear(&queries[i]);
  }
  if (status != SOLID_OK && !*solid_last_error()) abort();
  free(queries);
  json_decref(root);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  read_body(data, size, 0);
  read_body(data, size, 1);
  read_head(data, size);
  return 0;
}
