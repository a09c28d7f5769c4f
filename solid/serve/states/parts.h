/* What the keeper's files share. */
#ifndef SOLID_SERVE_STATES_PARTS_H
#define SOLID_SERVE_STATES_PARTS_H

#include "solid/infer/state/image.h"
#include "solid/serve/states/keeper.h"

enum { SOL_KEPT_AT_ONCE = 32, SOL_READ_AT_ONCE = 4, SOL_LONG_AT_ONCE = 8 };

/* Whose state a slot has. */
typedef struct sol_place {
  uint64_t user; /* hash of the id; 0 = nobody's */
  uint64_t birth, seq;
  uint64_t stored_seq, stored_events; /* of what the store has of it; 0 = nothing */
  uint64_t used;                      /* when */
  int is_newer;                       /* read now, and of a later seq than the window, which was read before */
} sol_place;

struct sol_keeper {
  const solid_model *model;
  const sol_config *config;
  solid_store *store;
  sk_backend *be;
  sol_states *states;
  size_t slots, at_once, L;
  uint32_t behind;
  uint32_t applied; /* entries of the item log that the model had before the wishes at hand, 24 bits */
  uint64_t selector, generation, now;
  solid_state_stats stats;
  char *memory;
  sol_place *places; /* (slots) */
  size_t *slot_of;   /* (SOL_KEPT_AT_ONCE) of the wishes at hand */
  uint8_t *mine;     /* (slots) 1 = of a wish at hand */
  sol_newer *newer;  /* (SOL_KEPT_AT_ONCE) */
  uint32_t *tails;   /* (SOL_KEPT_AT_ONCE, SOL_KEEPER_TAIL) dense items */
  solid_step *steps; /* (L) a whole history */
  uint32_t *items;   /* (SOL_LONG_AT_ONCE, L) of histories that are appended together, */
  sol_newer longer[SOL_LONG_AT_ONCE];
  size_t n_longer;
  float *h;                /* (SOL_KEPT_AT_ONCE, d) */
  uint8_t *room;           /* (SOL_READ_AT_ONCE, image) read, or written */
  size_t image;            /* bytes of a state at most */
  solid_state_part *parts; /* (SOL_READ_AT_ONCE, most) */
  sol_part *image_parts;   /* (most) of the state at hand */
  size_t most;
  solid_state_put *puts; /* (SOL_KEPT_AT_ONCE) */
  size_t *put_slots;     /* (SOL_KEPT_AT_ONCE) */
};

/* 1 if the slot's state can be gone on with to reach the window: it is of this history, not too long, and not ahead,
 * but for one that a writer stored since the window was read. An item of the newest steps that joined later is in it.
 */
int sol_keeper_is_good(const sol_keeper *k, size_t slot, const solid_window *window);

/* States of the n wishes that are not in memory, some at a time. */
solid_status sol_keeper_read(sol_keeper *k, const sol_wish *wishes, size_t n);

/* Stores the states that moved far enough. The parts of several lie one behind the other in the room. */
void sol_keeper_write(sol_keeper *k, const sol_wish *wishes, size_t n);

#endif
