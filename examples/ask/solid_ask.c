/* solid_ask: recommendations of one user, from the model file and the Redis that solid_ingestd writes to; of a visitor
 * without an id, from the model file alone. Also waits until a user's window has seen so many events, and says how old
 * the newest one was when it got there. */
#include "examples/ask/ask.h"
#include "examples/common/category.h"
#include "examples/common/exit.h"
#include "examples/common/ground.h"
#include "examples/common/program.h"
#include "solid/extend.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static solid_bytes bytes_of(const char *text) {
  return text ? (solid_bytes){text, strlen(text)} : (solid_bytes){NULL, 0};
}

/* The items that came or went since the training, as the service has them. */
static solid_status bring_items(asking *a) {
  solid_item_log_info info = {.struct_size = sizeof info};
  solid_status status = solid_item_log_new(&a->items, a->ctx);
  if (status == SOLID_OK) status = solid_item_log_follow(a->items, a->store);
  if (status == SOLID_OK) status = solid_item_log_get_info(a->items, &info);
  if (status != SOLID_OK) return status;
  status = solid_item_log_apply(a->items, a->model, SIZE_MAX, NULL);
  if (status != SOLID_EFULL) return status;
  solid_model *larger = NULL;
  status = solid_model_grow(&larger, a->model, info.items);
  if (status != SOLID_OK) return status;
  solid_model_free(a->model);
  a->model = larger;
  return solid_item_log_apply(a->items, a->model, SIZE_MAX, NULL);
}

static solid_status open_all(asking *a) {
  a->info.struct_size = sizeof a->info;
  solid_context_options options = SOLID_CONTEXT_OPTIONS_INIT;
  options.device = a->args.device;
  solid_recommender_options rec_options = SOLID_RECOMMENDER_OPTIONS_INIT;
  rec_options.element = (uint32_t)a->args.store.element;
  a->code = EXIT_USAGE;
  solid_status status = solid_context_new(&a->ctx, &options);
  if (status == SOLID_OK) a->code = EXIT_MODEL, status = solid_model_load_with(&a->model, a->ctx, a->args.model, NULL);
  if (status == SOLID_OK) status = solid_model_get_info(a->model, &a->info);
  if (status != SOLID_OK || a->args.categories) return status;
  if (!a->args.user) a->args.store.kind = STORE_MEMORY; /* nothing is read of a visitor */
  if (status == SOLID_OK) a->code = EXIT_STORE, status = store_options_open(&a->store, &a->args.store, a->model, NULL);
  if (status == SOLID_OK) status = bring_items(a);
  if (status == SOLID_OK) status = solid_recommender_new(&a->rec, a->model, a->store, &rec_options);
  return status;
}

static void close_all(asking *a) {
  solid_recommender_free(a->rec);
  solid_item_log_free(a->items);
  solid_store_close(a->store);
  solid_model_free(a->model);
  solid_context_free(a->ctx);
  id_list_clear(&a->session);
  id_list_clear(&a->blocked);
}

/* Reads the user's record; `steps` has room for the window, `values` for h and the parameters. */
static solid_status look(asking *a, solid_window *window, solid_params *params, uint8_t *found) {
  solid_bytes user = bytes_of(a->args.user);
  params->width = a->info.width;
  params->count = a->info.params;
  solid_status of_user = SOLID_OK,
               status = a->store->ops->get(a->store, &user, 1, a->info.generation, window, params, found, &of_user);
  return status ? status : of_user;
}

/* Polls every millisecond. ETIMEDOUT after the timeout. */
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

static solid_status ask_slate(const asking *a, const solid_query *query, ask_answer *out, solid_scored *items,
                              solid_slate_answer *answer) {
  solid_slate_options options;
  solid_status status = slate_options_read(&a->args.slate, "order", &options);
  if (status == SOLID_OK) status = solid_slate(a->rec, bytes_of(a->args.user), query, &options, items, answer);
  out->count = answer->count, out->source = answer->source;
  out->window_seq = answer->window_seq, out->params_seq = answer->params_seq;
  out->slate = answer, out->guide = (double)options.guide;
  return status;
}

static solid_status ask_ranking(const asking *a, const solid_query *query, ask_answer *out, solid_scored *items) {
  solid_answer answer = {.struct_size = sizeof answer};
  solid_status status = solid_recommend(a->rec, bytes_of(a->args.user), query, items, &answer);
  out->count = answer.count, out->source = answer.source;
  out->window_seq = answer.window_seq, out->params_seq = answer.params_seq;
  return status;
}

