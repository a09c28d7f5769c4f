/* The trainer on data small enough to be learned by heart: it learns, it repeats itself whatever the number of threads,
 * and it goes on from a checkpoint as if nothing had happened. */
#include "solid/internal/tensors.h"
#include "solid/train/trainer.h"
#include "tests/support/compare.h"
#include "tests/support/fault_backend.h"
#include "tests/support/rig.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define USERS 60
#define ITEMS 23
#define STEPS 9

/* User u walks round the items with a stride of its own: two events tell the next. */
static void make_history(sol_history *history) {
  sol_collector *collector = NULL;
  cr_assert_eq(sol_collector_new(&collector, NULL), SOLID_OK);
  for (unsigned u = 0; u < USERS; u++)
    for (unsigned i = 0; i < STEPS - u % 3; i++) {
      char user[16], item[16];
      snprintf(user, sizeof user, "%u", u);
      snprintf(item, sizeof item, "%u", (u * 7 + i * (1 + u % 2)) % ITEMS);
      solid_event event = {.user = {user, strlen(user)}, .item = {item, strlen(item)}, .position = SOLID_NO_STREAM};
      cr_assert_eq(sol_collector_push(collector, &event, 1, NULL), SOLID_OK);
    }
  cr_assert_eq(sol_collector_finish(collector, history), SOLID_OK, "%s", solid_last_error());
  sol_collector_free(collector);
}

static const sol_config config = {.items = ITEMS,
                                  .width = 16,
                                  .window = 8,
                                  .blocks = 1,
                                  .heads = 2,
                                  .levels = 2,
                                  .codes = 5,
                                  .head = SOLID_HEAD_SOLID,
                                  .clip = 0.1f};

static sol_train_options quick_options(void) {
  sol_train_options o = SOL_TRAIN_OPTIONS_INIT;
  o.batch = 17, o.epochs = 6, o.seed = 3, o.average = 0.9f, o.patience = 0;
  return o;
}

typedef struct fixture {
  sol_history history;
  uint16_t codes[ITEMS * 2];
  float *best; /* of the last run */
  sol_epoch report;
} fixture;

static void setup(fixture *f) {
  memset(f, 0, sizeof *f);
  make_history(&f->history);
  for (unsigned v = 0; v < ITEMS; v++) f->codes[2 * v] = (uint16_t)(v / 5), f->codes[2 * v + 1] = (uint16_t)(v % 5);
  f->best = malloc(sol_tensors_total(&config) * sizeof(float));
}

static void teardown(fixture *f) {
  sol_history_clear(&f->history);
  free(f->best);
}

static sol_trainer *open_trainer(rig *r, const fixture *f, const sol_train_options *o) {
  sol_trainer *trainer = NULL;
  cr_assert_eq(sol_trainer_open(&trainer, rig_backend(r), &config, o, &f->history, f->codes), SOLID_OK, "%s",
               solid_last_error());
  return trainer;
}

static void run_epochs(sol_trainer *trainer, uint32_t n) {
  for (uint32_t i = 0; i < n; i++)
    cr_assert_eq(sol_trainer_epoch(trainer, NULL, NULL, NULL), SOLID_OK, "%s", solid_last_error());
}

static void finish(sol_trainer *trainer, fixture *f) {
  memcpy(f->best, sol_trainer_best(trainer), sol_tensors_total(&config) * sizeof(float));
  f->report = *sol_trainer_report(trainer);
  sol_trainer_close(trainer);
}

static void check_learning(rig *r) {
  fixture f;
  setup(&f);
  sol_train_options o = quick_options();
  o.dropout = o.dropout_z = o.dropout_y = o.smoothing = o.average = 0;
  o.rate = 0.01f, o.epochs = 60;
  sol_trainer *trainer = open_trainer(r, &f, &o);
  sol_epoch first;
  cr_assert_eq(sol_trainer_epoch(trainer, NULL, NULL, &first), SOLID_OK, "%s", solid_last_error());
  run_epochs(trainer, o.epochs - 1);
  finish(trainer, &f);
  cr_expect_lt(f.report.loss, 0.5 * first.loss, "loss %g after %g", f.report.loss, first.loss);
  cr_expect_gt(f.report.best_ndcg10, 0.9, "best NDCG@10 %g", f.report.best_ndcg10);
  cr_expect(f.report.finished);
  teardown(&f);
}

Test(trainer, learns_a_walk_by_heart) {
  rig_each(check_learning);
}

