/* What a decoder is trained on, that it learns a law there is, and that the ranker of the file stays what it was. */
#include "solid/infer/slate/stepper.h"
#include "solid/model/model_file.h"
#include "solid/model/model_parts.h"
#include "solid/train/slate/slate_fit.h"
#include "solid/types.h"
#include "tests/support/scratch.h"
#include "tests/support/seed.h"
#include "tests/support/serving.h"
#include "tests/support/tiny_model.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- Targets ---- */

static uint32_t targets(const sol_slate_data *data, size_t cut, uint32_t K, uint64_t seed, uint32_t *items) {
  static uint32_t stamp[100];
  static uint32_t now;
  sol_slate_seen seen = {stamp, now};
  sol_random random = sol_random_start(seed, 1);
  uint32_t n = sol_slate_targets(data, 0, cut, data->ends[0], K, &seen, &random, items);
  now = seen.now;
  return n;
}

Test(slate_data, targets_are_the_next_new_distinct_items) {
  const uint32_t sequence[] = {5, 7, 5, 9, 7, SOLID_NO_ITEM,
                               3, 9, 3, 1, 8}; /* the last is behind the end of training */
  const size_t offsets[] = {0, 11}, ends[] = {10};
  const sol_slate_data data = {1, offsets, ends, sequence, NULL};
  uint32_t items[5];
  cr_assert_eq(targets(&data, 2, 5, 1, items), 3);
  cr_assert(items[0] == 9 && items[1] == 3 && items[2] == 1);
  cr_assert_eq(targets(&data, 2, 2, 1, items), 2);
  cr_assert(items[0] == 9 && items[1] == 3);
  cr_assert_eq(targets(&data, 1, 5, 1, items), 4);
  cr_assert_eq(items[0], 7);
  cr_assert_eq(targets(&data, 10, 5, 1, items), 0);
}

/* Of a basket of four new items three have room: every one of the 24 orders comes about as often. */
Test(slate_data, a_baskets_order_is_drawn) {
  const uint32_t sequence[] = {5, 9, 10, 5, 11, 12, 13};
  const int64_t times[] = {1, 4, 4, 4, 4, 4, 6};
  const size_t offsets[] = {0, 7}, ends[] = {7};
  const sol_slate_data data = {1, offsets, ends, sequence, times};
  uint32_t items[5], count[5][5][5] = {0};
  for (uint64_t seed = 0; seed < 24000; seed++) {
    cr_assert_eq(targets(&data, 1, 3, seed, items), 3);
    for (int i = 0; i < 3; i++) cr_assert(items[i] >= 9 && items[i] <= 12);
    count[items[0] - 9][items[1] - 9][items[2] - 9]++;
  }
  for (int a = 0; a < 4; a++)
    for (int b = 0; b < 4; b++)
      for (int c = 0; c < 4; c++)
        if (a != b && b != c && a != c) cr_assert(count[a][b][c] > 800 && count[a][b][c] < 1200, "%u", count[a][b][c]);
  cr_assert_eq(targets(&data, 1, 5, 3, items), 5);
  cr_assert_eq(items[4], 13, "what comes later stands behind the basket");
}

Test(slate_data, a_cut_leaves_something_on_both_sides) {
  const uint32_t sequence[] = {1, 2, 3, 4, 5};
  const size_t offsets[] = {0, 4, 5}, ends[] = {4, 5};
  const sol_slate_data data = {2, offsets, ends, sequence, NULL};
  int seen[5] = {0};
  for (uint64_t i = 0; i < 200; i++) {
    sol_random random = sol_random_start(i, 2);
    seen[sol_slate_cut(&data, 0, &random)]++;
    cr_assert_eq(sol_slate_cut(&data, 1, &random), SIZE_MAX);
  }
  cr_assert(!seen[0] && seen[1] && seen[2] && seen[3] && !seen[4]);
}

/* ---- Fitting ---- */

enum { USERS = 120, LENGTH = 12 };

/* Item v is followed by v + 1, and the last by the first. */
typedef struct law {
  size_t offsets[USERS + 1], ends[USERS];
  uint32_t sequence[USERS * LENGTH];
  sol_slate_data data;
} law;

