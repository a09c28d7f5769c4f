/* What recommender, pipeline and slot use of the item log beside its public functions. */
#ifndef SOLID_SERVE_FOLLOW_H
#define SOLID_SERVE_FOLLOW_H

#include "solid/item_log.h"

/* Entries that a question gives to its model before it is answered; more are left to the next ones. */
#define SOL_ITEMS_A_QUESTION 16

/* How far one recommender or pipeline has followed. Zero at first. */
typedef struct sol_follower {
  solid_items_version seen; /* as the store told it when there was nothing left to do */
  int is_behind;            /* the model lacks some of it */
  int is_told;              /* that the log cannot be read */
} sol_follower;

/* After a call of the store: what it told of its log that this process has not read is read, and goes to the model. 1
 * if anything changed. A failure is no failure of the call: it is tried again after the next. */
int sol_follow(sol_follower *follower, solid_item_log *log, solid_store *store, const solid_model *model);

/* What this process knows already goes to the model, without the store. 1 if anything changed. */
int sol_catch_up(solid_item_log *log, const solid_model *model);

/* 1 if parameters that knew `items` entries (their lower 24 bits) do not know entry `number`. */
static inline int sol_is_later(uint64_t number, uint32_t items) {
  uint32_t ahead = ((uint32_t)number - items) & 0xffffff;
  return ahead != 0 && ahead < 0x800000;
}

#endif
