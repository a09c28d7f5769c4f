/* Titles in a model file, and what is alike. */
#include "solid/model.h"
#include "solid/model/model_file.h"
#include "solid/model/model_parts.h"
#include "solid/neighbours.h"
#include "tests/support/scratch.h"
#include "tests/support/serving.h"
#include "tests/support/tiny_model.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[SCRATCH_PATH];
static solid_context *ctx;

static void begin(void) {
  sol_config config = tiny_config(SOLID_HEAD_SOLID, 0);
  tiny_model_write(path, sizeof path, &config, 3);
  cr_assert_eq(solid_context_new(&ctx, NULL), SOLID_OK);
}

static void end(void) {
  solid_context_free(ctx);
  unlink(path);
}

TestSuite(titles, .init = begin, .fini = end);

static solid_model *load(void) {
  solid_model *model = NULL;
  cr_assert_eq(solid_model_load(&model, ctx, path), SOLID_OK, "%s", solid_last_error());
  return model;
}

static uint64_t generation_of(const solid_model *model) {
  solid_model_info info = {.struct_size = sizeof info};
  cr_assert_eq(solid_model_get_info(model, &info), SOLID_OK);
  return info.generation;
}

static void expect_title(const solid_model *model, uint32_t item, const char *want) {
  solid_bytes title = solid_model_item_title(model, item);
  cr_assert_eq(title.size, strlen(want), "title of %u has %zu bytes", item, title.size);
  if (title.size) cr_assert_arr_eq(title.data, want, title.size);
}

Test(titles, are_kept_and_leave_the_generation_as_it_was) {
  solid_model *model = load();
  uint64_t generation = generation_of(model);
  expect_title(model, 0, "");
  solid_model_free(model);
  size_t kept = 99;
  const solid_title first[] = {{serving_text("item-3"), serving_text("The Third Man")},
                               {serving_text("nobody's"), serving_text("x")},
                               {serving_text("item-39"), serving_text("Ex\xc3\xa4mple")}};
  cr_assert_eq(solid_model_file_set_titles(path, first, 3, &kept), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(kept, 2);
  model = load();
  cr_assert_eq(generation_of(model), generation);
  expect_title(model, 3, "The Third Man");
  expect_title(model, 39, "Ex\xc3\xa4mple");
  expect_title(model, 4, "");
  expect_title(model, 40, "");
  solid_model_free(model);
  const solid_title again[] = {{serving_text("item-4"), serving_text("Four")}};
  cr_assert_eq(solid_model_file_set_titles(path, again, 1, NULL), SOLID_OK, "%s", solid_last_error());
  model = load();
  expect_title(model, 3, "");
  expect_title(model, 4, "Four");
  solid_model_free(model);
}

Test(titles, long_ones_are_cut_between_characters) {
  char text[SOLID_TITLE_MAX + 8];
  memset(text, 'a', sizeof text);
  memcpy(text + SOLID_TITLE_MAX - 1, "\xc3\xa4", 2);
  const solid_title title = {serving_text("item-0"), {text, sizeof text}};
  cr_assert_eq(solid_model_file_set_titles(path, &title, 1, NULL), SOLID_OK, "%s", solid_last_error());
  solid_model *model = load();
  cr_assert_eq(solid_model_item_title(model, 0).size, SOLID_TITLE_MAX - 1);
  solid_model_free(model);
}

Test(titles, a_changed_byte_of_one_is_noticed) {
  const solid_title title = {serving_text("item-0"), serving_text("recognisable")};
  cr_assert_eq(solid_model_file_set_titles(path, &title, 1, NULL), SOLID_OK);
  FILE *file = fopen(path, "r+b");
  cr_assert(file);
  fseek(file, 0, SEEK_END);
  size_t size = (size_t)ftell(file), at = 0;
  char *bytes = malloc(size);
  rewind(file);
  cr_assert_eq(fread(bytes, 1, size, file), size);
  while (at + 12 <= size && memcmp(bytes + at, "recognisable", 12) != 0) at++;
  cr_assert(at + 12 <= size);
  fseek(file, (long)at, SEEK_SET);
  fputc('R', file);
  fclose(file);
  free(bytes);
  solid_model *model = NULL;
  cr_assert_eq(solid_model_load(&model, ctx, path), SOLID_EFORMAT);
  cr_assert(strstr(solid_last_error(), "texts hash to"), "%s", solid_last_error());
}

Test(titles, categories_of_an_item_are_those_that_have_it) {
  solid_model *model = load();
  for (uint32_t item = 0; item < 40; item++) {
    const uint32_t *categories = NULL;
    size_t count = 99, want = (item % 2 == 0) + (item % 3 == 0);
    cr_assert_eq(solid_model_item_categories(model, item, &categories, &count), SOLID_OK);
    cr_assert_eq(count, want, "item %u has %zu categories", item, count);
    for (size_t i = 0; i < count; i++) {
      solid_bytes name = solid_model_category_name(model, categories[i]);
      cr_assert(item % (name.size == 4 ? 2 : 3) == 0, "item %u is in %.*s", item, (int)name.size, name.data);
    }
  }
  const uint32_t *categories = NULL;
  size_t count;
  cr_assert_eq(solid_model_item_categories(model, 40, &categories, &count), SOLID_ERANGE);
  solid_model_free(model);
}

/* In double, from the vectors as they are. */
static double cosine(const float *vectors, uint32_t a, uint32_t b, uint32_t d) {
  double dot = 0, aa = 0, bb = 0;
  for (uint32_t j = 0; j < d; j++) {
    double x = vectors[a * d + j], y = vectors[b * d + j];
    dot += x * y, aa += x * x, bb += y * y;
  }
  return dot / sqrt(aa * bb);
}

Test(titles, neighbours_are_by_the_cosine_of_their_vectors) {
  solid_model *model = load();
  solid_neighbours *neighbours = NULL;
  cr_assert_eq(solid_neighbours_new(&neighbours, model), SOLID_OK, "%s", solid_last_error());
  const float *vectors = sol_model_catalogue(model)->vectors;
  solid_scored best[40];
  for (uint32_t item = 0; item < 40; item++) {
    size_t count = 0;
    cr_assert_eq(solid_neighbours_of(neighbours, item, 5, best, &count), SOLID_OK);
    cr_assert_eq(count, 5);
    size_t better = 0;
    for (uint32_t v = 0; v < 40; v++)
      better += v != item && cosine(vectors, item, v, 16) > cosine(vectors, item, best[4].item, 16) + 1e-6;
    cr_assert_leq(better, 4, "item %u: %zu are better than the fifth", item, better);
    for (size_t i = 0; i < count; i++) {
      cr_assert_neq(best[i].item, item);
      cr_assert_float_eq(best[i].score, cosine(vectors, item, best[i].item, 16), 1e-5);
      cr_assert(i == 0 || best[i].score <= best[i - 1].score);
    }
  }
  size_t count = 0;
  cr_assert_eq(solid_neighbours_of(neighbours, 7, 40, best, &count), SOLID_OK);
  cr_assert_eq(count, 39);
  cr_assert_eq(solid_neighbours_of(neighbours, 40, 1, best, &count), SOLID_ERANGE);
  cr_assert_eq(solid_neighbours_cosine(neighbours, 40, 1), 0);
  solid_neighbours_free(neighbours);
  solid_model_free(model);
}
