#include "solid/model/content.h"
#include "solid/train/codebook/cooccurrence.h"
#include "solid/train/codebook/features.h"
#include "tests/solid/train/data.h"
#include "tests/support/seed.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static double length(const float *row, size_t width) {
  double sum = 0;
  for (size_t j = 0; j < width; j++) sum += (double)row[j] * row[j];
  return sqrt(sum);
}

/* By hand: train of the one user is 0 1 2 0 (two left out). Pairs: (0,1) (1,2) (2,0) at 1; (0,2) (1,0) at 2; (0,0)
 * at 3. C_01 = 1 + 1/2, C_02 = 1 + 1/2, C_12 = 1, C_00 = 2/3 (both ways round). */
Test(cooccurrence, by_hand) {
  const char *rows[] = {"0 1 2 0 3 4"};
  solid_dataset dataset = data_from_rows(rows, 1);
  sol_cooccurrence counted;
  cr_assert_eq(sol_cooccurrence_count(&counted, &dataset, 3, NULL), SOLID_OK);
  const double c[3][3] = {{2.0 / 3, 1.5, 1.5}, {1.5, 0, 1}, {1.5, 1, 0}};
  const double total[] = {11.0 / 3, 2.5, 2.5}, all = 26.0 / 3;
  size_t at = 0;
  for (uint32_t a = 0; a < 3; a++)
    for (uint32_t b = 0; b < 3; b++) {
      double value = c[a][b] > 0 ? log(c[a][b] * all / (total[a] * total[b])) : 0;
      if (!(value > 0)) continue;
      cr_assert(at < counted.offsets[a + 1], "row %u lacks column %u", a, b);
      cr_assert_eq(counted.columns[at], b);
      cr_assert_float_eq(counted.values[at], value, 1e-6);
      at++;
    }
  cr_assert_gt(at, 3);
  cr_assert_eq(counted.offsets[3], at);
  cr_assert_eq(counted.offsets[5], at, "items 3 and 4 are targets and have no neighbours");
  sol_cooccurrence_clear(&counted);
  solid_dataset_clear(&dataset);
}

/* Against a dense count over random sequences, users too short to be split included. */
Test(cooccurrence, agrees_with_a_dense_count) {
  enum { V = 12, U = 40 };
  char text[U][128];
  const char *rows[U];
  seed_rng rng = seed_start(3);
  for (int u = 0; u < U; u++) {
    int n = 1 + seed_below(&rng, 15), used = 0;
    for (int i = 0; i < n; i++)
      used += snprintf(text[u] + used, sizeof text[u] - (size_t)used, "%d ", u == 0 && i < V ? i : seed_below(&rng, V));
    rows[u] = text[u];
  }
  solid_dataset dataset = data_from_rows(rows, U);
  sol_cooccurrence counted;
  cr_assert_eq(sol_cooccurrence_count(&counted, &dataset, 3, NULL), SOLID_OK);
  double c[V][V] = {{0}}, total[V] = {0}, all = 0;
  for (uint32_t u = 0; u < dataset.users; u++) {
    size_t begin = dataset.offsets[u], end = dataset.offsets[u + 1];
    if (end - begin >= 3) end -= 2;
    for (size_t i = begin; i < end; i++)
      for (size_t j = i + 1; j < end && j <= i + 3; j++) {
        c[dataset.sequence[i]][dataset.sequence[j]] += 1.0 / (double)(j - i);
        c[dataset.sequence[j]][dataset.sequence[i]] += 1.0 / (double)(j - i);
      }
  }
  for (int a = 0; a < V; a++)
    for (int b = 0; b < V; b++) total[a] += c[a][b], all += c[a][b];
  double made[V][V] = {{0}};
  for (uint32_t a = 0; a < dataset.items; a++)
    for (size_t e = counted.offsets[a]; e < counted.offsets[a + 1]; e++)
      made[a][counted.columns[e]] = counted.values[e];
  for (int a = 0; a < V; a++)
    for (int b = 0; b < V; b++) {
      double value = c[a][b] > 0 ? log(c[a][b] * all / (total[a] * total[b])) : 0;
      cr_assert_float_eq(made[a][b], value > 0 ? value : 0, 1e-5, "P[%d][%d]", a, b);
    }
  sol_cooccurrence_clear(&counted);
  solid_dataset_clear(&dataset);
}