static void law_make(law *l, uint32_t items) {
  seed_rng rng = seed_start(71);
  for (uint32_t u = 0; u <= USERS; u++) l->offsets[u] = (size_t)u * LENGTH;
  for (uint32_t u = 0; u < USERS; u++) {
    uint32_t first = (uint32_t)seed_below(&rng, (int32_t)items);
    l->ends[u] = l->offsets[u + 1];
    for (uint32_t i = 0; i < LENGTH; i++) l->sequence[u * LENGTH + i] = (first + i) % items;
  }
  l->data = (sol_slate_data){USERS, l->offsets, l->ends, l->sequence, NULL};
}

static int keep_loss(void *user, const sol_slate_epoch *epoch) {
  double *losses = user;
  losses[epoch->epoch == 1 ? 0 : 1] = epoch->loss;
  return 0;
}

static void check_learns(int near) {
  law l;
  double losses[2];
  serving s = serving_open(SOLID_HEAD_SOLID, 3);
  law_make(&l, s.info.items);
  sol_slate_options options = SOL_SLATE_OPTIONS_INIT;
  options.rows = 4, options.epochs = 40, options.batch = 32, options.dropout = 0, options.near = near;
  options.rate = 5e-3f;
  sol_config config;
  float *weights = NULL;
  cr_assert_eq(sol_slate_fit(s.model, &l.data, &options, NULL, keep_loss, losses, &config, &weights), SOLID_OK, "%s",
               solid_last_error());
  cr_assert_lt(losses[1], 0.4 * losses[0], "loss %g at first, %g at last", losses[0], losses[1]);
  cr_assert_eq(config.slate_near, (uint32_t)near);
  free(weights);
  serving_close(&s);
}

Test(slate_fit, learns_a_law_in_raster) {
  check_learns(0);
}

Test(slate_fit, learns_a_law_near_to_far) {
  check_learns(1);
}

Test(slate_fit, is_the_same_for_the_same_seed) {
  law l;
  serving s = serving_open(SOLID_HEAD_DUET, 3);
  law_make(&l, s.info.items);
  sol_slate_options options = SOL_SLATE_OPTIONS_INIT;
  options.rows = 3, options.epochs = 2, options.batch = 50;
  sol_config config;
  float *weights[3];
  for (int i = 0; i < 3; i++) {
    options.seed = i == 2 ? 8 : 7;
    cr_assert_eq(sol_slate_fit(s.model, &l.data, &options, NULL, NULL, NULL, &config, &weights[i]), SOLID_OK);
  }
  size_t bytes = (sol_tensors_total(&config) - sol_tensors_ranker(&config)) * sizeof(float);
  cr_assert_eq(memcmp(weights[0], weights[1], bytes), 0);
  cr_assert_neq(memcmp(weights[0], weights[2], bytes), 0);
  for (int i = 0; i < 3; i++) free(weights[i]);
  serving_close(&s);
}

/* ---- Checkpoints ---- */

typedef struct ending {
  uint32_t after; /* the epoch to stop behind; 0 = none */
  uint32_t first; /* that was told of */
} ending;

static int end_after(void *user, const sol_slate_epoch *epoch) {
  ending *e = user;
  if (!e->first) e->first = epoch->epoch;
  return epoch->epoch == e->after;
}

static solid_status fit_with(const serving *s, const law *l, const sol_slate_options *options, const char *checkpoint,
                             ending *e, float **weights) {
  sol_config config;
  *weights = NULL;
  return sol_slate_fit(s->model, &l->data, options, checkpoint, end_after, e, &config, weights);
}

static size_t decoder_bytes(const serving *s, const law *l, const sol_slate_options *options) {
  sol_config config;
  float *weights;
  cr_assert_eq(sol_slate_fit(s->model, &l->data, options, NULL, NULL, NULL, &config, &weights), SOLID_OK);
  free(weights);
  return (sol_tensors_total(&config) - sol_tensors_ranker(&config)) * sizeof(float);
}

