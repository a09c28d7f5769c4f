/* GET and POST /recommend, POST /slate. */
#include "examples/serve/answering.h"
#include "solid/extend.h"
#include <stdlib.h>
#include <string.h>

static solid_status truth_argument(const http_request *request, const char *name, int *out) {
  solid_bytes text;
  if (!http_argument(request, name, &text)) return SOLID_OK;
  int truth = query_truth(text);
  if (truth < 0) return solid_fail(SOLID_EINVAL, "\"%s\" is neither true nor false", name);
  *out = truth;
  return SOLID_OK;
}

static solid_status read_url(const serve *s, const http_request *request, serve_query *query) {
  solid_bytes text;
  int64_t k = query_usual(s->options->max_k);
  query_init(query);
  if (!http_argument(request, "user", &query->user)) return solid_fail(SOLID_EINVAL, "no ?user= is given");
  solid_status status = query_check_id("user", query->user);
  if (status) return status;
  if (http_argument(request, "category", &query->category) && !query->category.size)
    return solid_fail(SOLID_EINVAL, "\"category\" is empty");
  if (http_argument(request, "k", &text) && (!query_whole(text, &k) || k < 1 || k > s->options->max_k))
    return solid_fail(SOLID_EINVAL, "\"k\" is not a whole number from 1 to %lld", (long long)s->options->max_k);
  query->k = (uint32_t)k;
  if (http_argument(request, "fallback", &text)) {
    query->fallback = text.size == 10 && memcmp(text.data, "popularity", 10) == 0;
    if (!query->fallback && (text.size != 4 || memcmp(text.data, "none", 4) != 0))
      return solid_fail(SOLID_EINVAL, "\"fallback\" is neither popularity nor none");
  }
  if (http_argument(request, "exclude_seen", &text) && !query_seen(text, &query->exclude_seen))
    return solid_fail(SOLID_EINVAL, "\"exclude_seen\" is none of true, false, ever, window");
  return truth_argument(request, "reasons", &query->reasons);
}

void serve_recommend_get(void *user, const http_request *request, http_reply *reply) {
  serve *s = user;
  serve_query query;
  solid_status status = read_url(s, request, &query);
  if (!status) {
    serve_desk *desk = serve_take_desk(s);
    status = answering_write(s, desk, &query, &reply->body);
    serve_give_desk(s, desk);
  }
  if (status) serve_fail(reply, status);
}

/* Each query has its own answer or its own error. */
static void answer_batch(serve *s, const serve_query *queries, size_t n, http_reply *reply) {
  serve_desk *desk = serve_take_desk(s);
  growing_text(&reply->body, "{\"answers\":[");
  for (size_t i = 0; i < n; i++) {
    size_t before = reply->body.size + (i > 0);
    if (i) growing_text(&reply->body, ",");
    solid_status status = answering_write(s, desk, &queries[i], &reply->body);
    if (!status) continue;
    http_reply one = {0};
    serve_fail(&one, status);
    if (reply->body.size > before) reply->body.size = before;
    growing_bytes(&reply->body, one.body.bytes, one.body.size ? one.body.size - 1 : 0); /* without its newline */
    growing_clear(&one.body);
  }
  growing_text(&reply->body, "]}");
  serve_give_desk(s, desk);
}

static void answer_body(serve *s, const http_request *request, http_reply *reply, int is_slate) {
  query_limits limits = {s->options->max_k, s->options->max_batch, is_slate};
  serve_query *queries = NULL;
  json_t *root = NULL;
  size_t n = 0;
  int is_batch = 0;
  solid_status status = query_read_body(request->body, request->body_size, &limits, &root, &queries, &n, &is_batch);
  if (!status && is_batch) {
    answer_batch(s, queries, n, reply);
  } else if (!status) {
    serve_desk *desk = serve_take_desk(s);
    status = answering_write(s, desk, &queries[0], &reply->body);
    serve_give_desk(s, desk);
  }
  if (status == SOLID_EFORMAT && !root)
    http_fail(reply, 400, "not_json", "%s", solid_last_error());
  else if (status)
    serve_fail(reply, status);
  for (size_t i = 0; i < n; i++) query_clear(&queries[i]);
  free(queries);
  json_decref(root);
}

void serve_recommend_post(void *user, const http_request *request, http_reply *reply) {
  answer_body(user, request, reply, 0);
}

void serve_slate_post(void *user, const http_request *request, http_reply *reply) {
  answer_body(user, request, reply, 1);
}
