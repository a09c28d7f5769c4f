#include "examples/serve/recent.h"
#include <stdlib.h>
#include <string.h>

int recent_open(serve_recent *recent) {
  recent->taken = 0;
  recent->items = calloc(RECENT_EVENTS, sizeof *recent->items);
  if (!recent->items) return 0;
  if (pthread_mutex_init(&recent->lock, NULL) == 0) return 1;
  free(recent->items);
  recent->items = NULL;
  return 0;
}

void recent_close(serve_recent *recent) {
  if (!recent->items) return;
  pthread_mutex_destroy(&recent->lock);
  free(recent->items);
  recent->items = NULL;
}

void recent_take(serve_recent *recent, const uint64_t *items, size_t n) {
  pthread_mutex_lock(&recent->lock);
  for (size_t i = 0; i < n; i++) recent->items[recent->taken++ % RECENT_EVENTS] = items[i];
  pthread_mutex_unlock(&recent->lock);
}

/* An event of the ring and how long ago it was. */
typedef struct aged {
  uint64_t item;
  uint32_t age, events;
} aged;

static int by_item(const void *left, const void *right) {
  const aged *a = left, *b = right;
  if (a->item != b->item) return a->item < b->item ? -1 : 1;
  return (a->age > b->age) - (a->age < b->age);
}

static int by_age(const void *left, const void *right) {
  const aged *a = left, *b = right;
  return (a->age > b->age) - (a->age < b->age);
}

static int by_events(const void *left, const void *right) {
  const aged *a = left, *b = right;
  if (a->events != b->events) return a->events > b->events ? -1 : 1;
  return by_age(left, right);
}

/* Each item once, with its events and the age of the newest one. */
static aged *collect(serve_recent *recent, size_t *count) {
  *count = 0;
  aged *all = malloc(RECENT_EVENTS * sizeof *all);
  if (!all) return NULL;
  pthread_mutex_lock(&recent->lock);
  size_t n = recent->taken < RECENT_EVENTS ? (size_t)recent->taken : RECENT_EVENTS;
  for (size_t i = 0; i < n; i++)
    all[i] = (aged){recent->items[(recent->taken - 1 - i) % RECENT_EVENTS], (uint32_t)i, 1};
  pthread_mutex_unlock(&recent->lock);
  qsort(all, n, sizeof *all, by_item);
  size_t used = 0;
  for (size_t i = 0; i < n; i++) {
    if (used && all[used - 1].item == all[i].item)
      all[used - 1].events++;
    else
      all[used++] = all[i];
  }
  *count = used;
  return all;
}

static size_t pick(serve_recent *recent, int (*order)(const void *, const void *), recent_item *out, size_t room) {
  size_t n;
  aged *all = collect(recent, &n);
  if (!all) return SIZE_MAX;
  qsort(all, n, sizeof *all, order);
  if (n > room) n = room;
  for (size_t i = 0; i < n; i++) out[i] = (recent_item){all[i].item, all[i].events};
  free(all);
  return n;
}

size_t recent_popular(serve_recent *recent, recent_item *out, size_t room) {
  return pick(recent, by_events, out, room);
}

size_t recent_latest(serve_recent *recent, recent_item *out, size_t room) {
  return pick(recent, by_age, out, room);
}