/* Stopped behind every epoch, and continued in another training: the same bytes as without a stop. */
Test(slate_checkpoint, continues_as_if_nothing_had_happened) {
  law l;
  char path[SCRATCH_PATH];
  float *whole, *stopped, *none;
  serving s = serving_open(SOLID_HEAD_SOLID, 3);
  law_make(&l, s.info.items);
  sol_slate_options options = SOL_SLATE_OPTIONS_INIT;
  options.rows = 3, options.blocks = 1, options.epochs = 4, options.batch = 50, options.near = 1, options.seed = 9;
  size_t bytes = decoder_bytes(&s, &l, &options);
  cr_assert_eq(fit_with(&s, &l, &options, NULL, &(ending){0, 0}, &whole), SOLID_OK);
  scratch_path(path, "decoder.checkpoint");
  for (uint32_t stop = 1; stop < 4; stop++) {
    ending first = {stop, 0}, second = {0, 0};
    cr_assert_eq(fit_with(&s, &l, &options, path, &first, &none), SOLID_ECANCELLED);
    cr_assert_null(none);
    cr_assert_eq(fit_with(&s, &l, &options, path, &second, &stopped), SOLID_OK, "%s", solid_last_error());
    cr_assert_eq(second.first, stop + 1, "began with epoch %u after epoch %u", second.first, stop);
    cr_assert_eq(memcmp(stopped, whole, bytes), 0, "stopped behind epoch %u", stop);
    free(stopped);
    cr_assert_eq(fit_with(&s, &l, &options, path, &(ending){0, 0}, &stopped), SOLID_OK); /* nothing is left to do */
    cr_assert_eq(memcmp(stopped, whole, bytes), 0);
    free(stopped);
    cr_assert_eq(unlink(path), 0);
  }
  free(whole);
  serving_close(&s);
  scratch_remove();
}

static void check_refused(const serving *s, const law *l, const sol_slate_options *options, const char *path,
                          solid_status status, const char *text) {
  float *none;
  cr_assert_eq(fit_with(s, l, options, path, &(ending){0, 0}, &none), status, "%s", solid_last_error());
  cr_assert(strstr(solid_last_error(), text), "\"%s\" not in \"%s\"", text, solid_last_error());
}

Test(slate_checkpoint, refuses_that_of_another_training_and_a_damaged_one) {
  law l;
  char path[SCRATCH_PATH];
  float *none;
  serving s = serving_open(SOLID_HEAD_SOLID, 3), other = serving_open(SOLID_HEAD_DUET, 4);
  law_make(&l, s.info.items);
  sol_slate_options options = SOL_SLATE_OPTIONS_INIT, changed;
  options.rows = 3, options.blocks = 1, options.epochs = 2, options.batch = 50;
  scratch_path(path, "decoder.checkpoint");
  cr_assert_eq(fit_with(&s, &l, &options, path, &(ending){1, 0}, &none), SOLID_ECANCELLED);
  changed = options, changed.seed = 4;
  check_refused(&s, &l, &changed, path, SOLID_EMISMATCH, "seed=0, this run has seed=4");
  changed = options, changed.epochs = 3;
  check_refused(&s, &l, &changed, path, SOLID_EMISMATCH, "epochs=2, this run has epochs=3");
  check_refused(&other, &l, &options, path, SOLID_EMISMATCH, "ranker=");
  l.sequence[7] ^= 1;
  check_refused(&s, &l, &options, path, SOLID_EMISMATCH, "data=");
  l.sequence[7] ^= 1;
  FILE *file = fopen(path, "r+b");
  cr_assert_not_null(file);
  cr_assert_eq(fseek(file, -9, SEEK_END), 0);
  cr_assert_neq(fputc(0x5a, file), EOF);
  fclose(file);
  check_refused(&s, &l, &options, path, SOLID_EFORMAT, "damaged");
  serving_close(&s);
  serving_close(&other);
  scratch_remove();
}

