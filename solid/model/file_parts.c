#include "solid/model/file_parts.h"
#include "solid/extend.h"
#include "solid/model/rows_file.h"
#include <assert.h>
#include <string.h>
#include <xxhash.h>

#define MEMBER(member) offsetof(sol_model_file, member)

size_t sol_file_parts(const sol_model_file *file, sol_file_part *parts) {
  const sol_config *config = &file->config;
  uint64_t V = config->items, C = config->levels, K = config->codes, names = file->categories.count;
  size_t n = 0;
  if (C) parts[n++] = (sol_file_part){"codes", SOL_U16, 2, {V, C}, MEMBER(codes)};
  if (config->slots) parts[n++] = (sol_file_part){"attributes", SOL_U32, 2, {V, config->slots}, MEMBER(attributes)};
  if (config->content)
    parts[n++] = (sol_file_part){"codebook.centroids", SOL_F32, 3, {C, K, config->content}, MEMBER(centroids)};
  parts[n++] = (sol_file_part){"popularity", SOL_F32, 1, {V}, MEMBER(popularity)};
  parts[n++] = (sol_file_part){"vocabulary.offsets", SOL_U32, 1, {V + 1}, MEMBER(items.offsets)};
  parts[n++] = (sol_file_part){"vocabulary.bytes", SOL_U8, 1, {SOL_ANY_LENGTH}, MEMBER(items.bytes)};
  uint64_t wa = config->content_attributes, wv = config->content_vectors, w = config->content_given;
  if (wa) parts[n++] = (sol_file_part){"content.words", SOL_F32, 2, {names, wa}, MEMBER(content_words)};
  if (wv) parts[n++] = (sol_file_part){"content.mean", SOL_F32, 1, {w}, MEMBER(content_mean)};
  if (wv != w) parts[n++] = (sol_file_part){"content.basis", SOL_F32, 2, {w, wv}, MEMBER(content_basis)};
  if (names) {
    parts[n++] = (sol_file_part){"category.name_offsets", SOL_U32, 1, {names + 1}, MEMBER(categories.offsets)};
    parts[n++] = (sol_file_part){"category.name_bytes", SOL_U8, 1, {SOL_ANY_LENGTH}, MEMBER(categories.bytes)};
    parts[n++] = (sol_file_part){"category.offsets", SOL_U32, 1, {names + 1}, MEMBER(category_offsets)};
    parts[n++] = (sol_file_part){"category.items", SOL_U32, 1, {SOL_ANY_LENGTH}, MEMBER(category_items)};
  }
  if (file->titles.count) {
    parts[n++] = (sol_file_part){"title.offsets", SOL_U32, 1, {V + 1}, MEMBER(titles.offsets)};
    parts[n++] = (sol_file_part){"title.bytes", SOL_U8, 1, {SOL_ANY_LENGTH}, MEMBER(titles.bytes)};
  }
  assert(n <= SOL_FILE_PARTS);
  return n;
}

static const void *part_data(const sol_model_file *file, const sol_file_part *part) {
  const void *data;
  memcpy(&data, (const char *)file + part->member, sizeof data);
  return data;
}

uint64_t sol_file_part_length(const sol_model_file *file, const sol_file_part *part) {
  if (part->member == MEMBER(items.bytes)) return file->items.offsets[file->items.count];
  if (part->member == MEMBER(titles.bytes)) return file->titles.offsets[file->titles.count];
  if (part->member == MEMBER(categories.bytes)) return file->categories.offsets[file->categories.count];
  return file->category_offsets[file->categories.count];
}

int sol_file_stays(const sol_model_file *file, const sol_tensor *tensor) {
  return file->rows && tensor->member == offsetof(sol_weights, items);
}

size_t sol_file_sources(const sol_model_file *file, sol_tensor_source *sources) {
  sol_tensor tensors[SOL_MAX_TENSORS], places[SOL_MAX_TENSORS];
  sol_file_part parts[SOL_FILE_PARTS];
  sol_config layout = sol_model_file_layout(file);
  size_t n = sol_tensors_list(&file->config, tensors), n_parts = sol_file_parts(file, parts);
  size_t used = 0;
  sol_tensors_list(&layout, places);
  for (size_t i = 0; i < n; i++) {
    sol_tensor_source *source = &sources[used++];
    *source = (sol_tensor_source){.dtype = SOL_F32, .n_dims = tensors[i].n_dims};
    source->data = sol_file_stays(file, &tensors[i]) ? NULL : file->weights + places[i].offset;
    for (uint32_t k = 0; k < tensors[i].n_dims; k++) source->dims[k] = tensors[i].dims[k];
  }
  for (size_t i = 0; i < n_parts; i++) {
    sol_tensor_source *source = &sources[used++];
    *source = (sol_tensor_source){parts[i].name, parts[i].dtype, parts[i].n_dims, {0}, part_data(file, &parts[i])};
    memcpy(source->dims, parts[i].dims, sizeof source->dims);
    if (source->dims[0] == SOL_ANY_LENGTH) source->dims[0] = sol_file_part_length(file, &parts[i]);
  }
  return used;
}

solid_status sol_file_generation(const sol_model_file *file, const char *config_text, uint64_t *generation) {
  sol_tensor_source sources[SOL_MAX_TENSORS + SOL_FILE_PARTS];
  size_t n = sol_file_sources(file, sources) - (file->titles.count ? 2 : 0);
  XXH3_state_t *state = XXH3_createState();
  if (!state) return solid_fail(SOLID_ENOMEM, "out of memory: hash");
  XXH3_64bits_reset(state);
  XXH3_64bits_update(state, config_text, strlen(config_text));
  solid_status status = SOLID_OK;
  for (size_t i = 0; i < n && !status; i++) {
    size_t bytes = sol_dtype_size(sources[i].dtype);
    for (uint32_t k = 0; k < sources[i].n_dims; k++) bytes *= (size_t)sources[i].dims[k];
    if (sources[i].data || !bytes)
      XXH3_64bits_update(state, sources[i].data, bytes);
    else
      status = sol_rows_file_hash(file->rows, bytes / sizeof(float), state);
  }
  *generation = XXH3_64bits_digest(state);
  if (*generation == 0) *generation = 1;
  XXH3_freeState(state);
  return status;
}

uint64_t sol_file_checksum(const sol_model_file *file) {
  const char *training = file->training;
  const sol_strings *titles = &file->titles;
  uint64_t sum = XXH3_64bits_withSeed(training, training ? strlen(training) : 0, file->generation);
  if (!titles->count) return sum;
  sum = XXH3_64bits_withSeed(titles->offsets, sizeof *titles->offsets * ((size_t)titles->count + 1), sum);
  return XXH3_64bits_withSeed(titles->bytes, titles->offsets[titles->count], sum);
}
