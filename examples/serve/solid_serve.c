/* solid_serve: model, stores, slot and models' thread are set up in main, then libmicrohttpd's threads do the work
 * until a signal. solid_serve --help says the rest. */
#include "examples/common/address.h"
#include "examples/common/exit.h"
#include "examples/common/ground.h"
#include "examples/common/http_address.h"
#include "examples/common/logging.h"
#include "examples/common/manifest.h"
#include "examples/common/notify.h"
#include "examples/common/program.h"
#include "examples/serve/keys.h"
#include "examples/serve/models.h"
#include "examples/serve/producer.h"
#include "solid/extend.h"
#include "store/memory_store.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WAIT_MS = 100, TOKEN_MOST = 4096 };

static atomic_int stopped;

static void on_signal(int number) {
  int before = errno;
  if (number == SIGHUP)
    models_ask_to_load();
  else
    atomic_store(&stopped, 1);
  errno = before;
}

static void catch_signals(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  sigemptyset(&action.sa_mask);
  action.sa_handler = on_signal;
  sigaction(SIGHUP, &action, NULL);
  action.sa_flags = (int)SA_RESETHAND; /* the second one ends the program */
  sigaction(SIGTERM, &action, NULL);
  sigaction(SIGINT, &action, NULL);
  action.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &action, NULL);
}

static int fail(int code) {
  logging_say(SOLID_LOG_ERROR, "%s", solid_last_error());
  return code;
}

/* ---- Stores: one a desk, one for the warm-up if there is any, one for the models' thread ---- */

static size_t count_seats(const serve_options *o) {
  return (size_t)o->threads + (o->warm_up_per_s > 0);
}

static solid_status open_stores(serve *s, solid_store **stores, size_t n) {
  const store_options *o = &s->options->store;
  store_options quiet = *o; /* the warm-up keeps nobody from being forgotten; the models' thread reads no users */
  solid_status status = SOLID_OK;
  quiet.ttl_s = 0;
  for (size_t i = 0; i < n && !status; i++) {
    if (o->kind == STORE_MEMORY && i)
      status = solid_memory_store_share(&stores[i], stores[0]);
    else
      status =
          store_options_open(&stores[i], i == (size_t)s->options->threads ? &quiet : o, s->models.first, logging_line);
  }
  for (size_t i = 0; i < n && !status; i++) status = timed_store_wrap(&stores[i], &s->counts.store_seconds);
  return status;
}

static int open_desks(serve *s, solid_store *const *stores, size_t n) {
  s->desks = calloc(n, sizeof *s->desks);
  if (!s->desks || pthread_mutex_init(&s->desk_lock, NULL) || pthread_cond_init(&s->desk_free, NULL)) return 0;
  for (size_t i = 0; i < n; i++) {
    serve_desk *desk = &s->desks[i];
    desk->number = (uint32_t)i;
    desk->store = stores[i];
    if (solid_decoder_new(&desk->decoder, s->options->max_future_ms)) return 0;
    solid_decoder_set_worth(desk->decoder, &s->options->worth);
    desk->next = s->free_desks;
    s->free_desks = desk;
  }
  return 1;
}

static void close_desks(serve *s, size_t n) {
  for (size_t i = 0; s->desks && i < n; i++) {
    solid_decoder_free(s->desks[i].decoder);
    free(s->desks[i].best);
  }
  free(s->desks);
}

/* ---- The whole ---- */

static void on_done(void *user, const http_route *route, int status, int64_t ns) {
  serve *s = user;
  size_t at = route ? (size_t)(route - serve_routes) : serve_n_routes;
  int hundred = status / 100;
  if (hundred < 1 || hundred > 5) hundred = 5; /* the client was gone before its answer */
  serve_count(&s->counts.requests[at][hundred]);
  metrics_observe(&s->counts.request_seconds, (double)ns / 1e9);
}

