/* The trainer on data small enough to be learned by heart: it learns, and it repeats itself whatever the number of
 * threads. */
#include "solid/model/tensors.h"
#include "tests/solid/train/walk_fixture.h"
#include "tests/support/compare.h"
#include <criterion/criterion.h>
#include <string.h>

static void check_learning(rig *r) {
  walk_fixture f;
  walk_setup(&f);
  solid_train_options o = walk_options();
  o.dropout = o.dropout_z = o.dropout_y = o.smoothing = o.average = 0;
  o.rate = 0.01f, o.epochs = 60;
  sol_fit *trainer = walk_trainer(r, &f, &o);
  solid_epoch first;
  cr_assert_eq(sol_fit_epoch(trainer, NULL, NULL, &first), SOLID_OK, "%s", solid_last_error());
  walk_epochs(trainer, o.epochs - 1);
  walk_finish(trainer, &f);
  cr_expect_lt(f.report.loss, 0.5 * first.loss, "loss %g after %g", f.report.loss, first.loss);
  cr_expect_gt(f.report.best_ndcg10, 0.9, "best NDCG@10 %g", f.report.best_ndcg10);
  cr_expect(f.report.finished);
  walk_teardown(&f);
}

Test(trainer, learns_a_walk_by_heart) {
  rig_each(check_learning);
}

Test(trainer, repeats_itself_with_any_number_of_threads) {
  walk_fixture f[2];
  for (int i = 0; i < 2; i++) {
    sk_options threads = {.threads = 1 + 2 * i};
    rig *r = rig_open(sk_backend_find("cpu"), &threads);
    walk_setup(&f[i]);
    solid_train_options o = walk_options();
    sol_fit *trainer = walk_trainer(r, &f[i], &o);
    walk_epochs(trainer, 3);
    walk_finish(trainer, &f[i]);
    rig_close(r);
  }
  compare_bits("best weights", f[1].best, f[0].best, sol_tensors_total(&walk_config));
  for (int i = 0; i < 2; i++) walk_teardown(&f[i]);
}

Test(trainer, does_not_swap_silently_nothing) {
  walk_fixture f;
  rig *r = rig_open(sk_backend_find("cpu"), NULL);
  walk_setup(&f);
  solid_train_options o = walk_options();
  sol_fit *trainer = NULL;
  cr_assert_eq(sol_fit_open(&trainer, rig_backend(r), &(sol_fit_task){&walk_config, &o, &f.dataset, f.codes, 0}),
               SOLID_OK);
  cr_expect_eq(sol_fit_epoch(trainer, NULL, NULL, NULL), SOLID_EINVAL);
  cr_expect_not_null(strstr(solid_last_error(), "swap = 0.1: no mates were found"), "%s", solid_last_error());
  sol_fit_close(trainer);
  walk_teardown(&f);
  rig_close(r);
}

static void check_validation(rig *r) {
  walk_fixture f;
  walk_setup(&f);
  solid_train_options o = walk_options();
  o.check = 4;
  sol_fit *trainer = walk_trainer(r, &f, &o);
  solid_epoch e;
  for (uint32_t epoch = 1; epoch <= o.epochs; epoch++) {
    cr_assert_eq(sol_fit_epoch(trainer, NULL, NULL, &e), SOLID_OK, "%s", solid_last_error());
    cr_expect_eq(e.checked, epoch == 4 || epoch == 6, "epoch %u", epoch);
    cr_expect_eq(e.best_epoch > 0, epoch >= 4);
  }
  cr_expect(e.finished);
  walk_finish(trainer, &f);
  walk_teardown(&f);
}

Test(trainer, validates_when_it_is_told_to_and_at_the_end) {
  rig_each(check_validation);
}

/* A refit runs as long as it is told and learns from the validation events; so it finds them. */
static void check_refit(rig *r) {
  walk_fixture f;
  walk_setup(&f);
  solid_train_options o = walk_options();
  o.dropout = o.dropout_z = o.dropout_y = o.smoothing = o.average = 0;
  uint32_t users[2];
  size_t rows[2];
  for (uint32_t refit = 0; refit < 2; refit++) {
    sol_fit *trainer = walk_refit(r, &f, &o, refit * 4);
    sol_fit_size(trainer, &users[refit], &rows[refit]);
    solid_epoch e = {0};
    while (!e.finished) cr_assert_eq(sol_fit_epoch(trainer, NULL, NULL, &e), SOLID_OK, "%s", solid_last_error());
    cr_expect_eq(e.epoch, refit ? 4 : 6);
    cr_expect(!refit || (e.ndcg10 == 0 && e.best_epoch == 4));
    walk_finish(trainer, &f);
  }
  cr_expect_eq(users[0], users[1]);
  cr_expect_eq(rows[1], rows[0] + WALK_USERS, "every user has one more event to train on");
  walk_teardown(&f);
}

Test(trainer, refits_on_the_validation_events_too) {
  rig_each(check_refit);
}

/* A number of epochs that is told after the first step is the same training as one that begins with it, but for that
 * step's rate. */
