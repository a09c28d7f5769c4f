/* Events of a file with times: kept until its end, then passed on user by user, each in the order of time. */
#include "ingest/data/events.h"
#include "solid/extend.h"
#include <stdlib.h>
#include <string.h>

#define AHEAD 16 /* events whose memory is asked for before they are looked at */

static solid_bytes kept(char *to, solid_bytes text) {
  if (text.size > 0) memcpy(to, text.data, text.size);
  return (solid_bytes){to, text.size};
}

/* Numbers of the texts. First the cells that they will be compared with are asked for, of all. */
static solid_status find_waiting(sol_timeline *timeline) {
  solid_status status = SOLID_OK;
  for (size_t i = 0; i < timeline->waiting; i++) {
    sol_interner_fetch(&timeline->users, timeline->wait[i].user_hash);
    sol_interner_fetch(&timeline->items, timeline->wait[i].item_hash);
  }
  for (size_t i = 0; i < timeline->waiting && status == SOLID_OK; i++) {
    const sol_waiting *w = &timeline->wait[i];
    sol_timed_event *event = &timeline->events[timeline->count];
    *event = w->event;
    status = sol_interner_find_hashed(&timeline->users, w->user, w->user_hash, &event->user);
    if (status == SOLID_OK) status = sol_interner_find_hashed(&timeline->items, w->item, w->item_hash, &event->item);
    timeline->count += status == SOLID_OK;
  }
  timeline->waiting = 0;
  return status;
}

static solid_status grow(sol_timeline *timeline) {
  if (timeline->count + SOL_WAITING <= timeline->room) return SOLID_OK;
  size_t room = 2 * timeline->room + 4096;
  sol_timed_event *events = realloc(timeline->events, room * sizeof *events);
  if (!events) return solid_fail(SOLID_ENOMEM, "no room for %zu events", room);
  timeline->events = events;
  timeline->room = room;
  return SOLID_OK;
}

solid_status sol_timeline_add(sol_timeline *timeline, const solid_event *from, double rating) {
  solid_status status = timeline->waiting == 0 ? grow(timeline) : SOLID_OK;
  sol_waiting *w = &timeline->wait[timeline->waiting];
  if (status != SOLID_OK) return status;
  w->event = (sol_timed_event){.time_ms = from->time_ms, .rating = rating, .worth = from->worth};
  w->user = kept(w->text, from->user);
  w->item = kept(w->text + from->user.size, from->item);
  w->user_hash = sol_table_hash(w->user.data, w->user.size);
  w->item_hash = sol_table_hash(w->item.data, w->item.size);
  sol_table_fetch(&timeline->users.table, w->user_hash);
  sol_table_fetch(&timeline->items.table, w->item_hash);
  if (sol_interner_is(&timeline->kinds, timeline->last_kind, from->kind))
    w->event.kind = timeline->last_kind;
  else
    status = sol_interner_find(&timeline->kinds, from->kind, &w->event.kind);
  if (status != SOLID_OK) return status;
  timeline->last_kind = w->event.kind;
  return ++timeline->waiting == SOL_WAITING ? find_waiting(timeline) : SOLID_OK;
}

/* order (n): the numbers of the events, user by user, each user's in the order of the file; begin (users + 1). */
static void sort_users(const sol_timeline *timeline, size_t *begin, size_t *order) {
  for (size_t i = 0; i < timeline->count; i++) begin[timeline->events[i].user + 2]++;
  for (size_t u = 2; u < (size_t)timeline->users.count + 2; u++) begin[u] += begin[u - 1];
  for (size_t i = 0; i < timeline->count; i++) order[begin[timeline->events[i].user + 1]++] = i;
}

typedef struct timed {
  int64_t time_ms;
  size_t number;
} timed;

static int by_time(const void *left, const void *right) {
  const timed *a = left, *b = right;
  if (a->time_ms != b->time_ms) return a->time_ms < b->time_ms ? -1 : 1;
  return a->number < b->number ? -1 : a->number > b->number;
}

/* One user's events by time, equal times as in the file. `work` (n). */
static void sort_times(const sol_timed_event *events, size_t *order, size_t n, timed *work) {
  int is_sorted = 1;
  for (size_t i = 0; i < n; i++) {
    work[i] = (timed){events[order[i]].time_ms, order[i]};
    is_sorted &= i == 0 || work[i - 1].time_ms <= work[i].time_ms;
  }
  if (is_sorted) return;
  qsort(work, n, sizeof *work, by_time);
  for (size_t i = 0; i < n; i++) order[i] = work[i].number;
}

static void fetch(const sol_timeline *timeline, const size_t *order, size_t i) {
  if (i + 2 * AHEAD < timeline->count) __builtin_prefetch(&timeline->events[order[i + 2 * AHEAD]]);
  if (i + AHEAD < timeline->count) __builtin_prefetch(&timeline->items.cells[timeline->events[order[i + AHEAD]].item]);
}

static solid_status send_user(const sol_timeline *timeline, sol_event_batch *batch, const size_t *order, size_t first,
                              size_t end) {
  solid_status status = SOLID_OK;
  for (size_t i = first; i < end && status == SOLID_OK; i++) {
    const sol_timed_event *event = &timeline->events[order[i]];
    fetch(timeline, order, i);
    status = sol_event_batch_lend(batch,
                                  &(solid_event){.user = sol_interner_text(&timeline->users, event->user),
                                                 .item = sol_interner_text(&timeline->items, event->item),
                                                 .kind = sol_interner_text(&timeline->kinds, event->kind),
                                                 .time_ms = event->time_ms,
                                                 .worth = event->worth},
                                  event->rating);
  }
  return status;
}

solid_status sol_timeline_send(sol_timeline *timeline, sol_event_batch *batch) {
  solid_status status = find_waiting(timeline);
  if (status != SOLID_OK) return status;
  size_t users = timeline->users.count, most = 0;
  size_t *begin = calloc(users + 2, sizeof *begin), *order = malloc((timeline->count + 1) * sizeof *order);
  timed *work = NULL;
  if (begin && order) {
    sort_users(timeline, begin, order);
    for (size_t u = 0; u < users; u++) most = begin[u + 1] - begin[u] > most ? begin[u + 1] - begin[u] : most;
    work = malloc((most + 1) * sizeof *work);
  }
  if (!work) status = solid_fail(SOLID_ENOMEM, "no room to sort %zu events", timeline->count);
  for (size_t u = 0; u < users && status == SOLID_OK; u++) {
    sort_times(timeline->events, order + begin[u], begin[u + 1] - begin[u], work);
    status = send_user(timeline, batch, order, begin[u], begin[u + 1]);
  }
  free(begin);
  free(order);
  free(work);
  return status;
}

void sol_timeline_free(sol_timeline *timeline) {
  sol_interner_free(&timeline->users);
  sol_interner_free(&timeline->items);
  sol_interner_free(&timeline->kinds);
  free(timeline->events);
  *timeline = (sol_timeline){0};
}
