/* Events of a file with times: kept until its end, then passed on user by user, each in the order of time. */
#include "ingest/data/events.h"
#include "solid/base/fetch.h"
#include "solid/extend.h"
#include <stdlib.h>
#include <string.h>

#define SAID_EVENTS ((size_t)1 << 17) /* between two words on progress */
#define GROUP       128               /* events at least that are passed on together, or all */

static solid_bytes kept(sol_turn *turn, solid_bytes text) {
  char *to = turn->text + turn->used;
  if (text.size > 0) memcpy(to, text.data, text.size);
  turn->used += text.size;
  return (solid_bytes){to, text.size};
}

static solid_status grow(sol_timeline *timeline) {
  if (timeline->count + SOL_WAITING <= timeline->room) return SOLID_OK;
  size_t room = 2 * timeline->room + 4096;
  if (timeline->count > UINT32_MAX - SOL_WAITING)
    return solid_fail(SOLID_ERANGE, "over %zu events: more than can be sorted by time", timeline->count);
  sol_timed_event *events = sol_grown_reserve(&timeline->event_memory, room * sizeof *events);
  if (!events) return solid_fail(SOLID_ENOMEM, "no room for %zu events", room);
  timeline->events = events;
  timeline->room = room;
  return SOLID_OK;
}

/* Numbers of the texts of a turn, which is empty then. */
static solid_status find(sol_timeline *timeline, sol_turn *turn) {
  solid_status status = grow(timeline);
  for (size_t i = 0; i < turn->count && status == SOLID_OK; i++) {
    const sol_waiting *w = &turn->events[i];
    sol_timed_event *event = &timeline->events[timeline->count];
    *event = w->event;
    status = sol_interner_find_hashed(&timeline->users, w->user, w->user_hash, &event->user);
    if (status == SOLID_OK) status = sol_interner_find_hashed(&timeline->items, w->item, w->item_hash, &event->item);
    timeline->count += status == SOLID_OK;
  }
  turn->count = turn->used = 0;
  return status;
}

static void fetch_slots(const sol_timeline *timeline, const sol_turn *turn) {
  for (size_t i = 0; i < turn->count; i++) {
    sol_table_fetch(&timeline->users.table, turn->events[i].user_hash);
    sol_table_fetch(&timeline->items.table, turn->events[i].item_hash);
  }
}

static void fetch_cells(const sol_timeline *timeline, const sol_turn *turn) {
  for (size_t i = 0; i < turn->count; i++) {
    sol_interner_fetch(&timeline->users, turn->events[i].user_hash);
    sol_interner_fetch(&timeline->items, turn->events[i].item_hash);
  }
}

static solid_status next_turn(sol_timeline *timeline) {
  const sol_turn *newest = &timeline->turns[timeline->filled];
  const sol_turn *older = &timeline->turns[(timeline->filled + SOL_TURNS - 1) % SOL_TURNS];
  timeline->filled = (timeline->filled + 1) % SOL_TURNS;
  solid_status status = find(timeline, &timeline->turns[timeline->filled]);
  if (status != SOLID_OK) return status;
  fetch_cells(timeline, older);
  fetch_slots(timeline, newest);
  return SOLID_OK;
}

solid_status sol_timeline_add(sol_timeline *timeline, const solid_event *from, double rating) {
  sol_turn *turn = &timeline->turns[timeline->filled];
  sol_waiting *w = &turn->events[turn->count];
  solid_status status = SOLID_OK;
  w->event = (sol_timed_event){.time_ms = from->time_ms, .rating = rating, .worth = from->worth};
  w->user = kept(turn, from->user);
  w->item = kept(turn, from->item);
  w->user_hash = sol_table_hash(w->user.data, w->user.size);
  w->item_hash = sol_table_hash(w->item.data, w->item.size);
  if (sol_interner_is(&timeline->kinds, timeline->last_kind, from->kind))
    w->event.kind = timeline->last_kind;
  else
    status = sol_interner_find(&timeline->kinds, from->kind, &w->event.kind);
  if (status != SOLID_OK) return status;
  timeline->last_kind = w->event.kind;
  return ++turn->count == SOL_WAITING ? next_turn(timeline) : SOLID_OK;
}

/* order (n): the numbers of the events, user by user, each user's in the order of the file; begin (users + 1). */
static void sort_users(const sol_timeline *timeline, size_t *begin, uint32_t *order) {
  for (size_t i = 0; i < timeline->count; i++) begin[timeline->events[i].user + 2]++;
  for (size_t u = 2; u < (size_t)timeline->users.count + 2; u++) begin[u] += begin[u - 1];
  for (size_t i = 0; i < timeline->count; i++) order[begin[timeline->events[i].user + 1]++] = (uint32_t)i;
}

