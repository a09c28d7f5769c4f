/* How well a model, or plain popularity, ranks what each user did next: a question a user (split.h) over the
 * full catalogue. */
#ifndef SOLID_TRAIN_EVALUATE_EVALUATE_H
#define SOLID_TRAIN_EVALUATE_EVALUATE_H

#include "solid/model.h"
#include "solid/store.h"
#include "solid/train/data/hidden.h"
#include "solid/train/data/split.h"
#include "solid/train/evaluate/metrics.h"

#define SOL_COVERED_DEPTH 10 /* places of a ranking that count as shown */

typedef struct sol_evaluate_options {
  sol_part part;
  int keep_history;          /* 1 = items of the user's history may be recommended again; the target may always be */
  uint32_t batch;            /* users at once; changes speed and memory, not figures */
  solid_store *cache;        /* NULL, or a store that every user's h and params go through before they are applied: what
                                `cache_element` costs. Borrowed; its users "0" .. are overwritten */
  const uint8_t *candidates; /* (V of the history) 1 = an item that is ranked; NULL = all are. A target that is not
                                ranked has SOL_RANK_BEYOND */
  const float *popularity;   /* (V of the history) what sol_evaluate_popularity ranks by; NULL = the training events */
  uint32_t stale;         /* the params were made so many events before the question, but not before the first event */
  int stale_state;        /* 1 = the encoder's state is as old as the params; 0 = of the newest window */
  uint32_t cache_element; /* solid_element in which the cache keeps them */
} sol_evaluate_options;

#define SOL_EVALUATE_OPTIONS_INIT                                                                                      \
  { SOL_PART_TEST, 0, 256, NULL, NULL, NULL, 0, 0, 0 }

typedef struct sol_evaluation {
  uint32_t users;   /* that have a target */
  uint32_t skipped; /* users without a target */
  uint32_t items;   /* of the catalogue that was ranked */
  uint32_t *who;    /* (users) index in the history */
  uint32_t *ranks;  /* (users) items before the target; SOL_RANK_BEYOND */
  uint32_t *shown;  /* (users, SOL_COVERED_DEPTH) the first items of each ranking as indices of the history; SOL_NO_ID
                       where the ranking ends, or shows an item that the history does not know */
  double coverage;  /* share of the catalogue in anybody's first ten */
} sol_evaluation;

/* Ranks with u . e_v, ties to the lowest index of the model. On success the caller owns *out: sol_evaluation_clear.
 * `options` NULL = the defaults. EMISMATCH: items of the history are not in the model's vocabulary; the text counts
 * them. ENOTFOUND: no user has a target. Others as solid_worker_new and its stages. */
solid_status sol_evaluate_model(sol_evaluation *out, const solid_model *model, const sol_history *history,
                                const sol_evaluate_options *options);

/* 1 when the model's file says that it was trained on exactly this history, 0 when on another, -1 when it does not say.
 * Ids may agree where the items do not: numbers of two data sets overlap. */
int sol_evaluate_same_data(const solid_model *model, const sol_history *history);

/* 1 when the model was trained once more with the validation events among its targets: asked about them it knows the
 * answers. */
int sol_evaluate_refitted(const solid_model *model);

/* The items of the history that were hidden when the model was trained, as its file says. The caller owns *hidden:
 * sol_hidden_clear. ENOTFOUND: none were. Others as sol_hidden_choose. */
solid_status sol_evaluate_hidden(sol_hidden *hidden, const solid_model *model, const sol_history *history);

/* EMISMATCH with both texts when the model was trained with another split than the history has: what is asked may be
 * what it learned. A model that does not say was trained leave-one-out. */
solid_status sol_evaluate_check_split(const solid_model *model, const sol_history *history);

/* The vectors e_v that the model ranks with, into vectors (V of the history, d of the model). EMISMATCH: an item that
 * the model does not know. */
solid_status sol_evaluate_vectors(const solid_model *model, const sol_history *history, float *vectors);

/* The JSON text that the model's file has about its training, borrowed, or NULL. */
const char *sol_evaluate_training(const solid_model *model);

/* The same as sol_evaluate_model with items ranked by their number of training events, ties to the lowest index of the
 * history. */
solid_status sol_evaluate_popularity(sol_evaluation *out, const sol_history *history,
                                     const sol_evaluate_options *options);

/* What every ranking shares: room for the users that have a target, who they are, and how many do not. ENOTFOUND: none.
 */
solid_status sol_evaluation_open(sol_evaluation *evaluation, const sol_history *history, sol_part part, uint32_t items);

/* Hash of who was asked and for which target: ranks of equal hashes may be compared user by user. */
uint64_t sol_evaluation_hash(const sol_evaluation *evaluation, const sol_history *history, sol_part part);

/* Share of the `items` marked in covered. */
double sol_evaluation_share(const uint8_t *covered, uint32_t items);

/* Frees and zeroes; a zeroed struct is a no-op. */
void sol_evaluation_clear(sol_evaluation *evaluation);

#endif