static solid_status answer(const asking *a, const solid_query *query, const solid_window *history) {
  ask_answer out = {.history = history};
  solid_slate_answer of_slate = {.struct_size = sizeof of_slate};
  solid_scored *items = calloc(query->k, sizeof *items);
  if (!items) return solid_fail(SOLID_ENOMEM, "no room for %u items", query->k);
  out.items = items;
  solid_status status =
      a->args.slate.rows ? ask_slate(a, query, &out, items, &of_slate) : ask_ranking(a, query, &out, items);
  if (status == SOLID_OK && a->args.json)
    status = ask_print_json(a, &out);
  else if (status == SOLID_OK)
    ask_print(a, &out);
  free(items);
  return status;
}

static solid_status recommend(asking *a, const solid_window *history) {
  solid_query query = SOLID_QUERY_INIT;
  id_list_keep_known(&a->session, a->model, "solid_ask", "session");
  id_list_keep_known(&a->blocked, a->model, "solid_ask", "blocked");
  query.k = (uint32_t)(a->args.slate.rows ? a->args.slate.rows : a->args.k);
  query.exclude_seen = a->args.seen ? SOLID_SEEN_STAYS : SOLID_SEEN_EVER + a->args.exclude_seen;
  query.category = bytes_of(a->args.category);
  query.session = a->session.ids, query.n_session = a->session.count;
  query.blocked = a->blocked.ids, query.n_blocked = a->blocked.count;
  solid_status status = category_check(a->model, a->args.category);
  return status == SOLID_OK ? answer(a, &query, history) : status;
}

static solid_status forget(asking *a) {
  const solid_bytes user = bytes_of(a->args.user);
  uint8_t had = 0;
  a->code = EXIT_STORE;
  solid_status status = solid_forget(a->store, &user, 1, &had);
  if (status == SOLID_OK && !a->args.quiet)
    printf("%s is forgotten%s\n", a->args.user, had ? "" : "; the store had nothing of this user");
  return status;
}

static solid_status run(asking *a) {
  solid_status status = open_all(a);
  if (status == SOLID_OK && a->args.categories) return ask_print_categories(a);
  if (status != SOLID_OK || a->args.forget) return status == SOLID_OK ? forget(a) : status;
  solid_window window = {.steps = calloc(a->info.window, sizeof(solid_step))};
  float *values = calloc((size_t)a->info.width + a->info.params, sizeof *values);
  solid_params params = {.h = values, .values = values ? values + a->info.width : NULL};
  uint8_t found;
  if (!window.steps || !values) status = solid_fail(SOLID_ENOMEM, "no room for a window of %u steps", a->info.window);
  a->code = EXIT_WAITED;
  if (status == SOLID_OK && a->args.until_seq) status = wait_for_events(a, &window, &params);
  if (status != SOLID_ETIMEDOUT) a->code = EXIT_FAILED;
  int history = a->args.history && a->args.user;
  if (status == SOLID_OK && history) status = look(a, &window, &params, &found);
  if (status == SOLID_OK && !a->args.quiet) status = recommend(a, history ? &window : NULL);
  free(window.steps);
  free(values);
  return status;
}

/* What is wrong whatever the model and the store say. */
static solid_status check(asking *a) {
  solid_slate_options unused;
  solid_status status = store_options_check(&a->args.store);
  if (status == SOLID_OK && a->args.user && !*a->args.user)
    status = solid_fail(SOLID_EINVAL, "--user: is empty; leave it out for a visitor");
  if (status == SOLID_OK) status = slate_options_read(&a->args.slate, "order", &unused);
  if (status == SOLID_OK) status = id_list_read(&a->session, "session", a->args.session);
  if (status == SOLID_OK) status = id_list_read(&a->blocked, "blocked", a->args.blocked);
  return status;
}

int main(int argc, char **argv) {
  asking a = {.code = EXIT_FAILED};
  solid_config *config = NULL;
  solid_status status = solid_config_load(&config, &ask_program, argc, argv, &a.args);
  if (status != SOLID_OK) {
    fprintf(stderr, "solid_ask: %s\n", solid_last_error());
    return EXIT_USAGE;
  }
  if (solid_config_get_request(config) == SOLID_CONFIG_HELP)
    status = solid_config_write_help(&ask_program, stdout);
  else if (solid_config_get_request(config) == SOLID_CONFIG_VERSION)
    status = solid_config_write_version(&ask_program, stdout);
  else if ((status = check(&a)) == SOLID_OK)
    status = run(&a);
  else
    a.code = EXIT_USAGE;
  if (status == SOLID_OK) status = program_flush();
  if (status != SOLID_OK) fprintf(stderr, "solid_ask: %s\n", solid_last_error());
  close_all(&a);
  solid_config_free(config);
  return status == SOLID_OK ? EXIT_DONE : status == SOLID_EINVAL ? EXIT_USAGE : a.code;
}