typedef struct timed {
  int64_t time_ms;
  uint32_t number;
} timed;

static int by_time(const void *left, const void *right) {
  const timed *a = left, *b = right;
  if (a->time_ms != b->time_ms) return a->time_ms < b->time_ms ? -1 : 1;
  return a->number < b->number ? -1 : a->number > b->number;
}

/* One user's n events by time, equal times as in the file. `work` (n). */
static void sort_times(const sol_timed_event *events, uint32_t *order, size_t n, timed *work) {
  int is_sorted = 1;
  for (size_t i = 0; i < n; i++) {
    work[i] = (timed){events[order[i]].time_ms, order[i]};
    is_sorted &= i == 0 || work[i - 1].time_ms <= work[i].time_ms;
  }
  if (is_sorted) return;
  qsort(work, n, sizeof *work, by_time);
  for (size_t i = 0; i < n; i++) order[i] = work[i].number;
}

static void fetch_events(const sol_timeline *timeline, const uint32_t *order, size_t first, size_t end) {
  for (size_t i = first; i < end && i < timeline->count; i++) SOL_FETCH(&timeline->events[order[i]]);
}

static void fetch_items(const sol_timeline *timeline, const uint32_t *order, size_t first, size_t end) {
  for (size_t i = first; i < end && i < timeline->count; i++)
    SOL_FETCH(&timeline->items.cells[timeline->events[order[i]].item]);
}

/* Sorted events, first .. end of the order. */
static solid_status send(const sol_timeline *timeline, sol_event_batch *batch, const uint32_t *order, size_t first,
                         size_t end) {
  solid_status status = SOLID_OK;
  for (size_t i = first; i < end && status == SOLID_OK; i++) {
    const sol_timed_event *event = &timeline->events[order[i]];
    if ((i - first) % GROUP == 0) { /* of a user with more they are no longer near */
      fetch_events(timeline, order, i + GROUP, i + 2 * GROUP);
      fetch_items(timeline, order, i, i + GROUP < end ? i + GROUP : end);
    }
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

/* Users in groups of at least GROUP events. begin (users + 1): where each one's events are in the order. */
static solid_status send_users(const sol_timeline *timeline, const size_t *begin, uint32_t *order, timed *work,
                               sol_event_batch *batch, const sol_lines *lines) {
  size_t users = timeline->users.count, said = 0;
  solid_status status = SOLID_OK;
  fetch_events(timeline, order, 0, GROUP);
  for (size_t u = 0, end; u < users && status == SOLID_OK; u = end) {
    for (end = u; end < users && (end == u || begin[end] - begin[u] < GROUP); end++)
      sort_times(timeline->events, order + begin[end], begin[end + 1] - begin[end], work);
    status = send(timeline, batch, order, begin[u], begin[end]);
    if (!lines || begin[end] - said < SAID_EVENTS) continue;
    said = begin[end];
    sol_lines_tell_second(lines, (double)said / (double)timeline->count);
  }
  return status;
}

solid_status sol_timeline_send(sol_timeline *timeline, sol_event_batch *batch, const sol_lines *lines) {
  solid_status status = SOLID_OK;
  for (int i = 0; i < SOL_TURNS && status == SOLID_OK; i++) status = next_turn(timeline);
  if (status != SOLID_OK) return status;
  size_t users = timeline->users.count, most = 0;
  size_t *begin = calloc(users + 2, sizeof *begin);
  uint32_t *order = malloc((timeline->count + 1) * sizeof *order);
  timed *work = NULL;
  if (begin && order) {
    sort_users(timeline, begin, order);
    for (size_t u = 0; u < users; u++) most = begin[u + 1] - begin[u] > most ? begin[u + 1] - begin[u] : most;
    work = malloc((most + 1) * sizeof *work);
  }
  if (!work)
    status = solid_fail(SOLID_ENOMEM, "no room to sort %zu events", timeline->count);
  else
    status = send_users(timeline, begin, order, work, batch, lines);
  free(begin);
  free(order);
  free(work);
  return status;
}

void sol_timeline_free(sol_timeline *timeline) {
  sol_interner_free(&timeline->users);
  sol_interner_free(&timeline->items);
  sol_interner_free(&timeline->kinds);
  sol_grown_free(&timeline->event_memory);
  *timeline = (sol_timeline){0};
}
