/* How alike two items are: the cosine of who took them, c_ij / sqrt(c_i c_j), c_ij = users who took both. Counted on
 * what is added, so that a measure can be of users that nothing was fitted to. */
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
} sol_likeness;

/* Room for so many users, fewer where they would take more than half a gigabyte: likeness->users says how many, and
 * those from there on are not counted. ENOMEM. */
solid_status sol_likeness_open(sol_likeness *likeness, uint32_t items, uint32_t users);
void sol_likeness_close(sol_likeness *likeness);

void sol_likeness_add(sol_likeness *likeness, uint32_t user, uint32_t item);
void sol_likeness_count(sol_likeness *likeness);

/* 0 .. 1; `but` (SOLID_NO_ITEM = nobody) is not counted as a taker of both. 0 where an item has no taker. */
double sol_likeness_of(const sol_likeness *likeness, uint32_t a, uint32_t b, uint32_t but);

#endif
