/* How alike two items are, one of
 *   the cosine of who took them, c_ij / sqrt(c_i c_j), c_ij = users who took both, counted on what is added;
 *   the cosine of two vectors.
 * What it is made from is the caller's choice, so that it can be of users that nothing was fitted to. */
#ifndef SOLID_TRAIN_SLATE_LIKENESS_H
#define SOLID_TRAIN_SLATE_LIKENESS_H

#include "solid/status.h"
#include <stddef.h>
#include <stdint.h>

typedef struct sol_likeness {
  uint32_t items, users; /* users: that are counted */
  size_t words;          /* of an item's row */
  uint64_t *takers;      /* (items, words): bit u % 64 of word u / 64 */
  float *root;           /* (items) sqrt(c_i), once sol_likeness_count has been called */
  uint32_t width;
  float *vectors; /* (items, width) of length 1 or 0; then there are no takers. NULL = takers */
} sol_likeness;

/* Room for so many users, fewer where they would take more than half a gigabyte: likeness->users says how many, and
 * those from there on are not counted. ENOMEM. */
solid_status sol_likeness_open(sol_likeness *likeness, uint32_t items, uint32_t users);

/* Of vectors, all 0 at first. ENOMEM. */
solid_status sol_likeness_open_vectors(sol_likeness *likeness, uint32_t items, uint32_t width);
void sol_likeness_close(sol_likeness *likeness);

void sol_likeness_add(sol_likeness *likeness, uint32_t user, uint32_t item);
void sol_likeness_count(sol_likeness *likeness);

/* 0 .. 1, of vectors -1 .. 1; 0 where nothing was opened. `but` (SOLID_NO_ITEM = nobody) is not counted as a taker of
 * both. 0 where an item has no taker or vector. */
double sol_likeness_of(const sol_likeness *likeness, uint32_t a, uint32_t b, uint32_t but);

#endif
