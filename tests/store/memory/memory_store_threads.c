/* Two writers and a reader on three handles of one memory store: nothing is lost, and a reader never sees params that
 * are half of one put and half of another. A plain program: the thread sanitizer sees it from main to exit.
 */
#include "store/memory_store.h"
#include <pthread.h>
#include <stdio.h>

enum { USERS = 40, APPENDS = 4000, WINDOW = 5, WIDTH = 4, PARAMS = 60 };

typedef struct actor {
  solid_store *store;
  pthread_t thread;
  uint64_t done, failures;
} actor;

static solid_bytes user_name(size_t user, char text[16]) {
  return (solid_bytes){text, (size_t)snprintf(text, 16, "user-%zu", user)};
}

static void *write_all(void *arg) {
  actor *a = arg;
  for (uint64_t i = 0; i < APPENDS; i++) {
    char name[16];
    float h[WIDTH], values[PARAMS];
    solid_step step = {i, 0}, steps[WINDOW];
    solid_position position = {0, 0};
    solid_status of_user;
    solid_append append = {.user = user_name(i % USERS, name), .steps = &step, .positions = &position, .count = 1};
    solid_window window = {.steps = steps};
    a->failures += a->store->ops->advance(a->store, &append, 1, &window, NULL, &of_user) != SOLID_OK;
    for (int j = 0; j < WIDTH; j++) h[j] = (float)window.seq;
    for (int j = 0; j < PARAMS; j++) values[j] = (float)window.seq;
    solid_params params = {
        .h = h, .values = values, .seq = window.seq, .generation = 1, .width = WIDTH, .count = PARAMS};
    a->failures += a->store->ops->put_params(a->store, &append.user, &params, 1, &of_user) != SOLID_OK;
    a->done++;
  }
  return NULL;
}

static void *read_all(void *arg) {
  actor *a = arg;
  for (size_t i = 0; i < 2 * APPENDS; i++) {
    char name[16];
    float h[WIDTH], values[PARAMS];
    solid_step steps[WINDOW];
    solid_window window = {.steps = steps};
    solid_params params = {.h = h, .values = values, .width = WIDTH, .count = PARAMS};
    uint8_t found;
    solid_status of_user;
    solid_bytes user = user_name(i % USERS, name);
    a->failures += a->store->ops->get(a->store, &user, 1, 1, &window, &params, &found, &of_user) != SOLID_OK;
    if (!found) continue;
    a->failures += params.seq > window.seq;
    for (int j = 0; j < PARAMS; j++) a->failures += values[j] != (float)params.seq;
    a->done++;
  }
  return NULL;
}

static uint64_t total_seq(solid_store *store) {
  uint64_t total = 0;
  for (size_t i = 0; i < USERS; i++) {
    char name[16];
    solid_step steps[WINDOW];
    solid_append append = {.user = user_name(i, name)};
    solid_window window = {.steps = steps};
    solid_status of_user;
    if (store->ops->advance(store, &append, 1, &window, NULL, &of_user)) return 0;
    total += window.seq;
  }
  return total;
}

int main(void) {
  enum { ACTORS = 3 };
  solid_memory_store_options options = SOLID_MEMORY_STORE_OPTIONS_INIT;
  actor actors[ACTORS] = {0};
  options.window = WINDOW;
  if (solid_store_open_memory(&actors[0].store, NULL, &options)) return 1;
  for (int i = 1; i < ACTORS; i++)
    if (solid_memory_store_share(&actors[i].store, actors[0].store)) return 1;
  for (int i = 0; i < ACTORS; i++)
    if (pthread_create(&actors[i].thread, NULL, i < 2 ? write_all : read_all, &actors[i])) return 1;
  for (int i = 0; i < ACTORS; i++) pthread_join(actors[i].thread, NULL);
  solid_store_close(actors[0].store);
  uint64_t total = total_seq(actors[2].store), failures = actors[0].failures + actors[1].failures + actors[2].failures;
  solid_store_close(actors[1].store);
  solid_store_close(actors[2].store);
  printf("%llu of %d appends counted, %llu failures\n", (unsigned long long)total, 2 * APPENDS,
         (unsigned long long)failures);
  return total != 2 * APPENDS || failures;
}