static int run_http(serve *s) {
  const serve_options *o = s->options;
  http_server *server = NULL;
  http_options options = {.listen = o->listen,
                          .routes = serve_routes,
                          .n_routes = serve_n_routes,
                          .user = s,
                          .done = on_done,
                          .threads = (uint32_t)o->threads,
                          .connections = (uint32_t)o->connections,
                          .max_body = (size_t)o->max_body,
                          .idle_s = o->idle_s,
                          .deadline_ms = o->deadline_ms,
                          .token = o->token};
  if (http_open(&server, &options)) return fail(EXIT_SOURCE);
  printf("listens on http://%s/\n", http_address(server));
  fflush(stdout);
  notify_ready();
  while (!atomic_load(&stopped)) {
    notify_alive();
    sol_sleep_ms(WAIT_MS);
  }
  notify_stopping();
  atomic_store(&s->draining, 1);
  logging_say(SOLID_LOG_INFO, "drains");
  http_close(server, o->drain_ms);
  return EXIT_DONE;
}

static int open_slot(serve *s, solid_store **stores) {
  const serve_options *o = s->options;
  solid_slot_options options = SOLID_SLOT_OPTIONS_INIT;
  solid_recommender_options recommender = SOLID_RECOMMENDER_OPTIONS_INIT;
  solid_pipeline_options pipeline = SOLID_PIPELINE_OPTIONS_INIT;
  recommender.element = pipeline.element = (uint32_t)o->store.element;
  recommender.refresh_events = (uint64_t)o->refresh_events;
  recommender.refresh_ms = o->refresh_s * 1000;
  pipeline.generate = o->how;
  pipeline.max_batch = 64;
  options.seats = (uint32_t)count_seats(o);
  options.stores = stores;
  options.recommender = &recommender;
  options.pipeline = &pipeline;
  options.neighbours = 1;
  options.items = s->items;
  if (solid_slot_new(&s->slot, &options)) return fail(EXIT_FAILED);
  solid_status status = models_begin(s, stores[count_seats(o)], o->store.may_be_away);
  if (status) return fail(serve_lacks_store(status) ? EXIT_STORE : EXIT_MODEL);
  return EXIT_DONE;
}

static int run(serve *s, const solid_config *config, solid_store **stores) {
  const serve_options *o = s->options;
  size_t n_settings = 0;
  const solid_setting *settings = solid_config_passthrough(config, &n_settings);
  int code = open_slot(s, stores);
  if (code) return code;
  s->keys = keys_open();
  if (!s->keys || !recent_open(&s->recent) || !open_desks(s, stores, (size_t)o->threads)) {
    solid_fail(SOLID_ENOMEM, "out of memory: service");
    return fail(EXIT_FAILED);
  }
  if (o->brokers && producer_open(&s->producer, o, settings, n_settings)) return fail(EXIT_SOURCE);
  s->warm_up.slot = s->slot;
  s->warm_up.counts = &s->counts;
  s->warm_up.store = stores[o->threads];
  s->warm_up.seat = (uint32_t)o->threads;
  s->warm_up.per_s = o->warm_up_per_s;
  if (models_start(s) || warm_up_start(&s->warm_up)) return fail(EXIT_FAILED);
  return run_http(s);
}

static int start(serve *s, const solid_config *config) {
  const serve_options *o = s->options;
  solid_context_options context = SOLID_CONTEXT_OPTIONS_INIT;
  size_t n = count_seats(o) + 1;
  int code = EXIT_DONE;
  context.device = o->device;
  context.approximate = (uint32_t)o->approximate;
  context.log = logging_work;
  solid_store **stores = calloc(n, sizeof *stores);
  serve_counts_init(&s->counts);
  s->started_ms = sol_steady_ms();
  if (!stores || solid_context_new(&s->ctx, &context)) code = fail(EXIT_USAGE);
  if (!code && solid_item_log_new(&s->items, s->ctx)) code = fail(EXIT_FAILED);
  if (!code && models_load(s)) code = fail(EXIT_MODEL);
  solid_status status = code ? SOLID_OK : open_stores(s, stores, n);
  if (status) code = fail(status == SOLID_EINVAL ? EXIT_USAGE : EXIT_STORE);
  if (!code) code = run(s, config, stores);
  models_stop(s);
  warm_up_stop(&s->warm_up);
  producer_close(s->producer);
  solid_slot_free(s->slot);
  close_desks(s, (size_t)o->threads);
  recent_close(&s->recent);
  keys_close(s->keys);
  for (size_t i = 0; stores && i < n; i++) solid_store_close(stores[i]);
  free(stores);
  solid_item_log_free(s->items);
  solid_context_free(s->ctx);
  return code;
}