/* Two worlds that never meet, {0..4} and {5..9}; item 10 is only ever a test target, 11 only a validation target. With
 * attributes for the items below 10 but 9. `last` replaces the targets. */
static solid_dataset two_worlds(const char *last) {
  solid_collector *collector = NULL;
  solid_dataset dataset;
  seed_rng rng = seed_start(4);
  cr_assert_eq(solid_collector_new(&collector, NULL), SOLID_OK);
  for (int u = 0; u < 60; u++) {
    char user[16], item[16];
    snprintf(user, sizeof user, "%d", u);
    for (int i = 0; i < 10; i++) {
      snprintf(item, sizeof item, "%d", u % 2 * 5 + seed_below(&rng, 5));
      if (i >= 8) snprintf(item, sizeof item, "%s", i == 8 ? "11" : last);
      solid_event event = {{user, strlen(user)}, {item, strlen(item)}, {NULL, 0}, 0, {0, 0}, SOLID_WORTH_STEP, 0};
      cr_assert_eq(solid_collector_push(collector, &event, 1, NULL), SOLID_OK);
    }
  }
  solid_event event = {{"x", 1}, {"10", 2}, {NULL, 0}, 0, {0, 0}, SOLID_WORTH_STEP, 0};
  cr_assert_eq(solid_collector_push(collector, &event, 1, NULL), SOLID_OK);
  for (int v = 0; v < 9; v++) {
    char item[2] = {(char)('0' + v), 0}, attribute[2][8] = {"left", "a"};
    if (v >= 5) strcpy(attribute[0], "right");
    attribute[1][0] = (char)('a' + v % 3);
    for (int i = 0; i < 2; i++)
      cr_assert_eq(solid_collector_attribute(collector, (solid_bytes){item, 1},
                                             (solid_bytes){attribute[i], strlen(attribute[i])}),
                   SOLID_OK);
  }
  cr_assert_eq(solid_collector_finish(collector, &dataset), SOLID_OK);
  solid_collector_free(collector);
  return dataset;
}

Test(features, parts_stand_side_by_side_with_rows_of_length_one) {
  solid_dataset dataset = two_worlds("10");
  sol_features made;
  cr_assert_eq(sol_features_build(&made, &dataset, NULL), SOLID_OK);
  cr_assert_eq(made.items, 12);
  cr_assert_eq(made.attributes, 5);
  cr_assert_eq(made.vectors, 0);
  cr_assert_eq(made.cooccurrence, 12);
  cr_assert_eq(made.width, 17);
  for (uint32_t v = 0; v < 12; v++) {
    const float *row = made.values + v * made.width;
    cr_assert_float_eq(length(row, 5), v < 9, 1e-5, "attributes of item %u", v);
    cr_assert_float_eq(length(row + 5, 12), v < 10, 1e-5, "neighbours of item %u", v);
  }
  /* Items of one world have neighbours in common, items of two worlds none. */
  for (uint32_t a = 0; a < 10; a++)
    for (uint32_t b = 0; b < 10; b++) {
      double dot = 0;
      for (uint32_t j = 5; j < 17; j++) dot += (double)made.values[a * 17 + j] * made.values[b * 17 + j];
      if (a / 5 != b / 5) cr_assert_float_eq(dot, 0, 1e-3);
    }
  sol_features_clear(&made);
  solid_dataset_clear(&dataset);
}

Test(features, targets_change_nothing) {
  solid_dataset one = two_worlds("10"), other = two_worlds("3");
  cr_assert_neq(solid_dataset_hash(&one), solid_dataset_hash(&other));
  sol_features a, b;
  cr_assert_eq(sol_features_build(&a, &one, NULL), SOLID_OK);
  cr_assert_eq(sol_features_build(&b, &other, NULL), SOLID_OK);
  cr_assert(a.width == b.width && a.items == b.items);
  cr_assert_arr_eq(a.values, b.values, a.items * a.width * sizeof(float));
  sol_features_clear(&a);
  sol_features_clear(&b);
  solid_dataset_clear(&one);
  solid_dataset_clear(&other);
}

