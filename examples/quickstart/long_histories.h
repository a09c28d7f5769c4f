/* Long histories: what make_dataset --long writes. Nothing in it is real; its lengths are those of KuaiRand-1K (Gao et
 * al. 2022), a set of 1,000 users of a video service with 5,038 events in the mean, 3,379 in the median and 49,332 at
 * most.
 *
 *   lengths    lognormal of that mean and median, cut at that maximum; user u of n has the quantile (u + 1/2) / n in a
 *              random order, so that a set of any size has these lengths. With `longest`, cut at that.
 *   items      of G genres, popularity within a genre Zipf's, as in make_dataset.c
 *   interests  what a user comes back to: LONG_ROUTINE items of a genre in an order of the user's own. A user begins
 *              with LONG_FIRST of them, the first LONG_FAVOURITES of which are favourites.
 *   sessions   of LONG_SESSION events in the mean, each of one interest: a favourite (15 %), a new interest (4 %,
 *              the drift: from then on it is one of them), or any of those so far, which comes back
 *              after a thousand events in the mean, and often after several thousand. It is walked in its order from a
 *              random place on.
 *   noise      of an event in eight: any item, the popular ones rather
 *
 * So what comes next is known from where the user was at the same item before, which may be long ago, and which is no
 * other user's way: a model must find the item in the history, and read what stood behind it. Items come again, so
 * that a ranking must not leave the history out (solid_eval --mask false). */
#ifndef EXAMPLES_QUICKSTART_LONG_HISTORIES_H
#define EXAMPLES_QUICKSTART_LONG_HISTORIES_H

#include "examples/common/ground.h"
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { LONG_ROUTINE = 20, LONG_FIRST = 60, LONG_FAVOURITES = 5, LONG_SESSION = 12, LONG_LONGEST = 49332 };

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
