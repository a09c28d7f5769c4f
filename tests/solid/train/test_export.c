/* What the trainer knows arrives in the model file: vocabulary, codes, categories, popularity, weights. */
#include "solid/model/model_file.h"
#include "solid/model/safetensors.h"
#include "solid/model/tensors.h"
#include "solid/train/fit/export.h"
#include "solid/train/trainer.h"
#include "tests/solid/train/data.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static solid_bytes text(const char *string) {
  return (solid_bytes){string, strlen(string)};
}

static void push(solid_collector *collector, const char *user, const char *item) {
  solid_event event = {.user = text(user), .item = text(item), .position = {0, 0}};
  cr_assert_eq(solid_collector_push(collector, &event, 1, NULL), SOLID_OK);
}

static void make_history(solid_dataset *dataset, size_t attributes) {
  solid_collector *collector = NULL;
  cr_assert_eq(solid_collector_new(&collector, NULL), SOLID_OK);
  const char *const items[] = {"pen", "ink", "pad", "pen", "cap"};
  for (size_t i = 0; i < sizeof items / sizeof *items; i++) push(collector, "ann", items[i]);
  push(collector, "bob", "cap");
  push(collector, "bob", "ink");
  const char *const said[][2] = {{"pad", "paper"}, {"ink", "blue"}, {"pen", "blue"}};
  for (size_t i = 0; i < attributes; i++)
    cr_assert_eq(solid_collector_attribute(collector, text(said[i][0]), text(said[i][1])), SOLID_OK);
  cr_assert_eq(solid_collector_finish(collector, dataset), SOLID_OK, "%s", solid_last_error());
  solid_collector_free(collector);
}

static int is_string(const sol_strings *strings, uint32_t i, const char *want) {
  size_t size = strings->offsets[i + 1] - strings->offsets[i];
  return size == strlen(want) && memcmp(strings->bytes + strings->offsets[i], want, size) == 0;
}

static void check_contents(const sol_model_file *file, const sol_codebook *book, const float *weights) {
  cr_expect_eq(file->config.content, 3);
  cr_expect_eq(memcmp(file->weights, weights, sol_tensors_total(&file->config) * sizeof *weights), 0);
  cr_expect_eq(memcmp(file->codes, book->table, 4 * 2 * sizeof *book->table), 0);
  cr_expect_eq(memcmp(file->centroids, book->centroids, 2 * 3 * 3 * sizeof(float)), 0);
  const char *const names[] = {"pen", "ink", "pad", "cap"};
  const float seen[] = {1, 2, 1, 1}; /* ann's first three events, both of bob's */
  cr_assert_eq(file->items.count, 4);
  for (uint32_t v = 0; v < 4; v++) {
    cr_expect(is_string(&file->items, v, names[v]), "item %u", v);
    cr_expect_eq(file->popularity[v], seen[v], "popularity of %s is %g", names[v], (double)file->popularity[v]);
  }
  cr_assert_eq(file->categories.count, 2);
  /* pen and ink are blue, pad is paper, cap is nothing; the second slot is empty */
  for (uint32_t i = 0; i < 4 * 2; i++) {
    uint32_t has = file->attributes[i], want = i % 2 || i == 6 ? UINT32_MAX : 0;
    cr_expect(want ? has == want : is_string(&file->categories, has, i == 4 ? "paper" : "blue"), "slot %u", i);
  }
  for (uint32_t c = 0; c < 2; c++) {
    uint32_t begin = file->category_offsets[c], n = file->category_offsets[c + 1] - begin;
    int blue = is_string(&file->categories, c, "blue");
    cr_expect(blue || is_string(&file->categories, c, "paper"));
    cr_assert_eq(n, blue ? 2u : 1u);
    cr_expect_eq(file->category_items[begin], blue ? 0u : 2u);
    if (blue) cr_expect_eq(file->category_items[begin + 1], 1);
  }
}

