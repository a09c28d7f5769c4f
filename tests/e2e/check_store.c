/* check_store MODEL REDIS_PORT EVENTS [PREFIX]: counts, for every user of EVENTS (lines "user TAB item TAB time_ms" in
 * the order of the stream), whether Redis holds what these events make: a seq that is their number, the newest L of
 * them in order, params at that seq, and params that the model makes of that window. Prints the counts; 1 when one is
 * wrong. */
#include "solid/context.h"
#include "solid/model.h"
#include "solid/worker.h"
#include "store/redis_store.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_USERS = 100000, ID_SIZE = 256 };

typedef struct user_events {
  char id[ID_SIZE];
  solid_step *newest; /* ring of L */
  uint64_t count;
} user_events;

typedef struct checker {
  solid_context *ctx;
  solid_model *model;
  solid_worker *worker;
  solid_store *store;
  solid_model_info info;
  user_events *users;
  size_t n_users;
  uint64_t events, behind, ahead, wrong_windows, stale_params, no_params, wrong_params;
} checker;

static int fail(const char *what) {
  fprintf(stderr, "check_store: %s: %s\n", what, solid_last_error());
  return 1;
}

static user_events *find_user(checker *c, const char *id) {
  for (size_t i = c->n_users; i-- > 0;)
    if (!strcmp(c->users[i].id, id)) return &c->users[i];
  size_t size = strlen(id) + 1;
  if (c->n_users == MAX_USERS || size > ID_SIZE) abort();
  user_events *user = &c->users[c->n_users++];
  memcpy(user->id, id, size);
  user->newest = calloc(c->info.window, sizeof *user->newest);
  if (!user->newest) abort();
  return user;
}

static int read_events(checker *c, const char *path) {
  char line[1024];
  FILE *file = fopen(path, "r");
  if (!file) return fail(path);
  while (fgets(line, sizeof line, file)) {
    char *item = strchr(line, '\t'), *time = item ? strchr(item + 1, '\t') : NULL;
    if (!time) return fail("a line that is not user, item, time");
    *item++ = *time++ = 0;
    user_events *user = find_user(c, line);
    user->newest[user->count++ % c->info.window] =
        (solid_step){solid_item_hash((solid_bytes){item, strlen(item)}), strtoll(time, NULL, 10)};
    c->events++;
  }
  fclose(file);
  return 0;
}

/* Is the window what the newest events make? */
static int same_window(const checker *c, const user_events *user, const solid_window *window) {
  uint64_t L = c->info.window, count = user->count < L ? user->count : L;
  if (window->count != count) return 0;
  for (uint64_t i = 0; i < count; i++) {
    const solid_step *step = &user->newest[(user->count - count + i) % L];
    if (window->steps[i].item != step->item || window->steps[i].time_ms != step->time_ms) return 0;
  }
  return 1;
}

static int near(const float *a, const float *b, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (!(fabsf(a[i] - b[i]) <= 2e-3f * (1 + fabsf(b[i])))) return 0; /* values are kept in f16 */
  return 1;
}

/* Are the params what the model makes of the window? */
static int same_params(checker *c, const solid_window *window, const solid_params *params, float *h, float *values) {
  uint32_t items[1024], offsets[2] = {0, (uint32_t)window->count};
  for (size_t i = 0; i < window->count; i++) items[i] = solid_model_item_by_hash(c->model, window->steps[i].item);
  if (solid_worker_generate(c->worker, &(solid_windows){1, offsets, items}, h, values)) return fail("generate"), 0;
  return near(params->h, h, c->info.width) && near(params->values, values, c->info.params);
}

static int check_users(checker *c) {
  size_t d = c->info.width, P = c->info.params;
  float *floats = calloc(2 * (d + P), sizeof *floats);
  solid_step *steps = calloc(c->info.window, sizeof *steps);
  if (!floats || !steps) abort();
  for (size_t i = 0; i < c->n_users; i++) {
    const user_events *user = &c->users[i];
    solid_bytes id = {user->id, strlen(user->id)};
    solid_window window = {.steps = steps};
    solid_params params = {.h = floats, .values = floats + d, .width = c->info.width, .count = c->info.params};
    uint8_t found;
    solid_status of_user;
    if (c->store->ops->get(c->store, &id, 1, c->info.generation, &window, &params, &found, &of_user) || of_user)
      return fail(user->id);
    c->behind += window.seq < user->count;
    c->ahead += window.seq > user->count;
    c->wrong_windows += !same_window(c, user, &window);
    c->no_params += !found;
    c->stale_params += found && params.seq != window.seq;
    c->wrong_params += found && !same_params(c, &window, &params, floats + d + P, floats + 2 * d + P);
  }
  free(floats);
  free(steps);
  return 0;
}

static int open_all(checker *c, const char *model, const char *port, const char *prefix) {
  solid_redis_store_options options = SOLID_REDIS_STORE_OPTIONS_INIT;
  c->info.struct_size = sizeof c->info;
  if (solid_context_new(&c->ctx, NULL) || solid_model_load(&c->model, c->ctx, model) ||
      solid_model_get_info(c->model, &c->info) || solid_worker_new(&c->worker, c->model, 1))
    return fail(model);
  options.port = (uint32_t)atoi(port);
  if (prefix) options.prefix = prefix;
  return solid_store_open_redis(&c->store, c->model, &options) ? fail(port) : 0;
}

int main(int argc, char **argv) {
  static checker c;
  if (argc != 4 && argc != 5) return 2;
  c.users = calloc(MAX_USERS, sizeof *c.users);
  if (!c.users || open_all(&c, argv[1], argv[2], argc == 5 ? argv[4] : NULL) || read_events(&c, argv[3]) ||
      check_users(&c))
    return 1;
  uint64_t wrong = c.behind + c.ahead + c.wrong_windows + c.no_params + c.stale_params + c.wrong_params;
  printf("%zu users, %llu events: %llu users miss events, %llu have events twice, %llu windows differ\n", c.n_users,
         (unsigned long long)c.events, (unsigned long long)c.behind, (unsigned long long)c.ahead,
         (unsigned long long)c.wrong_windows);
  printf("params: %llu users without, %llu not at the newest event, %llu not what the model makes of the window\n",
         (unsigned long long)c.no_params, (unsigned long long)c.stale_params, (unsigned long long)c.wrong_params);
  for (size_t i = 0; i < c.n_users; i++) free(c.users[i].newest);
  free(c.users);
  solid_store_close(c.store);
  solid_worker_free(c.worker);
  solid_model_free(c.model);
  solid_context_free(c.ctx);
  return wrong || !c.n_users;
}
