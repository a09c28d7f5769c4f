/* solid_ask: recommendations of one user, from the model file and the Redis that solid_ingestd writes to. Also waits
 * until a user's window has seen so many events, and says how old the newest one was when it got there. */
#include "examples/common/exit.h"
#include "examples/common/ground.h"
#include "examples/common/program.h"
#include "examples/common/slate_options.h"
#include "examples/common/store_options.h"
#include "solid/extend.h"
#include "solid/solid.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct arguments {
  const char *model, *device, *user, *category, *session, *blocked;
  int64_t k, history, until_seq, timeout;
  int seen, quiet;
  slate_options slate;
  store_options store; /* ttl_s stays 0: a question renews no time to live */
} arguments;

#define AT(field) .offset = offsetof(arguments, field)

static const solid_property properties[] = {
    {.name = "model", .type = SOLID_PROPERTY_STRING, .meaning = "model file (safetensors)", .required = 1, AT(model)},
    {.name = "device", .type = SOLID_PROPERTY_STRING, .preset = "cpu", .meaning = "cpu, cuda or cuda:N", AT(device)},
    STORE_REDIS_PROPERTIES(arguments),
    {.name = "element",
     .type = SOLID_PROPERTY_CHOICE,
     .preset = "f16",
     .choices = "f32|f16|i8",
     .meaning = "element type of parameters that are generated now and stored",
     AT(store.element)},
    {.name = "user", .type = SOLID_PROPERTY_STRING, .meaning = "user id; without it, an anonymous visitor", AT(user)},
    {.name = "k",
     .type = SOLID_PROPERTY_INT,
     .preset = "10",
     .min = 1,
     .max = 1000,
     .meaning = "number of items",
     AT(k)},
    SLATE_PROPERTIES(arguments),
    {.name = "category", .type = SOLID_PROPERTY_STRING, .meaning = "only items of this category", AT(category)},
    {.name = "session",
     .type = SOLID_PROPERTY_STRING,
     .meaning = "ITEM,ITEM,... newer than everything stored",
     AT(session)},
    {.name = "blocked", .type = SOLID_PROPERTY_STRING, .meaning = "ITEM,ITEM,... to leave out", AT(blocked)},
    {.name = "seen",
     .type = SOLID_PROPERTY_BOOL,
     .preset = "false",
     .meaning = "recommend items of the window again, too",
     AT(seen)},
    {.name = "history",
     .type = SOLID_PROPERTY_INT,
     .preset = "0",
     .min = 0,
     .max = 4096,
     .meaning = "also print the newest items of the window",
     AT(history)},
    {.name = "until-seq",
     .type = SOLID_PROPERTY_INT,
     .preset = "0",
     .min = 0,
     .max = 9e15,
     .meaning = "wait until window and parameters have seen this many events",
     AT(until_seq)},
    {.name = "timeout",
     .type = SOLID_PROPERTY_INT,
     .preset = "10",
     .min = 0,
     .max = 86400,
     .meaning = "seconds that --until-seq waits",
     AT(timeout)},
    {.name = "quiet",
     .type = SOLID_PROPERTY_BOOL,
     .preset = "false",
     .meaning = "only wait; print no items",
     AT(quiet)},
};

static const solid_program program = {
    .name = "solid_ask",
    .summary = "Recommends items for one user from a model file and the Redis store.",
    .exits = HAS_EXIT(MODEL) | HAS_EXIT(STORE) | HAS_EXIT(WAITED),
    .properties = properties,
    .count = sizeof properties / sizeof *properties,
};

enum { MAX_LIST = 256 };

typedef struct asking {
  arguments args;
  int code; /* to end with, should what is done now fail */
  solid_context *ctx;
  solid_model *model;
  solid_model_info info;
  solid_store *store;
  solid_recommender *rec;
} asking;

static solid_bytes bytes_of(const char *text) {
  return text ? (solid_bytes){text, strlen(text)} : (solid_bytes){NULL, 0};
}

/* Ids between commas; one that the model does not know is left out, and named. ERANGE: over MAX_LIST that it knows. */
static solid_status split_list(const asking *a, const char *name, const char *text, solid_bytes *ids, size_t *count) {
  const char *part;
  size_t size;
  for (*count = 0; sol_text_part(&text, &part, &size);) {
    if (size == 0) continue;
    if (*count == MAX_LIST) return solid_fail(SOLID_ERANGE, "--%s: more than %d items", name, MAX_LIST);
    if (solid_model_item_index(a->model, (solid_bytes){part, size}) == SOLID_NO_ITEM)
      fprintf(stderr, "solid_ask: --%s: item %s is not in the model's catalogue, left out\n", name,
              sol_show(part, size).text);
    else
      ids[(*count)++] = (solid_bytes){part, size};
  }
  return SOLID_OK;
}

