/* What lists are worth, against the same again naive, and lists of three ways against one another. */
#include "solid/train/slate/slate_figures.h"
#include "solid/train/slate_evaluate.h"
#include "tests/support/compare.h"
#include "tests/support/seed.h"
#include "tests/support/serving.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { USERS = 150, ITEMS = 40, ROWS = 6 };

/* ---- Likeness ---- */

Test(likeness, is_the_cosine_of_who_took_both) {
  enum { TAKERS = 130 };
  uint8_t took[ITEMS][TAKERS] = {{0}};
  seed_rng rng = seed_start(91);
  sol_likeness l;
  cr_assert_eq(sol_likeness_open(&l, ITEMS, TAKERS), SOLID_OK);
  for (int i = 0; i < 900; i++) {
    uint32_t u = (uint32_t)seed_below(&rng, TAKERS),
             v = (uint32_t)(seed_uniform(&rng) * seed_uniform(&rng) * (ITEMS - 1));
    took[v][u] = 1;
    sol_likeness_add(&l, u, v);
  }
  sol_likeness_add(&l, TAKERS, 3); /* not counted */
  sol_likeness_count(&l);
  for (uint32_t a = 0; a < ITEMS; a++)
    for (uint32_t b = 0; b < ITEMS; b++) {
      uint32_t but = (uint32_t)seed_below(&rng, TAKERS), both = 0, of_a = 0, of_b = 0;
      for (uint32_t u = 0; u < TAKERS; u++) of_a += took[a][u], of_b += took[b][u], both += took[a][u] && took[b][u];
      double roots = sqrt((double)of_a * of_b), without = both - (took[a][but] && took[b][but]);
      cr_assert(compare_is_close(sol_likeness_of(&l, a, b, SOLID_NO_ITEM), roots > 0 ? both / roots : 0, 1e-6, 1e-6));
      cr_assert(compare_is_close(sol_likeness_of(&l, a, b, but), roots > 0 ? without / roots : 0, 1e-6, 1e-6));
    }
  sol_likeness_close(&l);
}

/* ---- A dataset of the tiny model's items ---- */

static solid_dataset make_dataset(uint64_t salt, int users) {
  solid_collector *collector = NULL;
  solid_dataset dataset;
  seed_rng rng = seed_start(salt);
  cr_assert_eq(solid_collector_new(&collector, NULL), SOLID_OK);
  for (int u = 0; u < users; u++) {
    char user[16], item[16];
    snprintf(user, sizeof user, "u%d", u);
    int n = 3 + seed_below(&rng, 20), group = seed_below(&rng, 4);
    for (int i = 0; i < n; i++) {
      snprintf(item, sizeof item, "item-%d", (group * 10 + seed_below(&rng, 14)) % ITEMS);
      solid_event event = {.user = serving_text(user), .item = serving_text(item)};
      cr_assert_eq(solid_collector_push(collector, &event, 1, NULL), SOLID_OK);
    }
  }
  cr_assert_eq(solid_collector_finish(collector, &dataset), SOLID_OK, "%s", solid_last_error());
  solid_collector_free(collector);
  solid_split_options split = SOLID_SPLIT_OPTIONS_INIT;
  split.kind = SOLID_PER_USER_RATIO, split.train = 0.5, split.valid = 0.2;
  cr_assert_eq(solid_split_apply(&dataset, &split), SOLID_OK, "%s", solid_last_error());
  return dataset;
}

/* ---- Figures of one list ---- */

Test(slate_figures, are_what_they_say) {
  serving s = serving_open_slates("cpu", 0, 5);
  solid_dataset dataset = make_dataset(92, USERS);
  sol_slate_asked asked;
  cr_assert_eq(sol_slate_ask(&asked, s.model, &dataset, SOLID_PART_TEST, ROWS), SOLID_OK, "%s", solid_last_error());
  sol_likeness judged;
  cr_assert_eq(sol_likeness_of_judges(&judged, s.model, &dataset, NULL), SOLID_OK);
  solid_slate_report report;
  cr_assert_eq(sol_slate_report_open(&report, asked.users), SOLID_OK);
  uint8_t shown[ITEMS] = {0};
  uint32_t wide = 0;
  while (wide < asked.users && asked.known[wide + 1] - asked.targets[wide] < 3) wide++;
  cr_assert_lt(wide, asked.users);
  const uint32_t *known = asked.items + asked.known[wide], *target = asked.items + asked.targets[wide];
  size_t targets = asked.known[wide + 1] - asked.targets[wide];
  for (size_t t = 0; t < targets; t++) /* distinct, and new */
    for (const uint32_t *i = known; i < target + t; i++) cr_assert_neq(*i, target[t]);
  const solid_scored list[ROWS] = {{known[0], 1},  {target[2], 1},     {target[0], 1},
                                   {target[2], 1}, {SOLID_NO_ITEM, 0}, {SOLID_NO_ITEM, 0}};
  sol_slate_judge(&report, &asked, wide, list, -7.5, &judged, shown);
  double ideal = 0, like = 0, pairs = 0;
  for (size_t k = 0; k < targets; k++) ideal += 1 / log2((double)k + 2);
  for (int a = 0; a < 4; a++)
    for (int b = a + 1; b < 4; b++, pairs++)
      like += sol_likeness_of(&judged, list[a].item, list[b].item, asked.who[wide]);
  const double want[SOLID_SLATE_FIGURES] = {
      3.0 / (double)targets, (1 / log2(3) + 1 / log2(4) + 1 / log2(5)) / ideal, 1, like / pairs, 0, -7.5};
  for (int f = 0; f < SOLID_SLATE_FIGURES; f++)
    if (f != SOLID_SLATE_CATEGORIES)
      cr_assert(compare_is_close(report.each[(uint32_t)f * asked.users + wide], want[f], 1e-9, 1e-9), "%s",
                solid_slate_figure_names[f]);
  int even = 0, third = 0; /* the tiny model's categories */
  for (int k = 0; k < 4; k++) even |= list[k].item % 2 == 0, third |= list[k].item % 3 == 0;
  cr_assert_eq(report.each[SOLID_SLATE_CATEGORIES * asked.users + wide], even + third);
  cr_assert(report.invalid == 1 && report.repeated == 1);
  cr_assert(shown[known[0]] && shown[target[0]] && shown[target[2]]);
  solid_slate_report_clear(&report);
  sol_likeness_close(&judged);
  sol_slate_asked_clear(&asked);
  solid_dataset_clear(&dataset);
  serving_close(&s);
}

