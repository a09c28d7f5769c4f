/* A batch of users, from ids to items: reads the store, decides per user what the answer is made of, and asks the
 * worker once for all. recommender.c has resolved the names in the query before. */
#ifndef SOLID_SERVE_ANSWER_H
#define SOLID_SERVE_ANSWER_H

#include "solid/recommender.h"
#include "solid/serve/follow.h"
#include "solid/serve/states/keeper.h"
#include "solid/worker.h"

/* A query whose names are resolved. */
typedef struct sol_ask {
  uint32_t k;
  uint32_t exclude_seen;   /* solid_seen */
  const uint64_t *common;  /* (words) what is left out for everybody */
  const uint32_t *session; /* the newest items of the query's session that the model knows, at most L */
  size_t n_session;
  float *states, *vectors; /* (n, d) of the rows that the model answers, or NULL */
} sol_ask;

/* One user of the batch. */
typedef struct sol_row {
  struct sol_answerer *owner;
  solid_source source;
  solid_status status;   /* of this user's record; not OK = no answer */
  solid_bytes user;      /* empty = the store is not asked */
  int found;             /* 1 = the store has parameters of this model */
  solid_window window;   /* as stored */
  solid_params params;   /* as stored */
  const uint32_t *known; /* items of the window that the model knows */
  size_t n_known;
  uint64_t *seen;           /* (words) what was taken before the window; NULL = nothing, or not asked for */
  const uint64_t *excluded; /* of a row that the model answers, until the worker is used again */
  size_t count;             /* items of the answer */
} sol_row;

typedef struct sol_answerer {
  const solid_model *model;
  const float *popularity; /* (V) of the model */
  solid_store *store;
  solid_worker *worker;
  solid_model_info info;
  size_t max_batch;        /* B */
  size_t tail;             /* steps that a window has at most */
  sol_keeper *keeper;      /* of attention states; NULL: the worker encodes windows */
  uint32_t element;        /* of what is put back */
  uint64_t refresh_events; /* as in the options */
  int64_t refresh_ms;
  solid_item_log *items; /* may be NULL, as `closed` */
  sol_follower follower;
  int has_followed;          /* the last read of the store brought new items */
  uint64_t applied;          /* entries of the log that the model knew when the last windows were looked up */
  uint64_t *closed;          /* (words) rows that are nobody's recommendation */
  size_t words;              /* of a mask */
  uint64_t unsaved;          /* generations that the store did not take back */
  uint64_t *seen;            /* (B, words) once an item was taken before a window */
  int is_short;              /* there was no memory for it */
  char *memory;              /* behind everything below */
  sol_row *rows;             /* (B) */
  solid_question *questions; /* (B) of the rows that the model answers, in their order */
  size_t *asked_by;          /* (B) the row of each question */
  float *h;                  /* (B, d) as stored */
  float *fresh, *with;       /* (B, d) of the questions, by the keeper: of the history, and behind the session */
  sol_wish *wishes;          /* (B) */
  uint32_t *known;           /* (B, tail) */
  uint32_t *by_popularity;   /* (V) most popular first */

  /* The store's parallel arrays, (B) each; `steps` is (B, tail), `dislikes` (B, SOLID_DISLIKES_MAX). */
  solid_bytes *users;
  solid_window *windows;
  solid_params *params;
  uint8_t *found;
  solid_status *statuses;
  solid_step *steps;
  uint64_t *dislikes;
} sol_answerer;

/* Opens a zeroed struct; close it after a failure, too. */
solid_status sol_answerer_open(sol_answerer *a, const solid_model *model, solid_store *store,
                               const solid_recommender_options *options);
void sol_answerer_close(sol_answerer *a);

/* Reads what the store has of n users, and the item log where it has grown: names in a query may mean more then. */
solid_status sol_answer_read(sol_answerer *a, const solid_bytes *users, size_t n, int is_seen_asked);

/* out (n, k), of users that were read. Afterwards a->rows has the source and the length of each answer; a user whose
 * stored record is unusable gets no items, and the row's status says why. */
solid_status sol_answer(sol_answerer *a, size_t n, const sol_ask *ask, solid_scored *out);

static inline void sol_exclude(uint64_t *mask, uint32_t item) {
  mask[item / 64] |= UINT64_C(1) << (item % 64);
}

static inline void sol_include(uint64_t *mask, uint32_t item) {
  mask[item / 64] &= ~(UINT64_C(1) << (item % 64));
}

static inline int sol_is_excluded(const uint64_t *mask, uint32_t item) {
  return (int)(mask[item / 64] >> (item % 64) & 1);
}

#endif
