/* What must hold between the arrays of a model file. */
#include "solid/model/model_check.h"
#include "solid/extend.h"
#include "solid/model/id_index.h"
#include "solid/model/tensors.h"
#include <math.h>

static solid_status check_finite(const char *name, const float *x, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (!isfinite(x[i]))
      return solid_fail(SOLID_EFORMAT, "tensor %s: element %zu is %g, must be finite", name, i, (double)x[i]);
  return SOLID_OK;
}

static solid_status check_weights(const sol_model_file *file) {
  sol_tensor tensors[SOL_MAX_TENSORS];
  sol_config layout = sol_model_file_layout(file);
  size_t n = sol_tensors_list(&layout, tensors);
  solid_status status = SOLID_OK;
  for (size_t i = 0; i < n && !status; i++)
    status = sol_check_weights(tensors[i].name, file->weights + tensors[i].offset, 0, tensors[i].count);
  return status;
}

static solid_status check_codes(const sol_model_file *file) {
  const sol_config *config = &file->config;
  for (size_t i = 0; i < (size_t)config->items * config->levels; i++)
    if (file->codes[i] >= config->codes)
      return solid_fail(SOLID_EFORMAT, "tensor codes: item %zu has code %u at level %zu, must be below %u",
                        i / config->levels, file->codes[i], i % config->levels, config->codes);
  if (!file->centroids) return SOLID_OK;
  return check_finite("codebook.centroids", file->centroids, (size_t)config->levels * config->codes * config->content);
}

static solid_status check_content(const sol_model_file *file) {
  const sol_config *config = &file->config;
  size_t wa = config->content_attributes, wv = config->content_vectors, w = config->content_given;
  solid_status status = SOLID_OK;
  if (wa) status = check_finite("content.words", file->content_words, file->categories.count * wa);
  if (wv && !status) status = check_finite("content.mean", file->content_mean, w);
  if (wv != w && !status) status = check_finite("content.basis", file->content_basis, w * wv);
  return status;
}

static solid_status check_attributes(const sol_model_file *file) {
  const sol_config *config = &file->config;
  for (size_t i = 0; i < (size_t)config->items * config->slots; i++)
    if (file->attributes[i] >= config->attributes && file->attributes[i] != SOL_NO_ATTRIBUTE)
      return solid_fail(SOLID_EFORMAT, "tensor attributes: item %zu has %u in slot %zu, must be below %u",
                        i / config->slots, file->attributes[i], i % config->slots, config->attributes);
  return SOLID_OK;
}

static solid_status check_popularity(const sol_model_file *file) {
  for (uint32_t i = 0; i < file->config.items; i++)
    if (!(file->popularity[i] >= 0.0f) || isinf(file->popularity[i]))
      return solid_fail(SOLID_EFORMAT, "tensor popularity: item %u has %g, must be 0 or more and finite", i,
                        (double)file->popularity[i]);
  return SOLID_OK;
}

/* Strings of 1..255 bytes that begin at 0 and follow one another without gaps. */
static solid_status check_strings(const char *name, const sol_strings *strings) {
  if (strings->offsets[0] != 0)
    return solid_fail(SOLID_EFORMAT, "tensor %s: begins at %u, must be 0", name, strings->offsets[0]);
  for (uint32_t i = 0; i < strings->count; i++) {
    uint32_t begin = strings->offsets[i], end = strings->offsets[i + 1];
    if (end <= begin || end - begin > SOLID_ID_MAX)
      return solid_fail(SOLID_EFORMAT, "tensor %s: string %u is from %u to %u, must have 1 to %d bytes", name, i, begin,
                        end, SOLID_ID_MAX);
  }
  return SOLID_OK;
}

static solid_status check_categories(const sol_model_file *file) {
  const uint32_t *offsets = file->category_offsets, *items = file->category_items;
  if (file->categories.count == 0) return SOLID_OK;
  solid_status status = check_strings("category.name_offsets", &file->categories);
  if (status) return status;
  if (offsets[0] != 0) return solid_fail(SOLID_EFORMAT, "tensor category.offsets: begins at %u, must be 0", offsets[0]);
  for (uint32_t c = 0; c < file->categories.count; c++) /* all before the first item is read through them */
    if (offsets[c + 1] < offsets[c] || offsets[c + 1] - offsets[c] > file->config.items)
      return solid_fail(SOLID_EFORMAT, "tensor category.offsets: category %u is from %u to %u, the model has %u items",
                        c, offsets[c], offsets[c + 1], file->config.items);
  for (uint32_t c = 0; c < file->categories.count; c++) {
    for (uint32_t i = offsets[c]; i < offsets[c + 1]; i++) {
      if (items[i] >= file->config.items)
        return solid_fail(SOLID_EFORMAT, "tensor category.items: category %u has item %u, the model has %u items", c,
                          items[i], file->config.items);
      if (i > offsets[c] && items[i] <= items[i - 1])
        return solid_fail(SOLID_EFORMAT, "tensor category.items: category %u has item %u after %u, must ascend", c,
                          items[i], items[i - 1]);
    }
  }
  return SOLID_OK;
}