/* With as many dimensions as attributes the SVD only turns the space: inner products are those of TF-IDF rows. */
Test(features, attributes_are_tf_idf) {
  solid_dataset dataset = two_worlds("10");
  sol_features_options options = SOL_FEATURES_OPTIONS_INIT;
  options.window = 0;
  sol_features made;
  cr_assert_eq(sol_features_build(&made, &dataset, &options), SOLID_OK);
  cr_assert_eq(made.width, 5);
  double idf[5], rows[9][5] = {{0}};
  const int df[] = {5, 3, 3, 3, 4}; /* left a b c right, in order of appearance */
  for (int j = 0; j < 5; j++) idf[j] = log(13.0 / (1 + df[j]));
  for (int v = 0; v < 9; v++) {
    int group = v < 5 ? 0 : 4, letter = 1 + v % 3;
    double norm = sqrt(idf[group] * idf[group] + idf[letter] * idf[letter]);
    rows[v][group] = idf[group] / norm;
    rows[v][letter] = idf[letter] / norm;
  }
  for (int a = 0; a < 9; a++)
    for (int b = 0; b < 9; b++) {
      double expected = 0, dot = 0;
      for (int j = 0; j < 5; j++) {
        expected += rows[a][j] * rows[b][j];
        dot += (double)made.values[a * 5 + j] * made.values[b * 5 + j];
      }
      cr_assert_float_eq(dot, expected, 1e-4, "items %d and %d", a, b);
    }
  sol_features_clear(&made);
  solid_dataset_clear(&dataset);
}

Test(features, vectors_are_centred_and_reduced) {
  solid_collector *collector = NULL;
  solid_dataset dataset;
  seed_rng rng = seed_start(5);
  float vectors[6][8];
  cr_assert_eq(solid_collector_new(&collector, NULL), SOLID_OK);
  for (int v = 0; v < 6; v++) {
    char item[2] = {(char)('0' + v), 0};
    solid_event event = {{"u", 1}, {item, 1}, {NULL, 0}, 0, {0, 0}, SOLID_WORTH_STEP, 0};
    cr_assert_eq(solid_collector_push(collector, &event, 1, NULL), SOLID_OK);
    for (int j = 0; j < 8; j++) vectors[v][j] = 3 + seed_normal(&rng);
    if (v < 5) cr_assert_eq(solid_collector_vector(collector, event.item, vectors[v], 8), SOLID_OK);
  }
  cr_assert_eq(solid_collector_finish(collector, &dataset), SOLID_OK);
  solid_collector_free(collector);
  double mean[8] = {0};
  for (int v = 0; v < 5; v++)
    for (int j = 0; j < 8; j++) mean[j] += vectors[v][j] / 5.0;
  for (uint32_t dims = 6; dims <= 8; dims += 2) { /* through principal components, and as they are */
    sol_features_options options = {.dims = dims};
    sol_features made;
    cr_assert_eq(sol_features_build(&made, &dataset, &options), SOLID_OK);
    cr_assert_eq(made.width, dims);
    for (int a = 0; a < 5; a++)
      for (int b = 0; b < 5; b++) {
        double dot = 0, aa = 0, bb = 0, ab = 0;
        for (int j = 0; j < 8; j++) {
          double x = vectors[a][j] - mean[j], y = vectors[b][j] - mean[j];
          aa += x * x, bb += y * y, ab += x * y;
        }
        for (uint32_t j = 0; j < dims; j++)
          dot += (double)made.values[a * (int)dims + (int)j] * made.values[b * (int)dims + (int)j];
        cr_assert_float_eq(dot, ab / sqrt(aa * bb), 1e-4);
      }
    cr_assert_eq(length(made.values + 5 * dims, dims), 0, "an item without a vector has zeros");
    sol_features_clear(&made);
  }
  solid_dataset_clear(&dataset);
}

