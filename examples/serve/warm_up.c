#include "examples/serve/warm_up.h"
#include "examples/common/ground.h"
#include "examples/common/logging.h"
#include "solid/extend.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE = 256, LOOK_MS = 100, AWAY_MS = 500, MOST_PER_S = 1000000 };

/* Users of a page of the store; their ids one behind the other. */
typedef struct page {
  solid_bytes *users; /* their data are set once all are here */
  char *ids;
  size_t n, room, used, ids_room;
  int is_broken;
} page;

solid_status warm_up_read(int64_t *per_s, const char *text) {
  char *end = NULL;
  *per_s = 0;
  if (!text || strcmp(text, "0") == 0) return SOLID_OK;
  long long value = *text >= '0' && *text <= '9' ? strtoll(text, &end, 10) : 0;
  if (value < 1 || value > MOST_PER_S || strcmp(end, "/s") != 0)
    return solid_fail(SOLID_EINVAL, "--warm-up: \"%s\" is not N/s, users a second from 1/s to %d/s", text, MOST_PER_S);
  *per_s = value;
  return SOLID_OK;
}

static int make_room(page *p, size_t more) {
  if (p->n == p->room) {
    size_t room = p->room ? 2 * p->room : PAGE;
    solid_bytes *users = realloc(p->users, room * sizeof *users);
    if (!users) return 0;
    p->users = users;
    p->room = room;
  }
  if (p->used + more > p->ids_room) {
    size_t room = 2 * (p->used + more);
    char *ids = realloc(p->ids, room);
    if (!ids) return 0;
    p->ids = ids;
    p->ids_room = room;
  }
  return 1;
}

static void take_user(void *context, solid_bytes user) {
  page *p = context;
  if (!make_room(p, user.size)) {
    p->is_broken = 1;
    return;
  }
  memcpy(p->ids + p->used, user.data, user.size);
  p->users[p->n++] = (solid_bytes){NULL, user.size};
  p->used += user.size;
}

static solid_status read_page(serve_warm_up *warm, page *p, uint64_t *cursor) {
  p->n = p->used = 0;
  p->is_broken = 0;
  solid_status status = warm->store->ops->list(warm->store, PAGE, cursor, take_user, p);
  if (!status && p->is_broken) status = solid_fail(SOLID_ENOMEM, "out of memory: a page of users");
  char *at = p->ids;
  for (size_t i = 0; i < p->n; i++) {
    p->users[i].data = at;
    at += p->users[i].size;
  }
  return status;
}

static int is_over(serve_warm_up *warm, const solid_live *live) {
  return atomic_load(&warm->stop) || solid_slot_get_live(warm->slot).version != live->version;
}

/* A question whose answer nobody wants: where parameters are missing or old, it makes them and puts them back. */
static solid_status ask(serve_warm_up *warm, solid_bytes user) {
  const solid_seat *seat = NULL;
  solid_query query = SOLID_QUERY_INIT;
  solid_answer answer = {.struct_size = sizeof answer};
  solid_scored best;
  query.k = 1;
  solid_status status = solid_slot_take(warm->slot, warm->seat, user, &seat);
  if (status) return status;
  solid_state_stats before = serve_states_of(seat->recommender);
  status = solid_recommend(seat->recommender, user, &query, &best, &answer);
  solid_state_stats after = serve_states_of(seat->recommender);
  serve_count_states(warm->counts, &before, &after);
  solid_slot_give(warm->slot, seat);
  if (!status && answer.source == SOLID_FROM_GENERATION) atomic_fetch_add(&warm->made, 1);
  return status;
}

/* Each a turn at its time; a store that is away is waited for. */
static void ask_page(serve_warm_up *warm, const page *p, const solid_live *live, int64_t *next_ns) {
  for (size_t i = 0; i < p->n && !is_over(warm, live);) {
    int64_t wait_ns = *next_ns - sol_steady_ns();
    if (wait_ns > 0) {
      sol_sleep_ms(wait_ns / 1000000 < LOOK_MS ? wait_ns / 1000000 + 1 : LOOK_MS);
      continue;
    }
    *next_ns = (wait_ns < -1000000000 ? sol_steady_ns() : *next_ns) + 1000000000 / warm->per_s;
    solid_status status = ask(warm, p->users[i]);
    if (solid_status_is_retriable(status)) {
      sol_sleep_ms(AWAY_MS);
      continue;
    }
    atomic_fetch_add(&warm->users, 1);
    if (status) atomic_fetch_add(&warm->failed, 1);
    i++;
  }
}

/* 1 when all were gone through. */
static int go_through(serve_warm_up *warm, const solid_live *live) {
  page p = {0};
  uint64_t cursor = 0;
  int64_t next_ns = sol_steady_ns();
  solid_status status = SOLID_OK;
  atomic_store(&warm->users, 0);
  atomic_store(&warm->made, 0);
  atomic_store(&warm->failed, 0);
  do {
    status = read_page(warm, &p, &cursor);
    if (solid_status_is_retriable(status)) sol_sleep_ms(AWAY_MS);
    if (!status) ask_page(warm, &p, live, &next_ns);
  } while ((!status ? cursor != 0 : solid_status_is_retriable(status)) && !is_over(warm, live));
  free(p.users);
  free(p.ids);
  if (status && !is_over(warm, live)) logging_say(SOLID_LOG_ERROR, "warm-up: %s", solid_last_error());
  return !status && !is_over(warm, live);
}

static void *run(void *user) {
  serve_warm_up *warm = user;
  uint64_t done = 0; /* version of the record whose users were gone through */
  while (!atomic_load(&warm->stop)) {
    solid_live live = solid_slot_get_live(warm->slot);
    if (!live.version || live.version == done) {
      sol_sleep_ms(LOOK_MS);
      continue;
    }
    atomic_store(&warm->is_running, 1);
    int is_through = go_through(warm, &live);
    atomic_store(&warm->is_running, 0);
    done = live.version;
    if (!is_through) continue;
    atomic_fetch_add(&warm->rounds, 1);
    logging_say(SOLID_LOG_INFO,
                "warm-up of generation %016" PRIx64 ": %" PRIu64 " users, parameters of %" PRIu64 " made", live.current,
                (uint64_t)atomic_load(&warm->users), (uint64_t)atomic_load(&warm->made));
  }
  return NULL;
}

solid_status warm_up_start(serve_warm_up *warm) {
  if (!warm->per_s) return SOLID_OK;
  warm->has_thread = pthread_create(&warm->thread, NULL, run, warm) == 0;
  return warm->has_thread ? SOLID_OK : solid_fail(SOLID_ENOMEM, "no thread for --warm-up");
}

void warm_up_stop(serve_warm_up *warm) {
  if (!warm->has_thread) return;
  atomic_store(&warm->stop, 1);
  pthread_join(warm->thread, NULL);
  warm->has_thread = 0;
}
