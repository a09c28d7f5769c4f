#include "tests/support/tiny_model.h"
#include "solid/model/model_file.h"
#include "solid/model/model_parts.h"
#include "solid/model/tensors.h"
#include "tests/support/seed.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

sol_config tiny_config(solid_head head, uint32_t rank) {
  sol_config config = {.items = 40, .width = 16, .window = 10, .blocks = 2, .heads = 2, .levels = 3, .codes = 8};
  config.content = 6;
  config.rank = rank;
  config.head = head;
  config.clip = 0.1f;
  return config;
}

sol_config tiny_joinable(solid_head head, uint32_t rank) {
  sol_config config = tiny_config(head, rank);
  config.content_attributes = 3;
  config.content_vectors = 2;
  config.content_given = 3;
  config.attributes = 3;
  config.slots = 2;
  return config;
}

void tiny_long(sol_config *config, uint32_t window) {
  config->window = window, config->generator_window = 32, config->positions = SOL_POSITIONS_ROTARY, config->turned = 4;
  config->attention = SOL_ATTENTION_SPARSE, config->select_chunk = 64, config->select_sink = 2;
  config->select_window = 8, config->select_recent = 8, config->select_stride = 8, config->select_budget = 24;
  config->select_mass = 900;
}

static void *must(void *memory) {
  cr_assert_not_null(memory, "out of memory in a test");
  return memory;
}

static sol_strings make_strings(uint32_t count, void (*name)(uint32_t i, char *text)) {
  sol_strings strings = {count, must(malloc((count + 1) * sizeof(uint32_t))), must(malloc(32 * (size_t)count))};
  strings.offsets[0] = 0;
  for (uint32_t i = 0; i < count; i++) {
    char text[32];
    name(i, text);
    size_t length = strlen(text);
    memcpy(strings.bytes + strings.offsets[i], text, length);
    strings.offsets[i + 1] = strings.offsets[i] + (uint32_t)length;
  }
  return strings;
}

static void item_name(uint32_t i, char *text) {
  snprintf(text, 32, "item-%u", i);
}

static void category_name(uint32_t i, char *text) {
  static const char *const names[] = {"even", "third", "none"};
  strcpy(text, names[i]);
}

static void make_categories(sol_model_file *file) {
  uint32_t V = file->config.items, used = 0;
  file->categories = make_strings(3, category_name);
  file->category_offsets = must(calloc(4, sizeof(uint32_t)));
  file->category_items = must(malloc(2 * (size_t)V * sizeof(uint32_t)));
  for (uint32_t c = 0; c < 3; c++) {
    for (uint32_t v = 0; v < V && c < 2; v += c + 2) file->category_items[used++] = v;
    file->category_offsets[c + 1] = used;
  }
}

/* Trained weights are larger than initial ones, and no layer of theirs is zero. */
static void make_weights(sol_model_file *file, seed_rng *rng) {
  const sol_config *config = &file->config;
  sol_tensor tensors[SOL_MAX_TENSORS];
  size_t n = sol_tensors_list(config, tensors);
  file->weights = must(malloc(sol_tensors_total(config) * sizeof(float)));
  sol_weights_init(config, seed_next(rng), file->weights);
  for (size_t i = 0; i < n; i++) {
    float *x = file->weights + tensors[i].offset;
    int map = strstr(tensors[i].name, ".layer.") != NULL;
    float scale = strstr(tensors[i].name, "embedding") ? 0.5f : map ? 0.3f / sqrtf((float)config->width) : 0.05f;
    for (size_t k = 0; k < tensors[i].count; k++) x[k] += scale * seed_normal(rng);
  }
}

static float *normals(seed_rng *rng, size_t n) {
  float *x = n ? must(malloc(n * sizeof *x)) : NULL;
  seed_fill_normal(rng, x, n, 1.0f);
  return x;
}

/* Of the three categories, and of given vectors. */
static void make_content(sol_model_file *file, seed_rng *rng) {
  const sol_config *config = &file->config;
  size_t w = config->content_given, wv = config->content_vectors;
  file->content_words = normals(rng, 3 * (size_t)config->content_attributes);
  file->content_mean = normals(rng, w);
  file->content_basis = normals(rng, w == wv ? 0 : w * wv);
}

void tiny_model_file(sol_model_file *file, const sol_config *config, uint64_t seed) {
  seed_rng rng = seed_start(seed);
  size_t V = config->items, codes = V * config->levels;
  size_t centroids = (size_t)config->levels * config->codes * config->content;
  memset(file, 0, sizeof *file);
  file->config = *config;
  make_weights(file, &rng);
  if (codes) file->codes = must(malloc(codes * sizeof(uint16_t)));
  for (size_t i = 0; i < codes; i++) file->codes[i] = (uint16_t)seed_below(&rng, (int32_t)config->codes);
  if (centroids) file->centroids = must(malloc(centroids * sizeof(float)));
  seed_fill_normal(&rng, file->centroids, centroids, 1.0f);
  make_content(file, &rng);
  size_t slots = V * config->slots;
  if (slots) file->attributes = must(malloc(slots * sizeof(uint32_t)));
  for (size_t i = 0; i < slots; i++) {
    uint32_t a = (uint32_t)seed_below(&rng, (int32_t)config->attributes + 1);
    file->attributes[i] = a == config->attributes ? SOL_NO_ATTRIBUTE : a;
  }
  file->popularity = must(malloc(V * sizeof(float)));
  for (size_t v = 0; v < V; v++) file->popularity[v] = (float)(V - v);
  file->items = make_strings(config->items, item_name);
  make_categories(file);
  file->training = must(strdup("{\"seed\":1}"));
  cr_assert_eq(sol_model_file_seal(file), SOLID_OK, "%s", solid_last_error());
}

solid_model *tiny_model(const solid_context *ctx, const sol_config *config, uint64_t seed) {
  sol_model_file file;
  solid_model *model = NULL;
  tiny_model_file(&file, config, seed);
  cr_assert_eq(sol_model_new(&model, ctx, &file), SOLID_OK, "%s", solid_last_error());
  return model;
}

void tiny_model_write(char *path, size_t size, const sol_config *config, uint64_t seed) {
  const char *folder = getenv("TMPDIR");
  cr_assert_lt(snprintf(path, size, "%s/solid-model-XXXXXX", folder ? folder : "/tmp"), (int)size);
  int fd = mkstemp(path);
  cr_assert(fd >= 0, "%s cannot be made", path);
  close(fd);
  sol_model_file file;
  tiny_model_file(&file, config, seed);
  cr_assert_eq(sol_model_file_write(&file, path), SOLID_OK, "%s", solid_last_error());
  sol_model_file_clear(&file);
}
