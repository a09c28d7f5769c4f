/* Slates of a catalogue that grows and shrinks: what joined has a path with the next question, what left has none. */
#include "solid/slate.h"
#include "tests/solid/serve/items_rig.h"
#include "tests/support/compare.h"
#include "tests/support/seed.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { ROWS = 12, ALL = 40 + SPARE, STEPS = 40 };

TestSuite(item_slates, .init = items_begin, .fini = items_end, .timeout = 600);

static solid_slate_answer slate(process *p, const char *user, uint32_t k, const solid_slate_options *options,
                                solid_scored *out) {
  solid_query query = SOLID_QUERY_INIT;
  solid_slate_answer answer = {.struct_size = sizeof answer};
  query.k = k;
  cr_assert_eq(solid_slate(p->rec, items_text(user), &query, options, out, &answer), SOLID_OK, "%s",
               solid_last_error());
  return answer;
}

static int has(const process *p, const solid_scored *items, size_t n, const char *want) {
  int found = 0;
  for (size_t i = 0; i < n; i++) {
    solid_bytes id = solid_model_item_id(p->model, items[i].item);
    found |= id.size == strlen(want) && !memcmp(id.data, want, id.size);
  }
  return found;
}

/* The ranked list of so many items, item for item. */
static void check_whole_guide(process *p, const char *user, uint32_t k, solid_slate_options options) {
  solid_scored listed[ROWS], made[ROWS];
  options.guide = 1, options.temperature = 0;
  solid_slate_answer slated = slate(p, user, k, &options, made);
  solid_answer answer = items_ask(p, user, NULL, k, listed);
  cr_assert_eq(slated.count, answer.count, "%zu items, %zu are recommended", slated.count, answer.count);
  for (size_t i = 0; i < answer.count; i++) {
    cr_assert_eq(made[i].item, listed[i].item, "place %zu: item %u, %u is recommended", i, made[i].item,
                 listed[i].item);
    cr_assert(compare_is_close(made[i].score, listed[i].score, 1e-5, 1e-5));
  }
}

/* Allowed items, none twice, as many as are left. */
static void check_valid(process *p, const char *user, uint32_t k, const solid_slate_options *options) {
  solid_scored all[ALL], made[ROWS];
  solid_slate_answer slated = slate(p, user, k, options, made);
  solid_answer left = items_ask(p, user, NULL, ALL, all);
  int taken[ALL] = {0};
  cr_assert_eq(slated.count, left.count < k ? left.count : k, "%zu items, %zu are left", slated.count, left.count);
  for (size_t i = 0; i < slated.count; i++) {
    int allowed = 0;
    for (size_t j = 0; j < left.count; j++) allowed |= all[j].item == made[i].item;
    cr_assert(allowed, "item %u is left out", made[i].item);
    cr_assert_eq(taken[made[i].item]++, 0, "item %u twice", made[i].item);
  }
}

static solid_slate_options draw_options(seed_rng *rng) {
  solid_slate_options options = SOLID_SLATE_OPTIONS_INIT;
  int which = items_slates == 2 ? 0 : seed_below(rng, 6);
  options.window = (uint32_t)which;
  if (which) options.order = which % 2 ? SOLID_SLATE_ZIPAR : SOLID_SLATE_ADAPTIVE;
  options.guide = seed_below(rng, 3) ? (float)seed_uniform(rng) : 0;
  options.temperature = seed_below(rng, 2) ? 0 : 0.2f + (float)seed_uniform(rng);
  options.seed = (uint64_t)seed_below(rng, 1000);
  return options;
}

/* Few attributes and no vectors: many items of the same codes, so that nodes grow wider than any of the training. */
static void change(process *p, seed_rng *rng, int step, int *added) {
  static const char *const attributes[] = {"even", "third"};
  char id[16];
  int adds = *added < SPARE - 2 && (step < 12 || seed_below(rng, 2));
  snprintf(id, sizeof id, "%s-%d", adds || seed_below(rng, 2) ? "new" : "item", seed_below(rng, step < 12 ? 200 : 30));
  if (adds)
    *added +=
        items_say(p, SOLID_ITEM_ADDED, id, NULL, step < 12 ? "even" : attributes[seed_below(rng, 2)], NULL) == SOLID_OK;
  else
    (void)items_say(p, (solid_item_change)(1 + seed_below(rng, 3)), id, NULL, NULL, NULL);
}

