/* Look-ups and tables of a model, and its sharing between threads. */
#include "solid/model/model_file.h"
#include "solid/model/model_parts.h"
#include "solid/neighbours.h"
#include "tests/support/tiny_model.h"
#include <criterion/criterion.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static solid_context *open_context(void) {
  solid_context *ctx = NULL;
  cr_assert_eq(solid_context_new(&ctx, NULL), SOLID_OK, "%s", solid_last_error());
  return ctx;
}

static solid_bytes bytes_of(const char *text) {
  solid_bytes bytes = {text, strlen(text)};
  return bytes;
}

Test(model, info_tells_the_config) {
  solid_context *ctx = open_context();
  sol_config config = tiny_config(SOLID_HEAD_SOLID, 4);
  solid_model *model = tiny_model(ctx, &config, 1);
  solid_model_info info = {.struct_size = sizeof info};
  cr_assert_eq(solid_model_get_info(model, &info), SOLID_OK);
  cr_assert(info.items == 40 && info.width == 16 && info.window == 10 && info.blocks == 2 && info.heads == 2);
  cr_assert(info.levels == 3 && info.codes == 8 && info.categories == 3 && info.rank == 4 && info.params == 40);
  cr_assert(info.head == SOLID_HEAD_SOLID && info.generation != 0);

  solid_model_info old = {.struct_size = offsetof(solid_model_info, window), .window = 77};
  cr_assert_eq(solid_model_get_info(model, &old), SOLID_OK);
  cr_assert(old.width == 16 && old.window == 77, "fields beyond the caller's struct were written");
  old.struct_size = 0;
  cr_assert_eq(solid_model_get_info(model, &old), SOLID_EINVAL);
  old.struct_size = sizeof old + 1;
  cr_assert_eq(solid_model_get_info(model, &old), SOLID_EINVAL);
  solid_model_free(model);

  config = tiny_config(SOLID_HEAD_STATIC, 0);
  model = tiny_model(ctx, &config, 1);
  cr_assert_eq(solid_model_get_info(model, &info), SOLID_OK);
  cr_assert(info.params == 0 && info.rank == 16);
  solid_model_free(model);
  solid_model_free(NULL);
  solid_context_free(ctx);
}

Test(model, ids_hashes_and_indices_agree) {
  solid_context *ctx = open_context();
  sol_config config = tiny_config(SOLID_HEAD_STATIC, 0);
  config.items = 1000;
  solid_model *model = tiny_model(ctx, &config, 2);
  for (uint32_t v = 0; v < config.items; v++) {
    char expected[32];
    snprintf(expected, sizeof expected, "item-%u", v);
    solid_bytes id = solid_model_item_id(model, v);
    cr_assert(id.size == strlen(expected) && memcmp(id.data, expected, id.size) == 0);
    cr_assert_eq(solid_model_item_index(model, bytes_of(expected)), v);
    cr_assert_eq(solid_model_item_by_hash(model, solid_item_hash(id)), v);
  }
  const char *unknown[] = {"", "item-", "item-1000", "item-01", "ITEM-1", "item-1 "};
  for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
    cr_assert_eq(solid_model_item_index(model, bytes_of(unknown[i])), SOLID_NO_ITEM, "%s", unknown[i]);
    cr_assert_eq(solid_model_item_by_hash(model, solid_item_hash(bytes_of(unknown[i]))), SOLID_NO_ITEM);
  }
  cr_assert_eq(solid_model_item_index(model, (solid_bytes){NULL, 0}), SOLID_NO_ITEM);
  cr_assert_eq(solid_model_item_index(model, (solid_bytes){NULL, 4}), SOLID_NO_ITEM);
  cr_assert_null(solid_model_item_id(model, 1000).data);
  cr_assert_null(solid_model_item_id(model, SOLID_NO_ITEM).data);
  cr_assert_null(solid_model_item_codes(model, 1000));
  cr_assert_eq(solid_item_hash((solid_bytes){NULL, 0}), 0x2d06800538d394c2ULL, "XXH3 of nothing"); /* xxhash's own */
  solid_model_free(model);
  solid_context_free(ctx);
}

