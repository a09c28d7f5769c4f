/* Which items are hidden, and what is left of histories, weights and popularity without them. */
#include "solid/model/tensors.h"
#include "solid/train/data/hidden.h"
#include "solid/train/evaluate.h"
#include "solid/train/fit/hidden_weights.h"
#include "tests/solid/train/data.h"
#include "tests/solid/train/hiding.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int masked(const solid_hidden *hidden, const solid_dataset *dataset, const char *id) {
  return hidden->mask[solid_vocab_find(&dataset->item_ids, (solid_bytes){id, strlen(id)})];
}

Test(hidden, is_a_choice_by_id_and_seed) {
  const char *forward[] = {"a b c d e f g h i j k l m n o p q r s t"},
             *other[] = {"t q r s b a d c p o n m l e f g h i j k"};
  solid_dataset x = data_from_rows(forward, 1), y = data_from_rows(other, 1);
  solid_hidden of_x, of_y, seeded;
  cr_assert_eq(solid_hidden_choose(&of_x, &x, 0.3, 5), SOLID_OK);
  cr_assert_eq(solid_hidden_choose(&of_y, &y, 0.3, 5), SOLID_OK);
  cr_assert_eq(solid_hidden_choose(&seeded, &x, 0.3, 6), SOLID_OK);
  int count = 0, differ = 0;
  for (char id[2] = "a"; id[0] <= 't'; id[0]++) {
    count += masked(&of_x, &x, id);
    differ += masked(&of_x, &x, id) != masked(&seeded, &x, id);
    cr_assert_eq(masked(&of_x, &x, id), masked(&of_y, &y, id), "%s", id);
  }
  cr_assert_eq(count, 6);
  cr_assert_eq(of_x.visible, 14);
  cr_assert_gt(differ, 0);
  for (uint32_t i = 0; i < of_x.visible; i++) cr_assert_eq(of_x.mask[of_x.kept[i]], 0);
  solid_hidden none;
  cr_assert_eq(solid_hidden_choose(&none, &x, 0.04, 5), SOLID_ERANGE, "hides no item");
  cr_assert_eq(solid_hidden_choose(&none, &x, 1, 5), SOLID_ERANGE);
  cr_assert_eq(solid_hidden_choose(&none, &x, NAN, 5), SOLID_ERANGE);
  solid_hidden_clear(&of_x);
  solid_hidden_clear(&of_y);
  solid_hidden_clear(&seeded);
  solid_dataset_clear(&x);
  solid_dataset_clear(&y);
}

static void expect_user(const solid_dataset *h, uint32_t u, const char *want) {
  char got[128] = "";
  for (size_t i = h->offsets[u]; i < h->offsets[u + 1]; i++) {
    solid_bytes id = solid_vocab_id(&h->item_ids, h->sequence[i]);
    snprintf(got + strlen(got), sizeof got - strlen(got), "%s%s%.*s", i > h->offsets[u] ? " " : "",
             i == solid_split_of(h, u).valid ? "| " : "", (int)id.size, id.data);
  }
  cr_assert_str_eq(got, want, "user %u", u);
  cr_assert_eq(solid_split_train(h, u).end, h->offsets[u + 1] - (strchr(want, '|') != NULL), "user %u", u);
  cr_assert_eq(solid_split_of(h, u).test, SOLID_NO_EVENT);
}

