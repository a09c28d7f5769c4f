/* Attention states between the store and the model: whose state is wanted has it in a slot, from this process's memory,
 * from the store, or made from the history; newer steps are appended, and what changed is stored.
 *
 * A state begins with the newest L steps that there were when it was made, L what the model was trained to read, and is
 * made anew when it has read 2 L. Whatever is not right with it (missing, damaged, of another model or selector, of
 * another history) has the same cure. */
#ifndef SOLID_SERVE_STATES_KEEPER_H
#define SOLID_SERVE_STATES_KEEPER_H

#include "solid/model.h"
#include "solid/store.h"

/* Steps that whoever uses a keeper asks the store for: what a state may be behind without the whole history being read,
 * and what the generator reads. */
enum { SOL_KEEPER_TAIL = 512 };

typedef struct sol_keeper sol_keeper;

typedef struct sol_keeper_options {
  size_t users;    /* whose wishes come together, at most: a few slots are there in any case */
  uint64_t bytes;  /* memory for states that stay in slots */
  uint32_t behind; /* a state that was that many steps behind is stored again; 1: always, as writers do */
} sol_keeper_options;

/* One user whose state is wanted. */
typedef struct sol_wish {
  solid_bytes user;           /* size 0: nobody, the session alone is read */
  const solid_window *window; /* as the store gave it: newest steps, seq, birth */
  const uint32_t *session;    /* newer items, which no state keeps */
  size_t n_session;
  float *h, *with_session; /* room for (d): at the newest step, and behind the session; NULL: not wanted */
} sol_wish;

/* 1: the model's encoder has states, and the store keeps histories and states that large. */
int sol_keeper_serves(const solid_model *model, const solid_store *store);

/* ENOMEM: bytes needed and free, before anything is taken. */
solid_status sol_keeper_new(sol_keeper **out, const solid_model *model, solid_store *store,
                            const sol_keeper_options *options);

/* NULL is a no-op. */
void sol_keeper_free(sol_keeper *keeper);

/* Grants n wishes, whose users differ, and stores the states that changed, as far as `behind` says; that the store did
 * not take one withholds nothing. A user without steps that the model knows has h = 0. */
solid_status sol_keeper_grant(sol_keeper *keeper, const sol_wish *wishes, size_t n);

/* Of the states that it stores (solid_state_stamp). */
uint64_t sol_keeper_selector(const sol_keeper *keeper);

/* NULL: zeroes. */
solid_state_stats sol_keeper_get_stats(const sol_keeper *keeper);

#endif
