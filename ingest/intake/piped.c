#include "ingest/intake/piped.h"
#include "solid/base/clock.h"
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { STEP_MS = 50 }; /* how soon a stop is noticed */

/* Reads what is there behind what was read before; there is room. */
static void fill(sol_piped *p) {
  if (p->from == p->to) p->from = p->to = 0;
  if (p->to == SOL_PIPED_ROOM) {
    memmove(p->bytes, p->bytes + p->from, p->to - p->from);
    p->to -= p->from;
    p->from = 0;
  }
  ssize_t n;
  do n = read(p->fd, p->bytes + p->to, SOL_PIPED_ROOM - p->to);
  while (n < 0 && errno == EINTR && !atomic_load(p->stopped));
  if (n > 0) {
    p->to += (size_t)n;
    return;
  }
  p->has_ended = 1;
  if (n < 0 && errno != EINTR) p->read_errno = errno;
}

int sol_piped_next(sol_piped *p) {
  if (p->from == p->to && !p->has_ended) fill(p);
  return p->from < p->to ? (unsigned char)p->bytes[p->from++] : EOF;
}

/* As poll: there are bytes, or the end. */
static int wait_until(const sol_piped *p, int64_t deadline_ms) {
  struct pollfd fd = {p->fd, POLLIN, 0};
  int64_t left = deadline_ms - sol_steady_ms();
  return poll(&fd, 1, left > 0 ? (int)left : 0);
}

size_t sol_piped_take(sol_piped *p, void *room, size_t size) {
  size_t got = 0;
  while (got < size && !atomic_load(p->stopped)) {
    if (p->from == p->to && p->has_ended) break;
    if (p->from == p->to && wait_until(p, sol_steady_ms() + STEP_MS) <= 0) continue;
    if (p->from == p->to) fill(p);
    size_t n = p->to - p->from < size - got ? p->to - p->from : size - got;
    memcpy((char *)room + got, p->bytes + p->from, n);
    p->from += n;
    got += n;
  }
  return got;
}

int sol_piped_has_line(sol_piped *p, int64_t deadline_ms) {
  size_t looked = p->from;
  for (;;) {
    if (memchr(p->bytes + looked, '\n', p->to - looked)) return 1;
    if (p->has_ended || (p->to - p->from) == SOL_PIPED_ROOM) return 1;
    int n = wait_until(p, deadline_ms);
    if (n < 0 && errno == EINTR && !atomic_load(p->stopped)) continue;
    if (n <= 0) return 0;
    fill(p);
    looked = p->from; /* what there was may have moved */
  }
}
