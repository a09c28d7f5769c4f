/* The newest events that this process took, for what is popular and what is new: a ring, so that both follow the stream
 * and not the training. Any thread. */
#ifndef EXAMPLES_SERVE_RECENT_H
#define EXAMPLES_SERVE_RECENT_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

enum { RECENT_EVENTS = 1 << 16 };

typedef struct serve_recent {
  pthread_mutex_t lock;
  uint64_t *items; /* (RECENT_EVENTS) hashes of ids */
  uint64_t taken;  /* events so far */
} serve_recent;

typedef struct recent_item {
  uint64_t item; /* hash */
  uint32_t events;
} recent_item;

int recent_open(serve_recent *recent); /* 0 without memory */
void recent_close(serve_recent *recent);
void recent_take(serve_recent *recent, const uint64_t *items, size_t n);

/* Items by their number of events, most first, or by their newest event, newest first; at most `room` into out. Returns
 * how many, SIZE_MAX without memory. */
size_t recent_popular(serve_recent *recent, recent_item *out, size_t room);
size_t recent_latest(serve_recent *recent, recent_item *out, size_t room);

#endif
