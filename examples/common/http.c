#include "examples/common/http.h"
#include "examples/common/ground.h"
#include "examples/common/http_address.h"
#include "examples/common/http_parts.h"
#include "solid/extend.h"
#include <microhttpd.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MEMORY_OF_A_CONNECTION = 32 * 1024, KEPT_ARGUMENTS = 8, WAIT_MS = 20 };

struct http_server {
  struct MHD_Daemon *daemon;
  http_options options;
  atomic_int in_hand;
  char address[HTTP_ADDRESS_TEXT];
};

/* One request from its first line to its last byte. */
typedef struct http_exchange {
  http_server *server;
  struct MHD_Connection *connection;
  const http_route *route;
  growing body;
  http_request request;
  char *part;
  char *arguments[KEPT_ARGUMENTS]; /* decoded copies */
  size_t n_arguments;
  int refused; /* a status that was decided before the body came; the body is not kept */
  int status;  /* of the answer; 0 = none yet */
} http_exchange;

/* ---- Texts of an URL ---- */

/* libmicrohttpd would decode "/items/a%2Fb/similar" before the path is split into parts. */
static size_t leave_encoded(void *unused, struct MHD_Connection *connection, char *text) {
  (void)unused, (void)connection;
  return strlen(text);
}

int http_argument(const http_request *request, const char *name, solid_bytes *value) {
  http_exchange *exchange = request->exchange;
  const char *raw = MHD_lookup_connection_value(exchange->connection, MHD_GET_ARGUMENT_KIND, name);
  char *copy = raw && exchange->n_arguments < KEPT_ARGUMENTS ? strdup(raw) : NULL;
  if (!copy) return 0;
  exchange->arguments[exchange->n_arguments++] = copy;
  *value = (solid_bytes){copy, http_decode(copy, strlen(copy))};
  return 1;
}

const char *http_header(const http_request *request, const char *name) {
  return MHD_lookup_connection_value(request->exchange->connection, MHD_HEADER_KIND, name);
}

/* ---- Routes ---- */

/* Finds the route, or the status if none fits: 404, or 405 if the path fits with another method. */
static const http_route *find_route(const http_options *options, const char *method, const char *path,
                                    solid_bytes *part, int *refused) {
  const char *wanted = strcmp(method, MHD_HTTP_METHOD_HEAD) == 0 ? MHD_HTTP_METHOD_GET : method;
  *refused = MHD_HTTP_NOT_FOUND;
  for (size_t i = 0; i < options->n_routes; i++) {
    if (!http_path_fits(options->routes[i].path, path, part)) continue;
    if (strcmp(options->routes[i].method, wanted) == 0) {
      *refused = 0;
      return &options->routes[i];
    }
    *refused = MHD_HTTP_METHOD_NOT_ALLOWED;
  }
  return NULL;
}

/* ---- Answers ---- */

void http_fail(http_reply *reply, int status, const char *code, const char *format, ...) {
  char message[512];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  reply->status = status;
  growing_reset(&reply->body);
  growing_text(&reply->body, "{\"error\":{\"code\":");
  growing_json(&reply->body, code, strlen(code));
  growing_text(&reply->body, ",\"message\":");
  growing_json(&reply->body, message, strlen(message));
  growing_text(&reply->body, "}}\n");
}

static enum MHD_Result send_reply(http_exchange *exchange, http_reply *reply) {
  if (reply->body.is_broken) http_fail(reply, 500, "no_memory", "out of memory: answer");
  if (!reply->status) reply->status = MHD_HTTP_OK;
  struct MHD_Response *response =
      reply->fixed
          ? MHD_create_response_from_buffer(reply->fixed_size, (void *)(uintptr_t)reply->fixed, MHD_RESPMEM_PERSISTENT)
          : MHD_create_response_from_buffer(reply->body.size, reply->body.bytes, MHD_RESPMEM_MUST_FREE);
  if (!response) {
    growing_clear(&reply->body);
    return MHD_NO;
  }
  char seconds[16];
  MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, reply->type ? reply->type : "application/json");
  if (reply->retry_after_s > 0) {
    snprintf(seconds, sizeof seconds, "%d", reply->retry_after_s);
    MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, seconds);
  }
  if (reply->status == MHD_HTTP_UNAUTHORIZED)
    MHD_add_response_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer");
  exchange->status = reply->status;
  enum MHD_Result queued = MHD_queue_response(exchange->connection, (unsigned)reply->status, response);
  MHD_destroy_response(response);
  return queued;
}

