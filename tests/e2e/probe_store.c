/* probe_store ADDRESS PREFIX: asks for the windows of users u0 .. u19 of a Redis store, one every 2 ms, and goes on
 * asking for one until there is an answer; a signal ends it, or the end of who started it. Prints for each "ms since
 * 1970 when it was first asked, microseconds until the answer". */
#include "solid/base/clock.h"
#include "store/redis_store.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { USERS = 20, WINDOW = 10, SIZE = 8, PAUSE_MS = 2 };

static solid_status ask(solid_store *store, int user) {
  static solid_step steps[WINDOW];
  static float h[SIZE], values[SIZE];
  char name[8];
  solid_bytes id = {name, (size_t)snprintf(name, sizeof name, "u%d", user)};
  solid_window window = {.steps = steps};
  solid_params params = {.h = h, .values = values, .width = SIZE, .count = SIZE};
  uint8_t found;
  solid_status of_user;
  return store->ops->get(store, &id, 1, 1, &window, &params, &found, &of_user);
}

int main(int argc, char **argv) {
  solid_redis_store_options options = SOLID_REDIS_STORE_OPTIONS_INIT;
  solid_store *store;
  const pid_t parent = getppid();
  if (argc != 3) return 2;
  options.address = argv[1];
  options.prefix = argv[2];
  options.window = WINDOW;
  options.ttl_ms = 0;
  options.timeout_ms = options.connect_timeout_ms = 300;
  options.backoff_max_ms = 100;
  solid_status status;
  while ((status = solid_store_open_redis(&store, NULL, &options)) && solid_status_is_retriable(status))
    sol_sleep_ms(PAUSE_MS);
  if (status) return fprintf(stderr, "%s\n", solid_last_error()), 1;
  for (int i = 0; getppid() == parent; i++) {
    int64_t asked_ms = sol_wall_ms(), start_ns = sol_steady_ns();
    while ((status = ask(store, i % USERS)) && solid_status_is_retriable(status)) sol_sleep_ms(PAUSE_MS);
    if (status) return fprintf(stderr, "%s\n", solid_last_error()), 1;
    printf("%lld %lld\n", (long long)asked_ms, (long long)(sol_steady_ns() - start_ns) / 1000);
    fflush(stdout);
    sol_sleep_ms(PAUSE_MS);
  }
  solid_store_close(store);
  return 0;
}