/* x is hidden; a bar stands before the validation target, if there is one. The test target is gone. */
Test(hidden, events_leave_sequences_and_catalogue) {
  const char *rows[] = {"a b x c d", "a x c x d", "a b c d x", "x a x", "x x x", "a x", "x b", "c a b"};
  const char *want[] = {"a b | c", "a c", "a b c | d", "", "", "a", "b", "c | a"};
  const char *ids[] = {"x"};
  solid_dataset dataset = data_from_rows(rows, 8), events, visible;
  solid_hidden hidden = hiding(&dataset, ids, 1);
  cr_assert_eq(solid_hidden_events(&hidden, &dataset, &events), SOLID_OK);
  cr_assert_eq(sol_hidden_catalogue(&hidden, &events, &visible), SOLID_OK);
  for (uint32_t u = 0; u < 8; u++) {
    expect_user(&events, u, want[u]);
    expect_user(&visible, u, want[u]);
  }
  cr_assert_eq(visible.items, dataset.items - 1);
  cr_assert_eq(solid_vocab_find(&visible.item_ids, (solid_bytes){"x", 1}), SOLID_NO_ID);
  float count[5];
  solid_split_popularity(&events, count);
  cr_assert_float_eq(count[solid_vocab_find(&dataset.item_ids, (solid_bytes){"x", 1})], 0, 0);
  solid_hidden_events_clear(&events);
  solid_dataset_clear(&visible);
  solid_hidden_clear(&hidden);
  solid_dataset_clear(&dataset);
}

Test(hidden, weights_join_with_a_zero_embedding) {
  uint8_t mask[] = {0, 1, 0, 0};
  uint32_t kept[] = {0, 2, 3};
  solid_hidden hidden = {4, 3, mask, kept};
  sol_config config = {.items = 3,
                       .width = 4,
                       .window = 5,
                       .blocks = 1,
                       .heads = 1,
                       .levels = 2,
                       .codes = 3,
                       .head = SOLID_HEAD_SOLID,
                       .clip = 0.1f};
  sol_config whole = config;
  whole.items = 4;
  float *weights = malloc(sol_tensors_total(&config) * sizeof *weights);
  for (size_t i = 0; i < sol_tensors_total(&config); i++) weights[i] = (float)i + 1;
  float *all = sol_hidden_weights(&hidden, &config, weights);
  sol_weights from, to;
  sol_weights_bind(&from, &config, weights);
  sol_weights_bind(&to, &whole, all);
  for (int j = 0; j < 4; j++) {
    cr_assert_eq(to.items[4 + j], 0);
    for (int i = 0; i < 3; i++) cr_assert_eq(to.items[kept[i] * 4 + (uint32_t)j], from.items[i * 4 + j]);
  }
  cr_assert_arr_eq(to.metacodes, from.metacodes, 2 * 3 * 4 * sizeof(float));
  cr_assert_arr_eq(to.semantic.layer[1].w, from.semantic.layer[1].w, 16 * 4 * sizeof(float));
  free(weights);
  free(all);
}

/* Users know a; targets b and c. By the counts given: c 3, b 2, d 1. */
Test(hidden, popularity_ranks_candidates_by_the_counts_given) {
  const char *rows[] = {"a d b", "d a c"};
  solid_dataset dataset = data_from_rows(rows, 2);
  const char *order = "abcd";
  float counts[4];
  uint8_t candidates[4];
  for (int i = 0; i < 4; i++) {
    uint32_t v = solid_vocab_find(&dataset.item_ids, (solid_bytes){order + i, 1});
    counts[v] = (const float[]){9, 2, 3, 1}[i];
    candidates[v] = (const uint8_t[]){1, 1, 0, 1}[i];
  }
  solid_evaluate_options options = SOLID_EVALUATE_OPTIONS_INIT;
  solid_evaluation made;
  options.popularity = counts;
  cr_assert_eq(solid_evaluate_popularity(&made, &dataset, &options), SOLID_OK);
  cr_assert_eq(made.ranks[0], 1);
  cr_assert_eq(made.ranks[1], 0);
  solid_evaluation_clear(&made);
  options.candidates = candidates;
  cr_assert_eq(solid_evaluate_popularity(&made, &dataset, &options), SOLID_OK);
  cr_assert_eq(made.ranks[0], 0);
  cr_assert_eq(made.ranks[1], SOLID_RANK_BEYOND);
  solid_evaluation_clear(&made);
  solid_dataset_clear(&dataset);
}
