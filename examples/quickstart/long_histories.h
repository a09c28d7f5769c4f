/* Long histories: what make_dataset --long writes. Nothing in it is real; its lengths are those of KuaiRand-1K (Gao et
 * al. 2022), a set of 1,000 users of a video service with 5,038 events in the mean, 3,379 in the median and 49,332 at
 * most.
 *
 *   lengths    lognormal of that mean and median, cut at that maximum; user u of n has the quantile (u + 1/2) / n in a
 *              random order, so that a set of any size has these lengths. With `longest`, cut at that.
 *   items      of G genres; a genre's items are popular as Zipf's law has it, for those who take any
 *   interests  what a user comes back to: LONG_SHORTEST to LONG_ROUTINE items of a genre, the user's own choice, in an
 *              order of the user's own. A user begins with LONG_FIRST of them, of which LONG_FAVOURITES are favourites.
 *   sessions   walk once, or in part, through one interest from a random place on: a favourite (15 %), a new interest
 *              (4 %, the drift: from then on it is one of them), or any of those so far, which comes back after some
 *              hundred events in the mean, and often after thousands
 *   noise      one event in four: any item, the popular ones rather
 *
 * What comes next is one of the few items that the user took of this genre before, which may be long ago, and no other
 * user's: a model must find the interest in the history and read what stood there; where the newest event is noise, it
 * must know from the session what to look for, which takes a block before the one that looks. Items come again, so that
 * a ranking must not leave the history out (solid_eval --no-mask). */
#ifndef EXAMPLES_QUICKSTART_LONG_HISTORIES_H
#define EXAMPLES_QUICKSTART_LONG_HISTORIES_H

#include "examples/common/ground.h"
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum {
  LONG_SHORTEST = 4,
  LONG_ROUTINE = 9,
  LONG_FIRST = 80,
  LONG_FAVOURITES = 5,
  LONG_SESSION = 9,
  LONG_LONGEST = 49332
};

typedef struct long_histories {
  uint32_t users, items, genres, longest;
  uint64_t seed;
} long_histories;

/* Events of user `rank` of the lengths in order. */
uint32_t long_length(const long_histories *h, uint32_t rank);

/* Rows `user item item ...`, one a user; the number of events, or 0 where there is no memory. The same numbers give the
 * same bytes. */
size_t long_write(const long_histories *h, FILE *file);

#endif
