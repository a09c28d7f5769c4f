/* A teacher: trained models that say what else might have come next. At every training event it knows the items that
 * the models rank first there, and how likely they hold them; a share of the targets is drawn from these, so that in
 * the mean the student learns the mixture
 *
 *   (1 - a) [v = what came] + a mean_models softmax_v(s_v / temperature)      over each model's first `depth` items
 *
 * Distillation (Hinton et al. 2015) by sampling: the loss stays that of one target a row. */
#ifndef SOLID_TRAIN_FIT_TEACHER_H
#define SOLID_TRAIN_FIT_TEACHER_H

#include "solid/model.h"
#include "solid/train/data/history.h"

typedef struct sol_teacher_options {
  uint32_t depth;    /* items at an event */
  float temperature; /* of the models' scores */
} sol_teacher_options;

#define SOL_TEACHER_OPTIONS_INIT                                                                                       \
  { 64, 1 }

typedef struct sol_teacher {
  uint32_t depth, models;
  uint64_t hash;   /* of the models' generations and the options: what a checkpoint depends on */
  uint32_t *items; /* (events, models, depth) */
  float *reach; /* (events, models, depth) cumulative probability: the last of a row is 1; 0 where nothing is known */
} sol_teacher;

/* Asks `models` (all of the history's items, in its order) at every event that a split lets be trained on. `options`
 * NULL = the defaults, or as deep as there are items. On success the caller owns *out: sol_teacher_clear. EINVAL: no
 * models, an option. EMISMATCH: a model of other items. */
solid_status sol_teacher_ask(sol_teacher *out, const solid_model *const *models, uint32_t count,
                             const sol_history *history, const sol_teacher_options *options);

/* The item drawn at event e by a uniform number in [0, 1); -1 where nothing is known. */
int32_t sol_teacher_draw(const sol_teacher *teacher, size_t e, double uniform);

/* Frees and zeroes; a zeroed struct is a no-op. */
void sol_teacher_clear(sol_teacher *teacher);

#endif