static solid_status open_all(asking *a) {
  a->info.struct_size = sizeof a->info;
  solid_context_options options = SOLID_CONTEXT_OPTIONS_INIT;
  options.device = a->args.device;
  solid_recommender_options rec_options = SOLID_RECOMMENDER_OPTIONS_INIT;
  rec_options.element = (uint32_t)a->args.store.element;
  solid_status status = solid_context_new(&a->ctx, &options);
  if (status == SOLID_OK) a->code = EXIT_MODEL, status = solid_model_load(&a->model, a->ctx, a->args.model);
  if (status == SOLID_OK) status = solid_model_get_info(a->model, &a->info);
  if (status == SOLID_OK) a->code = EXIT_STORE, status = store_options_open(&a->store, &a->args.store, a->model, NULL);
  if (status == SOLID_OK) status = solid_recommender_new(&a->rec, a->model, a->store, &rec_options);
  return status;
}

static void close_all(asking *a) {
  solid_recommender_free(a->rec);
  solid_store_close(a->store);
  solid_model_free(a->model);
  solid_context_free(a->ctx);
}

/* What the store has of the user; `steps` has room for the window, values for h and the parameters. */
static solid_status look(asking *a, solid_window *window, solid_params *params, uint8_t *found) {
  solid_bytes user = bytes_of(a->args.user);
  params->width = a->info.width;
  params->count = a->info.params;
  solid_status of_user = SOLID_OK,
               status = a->store->ops->get(a->store, &user, 1, a->info.generation, window, params, found, &of_user);
  return status ? status : of_user;
}

/* Polls every millisecond. ETIMEDOUT when the time is over. */
static solid_status wait_for_events(asking *a, solid_window *window, solid_params *params) {
  int64_t deadline = sol_wall_ms() + a->args.timeout * 1000, newest = 0;
  for (;;) {
    uint8_t found = 0;
    solid_status status = look(a, window, params, &found);
    if (status != SOLID_OK && !solid_status_is_retriable(status)) return status;
    int64_t wanted = a->args.until_seq, now = sol_wall_ms();
    if (status == SOLID_OK && found && (int64_t)params->seq >= wanted) {
      newest = window->count ? window->steps[window->count - 1].time_ms : 0;
      printf("%s: parameters have seen %lld events; the newest was %lld ms old when they were there\n", a->args.user,
             (long long)params->seq, (long long)(now - newest));
      return SOLID_OK;
    }
    if (now >= deadline)
      return solid_fail(SOLID_ETIMEDOUT, "user %s: %llu of %lld events after %lld s", a->args.user,
                        (unsigned long long)window->seq, (long long)wanted, (long long)a->args.timeout);
    sol_sleep_ms(1);
  }
}

static void print_item(const asking *a, uint32_t item) {
  solid_bytes id = solid_model_item_id(a->model, item);
  program_show(stdout, id.data, id.size);
}

static void print_history(const asking *a, const solid_window *window) {
  size_t count = window->count, shown = (size_t)a->args.history < count ? (size_t)a->args.history : count;
  printf("newest %zu of %llu events:", shown, (unsigned long long)window->seq);
  for (size_t i = count - shown; i < count; i++) {
    uint32_t item = solid_model_item_by_hash(a->model, window->steps[i].item);
    putchar(' ');
    if (item == SOLID_NO_ITEM)
      printf("?");
    else
      print_item(a, item);
  }
  putchar('\n');
}

static void print_items(const asking *a, const solid_scored *items, size_t count) {
  for (size_t i = 0; i < count; i++) {
    printf("%4zu  %9.4f  ", i + 1, (double)items[i].score);
    print_item(a, items[i].item);
    putchar('\n');
  }
}

static void print_source(solid_source source, uint64_t window_seq, uint64_t params_seq) {
  printf("from %s; window has seen %llu events, parameters %llu\n", solid_source_name(source),
         (unsigned long long)window_seq, (unsigned long long)params_seq);
}

