/* What the tests of the trainer have in common: users who walk round a few items, and a model small enough to learn it.
 */
#ifndef TESTS_SOLID_TRAIN_WALK_FIXTURE_H
#define TESTS_SOLID_TRAIN_WALK_FIXTURE_H

#include "solid/train/fit/checkpoint.h"
#include "solid/train/fit/fit.h"
#include "solid/train/fit/recode.h"
#include "tests/support/rig.h"

#define WALK_USERS 60
#define WALK_ITEMS 23
#define WALK_STEPS 9
#define WALK_SLOTS 3

extern const sol_config walk_config;

typedef struct walk_fixture {
  solid_dataset dataset;
  uint16_t codes[WALK_ITEMS * 2];
  float content[WALK_ITEMS * 2];
  float *best; /* of the last run */
  solid_epoch report;
} walk_fixture;

void walk_setup(walk_fixture *f);
void walk_teardown(walk_fixture *f);

/* Six epochs without a stop before. */
solid_train_options walk_options(void);

/* From walk_trainer to walk_finish, which keeps best weights and report in *f and closes it. */
sol_fit *walk_trainer(rig *r, const walk_fixture *f, const solid_train_options *o);
sol_fit *walk_refit(rig *r, const walk_fixture *f, const solid_train_options *o, uint32_t epochs);
void walk_epochs(sol_fit *trainer, uint32_t n);
void walk_finish(sol_fit *trainer, walk_fixture *f);

/* An empty file, whose path takes the place of the template in `path`. */
void walk_file(char *path);

#endif
