/* The model file: what is written is read, and whatever is wrong is named with its file, its tensor and the values. */
#include "solid/model.h"
#include "solid/model/config_json.h"
#include "solid/model/model_file.h"
#include "solid/model/safetensors.h"
#include "solid/model/tensors.h"
#include "tests/support/scratch.h"
#include "tests/support/tiny_model.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static sol_config small_config(void) {
  sol_config config = tiny_config(SOLID_HEAD_SOLID, 2);
  config.items = 5;
  config.width = 4;
  config.window = 2;
  config.blocks = 1;
  config.levels = 2;
  config.codes = 3;
  config.content = 2;
  return config;
}

static void expect_same(const sol_model_file *a, const sol_model_file *b) {
  const sol_config *config = &a->config;
  size_t V = config->items, members = a->categories.count ? a->category_offsets[a->categories.count] : 0;
  cr_assert_eq(memcmp(&a->config, &b->config, sizeof a->config), 0);
  cr_assert_eq(memcmp(a->weights, b->weights, sol_tensors_total(config) * sizeof(float)), 0);
  if (config->levels) cr_assert_eq(memcmp(a->codes, b->codes, V * config->levels * sizeof(uint16_t)), 0);
  if (config->slots) cr_assert_eq(memcmp(a->attributes, b->attributes, V * config->slots * sizeof(uint32_t)), 0);
  size_t centroids = (size_t)config->levels * config->codes * config->content;
  if (centroids) cr_assert_eq(memcmp(a->centroids, b->centroids, centroids * sizeof(float)), 0);
  cr_assert_eq(memcmp(a->popularity, b->popularity, V * sizeof(float)), 0);
  cr_assert_eq(memcmp(a->items.offsets, b->items.offsets, (V + 1) * sizeof(uint32_t)), 0);
  cr_assert_eq(memcmp(a->items.bytes, b->items.bytes, a->items.offsets[V]), 0);
  cr_assert_eq(a->categories.count, b->categories.count);
  if (members) cr_assert_eq(memcmp(a->category_items, b->category_items, members * sizeof(uint32_t)), 0);
  cr_assert_eq(a->generation, b->generation);
  cr_assert_eq(a->training != NULL, b->training != NULL);
  if (a->training) cr_assert_str_eq(a->training, b->training);
}

Test(model_file, what_was_written_is_read) {
  const solid_head heads[] = {SOLID_HEAD_STATIC, SOLID_HEAD_DUET, SOLID_HEAD_SEMANTIC, SOLID_HEAD_SOLID};
  char path[SCRATCH_PATH];
  scratch_path(path, "model.safetensors");
  for (size_t h = 0; h < 4; h++)
    for (int variant = 0; variant < 4; variant++) {
      sol_config config = tiny_config(heads[h], variant == 1 ? 4 : 0);
      if (variant == 3)
        config.slate_rows = 7, config.slate_blocks = 2, config.slate_collisions = 3, config.slate_near = h % 2;
      if (variant == 1) config.attributes = 5, config.slots = 3;
      if (variant == 2) config.content = 0;
      if (variant == 2 && !sol_config_has_semantic_branch(&config)) config.levels = config.codes = 0;
      if (variant == 2) config.clip = INFINITY;
      sol_model_file file, read;
      tiny_model_file(&file, &config, h);
      if (variant == 2) {
        file.categories.count = 0; /* their arrays are still freed, and nothing of them is written */
        free(file.training);
        file.training = NULL;
        free(file.categories.bytes);
        free(file.categories.offsets);
        free(file.category_items);
        free(file.category_offsets);
        file.categories = (sol_strings){0};
        file.category_items = file.category_offsets = NULL;
      }
      cr_assert_eq(sol_model_file_write(&file, path), SOLID_OK, "%s", solid_last_error());
      cr_assert_eq(sol_model_file_read(&read, path), SOLID_OK, "%s", solid_last_error());
      expect_same(&file, &read);
      sol_model_file_clear(&file);
      sol_model_file_clear(&read);
    }
  sol_model_file nothing = {0};
  sol_model_file_clear(&nothing);
  scratch_remove();
}

