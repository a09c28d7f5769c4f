/* Codes of new vectors against a plain search in double, and the report of usage. */
#include "solid/codebook.h"
#include "solid/model/model_file.h"
#include "solid/model/model_parts.h"
#include "tests/support/seed.h"
#include "tests/support/tiny_model.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static solid_context *ctx;
static sol_model_file file;
static solid_model *model;

static void open_model(void) {
  sol_config config = tiny_config(SOLID_HEAD_SEMANTIC, 0);
  cr_assert_eq(solid_context_new(&ctx, NULL), SOLID_OK);
  tiny_model_file(&file, &config, 1);
  model = tiny_model(ctx, &config, 1);
}

static void close_model(void) {
  sol_model_file_clear(&file);
  solid_model_free(model);
  solid_context_free(ctx);
}

static void search(const float *x, uint16_t *codes) {
  uint32_t C = file.config.levels, K = file.config.codes, d = file.config.content;
  double residual[16];
  for (uint32_t i = 0; i < d; i++) residual[i] = x[i];
  for (uint32_t c = 0; c < C; c++) {
    double best = INFINITY;
    for (uint32_t k = 0; k < K; k++) {
      double distance = 0;
      for (uint32_t i = 0; i < d; i++) {
        double r = residual[i] - file.centroids[(c * K + k) * d + i];
        distance += r * r;
      }
      if (distance < best) {
        best = distance;
        codes[c] = (uint16_t)k;
      }
    }
    for (uint32_t i = 0; i < d; i++) residual[i] -= file.centroids[(c * K + codes[c]) * d + i];
  }
}

/* More rows than go to the device at once. */
Test(codebook, codes_are_the_nearest_centroids, .init = open_model, .fini = close_model) {
  size_t n = 4096 + 37, C = 3, d = 6;
  seed_rng rng = seed_start(1);
  float *x = malloc(n * d * sizeof *x);
  uint16_t *codes = malloc((n * C + 1) * sizeof *codes), expected[3];
  seed_fill_normal(&rng, x, n * d, 1.5f);
  codes[n * C] = 0xabcd;
  cr_assert_eq(solid_codebook_quantize(model, x, n, codes), SOLID_OK, "%s", solid_last_error());
  for (size_t i = 0; i < n; i++) {
    search(x + i * d, expected);
    cr_assert_eq(memcmp(codes + i * C, expected, sizeof expected), 0, "vector %zu", i);
  }
  cr_assert_eq(codes[n * C], 0xabcd, "written beyond the end");
  cr_assert_eq(solid_codebook_quantize(model, NULL, 0, NULL), SOLID_OK);
  free(x);
  free(codes);
}

Test(codebook, wrong_vectors_are_named, .init = open_model, .fini = close_model) {
  float x[12] = {0};
  uint16_t codes[6] = {9, 9, 9, 9, 9, 9};
  x[8] = NAN;
  cr_assert_eq(solid_codebook_quantize(model, x, 2, codes), SOLID_ERANGE);
  cr_assert_str_eq(solid_last_error(), "codebook: vector 1: element 2 is nan, must be finite");
  cr_assert_eq(codes[0], 9);
  cr_assert_eq(solid_codebook_quantize(model, NULL, 1, codes), SOLID_EINVAL);
  cr_assert_eq(solid_codebook_quantize(NULL, x, 1, codes), SOLID_EINVAL);

  sol_config config = tiny_config(SOLID_HEAD_SOLID, 0);
  config.content = 0;
  solid_model *bare = tiny_model(ctx, &config, 2);
  cr_assert_eq(solid_codebook_quantize(bare, x, 1, codes), SOLID_ENOTFOUND);
  cr_assert(strstr(solid_last_error(), "centroids"));
  solid_model_free(bare);
}

Test(codebook, usage_and_collisions_are_counted) {
  solid_context *context = NULL;
  solid_model *made = NULL;
  sol_model_file counted;
  sol_config config = tiny_config(SOLID_HEAD_SOLID, 0);
  config.levels = 5; /* the second half of the key is used */
  cr_assert_eq(solid_context_new(&context, NULL), SOLID_OK);
  tiny_model_file(&counted, &config, 3);
  for (uint32_t v = 0; v < 40; v++) {
    const uint16_t codes[5] = {(uint16_t)(v % 8), 0, 3, (uint16_t)(v < 20), (uint16_t)(v / 8)};
    memcpy(counted.codes + v * 5, codes, sizeof codes); /* all different */
  }
  memcpy(counted.codes + 5 * 30, counted.codes, 10); /* item 30 now collides with item 0, */
  memcpy(counted.codes + 5 * 35, counted.codes, 10); /* and item 35 too */
  cr_assert_eq(sol_model_file_seal(&counted), SOLID_OK);
  cr_assert_eq(sol_model_new(&made, context, &counted), SOLID_OK);
  solid_codebook_info info = {.struct_size = sizeof info};
  cr_assert_eq(solid_codebook_get_info(made, &info), SOLID_OK);
  cr_assert(info.levels == 5 && info.codes == 8 && info.content == 6 && info.collisions == 2);
  cr_assert(info.level[0].used == 8 && info.level[1].used == 1 && info.level[3].used == 2);
  cr_assert_float_eq(info.level[1].perplexity, 1.0, 1e-12);
  double p = 22 / 40.0; /* items 30 and 35 went over to the first half */
  cr_assert_float_eq(info.level[3].perplexity, exp(-p * log(p) - (1 - p) * log(1 - p)), 1e-12);
  info.struct_size = sizeof info + 1;
  cr_assert_eq(solid_codebook_get_info(made, &info), SOLID_EINVAL);
  solid_model_free(made);

  config = tiny_config(SOLID_HEAD_STATIC, 0);
  config.levels = config.codes = config.content = 0;
  made = tiny_model(context, &config, 4);
  info.struct_size = sizeof info;
  cr_assert_eq(solid_codebook_get_info(made, &info), SOLID_OK);
  cr_assert(info.levels == 0 && info.collisions == 0);
  solid_model_free(made);
  solid_context_free(context);
}
