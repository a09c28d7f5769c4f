/* What lists are worth, against the same again naive, and lists of three ways against one another. */
#include "solid/train/slate/alike.h"
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
  const solid_slate_asking asking = {.part = SOLID_PART_TEST, .rows = ROWS};
  cr_assert_eq(sol_slate_ask(&asked, s.model, &dataset, &asking), SOLID_OK, "%s", solid_last_error());
  sol_likeness judged[SOLID_ALIKES];
  cr_assert_eq(sol_alike_of_judges(judged, s.model, &dataset, NULL, NULL), SOLID_OK);
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
  sol_slate_judge(&report, &asked, wide, list, -7.5, judged, shown);
  double ideal = 0, like = 0, pairs = 0;
  for (size_t k = 0; k < targets; k++) ideal += 1 / log2((double)k + 2);
  for (int a = 0; a < 4; a++)
    for (int b = a + 1; b < 4; b++, pairs++)
      like += sol_likeness_of(&judged[0], list[a].item, list[b].item, asked.who[wide]);
  const double want[SOLID_SLATE_FIGURES] = {
      3.0 / (double)targets, (1 / log2(3) + 1 / log2(4) + 1 / log2(5)) / ideal, 1, like / pairs, 0, 0, 0, -7.5};
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
  sol_likeness_close(&judged[0]);
  sol_slate_asked_clear(&asked);
  solid_dataset_clear(&dataset);
  serving_close(&s);
}

/* ---- Ways ---- */

