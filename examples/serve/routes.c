/* The table of routes, and what stands behind the fixed ones. openapi.json says the same to clients; a test holds the
 * two together. */
#include "examples/serve/embedded.h"
#include "examples/serve/serve.h"

const http_route serve_routes[] = {
    {"GET", "/recommend", serve_recommend_get, 0, "user k category reasons exclude_seen fallback"},
    {"POST", "/recommend", serve_recommend_post, 0, ""},
    {"POST", "/slate", serve_slate_post, 0, ""},
    {"GET", "/items/{id}/similar", serve_similar, 0, "k"},
    {"GET", "/items", serve_items, 0, "search k"},
    {"POST", "/items", serve_items_post, 0, ""},
    {"GET", "/users/{id}/history", serve_history, 0, ""},
    {"DELETE", "/users/{id}", serve_forget, 0, ""},
    {"GET", "/popular", serve_popular, 0, "k"},
    {"GET", "/latest", serve_latest, 0, "k"},
    {"POST", "/events", serve_events, 0, ""},
    {"GET", "/model", serve_model_get, 0, ""},
    {"POST", "/model", serve_model_post, 0, ""},
    {"GET", "/metrics", serve_metrics, 0, NULL},
    {"GET", "/health/live", serve_live, 1, NULL},
    {"GET", "/health/ready", serve_ready, 1, NULL},
    {"GET", "/openapi.json", serve_openapi, 1, NULL},
    {"GET", "/", serve_page, 1, NULL},
    {"GET", "/page.js", serve_page_script, 1, NULL},
};
const size_t serve_n_routes = sizeof serve_routes / sizeof *serve_routes;

_Static_assert(sizeof serve_routes / sizeof *serve_routes < SERVE_ROUTES, "a counter for every route");

static void give(http_reply *reply, const char *type, const void *bytes, size_t size) {
  reply->type = type;
  reply->fixed = bytes;
  reply->fixed_size = size;
}

void serve_openapi(void *user, const http_request *request, http_reply *reply) {
  (void)user, (void)request;
  give(reply, NULL, embedded_openapi, sizeof embedded_openapi - 1);
}

void serve_page(void *user, const http_request *request, http_reply *reply) {
  (void)user, (void)request;
  give(reply, "text/html; charset=utf-8", embedded_index, sizeof embedded_index - 1);
}

void serve_page_script(void *user, const http_request *request, http_reply *reply) {
  (void)user, (void)request;
  give(reply, "text/javascript; charset=utf-8", embedded_page, sizeof embedded_page - 1);
}