Test(export, writes_what_was_trained) {
  solid_dataset dataset = {0};
  make_history(&dataset, 3);
  sol_config config = {.items = 4,
                       .width = 4,
                       .window = 3,
                       .blocks = 1,
                       .heads = 1,
                       .levels = 2,
                       .codes = 3,
                       .attributes = 2,
                       .slots = 2,
                       .clip = 1};
  float centroids[2 * 3 * 3] = {0.5f, -1};
  uint16_t table[4 * 2] = {0, 1, 2, 0, 1, 1, 2, 2};
  sol_codebook book = {.items = 4, .levels = 2, .codes = 3, .width = 3, .centroids = centroids, .table = table};
  float *weights = malloc(sol_tensors_total(&config) * sizeof *weights);
  sol_weights_init(&config, 5, weights);
  char folder[] = "/tmp/solid-export-XXXXXX", path[64];
  cr_assert_not_null(mkdtemp(folder));
  snprintf(path, sizeof path, "%s/model", folder);
  sol_export what = {
      .config = &config, .dataset = &dataset, .codebook = &book, .weights = weights, .training = "{\"seed\": 5}"};
  cr_assert_eq(sol_export_model(&what, path), SOLID_OK, "%s", solid_last_error());
  sol_model_file file;
  cr_assert_eq(sol_model_file_read(&file, path), SOLID_OK, "%s", solid_last_error());
  check_contents(&file, &book, weights);
  sol_model_file_clear(&file);
  unlink(path);
  rmdir(folder);
  free(weights);
  solid_dataset_clear(&dataset);
}

/* No attributes, no codes: the file has no categories and no codebook, and is read back. */
Test(export, writes_a_model_of_items_alone) {
  solid_dataset dataset = {0};
  make_history(&dataset, 0);
  sol_config config = {.items = 4, .width = 4, .window = 3, .blocks = 1, .heads = 1, .clip = 1};
  float *weights = malloc(sol_tensors_total(&config) * sizeof *weights);
  sol_weights_init(&config, 5, weights);
  char folder[] = "/tmp/solid-export-XXXXXX", path[64];
  cr_assert_not_null(mkdtemp(folder));
  snprintf(path, sizeof path, "%s/model", folder);
  sol_export what = {.config = &config, .dataset = &dataset, .weights = weights};
  cr_assert_eq(sol_export_model(&what, path), SOLID_OK, "%s", solid_last_error());
  sol_model_file file;
  cr_assert_eq(sol_model_file_read(&file, path), SOLID_OK, "%s", solid_last_error());
  cr_expect_eq(file.categories.count, 0);
  cr_expect_null(file.codes);
  sol_model_file_clear(&file);
  unlink(path);
  rmdir(folder);
  free(weights);
  solid_dataset_clear(&dataset);
}

Test(export, says_beforehand_that_a_path_is_no_good) {
  cr_expect_eq(solid_export_check("/tmp"), SOLID_EIO);
  cr_expect(strstr(solid_last_error(), "/tmp: is a folder") != NULL, "%s", solid_last_error());
  cr_expect_eq(solid_export_check("/nowhere/at/all/model"), SOLID_EIO);
  cr_expect(strstr(solid_last_error(), "/nowhere/at/all/model") != NULL, "%s", solid_last_error());
}

/* A device that the user names is not to become a file. */
Test(export, leaves_what_is_no_regular_file) {
  char folder[] = "/tmp/solid-export-XXXXXX", path[64];
  struct stat found;
  cr_assert_not_null(mkdtemp(folder));
  snprintf(path, sizeof path, "%s/model", folder);
  cr_assert_eq(mkfifo(path, 0600), 0);
  cr_expect_eq(solid_export_check(path), SOLID_EIO);
  cr_expect(strstr(solid_last_error(), "not a regular file") != NULL, "%s", solid_last_error());
  cr_expect_eq(sol_safetensors_write(path, NULL, 0, NULL, 0), SOLID_EIO);
  cr_expect(strstr(solid_last_error(), "not a regular file") != NULL, "%s", solid_last_error());
  cr_expect(stat(path, &found) == 0 && S_ISFIFO(found.st_mode), "the pipe is gone");
  unlink(path);
  rmdir(folder);
}

/* Files beside the model belong to the user, whatever their names. */
Test(export, asking_beforehand_touches_no_file) {
  char folder[] = "/tmp/solid-export-XXXXXX", path[64], mine[64], kept[16] = "";
  cr_assert_not_null(mkdtemp(folder));
  snprintf(path, sizeof path, "%s/model", folder);
  snprintf(mine, sizeof mine, "%s/model.probe", folder);
  FILE *file = fopen(mine, "w");
  cr_assert_not_null(file);
  fputs("mine", file);
  fclose(file);
  cr_expect_eq(solid_export_check(path), SOLID_OK, "%s", solid_last_error());
  file = fopen(mine, "r");
  cr_assert_not_null(file, "the user's file is gone");
  cr_expect_not_null(fgets(kept, sizeof kept, file));
  fclose(file);
  cr_expect_str_eq(kept, "mine");
  unlink(mine);
  cr_expect_eq(rmdir(folder), 0, "something is left in the folder");
}
