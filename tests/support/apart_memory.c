#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "tests/support/apart_memory.h"
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { MOST = 4096, GAP = 4096 };

/* Addresses, none of which is used twice. Their lower halves are no usual int or float: beside a stale upper half in
 * the padding of a struct these would look like an address. */
static const uintptr_t window = (uintptr_t)1 << 32, lowest = 0x50000000, span = 0xa0000000;

typedef struct piece {
  uintptr_t shown;
  char *real;
  size_t bytes;
} piece;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uintptr_t first, next;
static piece pieces[MOST];
static size_t count;

static void give_up(const char *what, const void *where) {
  fprintf(stderr, "device memory: %s: %p\n", what, where);
  abort();
}

void *apart_memory_show(void *real, size_t bytes) {
  if (!real) return NULL;
  pthread_mutex_lock(&lock);
  if (!first) {
    void *none = mmap(NULL, 2 * window, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (none == MAP_FAILED) give_up("no addresses are left", NULL);
    first = next = ((uintptr_t)none + window - 1) / window * window + lowest;
  }
  size_t room = (bytes + 2 * GAP - 1) / GAP * GAP;
  if (count == MOST || next + room > first + span) give_up("too many pieces", real);
  void *shown = (void *)next;
  pieces[count++] = (piece){next, real, bytes};
  next += room;
  pthread_mutex_unlock(&lock);
  return shown;
}

static piece *find(uintptr_t at) {
  for (size_t i = 0; i < count; i++)
    if (at >= pieces[i].shown && at <= pieces[i].shown + pieces[i].bytes) return &pieces[i];
  give_up("nothing is at this address, or not any more", (void *)at);
  return NULL;
}

void *apart_memory_take_back(void *shown) {
  if (!shown) return NULL;
  pthread_mutex_lock(&lock);
  piece *of = find((uintptr_t)shown);
  void *real = of->real;
  *of = pieces[--count];
  pthread_mutex_unlock(&lock);
  return real;
}

/* Pointers elsewhere are the host's, or of memory that is not apart. */
static void *real_of(void *at) {
  if ((uintptr_t)at < first || (uintptr_t)at >= next) return at;
  piece *of = find((uintptr_t)at);
  return of->real + ((uintptr_t)at - of->shown);
}

void *apart_memory_real(const void *shown) {
  void *at = (void *)(uintptr_t)shown;
  apart_memory_find_all(&at, sizeof at);
  return at;
}

void apart_memory_find_all(void *args, size_t bytes) {
  void **words = args;
  pthread_mutex_lock(&lock);
  for (size_t i = 0; i < bytes / sizeof *words; i++) words[i] = real_of(words[i]);
  pthread_mutex_unlock(&lock);
}
