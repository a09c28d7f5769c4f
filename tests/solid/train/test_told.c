/* Checkpoints of trainings that are told a schedule: what was told is open to the next process, and nothing else is. */
#include "tests/solid/train/walk_fixture.h"
#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

typedef struct told {
  walk_fixture f;
  solid_train_options o;
  char path[sizeof "/tmp/solid-checkpoint-XXXXXX"]; /* of the checkpoint */
} told;

static void open_told(told *t) {
  walk_setup(&t->f);
  t->o = walk_options();
  t->o.rate_end = 0.05;
  strcpy(t->path, "/tmp/solid-checkpoint-XXXXXX");
  walk_file(t->path);
}

static void tell(sol_fit *trainer, solid_schedule schedule) {
  cr_assert_eq(sol_fit_schedule(trainer, &schedule), SOLID_OK, "%s", solid_last_error());
}

static void save_after(told *t, sol_fit *trainer, int epochs) {
  walk_epochs(trainer, epochs);
  cr_assert_eq(sol_fit_save(trainer, t->path), SOLID_OK, "%s", solid_last_error());
  walk_finish(trainer, &t->f);
}

static void expect_refused(const told *t, sol_fit *trainer, const char *why) {
  cr_expect_eq(sol_fit_load(trainer, t->path), SOLID_EMISMATCH);
  cr_expect_not_null(strstr(solid_last_error(), why), "%s", solid_last_error());
}

/* The last process: it ends with epoch 3. */
static void end_after(told *t, sol_fit *trainer, int epochs) {
  cr_assert_eq(sol_fit_load(trainer, t->path), SOLID_OK, "%s", solid_last_error());
  walk_epochs(trainer, epochs);
  walk_finish(trainer, &t->f);
  cr_expect(t->f.report.epoch == 3 && t->f.report.finished, "epoch %u", t->f.report.epoch);
  unlink(t->path);
  walk_teardown(&t->f);
}

/* A training whose epochs are told goes on in a process that tells another number, and in none that tells nothing. */
static void check_told(rig *r) {
  told t;
  open_told(&t);
  sol_fit *trainer = walk_trainer(r, &t.f, &t.o);
  tell(trainer, (solid_schedule){.epochs = 4});
  save_after(&t, trainer, 2);
  trainer = walk_trainer(r, &t.f, &t.o);
  expect_refused(&t, trainer, "epochs=fitted");
  tell(trainer, (solid_schedule){.epochs = 3});
  end_after(&t, trainer, 1);
}

Test(told, goes_on_with_another_number_of_epochs_if_told) {
  rig_each(check_told);
}

/* What a process is told besides is open too, and nothing else is: the average is a process's own. */
static void check_told_pace(rig *r) {
  told t;
  open_told(&t);
  sol_fit *trainer = walk_trainer(r, &t.f, &t.o);
  tell(trainer, (solid_schedule){5, 2, 0.5});
  tell(trainer, (solid_schedule){.epochs = 4});
  save_after(&t, trainer, 2);
  trainer = walk_trainer(r, &t.f, &t.o);
  tell(trainer, (solid_schedule){.epochs = 3, .check = 1});
  expect_refused(&t, trainer, "average=fitted");
  tell(trainer, (solid_schedule){3, 1, 0.25});
  end_after(&t, trainer, 1);
}

Test(told, goes_on_with_another_pace_if_told) {
  rig_each(check_told_pace);
}

/* One whose number of epochs was settled goes on in a process that tells one, and in all else as ever. */
static void check_told_late(rig *r) {
  told t;
  open_told(&t);
  save_after(&t, walk_trainer(r, &t.f, &t.o), 1);
  t.o.rate /= 2;
  sol_fit *trainer = walk_trainer(r, &t.f, &t.o);
  tell(trainer, (solid_schedule){.epochs = 3});
  expect_refused(&t, trainer, "rate=");
  walk_finish(trainer, &t.f);
  t.o.rate *= 2;
  trainer = walk_trainer(r, &t.f, &t.o);
  tell(trainer, (solid_schedule){.epochs = 3});
  end_after(&t, trainer, 2);
}

Test(told, of_a_settled_number_of_epochs_goes_on_with_one_that_is_told) {
  rig_each(check_told_late);
}

static const solid_option_row *row_of(const char *name) {
  const solid_option_row *rows = solid_train_option_rows();
  while (strcmp(rows->name, name) != 0) rows++;
  return rows;
}

/* A process that goes on can ask what the one before it trained with. */
static void ask(rig *r) {
  walk_fixture f;
  char path[] = "/tmp/solid-checkpoint-XXXXXX";
  double value = -1;
  walk_file(path);
  unlink(path);
  cr_expect_eq(solid_checkpoint_option(path, row_of("batch"), &value), SOLID_ENOTFOUND);
  walk_setup(&f);
  solid_train_options o = walk_options();
  o.batch = 7, o.dropout = 0.3;
  sol_fit *trainer = walk_trainer(r, &f, &o);
  walk_epochs(trainer, 1);
  cr_assert_eq(sol_fit_save(trainer, path), SOLID_OK, "%s", solid_last_error());
  walk_finish(trainer, &f);
  const struct {
    const char *name;
    double value;
  } made[] = {{"batch", 7}, {"dropout", 0.3}, {"window", walk_config.window}, {"blocks", walk_config.blocks}};
  for (size_t i = 0; i < sizeof made / sizeof *made; i++) {
    cr_assert_eq(solid_checkpoint_option(path, row_of(made[i].name), &value), SOLID_OK, "%s", solid_last_error());
    cr_expect_eq(value, made[i].value, "%s %g", made[i].name, value);
  }
  cr_expect_eq(solid_checkpoint_option(path, row_of("patience"), &value), SOLID_ENOTFOUND, "it is not in a checkpoint");
  unlink(path);
  walk_teardown(&f);
}

Test(told, a_checkpoint_says_what_it_was_made_with) {
  rig_each(ask);
}
