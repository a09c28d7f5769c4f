/* Training as a program sees it: public headers alone, a dataset filled by hand, a model file at the end. */
#include "solid/train/provenance.h"
#include "solid/train/split.h"
#include "solid/train/trainer.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define USERS  30
#define ITEMS  12
#define EVENTS 6
#define LABELS 3
#define WIDTH  2

/* A dataset in arrays of this struct, with nothing that was allocated: ids "00", "01", ...; item v has attribute v mod
 * 3 and a vector; user u walks from item u on. */
typedef struct by_hand {
  solid_dataset dataset;
  size_t offsets[USERS + 1], attribute_offsets[ITEMS + 1];
  uint32_t sequence[USERS * EVENTS], attribute_ids[ITEMS], id_offsets[USERS + 1];
  int64_t times[USERS * EVENTS];
  float vectors[ITEMS * WIDTH];
  char ids[2 * USERS + 1];
} by_hand;

static solid_vocab first_ids(by_hand *d, uint32_t count) {
  return (solid_vocab){.count = count, .offsets = d->id_offsets, .bytes = d->ids};
}

static void fill(by_hand *d) {
  *d = (by_hand){.dataset = {.users = USERS, .items = ITEMS, .events = USERS * EVENTS, .vector_width = WIDTH}};
  for (uint32_t u = 0; u <= USERS; u++) d->offsets[u] = u * EVENTS, d->id_offsets[u] = 2 * u;
  for (uint32_t e = 0; e < USERS * EVENTS; e++) d->sequence[e] = (e / EVENTS + e % EVENTS) % ITEMS;
  for (uint32_t u = 0; u < USERS; u++) d->ids[2 * u] = (char)('0' + u / 10), d->ids[2 * u + 1] = (char)('0' + u % 10);
  for (uint32_t v = 0; v <= ITEMS; v++) d->attribute_offsets[v] = v;
  for (uint32_t v = 0; v < ITEMS; v++) d->attribute_ids[v] = v % LABELS;
  for (uint32_t i = 0; i < ITEMS * WIDTH; i++) d->vectors[i] = (float)(i % 5);
  solid_dataset *s = &d->dataset;
  s->offsets = d->offsets, s->sequence = d->sequence, s->times = d->times, s->vectors = d->vectors;
  s->attribute_offsets = d->attribute_offsets, s->attribute_ids = d->attribute_ids;
  s->user_ids = first_ids(d, USERS), s->item_ids = first_ids(d, ITEMS), s->attributes = first_ids(d, LABELS);
}

static void refused(const by_hand *d, const char *text) {
  cr_expect_eq(solid_dataset_check(&d->dataset), SOLID_EINVAL, "not refused: %s", text);
  cr_expect(strstr(solid_last_error(), text) != NULL, "`%s` is not in: %s", text, solid_last_error());
}

/* One fault at a time. */
Test(library, a_dataset_filled_wrongly_is_refused_by_what_is_wrong) {
  static by_hand d;
  cr_expect_eq(solid_dataset_check(NULL), SOLID_EINVAL);
  fill(&d);
  cr_expect_eq(solid_dataset_check(&d.dataset), SOLID_OK, "%s", solid_last_error());
  d.sequence[3] = ITEMS;
  refused(&d, "an item is not below the 12");
  fill(&d), d.offsets[2] = 1;
  refused(&d, "offsets are missing, go backwards");
  fill(&d), d.offsets[USERS] = 7;
  refused(&d, "do not end at 180 events");
  fill(&d), d.dataset.times = NULL;
  refused(&d, "times are missing");
  fill(&d), d.dataset.item_ids.count = ITEMS - 1;
  refused(&d, "11 item ids");
  fill(&d), d.attribute_ids[5] = LABELS;
  refused(&d, "an attribute is not below the 3");
  fill(&d), d.dataset.attribute_offsets = NULL;
  refused(&d, "attribute_offsets are missing");
  fill(&d), d.dataset.vectors = NULL;
  refused(&d, "vectors of width 2 are missing");
  fill(&d), d.vectors[7] = NAN;
  refused(&d, "value 1 of vector 3 is not finite");
  fill(&d), d.dataset.users = 0;
  refused(&d, "dataset of 0 users");
}

static solid_train_options small(void) {
  solid_train_options o = solid_train_options_default();
  o.width = 8, o.codes = 3, o.levels = 2, o.batch = 8, o.epochs = 4, o.patience = 0, o.seed = 5, o.learn_codes = 1;
  return o;
}

