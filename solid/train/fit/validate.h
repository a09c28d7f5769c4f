/* How well the weights of a training step rank the validation targets: full catalogue, the user's history left out
 * unless items come again. Where a step has tables of the items that it touches alone, so has validation: of the items
 * of its windows, and of one piece of the catalogue after the other, whose best items are merged. */
#ifndef SOLID_TRAIN_FIT_VALIDATE_H
#define SOLID_TRAIN_FIT_VALIDATE_H

#include "solid/train/dataset.h"
#include "solid/train/fit/step.h"

typedef struct sol_validator {
  sk_backend *be;
  sol_config config;
  const solid_dataset *dataset;         /* borrowed */
  uint32_t users;                       /* that have a validation target */
  uint32_t batch;                       /* users at once, at most */
  int repeats;                          /* what a user has had already is ranked too */
  uint32_t piece;                       /* items that tables are made of at once; 0 = of all */
  size_t max_rows;                      /* of the largest batch */
  size_t words;                         /* of a user's mask */
  float *block;                         /* device: floats */
  float *u, *params, *scores, *scratch; /* in block */
  float *items;                         /* in block, with pieces: (max_rows, d) the windows' rows of E */
  sol_catalogue windows_tables, tables; /* in block, with pieces: of the windows' items, of a piece */
  int32_t *ints, *index;                /* device: batch; (batch, k) the best items, in ints */
  uint64_t *mask;                       /* device: (batch, words) what each user knows of a piece */
  int32_t *host_ints, *host_index;      /* of the host, as those of the device */
  uint64_t *host_mask;
  uint32_t *offsets, *windows, *who, *numbers; /* numbers: 0, 1, .. */
  int32_t *best;                               /* (batch, k) of the pieces so far */
  float *best_scores, *host_scores;
} sol_validator;

typedef struct sol_validation {
  double ndcg10, hit10;
} sol_validation;

#define SOL_VALIDATOR_PIECE (1u << 18)

/* `piece` 0: tables are of all items at once. A zeroed struct may be closed. */
solid_status sol_validator_open(sol_validator *validator, sk_backend *be, const sol_config *config,
                                const solid_dataset *dataset, int repeats, uint32_t piece);
void sol_validator_close(sol_validator *validator);

/* Ranks once for the largest batch, so that the kernels take the scratch they need; the results are discarded. The
 * step's catalogue must be ready where it is of all items. */
solid_status sol_validator_warm_up(sol_validator *validator, const sol_weights *weights, const sol_step *step);

/* `weights` (device), and a settled step, whose catalogue is overwritten where it is of all items. Zero without users.
 */
solid_status sol_validator_run(sol_validator *validator, const sol_weights *weights, sol_step *step,
                               sol_validation *result);

#endif