/* What a load that failed leaves behind, asked all the same. */
Test(model, a_model_that_is_none_has_nothing) {
  uint64_t mask = 5;
  cr_assert_eq(solid_model_item_count(NULL), 0);
  cr_assert_eq(solid_model_item_is_open(NULL, 0), 0);
  solid_model_closed_items(NULL, &mask);
  cr_assert_eq(mask, 5);
  cr_assert_eq(solid_model_item_index(NULL, bytes_of("item-0")), SOLID_NO_ITEM);
  cr_assert_eq(solid_model_item_by_hash(NULL, 1), SOLID_NO_ITEM);
  cr_assert_null(solid_model_item_id(NULL, 0).data);
  cr_assert_null(solid_model_item_title(NULL, 0).data);
  cr_assert_null(solid_model_item_codes(NULL, 0));
  cr_assert_eq(solid_model_category(NULL, bytes_of("third")), UINT32_MAX);
  cr_assert_null(solid_model_category_name(NULL, 0).data);
  cr_assert_eq(solid_neighbours_cosine(NULL, 0, 0), 0);
}

Test(model, categories_are_found_by_name) {
  solid_context *ctx = open_context();
  sol_config config = tiny_config(SOLID_HEAD_STATIC, 0);
  solid_model *model = tiny_model(ctx, &config, 3);
  const uint32_t *items = NULL;
  size_t count = 0;
  uint32_t third = solid_model_category(model, bytes_of("third"));
  cr_assert_eq(third, 1);
  cr_assert_eq(solid_model_category(model, bytes_of("Third")), UINT32_MAX);
  cr_assert_eq(solid_model_category_items(model, third, &items, &count), SOLID_OK);
  cr_assert_eq(count, 14);
  for (size_t i = 0; i < count; i++) cr_assert_eq(items[i], 3 * i);
  cr_assert_eq(solid_model_category_items(model, 2, &items, &count), SOLID_OK);
  cr_assert_eq(count, 0);
  cr_assert_eq(solid_model_category_items(model, 3, &items, &count), SOLID_ERANGE);
  cr_assert_str_eq(solid_last_error(), "category 3: the model has 3");
  cr_assert_eq(solid_model_category_name(model, 0).size, 4);
  cr_assert_null(solid_model_category_name(model, 3).data);
  solid_model_free(model);
  solid_context_free(ctx);
}

/* vectors_v = E_v + sum_c M_c[code_c(v)] + sum over v's attributes of T[a], in double. */
Test(model, catalogue_tables_are_the_sums_of_embeddings) {
  solid_context *ctx = open_context();
  sol_config config = tiny_config(SOLID_HEAD_SOLID, 0);
  config.attributes = 7, config.slots = 2;
  sol_model_file file;
  tiny_model_file(&file, &config, 4);
  sol_weights host;
  sol_weights_bind(&host, &config, file.weights);
  solid_model *model = tiny_model(ctx, &config, 4);
  size_t V = config.items, d = config.width, C = config.levels, K = config.codes;
  float *semantic = malloc(V * d * sizeof(float)), *vectors = malloc(V * d * sizeof(float));
  sk_backend *be = NULL;
  cr_assert_eq(sol_backend_open(ctx, &be), SOLID_OK); /* another queue than the one that filled the tables */
  const sol_catalogue *catalogue = sol_model_catalogue(model);
  cr_assert_eq(be->ops->download(be, semantic, catalogue->semantic, V * d * sizeof(float)), SOLID_OK);
  cr_assert_eq(be->ops->download(be, vectors, catalogue->vectors, V * d * sizeof(float)), SOLID_OK);
  cr_assert_eq(be->ops->sync(be), SOLID_OK);
  for (size_t v = 0; v < V; v++)
    for (size_t i = 0; i < d; i++) {
      double sum = 0;
      for (size_t c = 0; c < C; c++) sum += host.metacodes[(c * K + file.codes[v * C + c]) * d + i];
      for (const uint32_t *a = file.attributes + 2 * v; a < file.attributes + 2 * v + 2; a++)
        if (*a != SOL_NO_ATTRIBUTE) sum += host.attributes[*a * d + i];
      cr_assert_lt(fabs(semantic[v * d + i] - sum), 1e-6);
      cr_assert_lt(fabs(vectors[v * d + i] - (sum + host.items[v * d + i])), 1e-6);
      cr_assert_eq(solid_model_item_codes(model, (uint32_t)v)[0], file.codes[v * C]);
    }
  be->ops->close(be);
  free(semantic);
  free(vectors);
  sol_model_file_clear(&file);
  solid_model_free(model);
  solid_context_free(ctx);
}