static solid_slate_report evaluate(solid_slate_evaluator *e, solid_slate_way way, double lambda, float guide,
                                   solid_slate_order order) {
  solid_slate_trial trial = {.way = way, .lambda = lambda, .options = SOLID_SLATE_OPTIONS_INIT};
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
  const solid_slate_asking asking = {
      .part = SOLID_PART_TEST, .rows = ROWS, .judges = judges, .raster = near ? NULL : s.model};
  cr_assert_eq(solid_slate_evaluator_new(&e, s.model, &dataset, &asking), SOLID_OK, "%s", solid_last_error());
  solid_slate_report ranked = evaluate(e, SOLID_SLATE_BY_RANK, 0, 0, SOLID_SLATE_TRAINED), other;
  static const solid_slate_order orders[2][2] = {{SOLID_SLATE_RASTER, SOLID_SLATE_ZIPAR},
                                                 {SOLID_SLATE_NEAR_TO_FAR, SOLID_SLATE_TRAINED}};
  for (int i = 0; i < 2; i++) {
    other = evaluate(e, SOLID_SLATE_BY_DECODER, 0, 1, orders[near][i]);
    same(&ranked, &other);
    cr_assert(other.ranked == other.users && ranked.ranked == ranked.users);
    solid_slate_report_clear(&other);
    other = evaluate(e, SOLID_SLATE_BY_DECODER, 0, 0.2f, orders[near][i]);
    cr_assert_gt(other.forwards, 0);
    cr_assert_lt(other.value[SOLID_SLATE_LIKELIHOOD], 0);
    cr_assert_lt(other.ranked, other.users);
    for (uint32_t u = 0; u < other.users && orders[near][i] == SOLID_SLATE_RASTER; u++)
      cr_assert_float_eq(other.each[(size_t)SOLID_SLATE_UNDER_RASTER * other.users + u],
                         other.each[(size_t)SOLID_SLATE_LIKELIHOOD * other.users + u], 1e-3);
    solid_slate_report_clear(&other);
  }
  other = evaluate(e, SOLID_SLATE_BY_RERANK, 0, 0, SOLID_SLATE_TRAINED);
  same(&ranked, &other);
  solid_slate_report_clear(&other);
  other = evaluate(e, SOLID_SLATE_BY_RERANK, 50, 0, SOLID_SLATE_TRAINED);
  double difference, low, high;
  cr_assert_eq(solid_slate_compare(&other, &ranked, SOLID_SLATE_LIKENESS, 200, 1, &difference, &low, &high), SOLID_OK);
  cr_assert_float_eq(difference, other.value[SOLID_SLATE_LIKENESS] - ranked.value[SOLID_SLATE_LIKENESS], 1e-9);
  cr_assert((ranked.value[SOLID_SLATE_UNDER_RASTER] < 0) == !near);
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

/* ---- Alike by company and by content ---- */

/* Vectors of the items, given and already centred. */
static void give_vectors(solid_dataset *dataset, uint64_t salt) {
  enum { WIDTH = 3 };
  seed_rng rng = seed_start(salt);
  dataset->vector_width = WIDTH;
  dataset->vectors = calloc((size_t)dataset->items * WIDTH, sizeof *dataset->vectors);
  for (uint32_t v = 0; v + 1 < dataset->items; v += 2)
    for (int i = 0; i < WIDTH; i++) {
      dataset->vectors[v * WIDTH + i] = (float)seed_uniform(&rng) - 0.5f;
      dataset->vectors[(v + 1) * WIDTH + i] = -dataset->vectors[v * WIDTH + i];
    }
}

static uint32_t item_of(const solid_dataset *dataset, const solid_model *model, uint32_t v) {
  return solid_model_item_index(model, solid_vocab_id(&dataset->item_ids, v));
}

Test(alike, by_content_is_the_cosine_of_what_is_given) {
  serving s = serving_open_slates("cpu", 0, 5);
  solid_dataset dataset = make_dataset(95, USERS);
  sol_likeness alike[SOLID_ALIKES];
  give_vectors(&dataset, 96);
  cr_assert_eq(sol_alike_of_training(alike, s.model, &dataset, &dataset), SOLID_OK, "%s", solid_last_error());
  double mean[3] = {0}; /* of the items that have a vector */
  uint32_t with = dataset.items / 2 * 2;
  for (uint32_t v = 0; v < with; v++)
    for (int i = 0; i < 3; i++) mean[i] += dataset.vectors[v * 3 + i] / with;
  for (int i = 0; i < 3; i++) cr_assert_float_eq(mean[i], 0, 1e-6);
  for (uint32_t a = 0; a < with; a++)
    for (uint32_t b = 0; b < with; b++) {
      const float *x = dataset.vectors + a * 3, *y = dataset.vectors + b * 3;
      double xy = 0, xx = 0, yy = 0;
      for (int i = 0; i < 3; i++) xy += (double)x[i] * y[i], xx += (double)x[i] * x[i], yy += (double)y[i] * y[i];
      double got = sol_likeness_of(&alike[SOLID_ALIKE_BY_CONTENT], item_of(&dataset, s.model, a),
                                   item_of(&dataset, s.model, b), SOLID_NO_ITEM);
      cr_assert_float_eq(got, xy / sqrt(xx * yy), 1e-5);
    }
  for (int k = 0; k < SOLID_ALIKES; k++) sol_likeness_close(&alike[k]);
  solid_dataset_clear(&dataset);
  serving_close(&s);
}

/* The items of make_dataset go in four groups of neighbours. */
Test(alike, by_company_is_greater_within_a_group) {
  serving s = serving_open_slates("cpu", 0, 5);
  solid_dataset dataset = make_dataset(97, USERS), judges = make_dataset(98, 300);
  sol_likeness alike[SOLID_ALIKES];
  double within = 0, across = 0;
  int n_within = 0, n_across = 0;
  cr_assert_eq(sol_alike_of_judges(alike, s.model, &dataset, &judges, NULL), SOLID_OK, "%s", solid_last_error());
  for (uint32_t a = 0; a < ITEMS; a++)
    for (uint32_t b = 0; b < a; b++) {
      double got = sol_likeness_of(&alike[SOLID_ALIKE_BY_COMPANY], a, b, SOLID_NO_ITEM);
      cr_assert(got >= -1.00001 && got <= 1.00001);
      if (a / 10 == b / 10)
        within += got, n_within++;
      else
        across += got, n_across++;
    }
  cr_assert_gt(within / n_within, across / n_across + 0.1, "%g within, %g across", within / n_within,
               across / n_across);
  cr_assert_eq(sol_likeness_of(&alike[SOLID_ALIKE_BY_CONTENT], 0, 1, SOLID_NO_ITEM), 0);
  for (int k = 0; k < SOLID_ALIKES; k++) sol_likeness_close(&alike[k]);
  solid_dataset_clear(&judges);
  solid_dataset_clear(&dataset);
  serving_close(&s);
}

/* ---- Baskets ---- */

Test(slate_evaluate, the_targets_of_a_basket_are_all_that_is_new_in_it) {
  enum { ALL = 4 * ROWS };
  serving s = serving_open_slates("cpu", 0, 5);
  solid_dataset dataset = make_dataset(99, USERS);
  if (!dataset.times) dataset.times = calloc(dataset.events, sizeof *dataset.times);
  dataset.has_times = 1;
  for (size_t i = 0; i < dataset.events; i++) dataset.times[i] = (int64_t)(i / 3); /* baskets of three, cut by users */
  sol_slate_asked asked;
  const solid_slate_asking asking = {.part = SOLID_PART_TEST, .rows = 2, .baskets = 1};
  cr_assert_eq(sol_slate_ask(&asked, s.model, &dataset, &asking), SOLID_OK, "%s", solid_last_error());
  uint32_t wide = 0, i = 0;
  for (uint32_t u = 0; u < dataset.users; u++) {
    solid_range known;
    uint32_t want[ALL], n = 0;
    if (!solid_split_question(&dataset, u, SOLID_PART_TEST, &known)) continue;
    for (size_t e = known.end; e < dataset.offsets[u + 1] && dataset.times[e] == dataset.times[known.end]; e++) {
      int is_new = 1;
      for (size_t k = dataset.offsets[u]; k < e; k++) is_new &= dataset.sequence[k] != dataset.sequence[e];
      if (is_new) want[n++] = item_of(&dataset, s.model, dataset.sequence[e]);
    }
    if (n == 0) continue;
    cr_assert_eq(asked.who[i], u);
    cr_assert_eq(asked.known[i + 1] - asked.targets[i], n);
    cr_assert_eq(memcmp(asked.items + asked.targets[i], want, n * sizeof *want), 0);
    wide += n > 2;
    i++;
  }
  cr_assert_eq(asked.users, i);
  cr_assert_gt(wide, 0); /* than a list: what does not fit is not missed */
  sol_slate_asked_clear(&asked);
  solid_dataset_clear(&dataset);
  serving_close(&s);
}

Test(slate_evaluate, refuses_what_cannot_be) {
  serving s = serving_open_slates("cpu", 1, 5);
  solid_dataset dataset = make_dataset(93, USERS);
  solid_slate_evaluator *e = NULL;
  solid_slate_asking asking = {.part = SOLID_PART_TEST};
  cr_assert_eq(solid_slate_evaluator_new(&e, s.model, &dataset, &asking), SOLID_ERANGE);
  asking.rows = ITEMS + 1;
  cr_assert_eq(solid_slate_evaluator_new(&e, s.model, &dataset, &asking), SOLID_ERANGE);
  asking.rows = ROWS, asking.baskets = 1; /* the data has no times */
  cr_assert_eq(solid_slate_evaluator_new(&e, s.model, &dataset, &asking), SOLID_EINVAL);
  asking.baskets = 0;
  cr_assert_eq(solid_slate_evaluator_new(&e, s.model, &dataset, &asking), SOLID_OK);
  solid_slate_trial trial = {.way = SOLID_SLATE_BY_DECODER, .options = SOLID_SLATE_OPTIONS_INIT};
  solid_slate_report report;
  trial.options.order = SOLID_SLATE_RASTER;
  cr_assert_eq(solid_slate_evaluate(e, &trial, 10, 1, &report), SOLID_EUNSUPPORTED);
  solid_slate_evaluator_free(e);
  solid_dataset_clear(&dataset);
  serving_close(&s);
}
