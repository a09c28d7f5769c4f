/* How well the weights of a training step rank the validation targets: full catalogue, the user's history left out
 * unless items come again. */
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
  size_t max_rows;                      /* of the largest batch */
  size_t words;                         /* of a user's mask */
  float *block;                         /* device: floats */
  float *u, *params, *scores, *scratch; /* in block */
  int32_t *ints, *index;                /* device: batch; (batch, k) the best items, in ints */
  uint64_t *mask;                       /* device: (batch, words) what each user knows */
  int32_t *host_ints, *host_index;      /* of the host, as those of the device */
  uint64_t *host_mask;
  uint32_t *offsets, *items, *who;
} sol_validator;

typedef struct sol_validation {
  double ndcg10, hit10;
} sol_validation;

/* A zeroed struct may be closed. */
solid_status sol_validator_open(sol_validator *validator, sk_backend *be, const sol_config *config,
                                const solid_dataset *dataset, int repeats);
void sol_validator_close(sol_validator *validator);

/* Ranks once for the largest batch, so that the kernels take the scratch they need; the results are discarded. The
 * catalogue must be ready. */
solid_status sol_validator_warm_up(sol_validator *validator, const sol_weights *weights,
                                   const sol_catalogue *catalogue);

/* `weights` (device) and a catalogue with memory for its tables, which are overwritten. Zero without users. */
solid_status sol_validator_run(sol_validator *validator, const sol_weights *weights, sol_catalogue *catalogue,
                               sol_validation *result);

#endif
