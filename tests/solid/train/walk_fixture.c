#include "tests/solid/train/walk_fixture.h"
#include "solid/model/tensors.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* User u walks round the items with a stride of its own: two events tell the next. */
static void make_history(solid_dataset *dataset) {
  solid_collector *collector = NULL;
  cr_assert_eq(solid_collector_new(&collector, NULL), SOLID_OK);
  for (unsigned u = 0; u < WALK_USERS; u++)
    for (unsigned i = 0; i < WALK_STEPS - u % 3; i++) {
      char user[16], item[16];
      snprintf(user, sizeof user, "%u", u);
      snprintf(item, sizeof item, "%u", (u * 7 + i * (1 + u % 2)) % WALK_ITEMS);
      solid_event event = {.user = {user, strlen(user)}, .item = {item, strlen(item)}, .position = {0, 0}};
      cr_assert_eq(solid_collector_push(collector, &event, 1, NULL), SOLID_OK);
    }
  for (unsigned v = 0; v < WALK_ITEMS; v++)
    for (unsigned a = 0; a < v % (WALK_SLOTS + 1); a++) {
      char item[16], attribute[16];
      snprintf(item, sizeof item, "%u", v), snprintf(attribute, sizeof attribute, "%u", (v + a) % 5);
      cr_assert_eq(solid_collector_attribute(collector, (solid_bytes){item, strlen(item)},
                                             (solid_bytes){attribute, strlen(attribute)}),
                   SOLID_OK);
    }
  cr_assert_eq(solid_collector_finish(collector, dataset), SOLID_OK, "%s", solid_last_error());
  solid_collector_free(collector);
}

const sol_config walk_config = {.items = WALK_ITEMS,
                                .width = 16,
                                .window = 8,
                                .blocks = 1,
                                .heads = 2,
                                .levels = 2,
                                .codes = 5,
                                .attributes = 5,
                                .slots = WALK_SLOTS,
                                .head = SOLID_HEAD_SOLID,
                                .clip = 0.1f};

solid_train_options walk_options(void) {
  solid_train_options o = SOLID_TRAIN_OPTIONS_INIT;
  o.batch = 17, o.epochs = 6, o.seed = 3, o.average = 0.9f, o.patience = 0, o.swap = 0.1f;
  return o;
}

void walk_setup(walk_fixture *f) {
  memset(f, 0, sizeof *f);
  make_history(&f->dataset);
  for (unsigned v = 0; v < WALK_ITEMS; v++)
    f->codes[2 * v] = (uint16_t)(v / 5), f->codes[2 * v + 1] = (uint16_t)(v % 5);
  for (unsigned v = 0; v < WALK_ITEMS; v++) f->content[2 * v] = (float)(v / 5), f->content[2 * v + 1] = (float)(v % 5);
  f->best = malloc(sol_tensors_total(&walk_config) * sizeof(float));
}

void walk_teardown(walk_fixture *f) {
  solid_dataset_clear(&f->dataset);
  free(f->best);
}

sol_fit *walk_refit(rig *r, const walk_fixture *f, const solid_train_options *o, uint32_t epochs) {
  sol_fit *trainer = NULL;
  cr_assert_eq(sol_fit_open(&trainer, rig_backend(r), &(sol_fit_task){&walk_config, o, &f->dataset, f->codes, epochs}),
               SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(sol_fit_find_mates(trainer, f->content, 2), SOLID_OK, "%s", solid_last_error());
  return trainer;
}

sol_fit *walk_trainer(rig *r, const walk_fixture *f, const solid_train_options *o) {
  return walk_refit(r, f, o, 0);
}

void walk_epochs(sol_fit *trainer, uint32_t n) {
  for (uint32_t i = 0; i < n; i++)
    cr_assert_eq(sol_fit_epoch(trainer, NULL, NULL, NULL), SOLID_OK, "%s", solid_last_error());
}

void walk_finish(sol_fit *trainer, walk_fixture *f) {
  memcpy(f->best, sol_fit_best(trainer), sol_tensors_total(&walk_config) * sizeof(float));
  f->report = *sol_fit_report(trainer);
  sol_fit_close(trainer);
}

void walk_file(char *path) {
  int fd = mkstemp(path);
  cr_assert_geq(fd, 0);
  close(fd);
}