typedef struct bench {
  by_hand data;
  solid_context *ctx;
  char folder[32], path[64], other[64], checkpoint[64];
} bench;

static void set_up(bench *b) {
  fill(&b->data);
  cr_assert_eq(solid_context_new(&b->ctx, NULL), SOLID_OK, "%s", solid_last_error());
  snprintf(b->folder, sizeof b->folder, "/tmp/solid-library-XXXXXX");
  cr_assert_not_null(mkdtemp(b->folder));
  snprintf(b->path, sizeof b->path, "%s/model", b->folder);
  snprintf(b->other, sizeof b->other, "%s/other", b->folder);
  snprintf(b->checkpoint, sizeof b->checkpoint, "%s/checkpoint", b->folder);
}

static void tear_down(bench *b) {
  solid_context_free(b->ctx);
  unlink(b->path);
  unlink(b->other);
  unlink(b->checkpoint);
  cr_expect_eq(rmdir(b->folder), 0, "something is left in %s", b->folder);
}

static solid_trainer *trainer_of(const bench *b, const solid_train_options *o) {
  solid_trainer *trainer = NULL;
  cr_assert_eq(solid_trainer_new(&trainer, b->ctx, &b->data.dataset, o), SOLID_OK, "%s", solid_last_error());
  return trainer;
}

static void epochs(solid_trainer *trainer, int n) {
  for (int i = 0; i < n; i++)
    cr_assert_eq(solid_trainer_epoch(trainer, NULL, NULL, NULL), SOLID_OK, "%s", solid_last_error());
}