static void refuse(http_reply *reply, const http_exchange *exchange) {
  const http_options *o = &exchange->server->options;
  const char *packed = http_header(&exchange->request, MHD_HTTP_HEADER_CONTENT_ENCODING);
  switch (exchange->refused) {
  case MHD_HTTP_UNAUTHORIZED:
    http_fail(reply, 401, "no_token", "needs the header Authorization: Bearer TOKEN");
    break;
  case MHD_HTTP_METHOD_NOT_ALLOWED:
    http_fail(reply, 405, "method", "this path does not take this method; see /openapi.json");
    break;
  case MHD_HTTP_CONTENT_TOO_LARGE:
    http_fail(reply, 413, "too_large", "the body has more than %zu bytes", o->max_body);
    break;
  case MHD_HTTP_UNSUPPORTED_MEDIA_TYPE:
    http_fail(reply, 415, "packed", "Content-Encoding: %s is not taken; send the body as it is",
              sol_show(packed, strlen(packed)).text);
    break;
  case MHD_HTTP_REQUEST_TIMEOUT:
    http_fail(reply, 408, "too_slow", "the body had not come after %lld ms", (long long)o->deadline_ms);
    break;
  case MHD_HTTP_INTERNAL_SERVER_ERROR:
    http_fail(reply, 500, "no_memory", "out of memory: body");
    break;
  default:
    http_fail(reply, 404, "no_path", "no such path; see /openapi.json");
  }
}

/* ---- From request to answer ---- */

/* The arguments of a request, looked at one by one. */
typedef struct argument_check {
  const char *known;
  uint32_t seen; /* a bit for each place in `known` */
  http_reply *reply;
} argument_check;

static enum MHD_Result check_argument(void *user, enum MHD_ValueKind kind, const char *name, const char *value) {
  argument_check *check = user;
  char why[HTTP_FAULT_TEXT];
  (void)kind;
  int place = http_place(check->known, name);
  uint32_t bit = place < 0 ? 0 : UINT32_C(1) << place;
  const char *wrong = place < 0 ? "is unknown; see /openapi.json" : check->seen & bit ? "is given twice" : NULL;
  if (!wrong) wrong = value ? http_text_fault(value, why) : "has no value";
  check->seen |= bit;
  if (wrong) http_fail(check->reply, 400, "bad_query", "argument \"%s\" %s", sol_show(name, strlen(name)).text, wrong);
  return wrong ? MHD_NO : MHD_YES;
}

/* What a client misspelt must not pass for what it left out, nor bytes that are no text for another text. Decodes the
 * id in the path. */
static int head_fits(http_exchange *exchange, http_reply *reply) {
  argument_check check = {exchange->route->arguments, 0, reply};
  char why[HTTP_FAULT_TEXT], *part = exchange->part;
  const char *wrong = part ? http_text_fault(part, why) : NULL;
  if (part && !wrong) exchange->request.part = (solid_bytes){part, http_decode(part, strlen(part))};
  if (wrong)
    http_fail(reply, 400, "bad_query", "the id in the path %s", wrong);
  else if (check.known && exchange->body.size && strcmp(exchange->route->method, MHD_HTTP_METHOD_POST) != 0)
    http_fail(reply, 400, "bad_body", "%s takes no body, and this one has %zu bytes; see /openapi.json",
              exchange->route->method, exchange->body.size);
  else if (check.known)
    MHD_get_connection_values(exchange->connection, MHD_GET_ARGUMENT_KIND, check_argument, &check);
  return !reply->status;
}

/* Called once the head has arrived: a request without the token, or for an unknown path, is refused before its body is
 * read. */
static enum MHD_Result begin(http_server *server, struct MHD_Connection *connection, const char *target,
                             const char *method, void **state) {
  const http_options *o = &server->options;
  http_exchange *exchange = calloc(1, sizeof *exchange);
  if (!exchange) return MHD_NO;
  solid_bytes part = {NULL, 0};
  *state = exchange;
  atomic_fetch_add(&server->in_hand, 1);
  exchange->server = server;
  exchange->connection = connection;
  exchange->route = find_route(o, method, http_target_path(target), &part, &exchange->refused);
  if (part.size && !(exchange->part = strndup(part.data, part.size))) exchange->refused = 500;
  exchange->request = (http_request){
      .method = exchange->route ? exchange->route->method : "", .started_ns = sol_steady_ns(), .exchange = exchange};
  exchange->request.deadline_ns = exchange->request.started_ns + o->deadline_ms * 1000000;
  if (exchange->route && !exchange->route->is_open && o->token &&
      !http_token_fits(http_header(&exchange->request, MHD_HTTP_HEADER_AUTHORIZATION), o->token))
    exchange->refused = MHD_HTTP_UNAUTHORIZED;
  const char *length = http_header(&exchange->request, MHD_HTTP_HEADER_CONTENT_LENGTH);
  if (!exchange->refused && length && strtoull(length, NULL, 10) > o->max_body)
    exchange->refused = MHD_HTTP_CONTENT_TOO_LARGE;
  const char *packed = http_header(&exchange->request, MHD_HTTP_HEADER_CONTENT_ENCODING);
  if (!exchange->refused && packed && strcasecmp(packed, "identity") != 0)
    exchange->refused = MHD_HTTP_UNSUPPORTED_MEDIA_TYPE;
  if (!exchange->refused) return MHD_YES;
  if (!length && !http_header(&exchange->request, MHD_HTTP_HEADER_TRANSFER_ENCODING)) return MHD_YES;
  http_reply reply = {0};
  refuse(&reply, exchange);
  return send_reply(exchange, &reply);
}

