/* Checkpoints: a trainer goes on from one as if nothing had happened, and from no other file. */
#include "solid/model/tensors.h"
#include "solid/train/fit/state.h"
#include "tests/solid/train/walk_fixture.h"
#include "tests/support/compare.h"
#include "tests/support/fault_backend.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Kills nothing: a new trainer that loads the checkpoint has only the file in common with the old one. */
static void resume(rig *r, solid_train_options o) {
  walk_fixture whole, parts;
  walk_setup(&whole);
  walk_setup(&parts);
  sol_fit *trainer = walk_trainer(r, &whole, &o);
  walk_epochs(trainer, 6);
  walk_finish(trainer, &whole);
  char path[] = "/tmp/solid-checkpoint-XXXXXX";
  walk_file(path);
  for (uint32_t part = 0; part < 3; part++) {
    trainer = walk_trainer(r, &parts, &o);
    if (part > 0) cr_assert_eq(sol_fit_load(trainer, path), SOLID_OK, "%s", solid_last_error());
    cr_expect_eq(sol_fit_report(trainer)->epoch, 2 * part);
    walk_epochs(trainer, 2);
    cr_assert_eq(sol_fit_save(trainer, path), SOLID_OK, "%s", solid_last_error());
    walk_finish(trainer, &parts);
  }
  compare_bits("best weights", parts.best, whole.best, sol_tensors_total(&walk_config));
  cr_expect_eq(parts.report.best_ndcg10, whole.report.best_ndcg10);
  cr_expect_eq(parts.report.loss, whole.report.loss);
  unlink(path);
  walk_teardown(&whole);
  walk_teardown(&parts);
}

/* In the second, pieces of windows have grown by then; in the third, rows wait for their turn. */
static void check_resume(rig *r) {
  solid_train_options o = walk_options();
  resume(r, o);
  o.window_from = 2;
  resume(r, o);
  o.window_from = 0, o.negatives = 5, o.average = 0.9, o.decay = 0.01, o.check = 2;
  resume(r, o);
}

Test(checkpoint, resumes_exactly) {
  rig_each(check_resume);
}

static int stop_at_second(void *user, uint32_t step, uint32_t steps) {
  (void)user, (void)steps;
  return step == 2;
}

