/* Times a Redis store whose users have long histories: events in, answers out, what crosses the wire for each, round
 * trips, and what a user takes up.
 *
 *   bench_history PORT [EVENTS [USERS [BATCH [SECONDS]]]]
 *
 * L 50, d 64, 544 values in f16; EVENTS events a user, one in four of them of an item taken before. A state is 140
 * parts of 2,000 bytes, of which an event changes one. Give the server's database 0 to it alone. */
#define BENCH "bench_history"
#include "store/redis_store.h"
#include "tests/bench/bench.h"
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { L = 50, WIDTH = 64, PARAMS = 544, NAME = 32, PARTS = 140, PART = 2000, FILL = 1000 };

typedef struct bench {
  redisContext *redis;
  solid_store *store;
  size_t batch, users, events, most;
  double seconds;
  int has_state, is_kept, is_seen_asked; /* is_kept: the writer has the states in its memory and reads none */
  char (*names)[NAME];
  solid_append *appends;
  solid_window *windows;
  solid_params *params;
  solid_bytes *ids;
  solid_status *statuses;
  uint8_t *found, *stored, *rooms;
  solid_step *steps, *windows_room;
  solid_position *positions;
  solid_state *states;
  solid_state_part *parts, part;
  solid_state_put *puts;
  float *h, *values;
  uint64_t next, offset, seen;
} bench;

static double number(bench *b, const char *section, const char *field) {
  redisReply *reply = redisCommand(b->redis, "INFO %s", section);
  char *at = reply && reply->type == REDIS_REPLY_STRING ? strstr(reply->str, field) : NULL;
  double value = at ? atof(at + strlen(field)) : 0;
  freeReplyObject(reply);
  return value;
}

static uint64_t item_of(uint64_t n) {
  return ((n % 4 ? n : n / 2) + 1) * UINT64_C(0x9e3779b97f4a7c15);
}

static void take_seen(void *user, const uint64_t *items, size_t n) {
  (void)items;
  ((bench *)user)->seen += n;
}

static void lay_out(bench *b) {
  for (size_t i = 0; i < b->batch; i++) {
    uint64_t n = b->next++;
    const char *name = b->names[n % b->users];
    b->ids[i] = (solid_bytes){name, strlen(name)};
    b->steps[i] = (solid_step){item_of(n / b->users + b->events), (int64_t)(1700000000000 + n * 300000)};
    b->positions[i] = (solid_position){7, b->offset++};
    b->appends[i] = (solid_append){.user = b->ids[i], .steps = &b->steps[i], .positions = &b->positions[i], .count = 1};
    b->states[i] = (solid_state){.generation = 1,
                                 .selector = 1,
                                 .count = PARTS,
                                 .parts = b->parts + i * PARTS,
                                 .room = b->rooms + i * PARTS * PART,
                                 .room_size = (size_t)PARTS * PART};
    b->windows[i] = (solid_window){.steps = b->windows_room + i * b->most,
                                   .most = (uint32_t)b->most,
                                   .take_seen = b->is_seen_asked ? take_seen : NULL,
                                   .seen_user = b,
                                   .state = b->has_state && !b->is_kept ? &b->states[i] : NULL};
    b->params[i] = (solid_params){.h = b->h + i * WIDTH,
                                  .values = b->values + i * PARAMS,
                                  .generation = 1,
                                  .width = WIDTH,
                                  .count = PARAMS,
                                  .element = SOLID_F16};
  }
}

static void put_states(bench *b) {
  for (size_t i = 0; i < b->batch; i++) {
    const solid_window *w = &b->windows[i];
    int is_there = b->is_kept || b->states[i].found == SOLID_STATE_FOUND;
    b->part = (solid_state_part){(uint32_t)(w->seq % PARTS), PART, b->rooms};
    for (uint32_t k = 0; k < PARTS && !is_there; k++) b->parts[i * PARTS + k] = (solid_state_part){k, PART, b->rooms};
    b->puts[i] = (solid_state_put){.user = b->ids[i],
                                   .stamp = {w->birth, w->seq, 1, 1, w->seq},
                                   .after = b->is_kept ? w->seq - 1
                                            : is_there ? b->states[i].stamp.seq
                                                       : 0,
                                   .parts = is_there ? &b->part : b->parts + i * PARTS,
                                   .n = is_there ? 1 : PARTS};
  }
  must(b->store->ops->put_states(b->store, b->puts, b->batch, b->stored, b->statuses), "put_states");
  for (size_t i = 0; i < b->batch; i++)
    if (!b->stored[i]) die("put_states", "a state was not stored");
}

static void write_batch(bench *b) {
  lay_out(b);
  must(b->store->ops->advance(b->store, b->appends, b->batch, b->windows, NULL, b->statuses), "advance");
  for (size_t i = 0; i < b->batch; i++) b->params[i].seq = b->windows[i].seq;
  must(b->store->ops->put_params(b->store, b->ids, b->params, b->batch, b->statuses), "put_params");
  if (b->has_state) put_states(b);
}

static void read_batch(bench *b) {
  lay_out(b);
  must(b->store->ops->get(b->store, b->ids, b->batch, 1, b->windows, b->params, b->found, b->statuses), "get");
}

static uint64_t trips(const bench *b) {
  solid_redis_store_stats stats = {.struct_size = sizeof stats};
  must(solid_redis_store_get_stats(b->store, &stats), "stats");
  return stats.round_trips;
}

