/* Thousands of events in any order, with ids of any length: users come in the order of their first line, each user's
 * events by time, equal times as in the file. The reference compares every event with every other of its user. */
#include "ingest/data/events.h"
#include "tests/support/seed.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVENTS 3000
#define USERS  97
#define ITEMS  401

typedef struct line {
  uint32_t user, item;
  int64_t time_ms;
  size_t number;
} line;

static char ids[ITEMS][SOLID_ID_MAX + 1]; /* of users and items alike: number, then filling to its length */

static solid_bytes id_of(uint32_t number) {
  return (solid_bytes){ids[number], strlen(ids[number])};
}

static void make_lines(line *lines) {
  seed_rng rng = seed_start(41);
  for (uint32_t i = 0; i < ITEMS; i++) { /* lengths on both sides of what a cell holds, and the longest */
    int size = i % 50 == 0 ? SOLID_ID_MAX : 5 + (int)(i % (2 * SOL_INTERNED_HERE));
    snprintf(ids[i], sizeof ids[i], "%05u%0*d", i, size > 5 ? size - 5 : 1, 0);
    ids[i][size] = 0;
  }
  for (size_t i = 0; i < EVENTS; i++)
    lines[i] = (line){(uint32_t)seed_below(&rng, USERS), (uint32_t)seed_below(&rng, ITEMS), seed_below(&rng, 40), i};
}

static uint32_t first_line(const line *lines, uint32_t user) {
  uint32_t i = 0;
  while (lines[i].user != user) i++;
  return i;
}

static int comes_before(const line *lines, const line *a, const line *b) {
  if (a->user != b->user) return first_line(lines, a->user) < first_line(lines, b->user);
  return a->time_ms != b->time_ms ? a->time_ms < b->time_ms : a->number < b->number;
}

typedef struct seen {
  const line *lines;
  uint8_t taken[EVENTS];
  size_t n;
  line last;
} seen;

/* The rating is the number of the line. */
static solid_status check(void *context, const solid_event *events, const double *ratings, size_t count) {
  seen *s = context;
  for (size_t i = 0; i < count; i++) {
    const line *l = &s->lines[(size_t)ratings[i]];
    cr_assert_eq(s->taken[l->number]++, 0, "line %zu came twice", l->number);
    cr_assert(events[i].user.size == id_of(l->user).size &&
              memcmp(events[i].user.data, ids[l->user], events[i].user.size) == 0);
    cr_assert(events[i].item.size == id_of(l->item).size &&
              memcmp(events[i].item.data, ids[l->item], events[i].item.size) == 0);
    cr_assert_eq(events[i].time_ms, l->time_ms);
    cr_assert_eq(events[i].kind.size, l->number % 3, "the kind of line %zu", l->number);
    if (s->n++) cr_assert(comes_before(s->lines, &s->last, l), "line %zu before %zu", s->last.number, l->number);
    s->last = *l;
  }
  return SOLID_OK;
}

Test(timeline, sorts_users_by_line_and_events_by_time) {
  static line lines[EVENTS];
  sol_timeline *timeline = calloc(1, sizeof *timeline);
  sol_event_batch *batch = NULL;
  seen s = {.lines = lines};
  make_lines(lines);
  cr_assert_eq(sol_event_batch_new(&batch, check, &s, 1), SOLID_OK);
  for (size_t i = 0; i < EVENTS; i++) {
    char user[SOLID_ID_MAX + 1]; /* the texts are those of a line, which the next one overwrites */
    memcpy(user, ids[lines[i].user], sizeof user);
    const solid_event event = {
        .user = {user, strlen(user)}, .item = id_of(lines[i].item), .kind = {"ab", i % 3}, .time_ms = lines[i].time_ms};
    cr_assert_eq(sol_timeline_add(timeline, &event, (double)i), SOLID_OK);
    memset(user, '?', sizeof user);
  }
  cr_assert_eq(sol_timeline_send(timeline, batch, NULL), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(sol_event_batch_flush(batch), SOLID_OK);
  cr_assert_eq(s.n, EVENTS);
  sol_event_batch_free(batch);
  sol_timeline_free(timeline);
  free(timeline);
}