/* ---- Ways ---- */

static solid_slate_report evaluate(solid_slate_evaluator *e, solid_slate_way way, double lambda, float guide,
                                   solid_slate_order order) {
  solid_slate_trial trial = {way, lambda, SOLID_SLATE_OPTIONS_INIT};
  solid_slate_report report;
  trial.options.guide = guide;
  trial.options.order = order;
  cr_assert_eq(solid_slate_evaluate(e, &trial, 200, 1, &report), SOLID_OK, "%s", solid_last_error());
  cr_assert(report.invalid == 0 && report.repeated == 0, "%u lists invalid, %u repeat", report.invalid,
            report.repeated);
  return report;
}

static void same(const solid_slate_report *a, const solid_slate_report *b) {
  cr_assert_eq(memcmp(a->each, b->each, SOLID_SLATE_LIKELIHOOD * a->users * sizeof *a->each), 0);
  cr_assert_eq(a->items, b->items);
}

/* Every user's list under the whole guide, and re-ranked by nothing, is the ranked one; likeness rises with lambda. */
static void check_ways(int near, const solid_dataset *judges) {
  serving s = serving_open_slates("cpu", near, 5);
  solid_dataset dataset = make_dataset(93, USERS);
  solid_slate_evaluator *e = NULL;
  cr_assert_eq(solid_slate_evaluator_new(&e, s.model, &dataset, SOLID_PART_TEST, ROWS, judges), SOLID_OK, "%s",
               solid_last_error());
  solid_slate_report ranked = evaluate(e, SOLID_SLATE_BY_RANK, 0, 0, SOLID_SLATE_TRAINED), other;
  static const solid_slate_order orders[2][2] = {{SOLID_SLATE_RASTER, SOLID_SLATE_ZIPAR},
                                                 {SOLID_SLATE_NEAR_TO_FAR, SOLID_SLATE_TRAINED}};
  for (int i = 0; i < 2; i++) {
    other = evaluate(e, SOLID_SLATE_BY_DECODER, 0, 1, orders[near][i]);
    same(&ranked, &other);
    solid_slate_report_clear(&other);
    other = evaluate(e, SOLID_SLATE_BY_DECODER, 0, 0.2f, orders[near][i]);
    cr_assert_gt(other.forwards, 0);
    cr_assert_lt(other.value[SOLID_SLATE_LIKELIHOOD], 0);
    solid_slate_report_clear(&other);
  }
  other = evaluate(e, SOLID_SLATE_BY_RERANK, 0, 0, SOLID_SLATE_TRAINED);
  same(&ranked, &other);
  solid_slate_report_clear(&other);
  other = evaluate(e, SOLID_SLATE_BY_RERANK, 50, 0, SOLID_SLATE_TRAINED);
  double difference, low, high;
  cr_assert_eq(solid_slate_compare(&other, &ranked, SOLID_SLATE_LIKENESS, 200, 1, &difference, &low, &high), SOLID_OK);
  cr_assert_float_eq(difference, other.value[SOLID_SLATE_LIKENESS] - ranked.value[SOLID_SLATE_LIKENESS], 1e-9);
  cr_assert(low > 0 && low < difference && difference < high, "likeness %g (%g .. %g)", difference, low, high);
  solid_slate_report_clear(&other);
  solid_slate_report_clear(&ranked);
  solid_slate_evaluator_free(e);
  solid_dataset_clear(&dataset);
  serving_close(&s);
}

Test(slate_evaluate, the_whole_guide_is_the_ranked_list_of_every_user) {
  solid_dataset judges = make_dataset(94, 60);
  for (int near = 0; near < 2; near++) {
    check_ways(near, NULL);
    check_ways(near, &judges);
  }
  solid_dataset_clear(&judges);
}

Test(slate_evaluate, refuses_what_cannot_be) {
  serving s = serving_open_slates("cpu", 1, 5);
  solid_dataset dataset = make_dataset(93, USERS);
  solid_slate_evaluator *e = NULL;
  cr_assert_eq(solid_slate_evaluator_new(&e, s.model, &dataset, SOLID_PART_TEST, 0, NULL), SOLID_ERANGE);
  cr_assert_eq(solid_slate_evaluator_new(&e, s.model, &dataset, SOLID_PART_TEST, ITEMS + 1, NULL), SOLID_ERANGE);
  cr_assert_eq(solid_slate_evaluator_new(&e, s.model, &dataset, SOLID_PART_TEST, ROWS, NULL), SOLID_OK);
  solid_slate_trial trial = {SOLID_SLATE_BY_DECODER, 0, SOLID_SLATE_OPTIONS_INIT};
  solid_slate_report report;
  trial.options.order = SOLID_SLATE_RASTER;
  cr_assert_eq(solid_slate_evaluate(e, &trial, 10, 1, &report), SOLID_EUNSUPPORTED);
  solid_slate_evaluator_free(e);
  solid_dataset_clear(&dataset);
  serving_close(&s);
}