static void run(bench *b, const char *what, void (*one)(bench *b)) {
  one(b);
  double in = number(b, "stats", "total_net_input_bytes:"), out = number(b, "stats", "total_net_output_bytes:");
  double log = number(b, "persistence", "aof_current_size:");
  uint64_t first = b->next, before = trips(b), calls = 0;
  int64_t start_ns = sol_steady_ns(), now_ns = start_ns;
  for (; (double)(now_ns - start_ns) < 1e9 * b->seconds; calls++) {
    one(b);
    now_ns = sol_steady_ns();
  }
  double n = (double)(b->next - first);
  printf("%-36s %9.0f /s  %9.0f bytes in %9.0f out, %7.0f logged, each; %4.2f round trips a call\n", what,
         1e9 * n / (double)(now_ns - start_ns), (number(b, "stats", "total_net_input_bytes:") - in) / n,
         (number(b, "stats", "total_net_output_bytes:") - out) / n,
         (number(b, "persistence", "aof_current_size:") - log) / n, (double)(trips(b) - before) / (double)calls);
}

/* Every user's first events, a thousand a call. */
static void fill(bench *b) {
  for (size_t u = 0; u < b->users; u++)
    for (size_t from = 0; from < b->events; from += FILL) {
      solid_step steps[FILL];
      solid_position positions[FILL];
      size_t n = b->events - from < FILL ? b->events - from : FILL;
      for (size_t i = 0; i < n; i++) {
        steps[i] = (solid_step){item_of(from + i), (int64_t)(1600000000000 + (from + i) * 300000)};
        positions[i] = (solid_position){7, b->offset++};
      }
      solid_append append = {
          .user = {b->names[u], strlen(b->names[u])}, .steps = steps, .positions = positions, .count = n};
      solid_window window = {.steps = b->windows_room, .most = 1};
      solid_status status;
      must(b->store->ops->advance(b->store, &append, 1, &window, NULL, &status), "fill");
    }
}

static void print_size(bench *b) {
  static const char *const parts[] = {"", ":pages", ":state"};
  double all = 0;
  printf("a user of %zu events:", b->events);
  for (size_t i = 0; i < 3; i++) {
    redisReply *reply = redisCommand(b->redis, "MEMORY USAGE solid:{%s}%s SAMPLES 0", b->names[0], parts[i]);
    double bytes = reply && reply->type == REDIS_REPLY_INTEGER ? (double)reply->integer : 0;
    printf(" %s %.0f bytes", *parts[i] ? parts[i] + 1 : "record", bytes);
    all += bytes;
    freeReplyObject(reply);
  }
  printf(", together %.0f\n", all);
}

static void make_rooms(bench *b) {
  b->names = room(b->users, sizeof *b->names);
  b->appends = room(b->batch, sizeof *b->appends);
  b->windows = room(b->batch, sizeof *b->windows);
  b->params = room(b->batch, sizeof *b->params);
  b->ids = room(b->batch, sizeof *b->ids);
  b->statuses = room(b->batch, sizeof *b->statuses);
  b->found = room(b->batch, 1);
  b->stored = room(b->batch, 1);
  b->steps = room(b->batch, sizeof *b->steps);
  b->windows_room = room(b->batch * (b->events > L ? b->events : L), sizeof *b->windows_room);
  b->positions = room(b->batch, sizeof *b->positions);
  b->states = room(b->batch, sizeof *b->states);
  b->parts = room(b->batch * PARTS, sizeof *b->parts);
  b->rooms = room(b->batch * PARTS, PART);
  b->puts = room(b->batch, sizeof *b->puts);
  b->h = room(b->batch * WIDTH, sizeof *b->h);
  b->values = room(b->batch * PARAMS, sizeof *b->values);
  for (size_t u = 0; u < b->users; u++) snprintf(b->names[u], NAME, "user-%zu", u);
}

int main(int argc, char **argv) {
  bench b = {.events = argc > 2 ? (size_t)atol(argv[2]) : 10000,
             .users = argc > 3 ? (size_t)atol(argv[3]) : 500,
             .batch = argc > 4 ? (size_t)atol(argv[4]) : 250,
             .seconds = argc > 5 ? atof(argv[5]) : 3,
             .most = L};
  solid_redis_store_options options = SOLID_REDIS_STORE_OPTIONS_INIT;
  if (argc < 2 || !b.batch || b.batch > b.users || b.events > SOLID_HISTORY_MAX) {
    fprintf(stderr, "usage: bench_history PORT [EVENTS [USERS [BATCH [SECONDS]]]]\n");
    return 2;
  }
  options.port = (uint32_t)atol(argv[1]);
  options.window = L;
  options.history = SOLID_HISTORY_MAX;
  b.redis = redisConnect("127.0.0.1", (int)options.port);
  must(solid_store_open_redis(&b.store, NULL, &options), "open");
  make_rooms(&b);
  fill(&b);
  run(&b, "events (advance, put_params)", write_batch);
  run(&b, "answers (get)", read_batch);
  b.is_seen_asked = 1;
  run(&b, "answers, without what was ever taken", read_batch);
  b.is_seen_asked = 0;
  b.most = b.events > L ? b.events : L;
  run(&b, "whole histories (get)", read_batch);
  b.most = L;
  b.has_state = 1;
  for (size_t i = 0; i < b.users; i += b.batch) write_batch(&b); /* the states are whole */
  run(&b, "events with a state", write_batch);
  for (size_t i = 0; i < b.users; i += b.batch) write_batch(&b);
  b.is_kept = 1;
  run(&b, "events with a state that is at hand", write_batch);
  b.is_kept = 0;
  run(&b, "answers with a state", read_batch);
  print_size(&b);
  solid_store_close(b.store);
  redisFree(b.redis);
  return 0;
}
