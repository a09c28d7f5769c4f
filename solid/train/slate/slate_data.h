/* What a decoder of slates is trained on: for every user one random cut an epoch, what came before it as a window, and
 * as the slate the next K distinct items that had not come before. */
#ifndef SOLID_TRAIN_SLATE_SLATE_DATA_H
#define SOLID_TRAIN_SLATE_SLATE_DATA_H

#include "solid/base/random.h"
#include "solid/status.h"

/* Sequences of the model's items, oldest first; borrowed. */
typedef struct sol_slate_data {
  uint32_t users;
  const size_t *offsets;    /* (users + 1) into sequence and times */
  const size_t *ends;       /* (users) where training ends */
  const uint32_t *sequence; /* SOLID_NO_ITEM: an event on an item that the model does not know */
  const int64_t *times;     /* events of one time are a basket, whose order is drawn anew; NULL = there are none */
} sol_slate_data;

/* Scratch of the functions below. */
typedef struct sol_slate_seen {
  uint32_t *stamp; /* (items) */
  uint32_t now;
} sol_slate_seen;

/* The end of the basket that begins at i, of events up to `end`; without times every event is one. */
size_t sol_slate_basket_end(const int64_t *times, size_t i, size_t end);

/* A position of user u's events, after the first and before the end of training: what stands there is the first that is
 * not known. SIZE_MAX where there is none. */
size_t sol_slate_cut(const sol_slate_data *data, uint32_t u, sol_random *random);

/* Up to K items of [cut, end) that are distinct, known to the model and not in [offsets[u], cut), in their order but
 * for baskets; returns how many. */
uint32_t sol_slate_targets(const sol_slate_data *data, uint32_t u, size_t cut, size_t end, uint32_t K,
                           sol_slate_seen *seen, sol_random *random, uint32_t *items);

#endif