/* Kills nothing: a new trainer that loads the checkpoint has only the file in common with the old one. */
static void check_resume(rig *r) {
  fixture whole, parts;
  setup(&whole);
  setup(&parts);
  sol_train_options o = quick_options();
  sol_trainer *trainer = open_trainer(r, &whole, &o);
  run_epochs(trainer, 6);
  finish(trainer, &whole);
  char path[] = "/tmp/solid-checkpoint-XXXXXX";
  int fd = mkstemp(path);
  cr_assert_geq(fd, 0);
  close(fd);
  for (uint32_t part = 0; part < 3; part++) {
    trainer = open_trainer(r, &parts, &o);
    if (part > 0) cr_assert_eq(sol_trainer_load(trainer, path), SOLID_OK, "%s", solid_last_error());
    cr_expect_eq(sol_trainer_report(trainer)->epoch, 2 * part);
    run_epochs(trainer, 2);
    cr_assert_eq(sol_trainer_save(trainer, path), SOLID_OK, "%s", solid_last_error());
    finish(trainer, &parts);
  }
  compare_bits("best weights", parts.best, whole.best, sol_tensors_total(&config));
  cr_expect_eq(parts.report.best_ndcg10, whole.report.best_ndcg10);
  cr_expect_eq(parts.report.loss, whole.report.loss);
  unlink(path);
  teardown(&whole);
  teardown(&parts);
}

Test(trainer, resumes_exactly) {
  rig_each(check_resume);
}

static int stop_at_second(void *user, uint32_t step, uint32_t steps) {
  (void)user, (void)steps;
  return step == 2;
}