static int tell_four(void *user, uint32_t step, uint32_t steps) {
  (void)steps;
  if (step == 1)
    cr_expect_eq(sol_fit_schedule(user, &(solid_schedule){.epochs = 4}), SOLID_OK, "%s", solid_last_error());
  return 0;
}

static void check_schedule(rig *r) {
  walk_fixture f[3];
  solid_train_options o = walk_options();
  o.rate_end = 0.05;
  for (int i = 0; i < 3; i++) {
    walk_setup(&f[i]);
    o.epochs = i == 0 ? 4 : 6;
    sol_fit *trainer = walk_trainer(r, &f[i], &o);
    if (i == 1)
      cr_expect_eq(sol_fit_schedule(trainer, &(solid_schedule){.epochs = 4}), SOLID_OK, "%s", solid_last_error());
    solid_epoch e = {0};
    while (!e.finished)
      cr_assert_eq(sol_fit_epoch(trainer, i == 2 ? tell_four : NULL, trainer, &e), SOLID_OK, "%s", solid_last_error());
    cr_expect_eq(e.epoch, 4);
    cr_expect_eq(sol_fit_schedule(trainer, &(solid_schedule){.epochs = 4}), SOLID_EINVAL, "four are over");
    walk_finish(trainer, &f[i]);
  }
  size_t n = sol_tensors_total(&walk_config);
  compare_bits("told before the first step", f[1].best, f[0].best, n);
  cr_expect(memcmp(f[2].best, f[0].best, n * sizeof(float)) != 0, "the first step's rate was another");
  cr_expect_float_eq(f[2].report.loss, f[0].report.loss, 0.02, "loss %g, %g", f[2].report.loss, f[0].report.loss);
  for (int i = 0; i < 3; i++) walk_teardown(&f[i]);
}

Test(trainer, epochs_can_be_told_while_it_runs) {
  rig_each(check_schedule);
}

/* As are an average and when it validates. */
static void check_told_pace(rig *r) {
  walk_fixture f[2];
  for (int told = 0; told < 2; told++) {
    walk_setup(&f[told]);
    solid_train_options o = walk_options();
    if (!told) o.epochs = 3, o.check = 2, o.average = 0.5;
    sol_fit *trainer = walk_trainer(r, &f[told], &o);
    if (told) cr_assert_eq(sol_fit_schedule(trainer, &(solid_schedule){3, 2, 0.5}), SOLID_OK, "%s", solid_last_error());
    solid_epoch e = {0};
    while (!e.finished) {
      cr_assert_eq(sol_fit_epoch(trainer, NULL, NULL, &e), SOLID_OK, "%s", solid_last_error());
      cr_expect_eq(e.checked, e.epoch > 1, "epoch %u", e.epoch);
    }
    walk_finish(trainer, &f[told]);
  }
  compare_bits("told", f[1].best, f[0].best, sol_tensors_total(&walk_config));
  for (int i = 0; i < 2; i++) walk_teardown(&f[i]);
}

Test(trainer, the_pace_can_be_told_too) {
  rig_each(check_told_pace);
}

Test(trainer, a_schedule_that_cannot_be_told_is_refused) {
  walk_fixture f;
  rig *r = rig_open(sk_backend_find("cpu"), NULL);
  walk_setup(&f);
  solid_train_options o = walk_options();
  sol_fit *trainer = walk_refit(r, &f, &o, 3);
  cr_expect_eq(sol_fit_schedule(trainer, &(solid_schedule){.epochs = 4}), SOLID_EINVAL);
  cr_expect_not_null(strstr(solid_last_error(), "a refit"), "%s", solid_last_error());
  sol_fit_close(trainer);
  o.window_from = 2;
  trainer = walk_trainer(r, &f, &o);
  cr_expect_eq(sol_fit_schedule(trainer, &(solid_schedule){.epochs = 4}), SOLID_EINVAL);
  cr_expect_eq(sol_fit_schedule(trainer, &(solid_schedule){.epochs = 0}), SOLID_EINVAL);
  sol_fit_close(trainer);
  o.window_from = 0;
  trainer = walk_trainer(r, &f, &o);
  cr_expect_eq(sol_fit_schedule(trainer, &(solid_schedule){.epochs = 4, .average = 1}), SOLID_ERANGE);
  sol_fit_close(trainer);
  o.average = 0;
  trainer = walk_trainer(r, &f, &o);
  cr_expect_eq(sol_fit_schedule(trainer, &(solid_schedule){.epochs = 4, .average = 0.9}), SOLID_EINVAL);
  cr_expect_not_null(strstr(solid_last_error(), "the training has none"), "%s", solid_last_error());
  sol_fit_close(trainer);
  walk_teardown(&f);
  rig_close(r);
}

Test(trainer, names_the_option_that_is_wrong) {
  solid_train_options o = walk_options();
  o.dropout = 1;
  cr_expect_eq(solid_train_options_check(&o), SOLID_ERANGE);
  cr_expect(strstr(solid_last_error(), "dropout = 1") != NULL, "%s", solid_last_error());
  o = walk_options();
  o.batch = 0;
  cr_expect_eq(solid_train_options_check(&o), SOLID_ERANGE);
}