static void take_body(http_exchange *exchange, const char *data, size_t size) {
  const http_options *o = &exchange->server->options;
  if (exchange->refused) return;
  if (exchange->body.size + size > o->max_body)
    exchange->refused = MHD_HTTP_CONTENT_TOO_LARGE;
  else if (sol_steady_ns() > exchange->request.deadline_ns)
    exchange->refused = MHD_HTTP_REQUEST_TIMEOUT;
  else
    growing_bytes(&exchange->body, data, size);
  if (exchange->body.is_broken) exchange->refused = MHD_HTTP_INTERNAL_SERVER_ERROR;
}

static enum MHD_Result on_request(void *user, struct MHD_Connection *connection, const char *target, const char *method,
                                  const char *version, const char *data, size_t *size, void **state) {
  (void)version;
  http_server *server = user;
  if (!*state) return begin(server, connection, target, method, state);
  http_exchange *exchange = *state;
  if (*size) {
    take_body(exchange, data, *size);
    *size = 0;
    return MHD_YES;
  }
  http_reply reply = {0};
  if (exchange->refused) {
    refuse(&reply, exchange);
  } else if (head_fits(exchange, &reply)) {
    exchange->request.body = exchange->body.size ? exchange->body.bytes : "";
    exchange->request.body_size = exchange->body.size;
    exchange->route->handle(server->options.user, &exchange->request, &reply);
  }
  return send_reply(exchange, &reply);
}

static void on_end(void *user, struct MHD_Connection *connection, void **state, enum MHD_RequestTerminationCode why) {
  (void)connection, (void)why;
  http_server *server = user;
  http_exchange *exchange = *state;
  if (!exchange) return;
  if (server->options.done)
    server->options.done(server->options.user, exchange->route, exchange->status,
                         sol_steady_ns() - exchange->request.started_ns);
  for (size_t i = 0; i < exchange->n_arguments; i++) free(exchange->arguments[i]);
  growing_clear(&exchange->body);
  free(exchange->part);
  free(exchange);
  *state = NULL;
  atomic_fetch_sub(&server->in_hand, 1);
}

/* ---- The server ---- */

solid_status http_open(http_server **out, const http_options *options) {
  http_address_parts where;
  solid_status status = http_address_read(&where, options->listen);
  if (status) return status;
  http_server *server = calloc(1, sizeof *server);
  if (!server) return solid_fail(SOLID_ENOMEM, "out of memory: http server");
  server->options = *options;
  unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_TURBO | MHD_USE_ITC;
  if (where.is_v6) flags |= MHD_USE_IPv6;
  server->daemon = MHD_start_daemon(flags, 0, NULL, NULL, on_request, server, MHD_OPTION_SOCK_ADDR, &where.socket,
                                    MHD_OPTION_THREAD_POOL_SIZE, options->threads > 1 ? options->threads : 0U,
                                    MHD_OPTION_CONNECTION_LIMIT, options->connections, MHD_OPTION_CONNECTION_TIMEOUT,
                                    (unsigned)options->idle_s, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                                    (size_t)MEMORY_OF_A_CONNECTION, MHD_OPTION_NOTIFY_COMPLETED, on_end, server,
                                    MHD_OPTION_UNESCAPE_CALLBACK, leave_encoded, NULL, MHD_OPTION_END);
  if (!server->daemon) {
    free(server);
    return solid_fail(SOLID_EIO, "--listen %s: cannot listen there: is the port taken?", options->listen);
  }
  const union MHD_DaemonInfo *port = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_BIND_PORT);
  http_address_write(&where, port ? port->port : 0, server->address);
  *out = server;
  return SOLID_OK;
}

const char *http_address(const http_server *server) {
  return server->address;
}

void http_close(http_server *server, int64_t drain_ms) {
  if (!server) return;
  int64_t end_ms = sol_steady_ms() + drain_ms;
  MHD_socket listening = MHD_quiesce_daemon(server->daemon);
  while (atomic_load(&server->in_hand) > 0 && sol_steady_ms() < end_ms) sol_sleep_ms(WAIT_MS);
  MHD_stop_daemon(server->daemon);
  if (listening != MHD_INVALID_SOCKET) http_address_close(listening);
  free(server);
}