Test(slate_fit, refuses_what_has_no_slates) {
  law l;
  serving s = serving_open(SOLID_HEAD_SOLID, 3);
  law_make(&l, s.info.items);
  sol_config config;
  float *weights = NULL;
  const struct {
    sol_slate_options options;
    solid_status status;
  } cases[] = {{{0, 2, 0, 1, 8, 1e-3f, 0, 0, 0, 0}, SOLID_ERANGE},
               {{SOL_MAX_SLATE_ROWS + 1, 2, 0, 1, 8, 1e-3f, 0, 0, 0, 0}, SOLID_ERANGE},
               {{4, 0, 0, 1, 8, 1e-3f, 0, 0, 0, 0}, SOLID_ERANGE},
               {{4, 2, 0, 1, 0, 1e-3f, 0, 0, 0, 0}, SOLID_ERANGE},
               {{4, 2, 0, 1, 8, -1, 0, 0, 0, 0}, SOLID_ERANGE},
               {{4, 2, 0, 1, 8, 1e-3f, 0, 1, 0, 0}, SOLID_ERANGE}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    cr_assert_eq(sol_slate_fit(s.model, &l.data, &cases[i].options, NULL, NULL, NULL, &config, &weights),
                 cases[i].status, "case %zu", i);
  sol_slate_options options = SOL_SLATE_OPTIONS_INIT;
  options.rows = s.info.items + 1;
  cr_assert_eq(sol_slate_fit(s.model, &l.data, &options, NULL, NULL, NULL, &config, &weights), SOLID_ERANGE);
  cr_assert(strstr(solid_last_error(), "41 rows, the model has 40 items"), "%s", solid_last_error());
  options.rows = 3;
  sol_config without = tiny_config(SOLID_HEAD_STATIC, 0);
  without.levels = 0, without.codes = 0, without.content = 0;
  solid_model *plain = tiny_model(s.ctx, &without, 5);
  cr_assert_eq(sol_slate_fit(plain, &l.data, &options, NULL, NULL, NULL, &config, &weights), SOLID_EINVAL);
  cr_assert(strstr(solid_last_error(), "has no codes; train it with levels"), "%s", solid_last_error());
  solid_model_free(plain);
  for (uint32_t u = 0; u < USERS; u++) l.ends[u] = l.offsets[u] + 1;
  cr_assert_eq(sol_slate_fit(s.model, &l.data, &options, NULL, NULL, NULL, &config, &weights), SOLID_ENOTFOUND);
  serving_close(&s);
}

/* ---- In a file ---- */

Test(slate_fit, a_decoder_leaves_the_ranker_of_a_file_alone) {
  char from[SCRATCH_PATH], to[SCRATCH_PATH];
  scratch_path(from, "ranker.safetensors");
  scratch_path(to, "both.safetensors");
  sol_config config = tiny_config(SOLID_HEAD_SOLID, 4), with = config;
  sol_model_file file, read;
  tiny_model_file(&file, &config, 5);
  cr_assert_eq(sol_model_file_write(&file, from), SOLID_OK);
  with.slate_rows = 5, with.slate_blocks = 1, with.slate_collisions = 2;
  size_t ranker = sol_tensors_ranker(&with), total = sol_tensors_total(&with);
  float *weights = calloc(total - ranker, sizeof *weights);
  weights[3] = 1.5f;
  for (int round = 0; round < 2; round++) { /* the second takes the place of the first */
    cr_assert_eq(sol_slate_attach(round ? to : from, to, &with, weights, "{\"seed\":1}"), SOLID_OK, "%s",
                 solid_last_error());
    cr_assert_eq(sol_model_file_read(&read, to), SOLID_OK, "%s", solid_last_error());
    cr_assert_eq(memcmp(read.weights, file.weights, ranker * sizeof(float)), 0);
    cr_assert_eq(memcmp(read.weights + ranker, weights, (total - ranker) * sizeof(float)), 0);
    cr_assert_neq(read.generation, file.generation);
    sol_model_file_clear(&read);
  }
  with.width = 8;
  cr_assert_eq(sol_slate_attach(from, to, &with, weights, "{\"seed\":1}"), SOLID_EMISMATCH);
  free(weights);
  sol_model_file_clear(&file);
  scratch_remove();
}