/* What a cancelled epoch began is gone once the checkpoint is loaded: weights, moments, and the loss summed so far. */
static void cancel(rig *r, solid_train_options o) {
  walk_fixture whole, parts;
  walk_setup(&whole);
  walk_setup(&parts);
  sol_fit *trainer = walk_trainer(r, &whole, &o);
  walk_epochs(trainer, 2);
  walk_finish(trainer, &whole);
  char path[] = "/tmp/solid-checkpoint-XXXXXX";
  walk_file(path);
  trainer = walk_trainer(r, &parts, &o);
  walk_epochs(trainer, 1);
  cr_assert_eq(sol_fit_save(trainer, path), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(sol_fit_epoch(trainer, stop_at_second, NULL, NULL), SOLID_ECANCELLED);
  cr_expect_eq(sol_fit_report(trainer)->epoch, 1);
  cr_expect_eq(trainer->step.part.steps, 0, "rows wait, and whoever reads weights does not know");
  cr_assert_eq(sol_fit_load(trainer, path), SOLID_OK, "%s", solid_last_error());
  walk_epochs(trainer, 1);
  walk_finish(trainer, &parts);
  compare_bits("best weights", parts.best, whole.best, sol_tensors_total(&walk_config));
  cr_expect_eq(parts.report.loss, whole.report.loss, "loss %g, uncancelled %g", parts.report.loss, whole.report.loss);
  unlink(path);
  walk_teardown(&whole);
  walk_teardown(&parts);
}

static void check_cancel(rig *r) {
  solid_train_options o = walk_options();
  cancel(r, o);
  o.negatives = 5;
  cancel(r, o);
}

Test(checkpoint, forgets_a_cancelled_epoch) {
  rig_each(check_cancel);
}

static void expect_refusal(rig *r, const walk_fixture *f, const solid_train_options *o, const char *path,
                           solid_status status, const char *text) {
  sol_fit *trainer = walk_trainer(r, f, o);
  cr_expect_eq(sol_fit_load(trainer, path), status, "%s", solid_last_error());
  cr_expect(strstr(solid_last_error(), text) != NULL, "`%s` is not in: %s", text, solid_last_error());
  sol_fit_close(trainer);
}

/* The file says the format before this one, which had other words. */
static void say_format_5(const char *path) {
  static const char now[] = "solid checkpoint 6";
  char head[4096];
  FILE *file = fopen(path, "r+b");
  cr_assert_not_null(file);
  size_t n = fread(head, 1, sizeof head, file), at = 0;
  while (at + sizeof now <= n && memcmp(head + at, now, sizeof now - 1) != 0) at++;
  cr_assert_leq(at + sizeof now, n, "no format in the first %zu bytes", n);
  cr_assert_eq(fseek(file, (long)(at + sizeof now - 2), SEEK_SET), 0);
  cr_assert_eq(fputc('5', file), '5');
  cr_assert_eq(fclose(file), 0);
}

Test(checkpoint, refuses_a_checkpoint_that_is_not_its_own) {
  rig *r = rig_open(sk_backend_find("cpu"), NULL);
  walk_fixture f;
  walk_setup(&f);
  solid_train_options o = walk_options();
  char folder[] = "/tmp/solid-checkpoint-XXXXXX", path[64];
  cr_assert_not_null(mkdtemp(folder));
  snprintf(path, sizeof path, "%s/checkpoint", folder);
  expect_refusal(r, &f, &o, path, SOLID_ENOTFOUND, "no checkpoint");
  sol_fit *trainer = walk_trainer(r, &f, &o);
  walk_epochs(trainer, 1);
  cr_assert_eq(sol_fit_save(trainer, path), SOLID_OK, "%s", solid_last_error());
  sol_fit_close(trainer);
  solid_train_options other = o;
  other.seed = 4;
  expect_refusal(r, &f, &other, path, SOLID_EMISMATCH, "options seed=3, this run has seed=4");
  other = o, other.rate_end = 0.5; /* which binds the epochs too */
  expect_refusal(r, &f, &other, path, SOLID_EMISMATCH, "options rate_end=1, this run has rate_end=0.5");
  f.codes[1] ^= 1;
  expect_refusal(r, &f, &o, path, SOLID_EMISMATCH, "codes=");
  f.codes[1] ^= 1;
  say_format_5(path);
  expect_refusal(r, &f, &o, path, SOLID_EMISMATCH, "made with format 5, this run has 6");
  cr_assert_eq(truncate(path, 5000), 0);
  expect_refusal(r, &f, &o, path, SOLID_EFORMAT, path);
  unlink(path);
  rmdir(folder);
  walk_teardown(&f);
  rig_close(r);
}

/* One bit of the file at each of many places, the header's and the values' alike: none may be gone on from, and the
 * trainer that was asked to still takes the whole one. */
Test(checkpoint, refuses_a_checkpoint_with_a_flipped_bit) {
  rig *r = rig_open(sk_backend_find("cpu"), NULL);
  walk_fixture f;
  walk_setup(&f);
  solid_train_options o = walk_options();
  char folder[] = "/tmp/solid-checkpoint-XXXXXX", path[64];
  cr_assert_not_null(mkdtemp(folder));
  snprintf(path, sizeof path, "%s/checkpoint", folder);
  sol_fit *trainer = walk_trainer(r, &f, &o);
  walk_epochs(trainer, 2);
  cr_assert_eq(sol_fit_save(trainer, path), SOLID_OK, "%s", solid_last_error());
  sol_fit_close(trainer);
  FILE *file = fopen(path, "r+b");
  cr_assert_not_null(file);
  cr_assert_eq(fseek(file, 0, SEEK_END), 0);
  long size = ftell(file);
  trainer = walk_trainer(r, &f, &o);
  int damaged = 0;
  for (long at = 0; at < size; at += at < 2000 ? 7 : size / 150) {
    for (int back = 0; back < 2; back++) { /* flips, loads, flips back */
      cr_assert_eq(fseek(file, at, SEEK_SET), 0);
      int byte = fgetc(file);
      cr_assert_eq(fseek(file, at, SEEK_SET), 0);
      cr_assert_neq(fputc(byte ^ 1 << at % 8, file), EOF);
      fflush(file);
      if (back) break;
      cr_assert_neq(sol_fit_load(trainer, path), SOLID_OK, "bit %ld of byte %ld", at % 8, at);
      cr_assert_eq(sol_fit_report(trainer)->epoch, 0, "byte %ld: the trainer has changed", at);
      cr_assert_not_null(strstr(solid_last_error(), path), "byte %ld: %s", at, solid_last_error());
      damaged += strstr(solid_last_error(), "damaged: its checksum") != NULL;
    }
  }
  cr_assert_gt(damaged, 140, "%d", damaged);
  fclose(file);
  cr_assert_eq(sol_fit_load(trainer, path), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(sol_fit_report(trainer)->epoch, 2);
  sol_fit_close(trainer);
  unlink(path);
  rmdir(folder);
  walk_teardown(&f);
  rig_close(r);
}

/* A lost device ends the epoch with its own words; the checkpoint from before is what a new process goes on from. */
Test(checkpoint, a_lost_device_leaves_the_checkpoint) {
  static fault_plan plan = {
      .syncs_left = 1 << 20, .status = SOLID_EDEVICE, .text = "cuda sync: cudaErrorLaunchFailure"};
  char path[] = "/tmp/solid-checkpoint-XXXXXX";
  walk_file(path);
  walk_fixture whole, parts;
  walk_setup(&whole);
  walk_setup(&parts);
  solid_train_options o = walk_options();
  rig *r = rig_open(fault_backend(sk_backend_find("cpu"), &plan), NULL);
  sol_fit *trainer = walk_trainer(r, &whole, &o);
  walk_epochs(trainer, 2);
  cr_assert_eq(sol_fit_save(trainer, path), SOLID_OK, "%s", solid_last_error());
  plan.syncs_left = 1;
  cr_expect_eq(sol_fit_epoch(trainer, NULL, NULL, NULL), SOLID_EDEVICE, "%s", solid_last_error());
  cr_expect(strstr(solid_last_error(), plan.text), "\"%s\"", solid_last_error());
  sol_fit_close(trainer);
  plan.syncs_left = 1 << 20;
  trainer = walk_trainer(r, &parts, &o);
  cr_assert_eq(sol_fit_load(trainer, path), SOLID_OK, "%s", solid_last_error());
  cr_expect_eq(sol_fit_report(trainer)->epoch, 2);
  walk_epochs(trainer, 4);
  walk_finish(trainer, &parts);
  trainer = walk_trainer(r, &whole, &o);
  walk_epochs(trainer, 6);
  walk_finish(trainer, &whole);
  cr_expect_eq(memcmp(parts.best, whole.best, sol_tensors_total(&walk_config) * sizeof(float)), 0,
               "not the same model");
  rig_close(r);
  unlink(path);
  walk_teardown(&whole);
  walk_teardown(&parts);
}

/* Five times the scale: five times each number of an item's vector, and nothing else. */
static void check_scale(rig *r) {
  walk_fixture f;
  walk_setup(&f);
  solid_train_options o = walk_options();
  size_t total = sol_tensors_total(&walk_config), items = (size_t)WALK_ITEMS * walk_config.width;
  sol_fit *trainer = walk_trainer(r, &f, &o);
  walk_finish(trainer, &f);
  float *usual = malloc(total * sizeof *usual);
  cr_assert(usual);
  memcpy(usual, f.best, total * sizeof *usual);
  o.item_scale = 0.1;
  trainer = walk_trainer(r, &f, &o);
  sol_weights weights;
  sol_weights_bind(&weights, &walk_config, f.best);
  walk_finish(trainer, &f);
  size_t first = (size_t)(weights.items - f.best);
  for (size_t i = 0; i < total; i++) {
    int scaled = i >= first && i < first + items;
    cr_assert_float_eq(f.best[i], scaled ? 5 * usual[i] : usual[i], 1e-7, "weight %zu", i);
  }
  free(usual);
  walk_teardown(&f);
}

Test(checkpoint, begins_with_item_vectors_of_a_scale) {
  rig_each(check_scale);
}