Test(model, without_codes_the_vectors_are_the_embeddings) {
  solid_context *ctx = open_context();
  sol_config config = tiny_config(SOLID_HEAD_DUET, 0);
  config.levels = config.codes = config.content = 0;
  solid_model *model = tiny_model(ctx, &config, 5);
  cr_assert_null(solid_model_item_codes(model, 0));
  cr_assert_null(sol_model_catalogue(model)->semantic);
  cr_assert_eq(sol_model_catalogue(model)->vectors, sol_model_weights(model)->items);
  solid_model_free(model);
  solid_context_free(ctx);
}

static void *look_up(void *user) {
  const solid_model *model = user;
  for (uint32_t round = 0; round < 200; round++)
    for (uint32_t v = 0; v < 40; v++) {
      solid_model_info info = {.struct_size = sizeof info};
      if (solid_model_get_info(model, &info) != SOLID_OK || info.items != 40) return user;
      if (solid_model_item_index(model, solid_model_item_id(model, v)) != v) return user;
      if (solid_model_category_items(model, 9, NULL, NULL) != SOLID_EINVAL) return user;
    }
  return NULL;
}

Test(model, is_read_by_many_threads_at_once) {
  solid_context *ctx = open_context();
  sol_config config = tiny_config(SOLID_HEAD_SOLID, 0);
  solid_model *model = tiny_model(ctx, &config, 6);
  pthread_t threads[4];
  for (size_t i = 0; i < 4; i++) cr_assert_eq(pthread_create(&threads[i], NULL, look_up, model), 0);
  for (size_t i = 0; i < 4; i++) {
    void *failed = NULL;
    pthread_join(threads[i], &failed);
    cr_assert_null(failed);
  }
  solid_model_free(model);
  solid_context_free(ctx);
}

static void expect_refused(sol_model_file *file, const solid_context *ctx, const char *text) {
  solid_model *model = NULL;
  cr_assert_eq(sol_model_new(&model, ctx, file), SOLID_EFORMAT);
  cr_assert(strstr(solid_last_error(), text), "%s", solid_last_error());
  cr_assert_null(model);
  cr_assert_null(file->weights, "the file's arrays were not taken over");
}

Test(model, repeated_ids_are_refused) {
  solid_context *ctx = open_context();
  sol_config config = tiny_config(SOLID_HEAD_STATIC, 0);
  sol_model_file file;
  tiny_model_file(&file, &config, 7);
  file.items.bytes[file.items.offsets[4] - 1] = '1'; /* "item-3" becomes "item-1" */
  cr_assert_eq(sol_model_file_seal(&file), SOLID_EFORMAT);
  cr_assert_str_eq(solid_last_error(), "item id \"item-1\" occurs twice, at 1 and 3");
  expect_refused(&file, ctx, "item id \"item-1\" occurs twice, at 1 and 3");
  tiny_model_file(&file, &config, 7);
  file.categories.offsets[1] = 1; /* "e" */
  memcpy(file.categories.bytes, "eeeeeeeee", 9);
  file.categories.offsets[2] = 2;
  expect_refused(&file, ctx, "category name \"e\" occurs twice, at 0 and 1");
  solid_context_free(ctx);
}