static solid_provenance provenance_of(const bench *b, const char *path) {
  solid_model *model = NULL;
  solid_provenance of;
  cr_assert_eq(solid_model_load(&model, b->ctx, path), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(solid_provenance_read(model, &of), SOLID_OK, "%s", solid_last_error());
  solid_model_free(model);
  return of;
}

static int same_bytes(const char *a, const char *b) {
  FILE *x = fopen(a, "rb"), *y = fopen(b, "rb");
  cr_assert(x != NULL && y != NULL);
  int left, right, same = 1;
  do {
    left = fgetc(x), right = fgetc(y);
    same &= left == right;
  } while (same && left != EOF);
  fclose(x);
  fclose(y);
  return same;
}

/* Two processes' worth of training, with codes that are learned, is one. */
Test(library, goes_on_to_the_same_model) {
  static bench b;
  set_up(&b);
  solid_train_options o = small();
  solid_trainer *whole = trainer_of(&b, &o), *part = trainer_of(&b, &o);
  cr_expect_eq(solid_trainer_export(whole, b.path), SOLID_EINVAL, "a model of no epoch");
  epochs(whole, 4);
  cr_expect(solid_trainer_report(whole)->finished);
  cr_assert_eq(solid_trainer_export(whole, b.path), SOLID_OK, "%s", solid_last_error());
  epochs(part, 2);
  cr_expect_eq(solid_trainer_load(part, b.checkpoint), SOLID_ENOTFOUND);
  cr_assert_eq(solid_trainer_save(part, b.checkpoint), SOLID_OK, "%s", solid_last_error());
  solid_trainer_free(part);
  part = trainer_of(&b, &o);
  cr_assert_eq(solid_trainer_load(part, b.checkpoint), SOLID_OK, "%s", solid_last_error());
  epochs(part, 2);
  cr_assert_eq(solid_trainer_export(part, b.other), SOLID_OK, "%s", solid_last_error());
  cr_expect(same_bytes(b.path, b.other));
  solid_provenance of = provenance_of(&b, b.path);
  cr_expect(of.has_data && of.data == solid_dataset_hash(&b.data.dataset));
  cr_expect_str_eq(of.split, "leave-one-out");
  cr_expect(of.epochs == 4 && of.options.learn_codes == 1 && of.options.seed == 5 && !of.options.refit);
  solid_trainer_free(whole);
  solid_trainer_free(part);
  tear_down(&b);
}

/* Looking at the codes, and writing the model, change nothing of the training. */
Test(library, a_look_changes_nothing) {
  static bench b;
  set_up(&b);
  solid_train_options o = small();
  solid_trainer *quiet = trainer_of(&b, &o), *watched = trainer_of(&b, &o);
  solid_trainer_codes before, after;
  cr_assert_eq(solid_trainer_get_codes(watched, &before), SOLID_OK);
  cr_expect(before.levels == 2 && before.codes == 3 && before.items == ITEMS && !before.learned);
  cr_expect(isfinite(before.error[0]) && before.level[0].used > 0 && before.level[0].used <= 3);
  for (int i = 0; i < 4; i++) {
    epochs(quiet, 1), epochs(watched, 1);
    cr_assert_eq(solid_trainer_get_codes(watched, &after), SOLID_OK);
    cr_assert_eq(solid_trainer_export(watched, b.other), SOLID_OK, "%s", solid_last_error());
  }
  cr_expect(after.learned && isnan(after.error[0]));
  cr_assert_eq(solid_trainer_export(quiet, b.path), SOLID_OK, "%s", solid_last_error());
  cr_expect(same_bytes(b.path, b.other));
  solid_trainer_free(quiet);
  solid_trainer_free(watched);
  tear_down(&b);
}

Test(library, refits_once_for_the_best_number_of_epochs) {
  static bench b;
  set_up(&b);
  solid_train_options o = small();
  solid_trainer *trainer = trainer_of(&b, &o);
  solid_trainer_info first, again;
  solid_trainer_get_info(trainer, &first);
  cr_expect_eq(solid_trainer_refit(trainer), SOLID_EINVAL, "refits what was never validated");
  epochs(trainer, 4);
  uint32_t best = solid_trainer_report(trainer)->best_epoch;
  cr_assert_eq(solid_trainer_refit(trainer), SOLID_OK, "%s", solid_last_error());
  cr_expect_eq(solid_trainer_refit(trainer), SOLID_EINVAL);
  solid_trainer_get_info(trainer, &again);
  cr_expect(!first.refits && first.epochs == 4 && again.refits && again.epochs == best);
  cr_expect_eq(again.rows, first.rows + USERS, "every user has one more event to train on");
  epochs(trainer, (int)best);
  cr_expect(solid_trainer_report(trainer)->finished);
  cr_assert_eq(solid_trainer_export(trainer, b.path), SOLID_OK, "%s", solid_last_error());
  solid_provenance of = provenance_of(&b, b.path);
  cr_expect(of.options.refit && of.epochs == 4 && of.best_epoch == best);
  solid_trainer_free(trainer);
  tear_down(&b);
}

Test(library, hides_items_and_brings_them_back) {
  static bench b;
  set_up(&b);
  solid_train_options o = small();
  o.hide = 0.25, o.hide_seed = 3, o.epochs = 1;
  solid_trainer *trainer = trainer_of(&b, &o);
  solid_trainer_info info;
  solid_trainer_get_info(trainer, &info);
  cr_expect(info.items == ITEMS && info.hidden == 3);
  epochs(trainer, 1);
  cr_assert_eq(solid_trainer_export(trainer, b.path), SOLID_OK, "%s", solid_last_error());
  solid_model *model = NULL;
  solid_model_info of = {.struct_size = sizeof of};
  cr_assert_eq(solid_model_load(&model, b.ctx, b.path), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(solid_model_get_info(model, &of), SOLID_OK);
  cr_expect_eq(of.items, ITEMS);
  cr_expect_eq(provenance_of(&b, b.path).options.hide, 0.25);
  solid_model_free(model);
  solid_trainer_free(trainer);
  tear_down(&b);
}

/* What does not go together is said before anything is fitted. */
Test(library, refuses_options_that_do_not_go_together) {
  static bench b;
  set_up(&b);
  solid_trainer *trainer = NULL;
  solid_train_options o = small(), zero = {0};
  cr_expect_eq(solid_trainer_new(&trainer, b.ctx, &b.data.dataset, &zero), SOLID_ERANGE, "zeroed options");
  cr_expect_eq(solid_trainer_new(&trainer, NULL, &b.data.dataset, &o), SOLID_EINVAL);
  o.heads = 3;
  cr_expect_eq(solid_trainer_new(&trainer, b.ctx, &b.data.dataset, &o), SOLID_EINVAL, "3 heads of a width of 8");
  o = small(), o.levels = 0;
  cr_expect_eq(solid_trainer_new(&trainer, b.ctx, &b.data.dataset, &o), SOLID_EINVAL, "a head of codes without them");
  o = small(), o.hide = 0.25, b.data.dataset.attributes.count = 0;
  for (int v = 0; v <= ITEMS; v++) b.data.attribute_offsets[v] = 0;
  b.data.dataset.vector_width = 0, b.data.dataset.vectors = NULL;
  cr_expect_eq(solid_trainer_new(&trainer, b.ctx, &b.data.dataset, &o), SOLID_EINVAL);
  cr_expect(strstr(solid_last_error(), "known by nothing") != NULL, "%s", solid_last_error());
  cr_expect_null(trainer);
  tear_down(&b);
}