static void grows_and_shrinks(int near, uint64_t seed) {
  seed_rng rng = seed_start(seed);
  items_slates = 1 + near;
  process writer = items_start(), reader = items_start();
  int added = 0;
  for (int u = 0; u < 3; u++)
    for (int i = 0; i < 4; i++) {
      char user[8], item[16];
      snprintf(user, sizeof user, "u%d", u);
      snprintf(item, sizeof item, "item-%d", seed_below(&rng, 40));
      cr_assert_eq(items_push(&writer, user, item), SOLID_OK);
    }
  for (int step = 0; step < STEPS; step++) {
    char user[8];
    snprintf(user, sizeof user, "u%d", seed_below(&rng, 3));
    change(&writer, &rng, step, &added);
    solid_slate_options options = draw_options(&rng);
    uint32_t k = 1 + (uint32_t)seed_below(&rng, ROWS);
    if (step % 3) check_whole_guide(&reader, user, k, options);
    check_valid(step % 3 ? &reader : &writer, user, k, &options);
  }
  cr_assert_gt(added, 12);
  items_stop(&reader);
  items_stop(&writer);
}

Test(item_slates, are_valid_while_the_catalogue_grows_and_shrinks) {
  for (uint64_t seed = 91; seed < 97; seed++) {
    grows_and_shrinks(seed % 2 != 0, seed);
    items_end();
    items_begin();
  }
}

Test(item_slates, are_valid_on_a_gpu) {
  if (items_use_gpu()) grows_and_shrinks(1, 91);
}

/* Joined after the first slate, it is in the next one; hidden, it is gone; shown, it is back; removed, it is gone. */
Test(item_slates, have_an_item_that_joined_from_the_next_question_on) {
  solid_scored made[ROWS];
  items_slates = 2;
  process writer = items_start(), reader = items_start();
  solid_slate_options whole = SOLID_SLATE_OPTIONS_INIT;
  whole.guide = 1;
  cr_assert_eq(items_push(&writer, "anna", "item-3"), SOLID_OK);
  for (int v = 0; v < 40; v++) { /* all but what joins is hidden, so that it must be in a slate that is valid */
    char id[16];
    snprintf(id, sizeof id, "item-%d", v);
    if (v > 3) cr_assert_eq(items_say(&writer, SOLID_ITEM_HIDDEN, id, NULL, NULL, NULL), SOLID_OK);
  }
  for (int i = 0; i < 4; i++) (void)slate(&reader, "anna", ROWS, &whole, made); /* a question takes 16 entries */
  cr_assert_eq(slate(&reader, "anna", ROWS, &whole, made).count, 3);
  items_add(&writer, "new", "third");
  solid_slate_answer answer = slate(&reader, "anna", ROWS, &whole, made);
  cr_assert(answer.count == 4 && has(&reader, made, 4, "new"));
  const solid_slate_options decoded = SOLID_SLATE_OPTIONS_INIT;
  answer = slate(&reader, "anna", ROWS, &decoded, made);
  cr_assert(answer.count == 4 && answer.forwards > 0 && has(&reader, made, 4, "new"));
  cr_assert_eq(items_say(&writer, SOLID_ITEM_HIDDEN, "new", NULL, NULL, NULL), SOLID_OK);
  answer = slate(&reader, "anna", ROWS, &decoded, made);
  cr_assert(answer.count == 3 && !has(&reader, made, 3, "new"));
  cr_assert_eq(items_say(&writer, SOLID_ITEM_SHOWN, "new", NULL, NULL, NULL), SOLID_OK);
  cr_assert_eq(slate(&reader, "anna", ROWS, &decoded, made).count, 4);
  cr_assert_eq(items_say(&writer, SOLID_ITEM_REMOVED, "new", NULL, NULL, NULL), SOLID_OK);
  cr_assert_eq(slate(&reader, "anna", ROWS, &decoded, made).count, 3);
  items_stop(&reader);
  items_stop(&writer);
}
