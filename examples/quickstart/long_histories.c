#include "examples/quickstart/long_histories.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MEDIAN 3379.0
#define MEAN   5038.0
#define END    UINT32_MAX /* of a routine that is shorter than the longest */

/* Quantile of the normal distribution, by bisection: nobody waits for a few thousand of them. */
static double normal_quantile(double p) {
  double low = -9, high = 9;
  for (int i = 0; i < 60; i++) {
    double middle = (low + high) / 2;
    if (0.5 * erfc(-middle / sqrt(2.0)) < p)
      low = middle;
    else
      high = middle;
  }
  return low;
}

uint32_t long_length(const long_histories *h, uint32_t rank) {
  double deviation = sqrt(2 * log(MEAN / MEDIAN));
  double length = MEDIAN * exp(deviation * normal_quantile((rank + 0.5) / h->users));
  uint32_t most = h->longest && h->longest < LONG_LONGEST ? h->longest : LONG_LONGEST;
  return length < 20 ? 20 : length < most ? (uint32_t)length : most;
}

/* A user while the history is drawn. */
typedef struct walk {
  const long_histories *h;
  sol_random random;
  uint32_t *routine; /* (interests, LONG_ROUTINE) items, END behind a shorter one */
  size_t interests, room;
  uint32_t interest, length, place, left; /* of the session */
} walk;

static uint32_t below(walk *w, uint32_t n) {
  return (uint32_t)sol_random_below(&w->random, n);
}

/* Zipf with exponent 1 over ranks 0 .. n-1, by inverting the continuous distribution. */
static uint32_t zipf(walk *w, uint32_t n) {
  uint32_t rank = (uint32_t)(exp(sol_random_uniform(&w->random) * log(n + 1.0)) - 1.0);
  return rank < n ? rank : n - 1;
}

/* Genre g owns the items g, g + G, g + 2G, ..., the most popular first. */
static uint32_t genre_size(const walk *w, uint32_t genre) {
  return (w->h->items - genre + w->h->genres - 1) / w->h->genres;
}

static uint32_t draw_popular(walk *w) {
  uint32_t genre = below(w, w->h->genres);
  return genre + zipf(w, genre_size(w, genre)) * w->h->genres;
}

static int add_interest(walk *w) {
  if (w->interests == w->room) {
    size_t room = w->room ? 2 * w->room : 256;
    uint32_t *grown = realloc(w->routine, room * LONG_ROUTINE * sizeof *grown);
    if (!grown) return 0;
    w->routine = grown, w->room = room;
  }
  uint32_t genre = below(w, w->h->genres), *routine = w->routine + w->interests++ * LONG_ROUTINE;
  int length = LONG_SHORTEST + (int)below(w, LONG_ROUTINE - LONG_SHORTEST + 1);
  for (int i = 0; i < length; i++) {
    int again = 1;
    for (int tries = 0; again && tries < 50; tries++) { /* each item once, where the genre has as many */
      routine[i] = genre + below(w, genre_size(w, genre)) * w->h->genres, again = 0;
      for (int k = 0; k < i; k++) again |= routine[k] == routine[i];
    }
  }
  if (length < LONG_ROUTINE) routine[length] = END;
  return 1;
}

static int begin_session(walk *w) {
  double choice = sol_random_uniform(&w->random);
  if (choice < 0.04 && !add_interest(w)) return 0;
  w->interest = choice < 0.04   ? (uint32_t)w->interests - 1
                : choice < 0.19 ? below(w, LONG_FAVOURITES)
                                : below(w, (uint32_t)w->interests);
  uint32_t *routine = w->routine + w->interest * LONG_ROUTINE, length = LONG_SHORTEST;
  while (length < LONG_ROUTINE && routine[length] != END) length++;
  w->length = length, w->place = below(w, length);
  w->left = 1 + (uint32_t)(-log(1.0 - sol_random_uniform(&w->random)) * (LONG_SESSION - 0.5));
  if (w->left > length) w->left = length;
  return 1;
}

/* The next event; UINT32_MAX where there is no memory. */
static uint32_t next_item(walk *w) {
  if (!w->left && !begin_session(w)) return UINT32_MAX;
  if (sol_random_uniform(&w->random) < 0.25) return draw_popular(w);
  uint32_t item = w->routine[w->interest * LONG_ROUTINE + w->place];
  w->place = (w->place + 1) % w->length, w->left--;
  return item;
}

static size_t write_user(const long_histories *h, uint32_t user, uint32_t length, FILE *file) {
  walk w = {.h = h, .random = sol_random_start(h->seed, user + 1)};
  int fine = 1;
  for (int i = 0; i < LONG_FIRST && fine; i++) fine = add_interest(&w);
  fprintf(file, "user-%u", user);
  for (uint32_t i = 0; i < length && fine; i++) {
    uint32_t item = next_item(&w);
    fine = item != UINT32_MAX;
    if (fine) fprintf(file, " item-%u", item);
  }
  fputs("\n", file);
  free(w.routine);
  return fine ? length : 0;
}

size_t long_write(const long_histories *h, FILE *file) {
  uint32_t *rank = malloc((size_t)h->users * sizeof *rank);
  if (!rank) return 0;
  sol_random random = sol_random_start(h->seed, 0);
  for (uint32_t u = 0; u < h->users; u++) { /* Fisher and Yates */
    uint32_t k = (uint32_t)sol_random_below(&random, u + 1);
    rank[u] = rank[k], rank[k] = u;
  }
  size_t events = 0, written = 1;
  for (uint32_t u = 0; u < h->users && written; u++) {
    written = write_user(h, u, long_length(h, rank[u]), file);
    events += written;
  }
  free(rank);
  return written ? events : 0;
}
