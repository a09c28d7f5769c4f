/* Checkpoints of trainings that are told a schedule: what was told is open to the next process, and nothing else is. */
#include "tests/solid/train/walk_fixture.h"
#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

/* A training whose epochs are told goes on in a process that tells another number, and in none that tells nothing. */
static void check_told(rig *r) {
  walk_fixture f;
  walk_setup(&f);
  solid_train_options o = walk_options();
  o.rate_end = 0.05;
  char path[] = "/tmp/solid-checkpoint-XXXXXX";
  walk_file(path);
  sol_fit *trainer = walk_trainer(r, &f, &o);
  cr_assert_eq(sol_fit_schedule(trainer, &(solid_schedule){.epochs = 4}), SOLID_OK, "%s", solid_last_error());
  walk_epochs(trainer, 2);
  cr_assert_eq(sol_fit_save(trainer, path), SOLID_OK, "%s", solid_last_error());
  walk_finish(trainer, &f);
  trainer = walk_trainer(r, &f, &o);
  cr_expect_eq(sol_fit_load(trainer, path), SOLID_EMISMATCH);
  cr_expect_not_null(strstr(solid_last_error(), "epochs=fitted"), "%s", solid_last_error());
  cr_assert_eq(sol_fit_schedule(trainer, &(solid_schedule){.epochs = 3}), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(sol_fit_load(trainer, path), SOLID_OK, "%s", solid_last_error());
  walk_epochs(trainer, 1);
  walk_finish(trainer, &f);
  cr_expect(f.report.epoch == 3 && f.report.finished, "epoch %u", f.report.epoch);
  unlink(path);
  walk_teardown(&f);
}

Test(told, goes_on_with_another_number_of_epochs_if_told) {
  rig_each(check_told);
}

/* What a process is told besides is open too, and nothing else is. */
static void check_told_pace(rig *r) {
  walk_fixture f;
  walk_setup(&f);
  solid_train_options o = walk_options();
  o.rate_end = 0.05;
  char path[] = "/tmp/solid-checkpoint-XXXXXX";
  walk_file(path);
  sol_fit *trainer = walk_trainer(r, &f, &o);
  cr_assert_eq(sol_fit_schedule(trainer, &(solid_schedule){5, 2, 0.5}), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(sol_fit_schedule(trainer, &(solid_schedule){.epochs = 4}), SOLID_OK, "%s", solid_last_error());
  walk_epochs(trainer, 2);
  cr_assert_eq(sol_fit_save(trainer, path), SOLID_OK, "%s", solid_last_error());
  walk_finish(trainer, &f);
  trainer = walk_trainer(r, &f, &o);
  cr_assert_eq(sol_fit_schedule(trainer, &(solid_schedule){.epochs = 3, .check = 1}), SOLID_OK);
  cr_expect_eq(sol_fit_load(trainer, path), SOLID_EMISMATCH, "the average is this process's own");
  cr_expect_not_null(strstr(solid_last_error(), "average=fitted"), "%s", solid_last_error());
  cr_assert_eq(sol_fit_schedule(trainer, &(solid_schedule){3, 1, 0.25}), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(sol_fit_load(trainer, path), SOLID_OK, "%s", solid_last_error());
  walk_epochs(trainer, 1);
  walk_finish(trainer, &f);
  cr_expect(f.report.epoch == 3 && f.report.finished, "epoch %u", f.report.epoch);
  unlink(path);
  walk_teardown(&f);
}

Test(told, goes_on_with_another_pace_if_told) {
  rig_each(check_told_pace);
}

/* One whose number of epochs was settled goes on in a process that tells one, and in all else as ever. */
static void check_told_late(rig *r) {
  walk_fixture f;
  walk_setup(&f);
  solid_train_options o = walk_options();
  o.rate_end = 0.05;
  char path[] = "/tmp/solid-checkpoint-XXXXXX";
  walk_file(path);
  sol_fit *trainer = walk_trainer(r, &f, &o);
  walk_epochs(trainer, 1);
  cr_assert_eq(sol_fit_save(trainer, path), SOLID_OK, "%s", solid_last_error());
  walk_finish(trainer, &f);
  o.rate /= 2;
  trainer = walk_trainer(r, &f, &o);
  cr_assert_eq(sol_fit_schedule(trainer, &(solid_schedule){.epochs = 3}), SOLID_OK, "%s", solid_last_error());
  cr_expect_eq(sol_fit_load(trainer, path), SOLID_EMISMATCH);
  cr_expect_not_null(strstr(solid_last_error(), "rate="), "%s", solid_last_error());
  walk_finish(trainer, &f);
  o.rate *= 2;
  trainer = walk_trainer(r, &f, &o);
  cr_assert_eq(sol_fit_schedule(trainer, &(solid_schedule){.epochs = 3}), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(sol_fit_load(trainer, path), SOLID_OK, "%s", solid_last_error());
  walk_epochs(trainer, 2);
  walk_finish(trainer, &f);
  cr_expect(f.report.epoch == 3 && f.report.finished, "epoch %u", f.report.epoch);
  unlink(path);
  walk_teardown(&f);
}

Test(told, of_a_settled_number_of_epochs_goes_on_with_one_that_is_told) {
  rig_each(check_told_late);
}