/* What a cancelled epoch began is gone once the checkpoint is loaded: weights, moments, and the loss summed so far. */
static void check_cancel(rig *r) {
  fixture whole, parts;
  setup(&whole);
  setup(&parts);
  sol_train_options o = quick_options();
  sol_trainer *trainer = open_trainer(r, &whole, &o);
  run_epochs(trainer, 2);
  finish(trainer, &whole);
  char path[] = "/tmp/solid-checkpoint-XXXXXX";
  int fd = mkstemp(path);
  cr_assert_geq(fd, 0);
  close(fd);
  trainer = open_trainer(r, &parts, &o);
  run_epochs(trainer, 1);
  cr_assert_eq(sol_trainer_save(trainer, path), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(sol_trainer_epoch(trainer, stop_at_second, NULL, NULL), SOLID_ECANCELLED);
  cr_expect_eq(sol_trainer_report(trainer)->epoch, 1);
  cr_assert_eq(sol_trainer_load(trainer, path), SOLID_OK, "%s", solid_last_error());
  run_epochs(trainer, 1);
  finish(trainer, &parts);
  compare_bits("best weights", parts.best, whole.best, sol_tensors_total(&config));
  cr_expect_eq(parts.report.loss, whole.report.loss, "loss %g, uncancelled %g", parts.report.loss, whole.report.loss);
  unlink(path);
  teardown(&whole);
  teardown(&parts);
}

Test(trainer, forgets_a_cancelled_epoch) {
  rig_each(check_cancel);
}

Test(trainer, repeats_itself_with_any_number_of_threads) {
  fixture f[2];
  for (int i = 0; i < 2; i++) {
    sk_options threads = {.threads = 1 + 2 * i};
    rig *r = rig_open(sk_backend_find("cpu"), &threads);
    setup(&f[i]);
    sol_train_options o = quick_options();
    sol_trainer *trainer = open_trainer(r, &f[i], &o);
    run_epochs(trainer, 3);
    finish(trainer, &f[i]);
    rig_close(r);
  }
  compare_bits("best weights", f[1].best, f[0].best, sol_tensors_total(&config));
  for (int i = 0; i < 2; i++) teardown(&f[i]);
}

static void check_validation(rig *r) {
  fixture f;
  setup(&f);
  sol_train_options o = quick_options();
  o.check = 4;
  sol_trainer *trainer = open_trainer(r, &f, &o);
  sol_epoch e;
  for (uint32_t epoch = 1; epoch <= o.epochs; epoch++) {
    cr_assert_eq(sol_trainer_epoch(trainer, NULL, NULL, &e), SOLID_OK, "%s", solid_last_error());
    cr_expect_eq(e.checked, epoch == 4 || epoch == 6, "epoch %u", epoch);
    cr_expect_eq(e.best_epoch > 0, epoch >= 4);
  }
  cr_expect(e.finished);
  finish(trainer, &f);
  teardown(&f);
}

Test(trainer, validates_when_it_is_told_to_and_at_the_end) {
  rig_each(check_validation);
}

/* A refit runs as long as it is told and learns from the validation events; so it finds them. */
static void check_refit(rig *r) {
  fixture f;
  setup(&f);
  sol_train_options o = quick_options();
  o.dropout = o.dropout_z = o.dropout_y = o.smoothing = o.average = 0;
  uint32_t users[2];
  size_t rows[2];
  for (uint32_t refit = 0; refit < 2; refit++) {
    o.refit = refit * 4;
    sol_trainer *trainer = open_trainer(r, &f, &o);
    sol_trainer_size(trainer, &users[refit], &rows[refit]);
    sol_epoch e = {0};
    while (!e.finished) cr_assert_eq(sol_trainer_epoch(trainer, NULL, NULL, &e), SOLID_OK, "%s", solid_last_error());
    cr_expect_eq(e.epoch, refit ? 4 : 6);
    cr_expect(!refit || (e.ndcg10 == 0 && e.best_epoch == 4));
    finish(trainer, &f);
  }
  cr_expect_eq(users[0], users[1]);
  cr_expect_eq(rows[1], rows[0] + USERS, "every user has one more event to train on");
  teardown(&f);
}

Test(trainer, refits_on_the_validation_events_too) {
  rig_each(check_refit);
}

/* Teachers that hold one item for certain, at every event. */
static void check_teacher(rig *r) {
  fixture f;
  setup(&f);
  uint32_t items[STEPS * USERS];
  float reach[STEPS * USERS];
  for (size_t e = 0; e < f.history.events; e++) items[e] = 11, reach[e] = 1;
  sol_teacher teacher = {.depth = 1, .models = 1, .items = items, .reach = reach};
  sol_train_options o = quick_options();
  o.dropout = o.dropout_z = o.dropout_y = o.smoothing = o.average = 0;
  o.rate = 0.01f, o.taught = 0.99f;
  sol_trainer *trainer = open_trainer(r, &f, &o);
  sol_trainer_teach(trainer, &teacher);
  run_epochs(trainer, o.epochs);
  finish(trainer, &f);
  cr_expect_lt(f.report.loss, 0.5, "loss %g: nearly every target is the one item", f.report.loss);
  teardown(&f);
}

Test(trainer, learns_what_its_teacher_draws) {
  rig_each(check_teacher);
}

/* Items that are given take the place of the random ones. */
static void check_start(rig *r) {
  fixture f;
  setup(&f);
  sol_train_options o = quick_options();
  sol_trainer *trainer = open_trainer(r, &f, &o);
  float items[ITEMS * 16];
  for (int i = 0; i < ITEMS * 16; i++) items[i] = (float)i;
  cr_assert_eq(sol_trainer_start_items(trainer, items), SOLID_OK, "%s", solid_last_error());
  sol_weights weights;
  finish(trainer, &f);
  sol_weights_bind(&weights, &config, f.best);
  compare_bits("items", weights.items, items, ITEMS * 16);
  cr_expect_neq(weights.positions[0], 0);
  teardown(&f);
}

Test(trainer, starts_from_given_items) {
  rig_each(check_start);
}

static void expect_refusal(rig *r, const fixture *f, const sol_train_options *o, const char *path, solid_status status,
                           const char *text) {
  sol_trainer *trainer = open_trainer(r, f, o);
  cr_expect_eq(sol_trainer_load(trainer, path), status, "%s", solid_last_error());
  cr_expect(strstr(solid_last_error(), text) != NULL, "`%s` is not in: %s", text, solid_last_error());
  sol_trainer_close(trainer);
}

Test(trainer, refuses_a_checkpoint_that_is_not_its_own) {
  rig *r = rig_open(sk_backend_find("cpu"), NULL);
  fixture f;
  setup(&f);
  sol_train_options o = quick_options();
  char folder[] = "/tmp/solid-checkpoint-XXXXXX", path[64];
  cr_assert_not_null(mkdtemp(folder));
  snprintf(path, sizeof path, "%s/checkpoint", folder);
  expect_refusal(r, &f, &o, path, SOLID_ENOTFOUND, "no checkpoint");
  sol_trainer *trainer = open_trainer(r, &f, &o);
  run_epochs(trainer, 1);
  cr_assert_eq(sol_trainer_save(trainer, path), SOLID_OK, "%s", solid_last_error());
  sol_trainer_close(trainer);
  sol_train_options other = o;
  other.seed = 4;
  expect_refusal(r, &f, &other, path, SOLID_EMISMATCH, "options seed=3, this run has seed=4");
  f.codes[1] ^= 1;
  expect_refusal(r, &f, &o, path, SOLID_EMISMATCH, "codes=");
  f.codes[1] ^= 1;
  cr_assert_eq(truncate(path, 5000), 0);
  expect_refusal(r, &f, &o, path, SOLID_EFORMAT, path);
  unlink(path);
  rmdir(folder);
  teardown(&f);
  rig_close(r);
}

/* One bit of the file at each of many places, the header's and the values' alike: none may be gone on from, and the
 * trainer that was asked to still takes the whole one. */
Test(trainer, refuses_a_checkpoint_with_a_flipped_bit) {
  rig *r = rig_open(sk_backend_find("cpu"), NULL);
  fixture f;
  setup(&f);
  sol_train_options o = quick_options();
  char folder[] = "/tmp/solid-checkpoint-XXXXXX", path[64];
  cr_assert_not_null(mkdtemp(folder));
  snprintf(path, sizeof path, "%s/checkpoint", folder);
  sol_trainer *trainer = open_trainer(r, &f, &o);
  run_epochs(trainer, 2);
  cr_assert_eq(sol_trainer_save(trainer, path), SOLID_OK, "%s", solid_last_error());
  sol_trainer_close(trainer);
  FILE *file = fopen(path, "r+b");
  cr_assert_not_null(file);
  cr_assert_eq(fseek(file, 0, SEEK_END), 0);
  long size = ftell(file);
  trainer = open_trainer(r, &f, &o);
  int damaged = 0;
  for (long at = 0; at < size; at += at < 2000 ? 7 : size / 150) {
    for (int back = 0; back < 2; back++) { /* flips, loads, flips back */
      cr_assert_eq(fseek(file, at, SEEK_SET), 0);
      int byte = fgetc(file);
      cr_assert_eq(fseek(file, at, SEEK_SET), 0);
      cr_assert_neq(fputc(byte ^ 1 << at % 8, file), EOF);
      fflush(file);
      if (back) break;
      cr_assert_neq(sol_trainer_load(trainer, path), SOLID_OK, "bit %ld of byte %ld", at % 8, at);
      cr_assert_eq(sol_trainer_report(trainer)->epoch, 0, "byte %ld: the trainer has changed", at);
      cr_assert_not_null(strstr(solid_last_error(), path), "byte %ld: %s", at, solid_last_error());
      damaged += strstr(solid_last_error(), "damaged: its checksum") != NULL;
    }
  }
  cr_assert_gt(damaged, 140, "%d", damaged);
  fclose(file);
  cr_assert_eq(sol_trainer_load(trainer, path), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(sol_trainer_report(trainer)->epoch, 2);
  sol_trainer_close(trainer);
  unlink(path);
  rmdir(folder);
  teardown(&f);
  rig_close(r);
}

Test(trainer, names_the_option_that_is_wrong) {
  sol_train_options o = quick_options();
  o.dropout = 1;
  cr_expect_eq(sol_train_options_check(&o), SOLID_ERANGE);
  cr_expect(strstr(solid_last_error(), "dropout = 1") != NULL, "%s", solid_last_error());
  o = quick_options();
  o.batch = 0;
  cr_expect_eq(sol_train_options_check(&o), SOLID_ERANGE);
}

/* A lost device ends the epoch with its own words; the checkpoint from before is what a new process goes on from. */
Test(trainer, a_lost_device_leaves_the_checkpoint) {
  static fault_plan plan = {
      .syncs_left = 1 << 20, .status = SOLID_EDEVICE, .text = "cuda sync: cudaErrorLaunchFailure"};
  char path[] = "/tmp/solid-checkpoint-XXXXXX";
  int fd = mkstemp(path);
  cr_assert_geq(fd, 0);
  close(fd);
  fixture whole, parts;
  setup(&whole);
  setup(&parts);
  sol_train_options o = quick_options();
  rig *r = rig_open(fault_backend(sk_backend_find("cpu"), &plan), NULL);
  sol_trainer *trainer = open_trainer(r, &whole, &o);
  run_epochs(trainer, 2);
  cr_assert_eq(sol_trainer_save(trainer, path), SOLID_OK, "%s", solid_last_error());
  plan.syncs_left = 1;
  cr_expect_eq(sol_trainer_epoch(trainer, NULL, NULL, NULL), SOLID_EDEVICE, "%s", solid_last_error());
  cr_expect(strstr(solid_last_error(), plan.text), "\"%s\"", solid_last_error());
  sol_trainer_close(trainer);
  plan.syncs_left = 1 << 20;
  trainer = open_trainer(r, &parts, &o);
  cr_assert_eq(sol_trainer_load(trainer, path), SOLID_OK, "%s", solid_last_error());
  cr_expect_eq(sol_trainer_report(trainer)->epoch, 2);
  run_epochs(trainer, 4);
  finish(trainer, &parts);
  trainer = open_trainer(r, &whole, &o);
  run_epochs(trainer, 6);
  finish(trainer, &whole);
  cr_expect_eq(memcmp(parts.best, whole.best, sol_tensors_total(&config) * sizeof(float)), 0, "not the same model");
  rig_close(r);
  unlink(path);
  teardown(&whole);
  teardown(&parts);
}