Test(model_file, generation_changes_with_every_part_but_the_training_text) {
  sol_config config = small_config();
  sol_model_file file;
  tiny_model_file(&file, &config, 1);
  uint64_t first = file.generation;
#define EXPECT_NEW(change, undo)                                                                                       \
  change;                                                                                                              \
  cr_assert_eq(sol_model_file_seal(&file), SOLID_OK, "%s", solid_last_error());                                        \
  cr_assert_neq(file.generation, first, "%s", #change);                                                                \
  undo;                                                                                                                \
  cr_assert_eq(sol_model_file_seal(&file), SOLID_OK);                                                                  \
  cr_assert_eq(file.generation, first)
  float weight = file.weights[0];
  EXPECT_NEW(file.weights[0] += 1, file.weights[0] = weight);
  EXPECT_NEW(file.config.clip = 0.5f, file.config.clip = 0.1f);
  EXPECT_NEW(file.config.heads = 1, file.config.heads = 2);
  EXPECT_NEW(file.items.bytes[0] = 'I', file.items.bytes[0] = 'i');
  EXPECT_NEW(file.popularity[2] += 1, file.popularity[2] -= 1);
  EXPECT_NEW(file.category_items[1] = 3, file.category_items[1] = 2);
  uint16_t code = file.codes[3];
  EXPECT_NEW(file.codes[3] = (uint16_t)((code + 1) % 3), file.codes[3] = code);
#undef EXPECT_NEW
  file.training[1] = '_';
  cr_assert_eq(sol_model_file_seal(&file), SOLID_OK);
  cr_assert_eq(file.generation, first);
  sol_model_file_clear(&file);
}

/* Nearly the whole of the file is covered by shapes, hashes or JSON; what reads all the same must be the same model. */
Test(model_file, a_flipped_bit_is_noticed) {
  char path[SCRATCH_PATH];
  sol_config config = small_config();
  sol_model_file file, read;
  scratch_path(path, "flipped");
  tiny_model_file(&file, &config, 2);
  cr_assert_eq(sol_model_file_write(&file, path), SOLID_OK);
  size_t size = 0, accepted = 0;
  char *bytes = scratch_read(path, &size);
  for (size_t i = 0; i < size; i++) {
    bytes[i] ^= (char)(1 << i % 8);
    scratch_write(path, bytes, size);
    bytes[i] ^= (char)(1 << i % 8);
    solid_status status = sol_model_file_read(&read, path);
    if (status == SOLID_OK) {
      accepted++;
      expect_same(&file, &read);
      sol_model_file_clear(&read);
      continue;
    }
    cr_assert(status == SOLID_EFORMAT || status == SOLID_EUNSUPPORTED, "byte %zu: %s", i, solid_last_error());
    cr_assert(strstr(solid_last_error(), path), "%s", solid_last_error());
    cr_assert_null(read.weights);
  }
  cr_assert_lt(accepted, 64, "%zu flipped bits were not noticed", accepted); /* blanks that became other blanks */
  free(bytes);
  sol_model_file_clear(&file);
  scratch_remove();
}

Test(model_file, a_file_cut_anywhere_is_refused) {
  char path[SCRATCH_PATH];
  sol_config config = small_config();
  sol_model_file file;
  scratch_path(path, "cut");
  tiny_model_file(&file, &config, 3);
  cr_assert_eq(sol_model_file_write(&file, path), SOLID_OK);
  sol_model_file_clear(&file);
  size_t size = 0;
  char *bytes = scratch_read(path, &size);
  for (size_t n = 0; n < size; n += n < 4096 ? 1 : 37) {
    scratch_write(path, bytes, n);
    cr_assert_eq(sol_model_file_read(&file, path), SOLID_EFORMAT, "cut to %zu", n);
  }
  free(bytes);
  scratch_remove();
}

static void expect_bad(sol_model_file *file, const char *text) {
  cr_assert_eq(sol_model_file_seal(file), SOLID_EFORMAT, "%s: was taken", text);
  cr_assert_str_eq(solid_last_error(), text);
  sol_model_file_clear(file);
}

Test(model_file, attributes_need_slots_and_codes) {
  const struct {
    uint32_t attributes, slots, levels;
    solid_status status;
    const char *text;
  } cases[] = {{5, 0, 2, SOLID_EINVAL, "config: 5 attributes in 0 slots an item and 2 levels: all or none"},
               {0, 3, 2, SOLID_EINVAL, "config: 0 attributes in 3 slots an item and 2 levels: all or none"},
               {5, 3, 0, SOLID_EINVAL, "config: 5 attributes in 3 slots an item and 0 levels: all or none"},
               {5, 65, 2, SOLID_ERANGE, "config: slots is 65, must be 0 to 64"},
               {5, 3, 2, SOLID_OK, NULL}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    sol_config config = small_config();
    config.head = SOLID_HEAD_STATIC, config.content = 0;
    config.attributes = cases[i].attributes, config.slots = cases[i].slots, config.levels = cases[i].levels;
    cr_assert_eq(sol_config_check(&config), cases[i].status);
    if (cases[i].text) cr_assert_str_eq(solid_last_error(), cases[i].text);
  }
}

/* A library that knows no attributes reads what has none. */
Test(model_file, attributes_alone_need_the_newer_format) {
  char path[SCRATCH_PATH];
  scratch_path(path, "model.safetensors");
  for (uint32_t slots = 0; slots < 2; slots++) {
    sol_config config = small_config();
    config.attributes = 4 * slots, config.slots = slots;
    sol_model_file file;
    sol_safetensors st;
    tiny_model_file(&file, &config, 6);
    cr_assert_eq(sol_model_file_write(&file, path), SOLID_OK, "%s", solid_last_error());
    sol_model_file_clear(&file);
    cr_assert_eq(sol_safetensors_open(&st, path), SOLID_OK);
    cr_assert_str_eq(sol_safetensors_metadata(&st, "solid.format"), slots ? "2" : "1");
    cr_assert_eq(strstr(sol_safetensors_metadata(&st, "solid.config"), "slots") != NULL, slots == 1);
    sol_safetensors_close(&st);
  }
}

Test(model_file, every_wrong_value_is_named) {
  sol_config config = tiny_config(SOLID_HEAD_SOLID, 0);
  sol_model_file file;
#define EXPECT(change, text)                                                                                           \
  tiny_model_file(&file, &config, 4);                                                                                  \
  change;                                                                                                              \
  expect_bad(&file, text)
  EXPECT(file.weights[3] = NAN, "tensor item.embedding: element 3 is nan, must be finite");
  EXPECT(file.weights[sol_tensors_total(&config) - 16] = -INFINITY,
         "tensor generator.semantic.layer.1.bias: element 256 is -inf, must be finite");
  EXPECT(file.centroids[2] = INFINITY, "tensor codebook.centroids: element 2 is inf, must be finite");
  EXPECT(file.weights[5] = -65536,
         "tensor item.embedding: element 5 is -65536, must be below 65536: it was trained badly");
  EXPECT(file.codes[3 * 7 + 1] = 8, "tensor codes: item 7 has code 8 at level 1, must be below 8");
  EXPECT(file.popularity[9] = -1, "tensor popularity: item 9 has -1, must be 0 or more and finite");
  EXPECT(file.items.offsets[0] = 1, "tensor vocabulary.offsets: begins at 1, must be 0");
  EXPECT(file.items.offsets[2] = 3, "tensor vocabulary.offsets: string 1 is from 6 to 3, must have 1 to 255 bytes");
  EXPECT(file.items.offsets[2] = 6, "tensor vocabulary.offsets: string 1 is from 6 to 6, must have 1 to 255 bytes");
  EXPECT(file.items.offsets[2] = 262, "tensor vocabulary.offsets: string 1 is from 6 to 262, must have 1 to 255 bytes");
  EXPECT(file.items.count = 39, "vocabulary has 39 ids, the config has 40 items");
  EXPECT(file.category_items[1] = 40, "tensor category.items: category 0 has item 40, the model has 40 items");
  EXPECT(file.category_items[1] = 0, "tensor category.items: category 0 has item 0 after 0, must ascend");
  EXPECT(file.category_offsets[1] = 50, "tensor category.offsets: category 0 is from 0 to 50, the model has 40 items");
  EXPECT(file.category_offsets[2] = 1, "tensor category.offsets: category 1 is from 20 to 1, the model has 40 items");
  EXPECT((free(file.centroids), file.centroids = NULL),
         "codebook.centroids: missing, but the config has items 40, levels 3, slots 0, content 6 and 3 categories");
  config.attributes = 5, config.slots = 2;
  EXPECT(file.attributes[2 * 7 + 1] = 5, "tensor attributes: item 7 has 5 in slot 1, must be below 5");
  EXPECT((free(file.attributes), file.attributes = NULL),
         "attributes: missing, but the config has items 40, levels 3, slots 2, content 6 and 3 categories");
  config.attributes = config.slots = 0;
  EXPECT(memcpy(file.items.bytes, "item-1", 6), "item id \"item-1\" occurs twice, at 0 and 1");
#undef EXPECT
}

/* Writes the sample's tensors with one metadata text or one tensor changed. */
static void write_changed(const char *path, const char *key, const char *value, const char *renamed) {
  sol_config config = small_config();
  sol_model_file file;
  sol_safetensors st;
  tiny_model_file(&file, &config, 5);
  cr_assert_eq(sol_model_file_write(&file, path), SOLID_OK);
  sol_model_file_clear(&file);
  cr_assert_eq(sol_safetensors_open(&st, path), SOLID_OK);
  sol_tensor_source sources[64];
  sol_metadata texts[8];
  char *data[64];
  for (size_t i = 0; i < st.count; i++) {
    const sol_tensor_entry *t = &st.tensors[i];
    data[i] = malloc(t->bytes);
    cr_assert_eq(sol_safetensors_read(&st, t, data[i]), SOLID_OK);
    sources[i] = (sol_tensor_source){t->name, t->dtype, t->n_dims, {0}, data[i]};
    memcpy(sources[i].dims, t->dims, sizeof t->dims);
    if (renamed && strcmp(t->name, renamed) == 0) sources[i].name = "other";
  }
  size_t n = 0;
  for (size_t i = 0; i < st.n_metadata; i++) {
    texts[n] = (sol_metadata){st.metadata[i].key, st.metadata[i].value};
    if (key && strcmp(texts[n].key, key) == 0) texts[n].value = value;
    if (texts[n].value) n++;
  }
  cr_assert_eq(sol_safetensors_write(path, sources, st.count, texts, n), SOLID_OK);
  for (size_t i = 0; i < st.count; i++) free(data[i]);
  sol_safetensors_close(&st);
}

Test(model_file, wrong_metadata_is_named) {
  char path[SCRATCH_PATH], config_text[SOL_CONFIG_TEXT];
  scratch_path(path, "changed");
  sol_config wider = small_config();
  wider.width = 8;
  cr_assert_eq(sol_config_write(&wider, config_text), SOLID_OK);
  sol_config huge = small_config();
  huge.items = 2000000000;
  char huge_text[SOL_CONFIG_TEXT];
  cr_assert_eq(sol_config_write(&huge, huge_text), SOLID_OK);
  const struct {
    const char *key, *value, *renamed;
    solid_status status;
    const char *text;
  } cases[] = {
      {"solid.format", NULL, NULL, SOLID_EFORMAT, "no metadata solid.format"},
      {"solid.format", "x", NULL, SOLID_EFORMAT, "format \"x\" is no number"},
      {"solid.format", "", NULL, SOLID_EFORMAT, "format \"\" is no number"},
      {"solid.format", "6", NULL, SOLID_EUNSUPPORTED, "format 6 is newer than this library's 5"},
      {"solid.config", NULL, NULL, SOLID_EFORMAT, "no metadata solid.config"},
      {"solid.config", "{", NULL, SOLID_EFORMAT, "config: "},
      {"solid.config", "{}", NULL, SOLID_EFORMAT, "config: head is \"\""},
      {"solid.config", "{\"head\":\"solid\",\"clip\":1}", NULL, SOLID_EFORMAT, "config: items is missing"},
      {"solid.config", config_text, NULL, SOLID_EFORMAT,
       "tensor item.embedding: dimension 1 is 4, the config asks for 8"},
      {"solid.config", huge_text, NULL, SOLID_EFORMAT,
       "tensor item.embedding: dimension 0 is 5, the config asks for 2000000000"},
      {"solid.generation", NULL, NULL, SOLID_EFORMAT, "no metadata solid.generation"},
      {"solid.generation", "12", NULL, SOLID_EFORMAT, "solid.generation \"12\" is not 16 hex digits"},
      {"solid.generation", "0123456789abcdef", NULL, SOLID_EFORMAT, "the header says 0123456789abcdef"},
      {"solid.training", "other", NULL, SOLID_EFORMAT, "damaged: texts hash to"},
      {"solid.training", NULL, NULL, SOLID_EFORMAT, "damaged: texts hash to"},
      {NULL, NULL, "codes", SOLID_EFORMAT, "tensor codes: missing"},
      {NULL, NULL, "block.0.qkv.weight", SOLID_EFORMAT, "tensor block.0.qkv.weight: missing"},
      {NULL, NULL, "vocabulary.bytes", SOLID_EFORMAT, "tensor vocabulary.bytes: missing"},
      {NULL, NULL, "category.name_offsets", SOLID_EFORMAT, "tensors, the config asks for"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    sol_model_file file;
    write_changed(path, cases[i].key, cases[i].value, cases[i].renamed);
    cr_assert_eq(sol_model_file_read(&file, path), cases[i].status, "case %zu: %s", i, solid_last_error());
    cr_assert(strstr(solid_last_error(), cases[i].text), "\"%s\" not in \"%s\"", cases[i].text, solid_last_error());
    cr_assert(strstr(solid_last_error(), path));
  }
  scratch_remove();
}

Test(model_file, load_answers_for_the_path) {
  char path[SCRATCH_PATH];
  solid_context *ctx = NULL;
  solid_model *model = NULL;
  cr_assert_eq(solid_context_new(&ctx, NULL), SOLID_OK);
  cr_assert_eq(solid_model_load(NULL, ctx, "x"), SOLID_EINVAL);
  cr_assert_eq(solid_model_load(&model, NULL, "x"), SOLID_EINVAL);
  cr_assert_eq(solid_model_load(&model, ctx, NULL), SOLID_EINVAL);
  scratch_path(path, "model");
  cr_assert_eq(solid_model_load(&model, ctx, path), SOLID_EIO);
  cr_assert(strstr(solid_last_error(), path));
  scratch_write(path, "user item\n1 2\n", 14);
  cr_assert_eq(solid_model_load(&model, ctx, path), SOLID_EFORMAT);
  cr_assert(strstr(solid_last_error(), path) && strstr(solid_last_error(), "no safetensors"));
  cr_assert_null(model);

  sol_config config = tiny_config(SOLID_HEAD_SOLID, 0);
  sol_model_file file;
  tiny_model_file(&file, &config, 6);
  cr_assert_eq(sol_model_file_write(&file, path), SOLID_OK);
  cr_assert_eq(solid_model_load(&model, ctx, path), SOLID_OK, "%s", solid_last_error());
  solid_model_info info = {.struct_size = sizeof info};
  cr_assert_eq(solid_model_get_info(model, &info), SOLID_OK);
  cr_assert_eq(info.generation, file.generation);
  sol_model_file_clear(&file);
  solid_model_free(model);
  solid_context_free(ctx);
  scratch_remove();
}
