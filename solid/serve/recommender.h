/* A recommender's memory, and the two halves of a call: what the query asks (recommender.c), what the users get
 * (answer.c). */
#ifndef SOLID_SERVE_RECOMMENDER_H
#define SOLID_SERVE_RECOMMENDER_H

#include "solid/recommender.h"
#include "solid/worker.h"

/* What is known of one user of the batch, and what is to be done about it. */
typedef struct sol_row {
  solid_source source;
  solid_status status;   /* of this user's record; not OK = no answer */
  solid_bytes user;      /* empty = the store is not asked */
  int found;             /* 1 = parameters of this model were there */
  solid_window window;   /* as stored */
  solid_params params;   /* room in rec->h and rec->values */
  const uint32_t *known; /* items of the window that the model knows */
  size_t n_known;
} sol_row;

/* Windows on their way to the worker, and its answer on the way back. */
typedef struct sol_request {
  size_t n;
  size_t *rows;      /* (B) which row each window belongs to */
  uint32_t *offsets; /* (B + 1) */
  uint32_t *items;   /* (B, L) */
} sol_request;

struct solid_recommender {
  const solid_model *model;
  const float *popularity; /* (V) of the model */
  solid_store *store;
  solid_worker *worker;
  solid_model_info info;
  size_t max_batch; /* B */
  uint32_t element; /* of what is put back */
  size_t words;     /* of one exclusion row */
  solid_recommender_stats stats;
  char *memory; /* behind everything below */

  sol_row *rows;             /* (B) */
  float *h, *values;         /* (B, d), (B, P): a row's place is its number */
  float *new_h, *new_values; /* the same sizes: what the worker makes, packed */
  uint32_t *known;           /* (B, L) */
  uint64_t *excluded;        /* (B, words) */
  uint64_t *common;          /* (words) what the query leaves out for everybody */
  size_t *counts;            /* (B) */
  uint32_t *session;         /* (L) newest items of the query's session that the model knows */
  size_t n_session;
  uint32_t *by_popularity; /* (V) most popular first */
  sol_request generate, encode;

  /* The store's parallel arrays, (B) each; `steps` is (B, the store's L). */
  solid_bytes *users;
  solid_window *windows;
  solid_params *params;
  uint8_t *found;
  solid_status *statuses;
  solid_step *steps;
};

/* Answers a checked query whose names are resolved (rec->session, rec->common): reads the store, plans, computes and
 * ranks. Afterwards rec->rows and rec->counts say where each answer came from and how long it is. */
solid_status sol_answer(solid_recommender *rec, const solid_bytes *users, size_t n, const solid_query *query,
                        solid_scored *out);

static inline void sol_exclude(uint64_t *mask, uint32_t item) {
  mask[item / 64] |= UINT64_C(1) << (item % 64);
}

static inline int sol_is_excluded(const uint64_t *mask, uint32_t item) {
  return (int)(mask[item / 64] >> (item % 64) & 1);
}

#endif