/* Vectors (n, width) of items "0", "1", ... */
static solid_dataset with_vectors(const float *vectors, int n, uint32_t width) {
  solid_collector *collector = NULL;
  solid_dataset dataset;
  cr_assert_eq(solid_collector_new(&collector, NULL), SOLID_OK);
  for (int v = 0; v < n; v++) {
    char item[2] = {(char)('0' + v), 0};
    solid_event event = {{"u", 1}, {item, 1}, {NULL, 0}, 0, {0, 0}, SOLID_WORTH_STEP, 0};
    cr_assert_eq(solid_collector_push(collector, &event, 1, NULL), SOLID_OK);
    cr_assert_eq(solid_collector_vector(collector, event.item, vectors + (size_t)v * width, width), SOLID_OK);
  }
  cr_assert_eq(solid_collector_finish(collector, &dataset), SOLID_OK);
  solid_collector_free(collector);
  return dataset;
}

/* Vectors of six items in another unit: times 2^exponent. The last is zero. */
static solid_dataset vectors_in_unit(int exponent) {
  seed_rng rng = seed_start(6);
  float vectors[6 * 8] = {0};
  for (int i = 0; i < 5 * 8; i++) vectors[i] = ldexpf(seed_normal(&rng), exponent);
  return with_vectors(vectors, 6, 8);
}

Test(features, the_unit_of_vectors_changes_nothing) {
  static const int exponents[] = {-100, -20, 100};
  for (uint32_t dims = 3; dims <= 8; dims += 5) {
    sol_features_options options = {.dims = dims};
    sol_features want, made;
    solid_dataset dataset = vectors_in_unit(0);
    cr_assert_eq(sol_features_build(&want, &dataset, &options), SOLID_OK);
    solid_dataset_clear(&dataset);
    for (size_t e = 0; e < sizeof exponents / sizeof *exponents; e++) {
      dataset = vectors_in_unit(exponents[e]);
      cr_assert_eq(sol_features_build(&made, &dataset, &options), SOLID_OK);
      cr_assert_arr_eq(made.values, want.values, 6 * dims * sizeof *want.values);
      sol_content content = sol_features_content(&made);
      for (int v = 0; v < 6; v++) { /* an item that comes later gets what it would have had */
        double x[8];
        cr_assert_eq(sol_content_of(&content, NULL, 0, dataset.vectors + 8 * v, x), v < 5, "item %d, 2^%d", v,
                     exponents[e]);
        for (uint32_t j = 0; j < dims; j++)
          cr_assert_float_eq(x[j], want.values[v * (int)dims + (int)j], 1e-5, "item %d, 2^%d", v, exponents[e]);
      }
      sol_features_clear(&made);
      solid_dataset_clear(&dataset);
    }
    sol_features_clear(&want);
  }
}

/* One is as nothing beside the others, and so much that the difference of two is no float: whether an item was there or
 * comes later, it has the same content. */
Test(features, vectors_of_very_different_lengths_are_known_alike) {
  static const float vectors[][4] = {{-3e38F, 1e38F, 0, 2e38F},
                                     {-3e38F, 2e38F, 1e38F, 0},
                                     {-2e38F, -1e38F, 1e38F, 1e38F},
                                     {3e38F, 3e38F, -2e38F, 1e38F},
                                     {1e-30F, -2e-30F, 0, 1e-30F}};
  solid_dataset dataset = with_vectors(vectors[0], 5, 4);
  for (uint32_t dims = 3; dims <= 4; dims++) {
    sol_features_options options = {.dims = dims};
    sol_features made;
    cr_assert_eq(sol_features_build(&made, &dataset, &options), SOLID_OK);
    sol_content content = sol_features_content(&made);
    for (uint32_t v = 0; v < 5; v++) {
      double x[4];
      cr_assert_float_eq(length(made.values + v * dims, dims), 1, 1e-5, "item %u of %u numbers", v, dims);
      cr_assert(sol_content_of(&content, NULL, 0, vectors[v], x), "item %u of %u numbers", v, dims);
      for (uint32_t j = 0; j < dims; j++)
        cr_assert_float_eq(x[j], made.values[v * dims + j], 1e-5, "item %u of %u numbers", v, dims);
    }
    sol_features_clear(&made);
  }
  solid_dataset_clear(&dataset);
}

Test(features, nothing_to_show_is_an_error) {
  const char *rows[] = {"1 2", "2"};
  solid_dataset dataset = data_from_rows(rows, 2);
  sol_features_options options = {.dims = 64};
  sol_features made;
  cr_assert_eq(sol_features_build(&made, &dataset, &options), SOLID_ENOTFOUND);
  solid_dataset_clear(&dataset);
}