static solid_status ask_slate(asking *a, const solid_query *query, solid_scored *items) {
  solid_slate_options options;
  solid_slate_answer answer = {.struct_size = sizeof answer};
  solid_status status = slate_options_read(&a->args.slate, &options);
  if (status == SOLID_OK) status = solid_slate(a->rec, bytes_of(a->args.user), query, &options, items, &answer);
  if (status != SOLID_OK) return status;
  char order[32];
  slate_order_text(answer.order, answer.window, order);
  print_source(answer.source, answer.window_seq, answer.params_seq);
  printf("slate of %zu, %s, guide %g: %u forwards, log likelihood %.3f\n", answer.count, order, (double)options.guide,
         answer.forwards, answer.log_likelihood);
  print_items(a, items, answer.count);
  return SOLID_OK;
}

static solid_status ask_ranking(asking *a, const solid_query *query, solid_scored *items) {
  solid_answer answer = {.struct_size = sizeof answer};
  solid_status status = solid_recommend(a->rec, bytes_of(a->args.user), query, items, &answer);
  if (status != SOLID_OK) return status;
  print_source(answer.source, answer.window_seq, answer.params_seq);
  print_items(a, items, answer.count);
  return SOLID_OK;
}

static solid_status recommend(asking *a) {
  solid_bytes session[MAX_LIST], blocked[MAX_LIST];
  solid_query query = SOLID_QUERY_INIT;
  query.k = (uint32_t)(a->args.slate.rows ? a->args.slate.rows : a->args.k);
  query.exclude_seen = !a->args.seen;
  query.category = bytes_of(a->args.category);
  query.session = session;
  query.blocked = blocked;
  solid_status status = split_list(a, "session", a->args.session, session, &query.n_session);
  if (status == SOLID_OK) status = split_list(a, "blocked", a->args.blocked, blocked, &query.n_blocked);
  if (status != SOLID_OK) return status;
  solid_scored *items = calloc(query.k, sizeof *items);
  if (!items) return solid_fail(SOLID_ENOMEM, "no room for %u items", query.k);
  status = a->args.slate.rows ? ask_slate(a, &query, items) : ask_ranking(a, &query, items);
  free(items);
  return status;
}

static solid_status run(asking *a) {
  solid_status status = open_all(a);
  if (status != SOLID_OK) return status;
  solid_window window = {.steps = calloc(a->info.window, sizeof(solid_step))};
  float *values = calloc((size_t)a->info.width + a->info.params, sizeof *values);
  solid_params params = {.h = values, .values = values ? values + a->info.width : NULL};
  uint8_t found;
  if (!window.steps || !values) status = solid_fail(SOLID_ENOMEM, "no room for a window of %u steps", a->info.window);
  a->code = EXIT_WAITED;
  if (status == SOLID_OK && a->args.until_seq) status = wait_for_events(a, &window, &params);
  if (status != SOLID_ETIMEDOUT) a->code = EXIT_FAILED;
  if (status == SOLID_OK && a->args.history && a->args.user) {
    status = look(a, &window, &params, &found);
    if (status == SOLID_OK) print_history(a, &window);
  }
  if (status == SOLID_OK && !a->args.quiet) status = recommend(a);
  free(window.steps);
  free(values);
  return status;
}

/* What is wrong whatever the model and the store say. */
static solid_status check(const arguments *args) {
  solid_slate_options unused;
  solid_status status = store_options_check(&args->store);
  return status == SOLID_OK ? slate_options_read(&args->slate, &unused) : status;
}

int main(int argc, char **argv) {
  asking a = {.code = EXIT_FAILED};
  solid_config *config = NULL;
  solid_status status = solid_config_load(&config, &program, argc, argv, &a.args);
  if (status != SOLID_OK) {
    fprintf(stderr, "solid_ask: %s\n", solid_last_error());
    return EXIT_USAGE;
  }
  if (solid_config_get_request(config) == SOLID_CONFIG_HELP)
    status = solid_config_write_help(&program, stdout);
  else if (solid_config_get_request(config) == SOLID_CONFIG_VERSION)
    status = solid_config_write_version(&program, stdout);
  else if ((status = check(&a.args)) == SOLID_OK)
    status = run(&a);
  else
    a.code = EXIT_USAGE;
  if (status == SOLID_OK) status = program_flush();
  if (status != SOLID_OK) fprintf(stderr, "solid_ask: %s\n", solid_last_error());
  close_all(&a);
  solid_config_free(config);
  return status == SOLID_OK ? EXIT_DONE : status == SOLID_EINVAL ? EXIT_USAGE : a.code;
}
