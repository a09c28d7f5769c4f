/* Times a Redis store alone, without the arithmetic of a model: events in (advance and put_params, one event a user and
 * call), answers out (get), and what a user takes up.
 *
 *   bench_store PORT [BATCH [USERS [SECONDS]]]
 *
 * L 50, d 64, 544 values in f16: the shapes of the Amazon Beauty model at rank 4. The server's database 0 is emptied of
 * nothing: give it one of its own. */
#define BENCH "bench_store"
#include "store/redis_store.h"
#include "tests/bench/bench.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { L = 50, WIDTH = 64, PARAMS = 544, NAME = 32 };

typedef struct bench {
  solid_store *store;
  size_t batch, users;
  double seconds;
  char (*names)[NAME];
  solid_append *appends;
  solid_window *windows;
  solid_params *params;
  solid_bytes *ids;
  solid_status *statuses;
  uint8_t *found;
  solid_step *steps;
  solid_position *positions;
  float *h, *values;
  uint64_t next;
} bench;

/* The next `batch` users, one event each. */
static void lay_out(bench *b) {
  for (size_t i = 0; i < b->batch; i++) {
    uint64_t n = b->next++;
    const char *name = b->names[n % b->users];
    b->ids[i] = (solid_bytes){name, strlen(name)};
    b->steps[i] = (solid_step){n, (int64_t)n};
    b->positions[i] = (solid_position){7, n};
    b->appends[i] = (solid_append){.user = b->ids[i], .steps = &b->steps[i], .positions = &b->positions[i], .count = 1};
    b->windows[i] = (solid_window){.steps = b->steps + b->batch + i * L};
    b->params[i] = (solid_params){.h = b->h + i * WIDTH,
                                  .values = b->values + i * PARAMS,
                                  .generation = 1,
                                  .width = WIDTH,
                                  .count = PARAMS,
                                  .element = SOLID_F16};
  }
}

static void write_batch(bench *b) {
  lay_out(b);
  must(b->store->ops->advance(b->store, b->appends, b->batch, b->windows, NULL, b->statuses), "advance");
  for (size_t i = 0; i < b->batch; i++) b->params[i].seq = b->windows[i].seq;
  must(b->store->ops->put_params(b->store, b->ids, b->params, b->batch, b->statuses), "put_params");
}

static void read_batch(bench *b) {
  lay_out(b);
  must(b->store->ops->get(b->store, b->ids, b->batch, 1, b->windows, b->params, b->found, b->statuses), "get");
}

static void run(bench *b, const char *what, void (*one)(bench *b)) {
  int64_t start_ns = sol_steady_ns(), now_ns = start_ns;
  uint64_t first = b->next;
  while ((double)(now_ns - start_ns) < 1e9 * b->seconds) {
    one(b);
    now_ns = sol_steady_ns();
  }
  printf("%-28s %10.0f /s\n", what, 1e9 * (double)(b->next - first) / (double)(now_ns - start_ns));
}

int main(int argc, char **argv) {
  bench b = {.batch = argc > 2 ? (size_t)atol(argv[2]) : 256,
             .users = argc > 3 ? (size_t)atol(argv[3]) : 20000,
             .seconds = argc > 4 ? atof(argv[4]) : 5};
  solid_redis_store_options options = SOLID_REDIS_STORE_OPTIONS_INIT;
  if (argc < 2 || !b.batch || b.batch > b.users) {
    fprintf(stderr, "usage: bench_store PORT [BATCH [USERS [SECONDS]]]\n");
    return 2;
  }
  options.port = (uint32_t)atol(argv[1]);
  options.window = L;
  must(solid_store_open_redis(&b.store, NULL, &options), "open");
  b.names = room(b.users, sizeof *b.names);
  b.appends = room(b.batch, sizeof *b.appends);
  b.windows = room(b.batch, sizeof *b.windows);
  b.params = room(b.batch, sizeof *b.params);
  b.ids = room(b.batch, sizeof *b.ids);
  b.statuses = room(b.batch, sizeof *b.statuses);
  b.found = room(b.batch, 1);
  b.steps = room(b.batch * (L + 1), sizeof *b.steps);
  b.positions = room(b.batch, sizeof *b.positions);
  b.h = room(b.batch * WIDTH, sizeof *b.h);
  b.values = room(b.batch * PARAMS, sizeof *b.values);
  for (size_t u = 0; u < b.users; u++) snprintf(b.names[u], NAME, "user-%zu", u);
  while (b.next < 60 * b.users) write_batch(&b); /* windows are full */
  run(&b, "events (advance, put_params)", write_batch);
  run(&b, "answers (get)", read_batch);
  solid_store_close(b.store);
  return 0;
}