static solid_status check_titles(const sol_model_file *file) {
  const uint32_t *offsets = file->titles.offsets;
  if (!file->titles.count) return SOLID_OK;
  if (file->titles.count != file->config.items)
    return solid_fail(SOLID_EFORMAT, "%u titles, the model has %u items", file->titles.count, file->config.items);
  if (offsets[0] != 0) return solid_fail(SOLID_EFORMAT, "tensor title.offsets: begins at %u, must be 0", offsets[0]);
  for (uint32_t v = 0; v < file->titles.count; v++)
    if (offsets[v + 1] < offsets[v] || offsets[v + 1] - offsets[v] > SOLID_TITLE_MAX)
      return solid_fail(SOLID_EFORMAT, "tensor title.offsets: title %u is from %u to %u, must have 0 to %d bytes", v,
                        offsets[v], offsets[v + 1], SOLID_TITLE_MAX);
  return SOLID_OK;
}

/* Arrays that the config asks for and that are missing, or the other way round. */
static solid_status check_presence(const sol_model_file *file) {
  const sol_config *config = &file->config;
  const struct {
    const char *name;
    int wanted, given;
  } arrays[] = {
      {"weights", 1, file->weights != NULL},
      {"codes", config->levels > 0, file->codes != NULL},
      {"attributes", config->slots > 0, file->attributes != NULL},
      {"codebook.centroids", config->content > 0, file->centroids != NULL},
      {"content.words", config->content_attributes > 0, file->content_words != NULL},
      {"content.mean", config->content_vectors > 0, file->content_mean != NULL},
      {"content.basis", config->content_vectors != config->content_given, file->content_basis != NULL},
      {"popularity", 1, file->popularity != NULL},
      {"vocabulary", 1, file->items.offsets && file->items.bytes},
      {"category names", file->categories.count > 0, file->categories.offsets && file->categories.bytes},
      {"category items", file->categories.count > 0, file->category_offsets && file->category_items},
      {"titles", file->titles.count > 0, file->titles.offsets && file->titles.bytes},
  };
  for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
    if (arrays[i].wanted != arrays[i].given)
      return solid_fail(SOLID_EFORMAT,
                        "%s: %s, but the config has items %u, levels %u, slots %u, content %u and %u categories",
                        arrays[i].name, arrays[i].given ? "given" : "missing", config->items, config->levels,
                        config->slots, config->content, file->categories.count);
  if (config->content_attributes && !file->categories.count)
    return solid_fail(SOLID_EFORMAT, "content.words: the config has content_attributes %u, and there are no categories",
                      config->content_attributes);
  if (file->items.count != config->items)
    return solid_fail(SOLID_EFORMAT, "vocabulary has %u ids, the config has %u items", file->items.count,
                      config->items);
  return SOLID_OK;
}

solid_status sol_model_file_check(const sol_model_file *file) {
  solid_status (*const checks[])(const sol_model_file *) = {check_presence,   check_weights,    check_codes,
                                                            check_content,    check_attributes, check_popularity,
                                                            check_categories, check_titles};
  solid_status status = sol_config_check(&file->config);
  for (size_t i = 0; i < sizeof checks / sizeof *checks && !status; i++) status = checks[i](file);
  return status ? status : check_strings("vocabulary.offsets", &file->items);
}

static solid_status check_repeats(const sol_strings *strings, const char *what) {
  sol_id_index index;
  solid_status status = sol_id_index_build(&index, strings, what);
  sol_id_index_clear(&index);
  return status;
}

solid_status sol_model_file_check_repeats(const sol_model_file *file) {
  solid_status status = check_repeats(&file->items, "item id");
  if (status || file->categories.count == 0) return status;
  return check_repeats(&file->categories, "category name");
}
