/* HTTP for the programs: routes, bounded bodies, a token, deadlines, and a stop that finishes the requests in progress.
 * libmicrohttpd's threads call the handlers, each thread one request at a time. Only in builds with SOLID_HTTP. */
#ifndef EXAMPLES_COMMON_HTTP_H
#define EXAMPLES_COMMON_HTTP_H

#include "examples/common/growing.h"
#include "solid/status.h"
#include "solid/types.h"
#include <stdint.h>

typedef struct http_server http_server;

typedef struct http_request {
  const char *method;
  const char *body; /* zero-terminated */
  size_t body_size;
  solid_bytes part;    /* the decoded part of the path that {...} in the route stands for */
  int64_t started_ns;  /* steady clock, when its head had arrived */
  int64_t deadline_ns; /* the client does not wait longer */
  struct http_exchange *exchange;
} http_request;

typedef struct http_reply {
  int status;        /* 0 = 200 */
  const char *type;  /* NULL = application/json */
  int retry_after_s; /* 0 = does not say */
  const void *fixed; /* a body that lives as long as the program, instead of `body` */
  size_t fixed_size;
  growing body;
} http_reply;

typedef void (*http_handler)(void *user, const http_request *request, http_reply *reply);

typedef struct http_route {
  const char *method, *path; /* "/items/{id}/similar" */
  http_handler handle;
  int is_open;           /* 1 = needs no token */
  const char *arguments; /* names of ?name=value, a blank between; others, or one twice or without a value, are refused
                          * with 400. NULL = takes any */
} http_route;

/* Called after each answer, on its thread. `route` is NULL if none fitted. */
typedef void (*http_done)(void *user, const http_route *route, int status, int64_t ns);

typedef struct http_options {
  const char *listen; /* "HOST:PORT", "[v6]:PORT", ":PORT" (all addresses), "PORT" (127.0.0.1); port 0 = a free one */
  const http_route *routes;
  size_t n_routes;
  void *user; /* of handlers and `done` */
  http_done done;
  uint32_t threads, connections;
  size_t max_body;
  int64_t idle_s;      /* a connection that is silent for this long is closed */
  int64_t deadline_ms; /* a request that has not arrived completely after this time is refused */
  const char *token;   /* bearer token that closed routes want; NULL = none */
} http_options;

/* EINVAL: not an address. EIO: cannot listen there. Options are copied, what they point at is borrowed. */
solid_status http_open(http_server **out, const http_options *options);

/* "127.0.0.1:8080", as it listens. */
const char *http_address(const http_server *server);

/* Accepts no more connections, waits up to drain_ms for the requests in progress, then ends the server. NULL is a
 * no-op. */
void http_close(http_server *server, int64_t drain_ms);

/* The decoded value of ?name=, 1 if it is there. Valid while the request is handled. */
int http_argument(const http_request *request, const char *name, solid_bytes *value);

/* The value of a header or NULL. */
const char *http_header(const http_request *request, const char *name);

/* {"error": {"code": "...", "message": "..."}} with the status; `code` is for programs, the message for people. */
void http_fail(http_reply *reply, int status, const char *code, const char *format, ...) SOLID_PRINTF(4, 5);

#endif