/* The first line of the file, without an editor's byte order mark. */
static solid_status read_token(serve_options *o) {
  char line[TOKEN_MOST];
  if (!o->token_file) return SOLID_OK;
  FILE *file = fopen(o->token_file, "r");
  if (!file) return solid_fail(SOLID_EINVAL, "--token-file %s: %s", o->token_file, strerror(errno));
  errno = 0;
  char *read = fgets(line, sizeof line, file);
  int wrong = ferror(file) ? errno : 0;
  fclose(file);
  if (wrong) return solid_fail(SOLID_EINVAL, "--token-file %s: %s", o->token_file, strerror(wrong));
  size_t size = read ? strcspn(line, "\r\n") : 0, mark = size >= 3 && !memcmp(line, "\xef\xbb\xbf", 3) ? 3 : 0;
  if (size == mark) return solid_fail(SOLID_EINVAL, "--token-file %s: its first line is empty", o->token_file);
  if (size == sizeof line - 1)
    return solid_fail(SOLID_EINVAL, "--token-file %s: the token has more than %zu bytes", o->token_file, size - 1);
  for (size_t i = mark; i < size; i++)
    if (line[i] <= ' ' || line[i] > '~')
      return solid_fail(SOLID_EINVAL, "--token-file %s: byte %zu is none that a token has: no client could send it",
                        o->token_file, i + 1);
  line[size] = 0;
  o->token = strdup(line + mark);
  return o->token ? SOLID_OK : solid_fail(SOLID_ENOMEM, "out of memory: token");
}

/* Where the item log of a store in memory is: beside the model, if nothing else is said. */
static solid_status name_items_file(serve_options *o) {
  int is_none = o->items_file && strcmp(o->items_file, "none") == 0;
  if (o->items_file && !is_none && o->store.kind != STORE_MEMORY)
    return solid_fail(SOLID_EINVAL, "--items-file is for --store memory: Redis keeps the item log itself");
  if (o->store.kind != STORE_MEMORY || is_none) return SOLID_OK;
  if (o->items_file &&
      access(o->items_file, F_OK)) { /* it is made with the first item, which would be too late to say */
    solid_status status = manifest_check(o->items_file);
    if (status) return status;
  }
  size_t room = strlen(o->model) + sizeof ".items";
  o->items_path = malloc(room);
  if (!o->items_path) return solid_fail(SOLID_ENOMEM, "out of memory: --items-file");
  snprintf(o->items_path, room, "%s.items", o->model);
  o->store.items_file = o->items_file ? o->items_file : o->items_path;
  return SOLID_OK;
}

static solid_status check(serve_options *o) {
  solid_status status = store_options_check(&o->store);
  if (!status) status = name_items_file(o);
  if (!status) status = solid_generate_read(&o->how, o->generate);
  if (!status) status = warm_up_read(&o->warm_up_per_s, o->warm_up);
  if (!status) status = address_check_brokers("--brokers", o->brokers);
  if (!status) status = solid_worth_rule_read(&o->worth, o->reading.kinds, o->reading.min_rating);
  return status ? status : read_token(o);
}

static int print_routes(void) {
  for (size_t i = 0; i < serve_n_routes; i++) printf("%s %s\n", serve_routes[i].method, serve_routes[i].path);
  return EXIT_DONE;
}

static int begin(void *user, const solid_config *config) {
  serve_options *options = user;
  serve s = {.options = options};
  logging_begin("solid_serve", options->log_format, options->verbose);
  if (options->routes) return print_routes();
  int code = check(options) ? fail(EXIT_USAGE) : EXIT_DONE;
  solid_status listens = code ? SOLID_OK : http_address_check(options->listen);
  if (listens) code = fail(listens == SOLID_EINVAL ? EXIT_USAGE : EXIT_SOURCE);
  if (code == EXIT_DONE) {
    catch_signals();
    code = start(&s, config);
  }
  free(options->token);
  free(options->items_path);
  return code;
}

int main(int argc, char **argv) {
  serve_options options = {0};
  return program_main(&serve_program, argc, argv, &options, begin, &options);
}
