/* Evaluation of a model, or of plain popularity: for each user, the rank of the next item (solid/train/split.h says
 * which) in the whole catalogue.
 *
 * Models and datasets are only read, so any number of threads may evaluate at once. The caller owns what a function
 * fills. Every function that returns a status may also return ENOMEM. Figures depend on the ranks alone. */
#ifndef SOLID_TRAIN_EVALUATE_H
#define SOLID_TRAIN_EVALUATE_H

#include "solid/model.h"
#include "solid/store.h"
#include "solid/train/hidden.h"
#include "solid/train/metrics.h"
#include "solid/train/split.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SOLID_COVERED_DEPTH 10 /* places of a ranking that count as shown to the user */

typedef struct solid_evaluate_options {
  solid_part part;
  int keep_history;   /* 1 = items of the user's history may be recommended again; the target may always be */
  uint32_t batch;     /* users at once; changes speed and memory, not figures */
  solid_store *cache; /* NULL, or a store through which every user's h and params pass before they are applied, to
                         measure `cache_element`. Borrowed; its users "0" .. are overwritten */
  const uint8_t *candidates; /* (V of the dataset) 1 = the item is ranked; NULL = all are. A target that is not
                                ranked has SOLID_RANK_BEYOND */
  const float
      *popularity; /* (V of the dataset) score of an item in solid_evaluate_popularity; NULL = its training events */
  uint32_t stale;  /* make the params this many events before the question, or at the first event */
  int stale_state; /* 1 = the encoder's state is as old as the params; 0 = of the newest window */
  uint32_t cache_element; /* solid_element in which the cache keeps them */
  uint32_t depth;         /* ranks from here on are SOLID_RANK_BEYOND; 0 or less than it = SOLID_RANK_DEPTH */
} solid_evaluate_options;

#define SOLID_EVALUATE_OPTIONS_INIT                                                                                    \
  { SOLID_PART_TEST, 0, 256, NULL, NULL, NULL, 0, 0, 0, 0 }

/* The same for callers who cannot use macros. */
SOLID_API solid_evaluate_options solid_evaluate_options_default(void);

typedef struct solid_evaluation {
  uint32_t users;   /* users that have a target */
  uint32_t skipped; /* users without a target */
  uint32_t items;   /* items of the catalogue that was ranked */
  uint32_t *who;    /* (users) index in the dataset */
  uint32_t *ranks;  /* (users) items before the target; SOLID_RANK_BEYOND */
  uint32_t *shown;  /* (users, SOLID_COVERED_DEPTH) the first items of each ranking as indices of the dataset;
                       SOLID_NO_ID  where the ranking ends, or shows an item that the dataset does not know */
  double coverage;  /* share of the catalogue in anybody's first ten */
} solid_evaluation;

/* How sparse the model's attention is: pairs (query, key) that it computes over the n (n + 1) / 2 of dense attention,
 * over the newest window before the questions of up to SOLID_DENSITY_USERS users, evenly drawn; *users receives how
 * many. 1 and 0 users: its attention is dense, or its positions are not turned, so that it has no state to count by.
 * Statuses as solid_evaluate_model. */
#define SOLID_DENSITY_USERS 32
SOLID_API SOLID_CHECK_RESULT solid_status solid_evaluate_density(double *density, uint32_t *users,
                                                                 const solid_model *model, const solid_dataset *dataset,
                                                                 solid_part part);

/* Ranks with u . e_v. Items of equal score stand in an order that depends on their ids alone, so that the order of the
 * data cannot favour anybody. On success the caller owns *out: solid_evaluation_clear.
 * `options` NULL = the defaults. EMISMATCH: items of the dataset are not in the model's vocabulary; the text counts
 * them. ENOTFOUND: no user has a target. Others as solid_worker_new and its stages. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_evaluate_model(solid_evaluation *out, const solid_model *model,
                                                               const solid_dataset *dataset,
                                                               const solid_evaluate_options *options);

/* 1 if the model file says that it was trained on exactly this dataset, 0 if on another, -1 if it does not say. Equal
 * ids do not show that: integer ids of two data sets overlap. */
SOLID_API int solid_evaluate_same_data(const solid_model *model, const solid_dataset *dataset);

/* 1 if the model was trained again with the validation events among its targets (refit), so that it must not be
 * evaluated on them. */
SOLID_API int solid_evaluate_refitted(const solid_model *model);

/* The items of the dataset that were hidden when the model was trained, as its file says. The caller owns *hidden:
 * solid_hidden_clear. ENOTFOUND: no items were hidden. Other statuses as solid_hidden_choose. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_evaluate_hidden(solid_hidden *hidden, const solid_model *model,
                                                                const solid_dataset *dataset);

/* EMISMATCH, with both texts, if the model was trained with another split than the dataset has, so that targets may be
 * events that it was trained on. A model that does not say was trained leave-one-out. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_evaluate_check_split(const solid_model *model,
                                                                     const solid_dataset *dataset);

/* Copies the vectors e_v that the model ranks with into vectors (V of the dataset, d of the model). EMISMATCH: an item
 * that the model does not know. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_evaluate_vectors(const solid_model *model, const solid_dataset *dataset,
                                                                 float *vectors);

/* The same as solid_evaluate_model with items ranked by their number of training events. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_evaluate_popularity(solid_evaluation *out, const solid_dataset *dataset,
                                                                    const solid_evaluate_options *options);

/* Item-to-item: what was taken together by the users in training. An item's score is the sum over the history's events
 * of the cosine |users of both| / sqrt(|users of one| |users of the other|), where the two are neighbours: each item
 * has the `neighbours` most similar ones. Items without a score follow by popularity. Immutable; borrows the dataset.
 */
typedef struct solid_item_to_item solid_item_to_item;

#define SOLID_NEIGHBOURS_MAX 200

/* *out is owned by the caller: solid_item_to_item_free. Reads training events alone. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_item_to_item_new(solid_item_to_item **out,
                                                                 const solid_dataset *dataset);
SOLID_API void solid_item_to_item_free(solid_item_to_item *taken_together);

/* The number of neighbours (of 5, 10, 20, 50, 100, 200) with the best NDCG@10 on the validation part. ENOTFOUND: no
 * user has a target there. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_item_to_item_choose(const solid_item_to_item *taken_together,
                                                                    const solid_evaluate_options *options,
                                                                    uint32_t *neighbours);

/* The same as solid_evaluate_model, by 1 .. SOLID_NEIGHBOURS_MAX neighbours. ERANGE: another number. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_item_to_item_evaluate(solid_evaluation *out,
                                                                      const solid_item_to_item *taken_together,
                                                                      uint32_t neighbours,
                                                                      const solid_evaluate_options *options);

/* Hash of the users and their targets: ranks with equal hashes may be compared user by user. */
SOLID_API uint64_t solid_evaluation_hash(const solid_evaluation *evaluation, const solid_dataset *dataset,
                                         solid_part part);

/* Frees and zeroes; a zeroed struct is a no-op. */
SOLID_API void solid_evaluation_clear(solid_evaluation *evaluation);

#ifdef __cplusplus
}
#endif
#endif
