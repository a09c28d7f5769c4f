#include "solid/model/model_file.h"
#include "solid/extend.h"
#include "solid/model/config_json.h"
#include "solid/model/file_parts.h"
#include "solid/model/model_check.h"
#include "solid/model/rows_file.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

solid_status sol_fail_at(solid_status status, const char *path) {
  return solid_fail(status, "%s: %s", path, solid_last_error());
}

static solid_status seal(sol_model_file *file, char *config_text) {
  solid_status status = sol_model_file_check(file);
  if (!status) status = sol_model_file_check_repeats(file);
  if (!status) status = sol_config_write(&file->config, config_text);
  return status ? status : sol_file_generation(file, config_text, &file->generation);
}

solid_status sol_model_file_seal(sol_model_file *file) {
  char config_text[SOL_CONFIG_TEXT];
  return seal(file, config_text);
}

static int lowest_format(const sol_model_file *file) {
  const sol_config *config = &file->config;
  if (config->content_attributes || config->content_vectors) return SOL_MODEL_FORMAT_CONTENT;
  if (file->titles.count) return SOL_MODEL_FORMAT_TITLES;
  if (config->slate_rows) return SOL_MODEL_FORMAT_SLATES;
  return config->attributes ? SOL_MODEL_FORMAT_ATTRIBUTES : SOL_MODEL_FORMAT_FIRST;
}

solid_status sol_model_file_write(sol_model_file *file, const char *path) {
  assert(!file->rows);
  char config_text[SOL_CONFIG_TEXT], format[16], generation[17], checksum[17];
  solid_status status = seal(file, config_text);
  if (status) return sol_fail_at(status, path);
  sol_tensor names[SOL_MAX_TENSORS];
  sol_tensor_source sources[SOL_MAX_TENSORS + SOL_FILE_PARTS];
  size_t n_weights = sol_tensors_list(&file->config, names), n = sol_file_sources(file, sources);
  for (size_t i = 0; i < n_weights; i++) sources[i].name = names[i].name;
  snprintf(format, sizeof format, "%d", lowest_format(file));
  snprintf(generation, sizeof generation, "%016llx", (unsigned long long)file->generation);
  snprintf(checksum, sizeof checksum, "%016llx", (unsigned long long)sol_file_checksum(file));
  const sol_metadata metadata[] = {{"solid.format", format},
                                   {"solid.config", config_text},
                                   {"solid.generation", generation},
                                   {"solid.checksum", checksum},
                                   {"solid.training", file->training}};
  return sol_safetensors_write(path, sources, n, metadata, file->training ? 5 : 4);
}

/* ---- Reading ---- */

static solid_status need_metadata(const sol_safetensors *st, const char *key, const char **value) {
  *value = sol_safetensors_metadata(st, key);
  return *value ? SOLID_OK : solid_fail(SOLID_EFORMAT, "%s: no metadata %s: no model of this library", st->path, key);
}

static solid_status read_config(sol_model_file *file, const sol_safetensors *st, const char **text) {
  const char *format = NULL;
  solid_status status = need_metadata(st, "solid.format", &format);
  if (status) return status;
  char *end = NULL;
  long version = strtol(format, &end, 10);
  if (*end || version < 1) return solid_fail(SOLID_EFORMAT, "%s: format \"%.16s\" is no number", st->path, format);
  if (version > SOL_MODEL_FORMAT)
    return solid_fail(SOLID_EUNSUPPORTED,
                      "%s: format %ld is newer than this library's %d: take a newer solid, or train", st->path, version,
                      SOL_MODEL_FORMAT);
  status = need_metadata(st, "solid.config", text);
  if (status) return status;
  status = sol_config_read(&file->config, *text);
  if (status == SOLID_EINVAL || status == SOLID_ERANGE) status = SOLID_EFORMAT;
  return status ? sol_fail_at(status, st->path) : SOLID_OK;
}

static solid_status need_tensor(const sol_safetensors *st, const char *name, const sol_tensor_entry **entry) {
  *entry = sol_safetensors_find(st, name);
  return *entry ? SOLID_OK : solid_fail(SOLID_EFORMAT, "%s: tensor %s: missing", st->path, name);
}

/* Every weight's tensor is checked before memory is taken, so that a lying config costs nothing. */
static solid_status read_weights(sol_model_file *file, const sol_safetensors *st, size_t *used) {
  sol_tensor tensors[SOL_MAX_TENSORS], places[SOL_MAX_TENSORS];
  const sol_tensor_entry *entries[SOL_MAX_TENSORS];
  sol_config layout = sol_model_file_layout(file);
  size_t n = sol_tensors_list(&file->config, tensors), total = sol_tensors_total(&layout);
  sol_tensors_list(&layout, places);
  for (size_t i = 0; i < n; i++) {
    uint64_t dims[3] = {tensors[i].dims[0], tensors[i].dims[1], tensors[i].dims[2]};
    solid_status status = need_tensor(st, tensors[i].name, &entries[i]);
    if (!status) status = sol_safetensors_expect(st, entries[i], SOL_F32, tensors[i].n_dims, dims);
    if (status) return status;
  }
  file->weights = calloc(total, sizeof(float));
  if (!file->weights) return solid_fail(SOLID_ENOMEM, "%s: out of memory: %zu weights", st->path, total);
  for (size_t i = 0; i < n; i++) {
    solid_status status = SOLID_OK;
    if (sol_file_stays(file, &tensors[i]))
      sol_rows_file_place(file->rows, st, entries[i]);
    else
      status = sol_safetensors_read(st, entries[i], file->weights + places[i].offset);
    if (status) return status;
  }
  *used += n;
  return SOLID_OK;
}

static solid_status read_part(sol_model_file *file, const sol_safetensors *st, sol_file_part *part) {
  const sol_tensor_entry *entry = NULL;
  solid_status status = need_tensor(st, part->name, &entry);
  if (status) return status;
  if (part->dims[0] == SOL_ANY_LENGTH) part->dims[0] = sol_file_part_length(file, part);
  status = sol_safetensors_expect(st, entry, part->dtype, part->n_dims, part->dims);
  if (status) return status;
  void *data = malloc(entry->bytes ? (size_t)entry->bytes : 1);
  if (!data)
    return solid_fail(SOLID_ENOMEM, "%s: out of memory: tensor %s, %llu bytes", st->path, part->name,
                      (unsigned long long)entry->bytes);
  memcpy((char *)file + part->member, &data, sizeof data); /* the file owns it, read or not */
  return sol_safetensors_read(st, entry, data);
}

/* The number of categories is in no config: it follows from the length of their offsets. */
static solid_status count_categories(sol_model_file *file, const sol_safetensors *st) {
  const sol_tensor_entry *entry = sol_safetensors_find(st, "category.name_offsets");
  if (!entry) return SOLID_OK;
  if (entry->n_dims != 1 || entry->dims[0] < 2 || entry->dims[0] > UINT32_MAX)
    return solid_fail(SOLID_EFORMAT, "%s: tensor %s: must be a list of 2 offsets or more", st->path, entry->name);
  file->categories.count = (uint32_t)(entry->dims[0] - 1);
  return SOLID_OK;
}

static void count_titles(sol_model_file *file, const sol_safetensors *st) {
  file->titles.count = sol_safetensors_find(st, "title.offsets") ? file->config.items : 0;
}

static solid_status read_tensors(sol_model_file *file, const sol_safetensors *st) {
  sol_file_part parts[SOL_FILE_PARTS];
  size_t used = 0;
  file->items.count = file->config.items;
  solid_status status = count_categories(file, st);
  if (!status) status = read_weights(file, st, &used);
  count_titles(file, st);
  size_t n = sol_file_parts(file, parts);
  for (size_t i = 0; i < n && !status; i++) status = read_part(file, st, &parts[i]);
  if (status) return status;
  if (used + n != st->count)
    return solid_fail(SOLID_EFORMAT, "%s: has %zu tensors, the config asks for %zu", st->path, st->count, used + n);
  status = sol_model_file_check(file);
  return status ? sol_fail_at(status, st->path) : SOLID_OK;
}

static solid_status read_hex(const sol_safetensors *st, const char *key, uint64_t *value) {
  const char *text = NULL;
  solid_status status = need_metadata(st, key, &text);
  if (status) return status;
  if (strlen(text) != 16 || strspn(text, "0123456789abcdef") != 16)
    return solid_fail(SOLID_EFORMAT, "%s: %s \"%.20s\" is not 16 hex digits", st->path, key, text);
  *value = strtoull(text, NULL, 16);
  return SOLID_OK;
}

static solid_status check_hashes(sol_model_file *file, const sol_safetensors *st, const char *config_text) {
  uint64_t stored = 0, checksum = 0;
  solid_status status = sol_file_generation(file, config_text, &file->generation);
  if (status) return sol_fail_at(status, st->path);
  status = read_hex(st, "solid.generation", &stored);
  if (!status) status = read_hex(st, "solid.checksum", &checksum);
  if (status) return status;
  if (stored != file->generation)
    return solid_fail(SOLID_EFORMAT, "%s: damaged: contents hash to %016llx, the header says %016llx", st->path,
                      (unsigned long long)file->generation, (unsigned long long)stored);
  uint64_t expected = sol_file_checksum(file);
  if (checksum != expected)
    return solid_fail(SOLID_EFORMAT, "%s: damaged: texts hash to %016llx, the header says %016llx", st->path,
                      (unsigned long long)expected, (unsigned long long)checksum);
  return SOLID_OK;
}

solid_status sol_model_file_read(sol_model_file *file, const char *path) {
  return sol_model_file_read_from(file, path, UINT32_MAX);
}

solid_status sol_model_file_read_from(sol_model_file *file, const char *path, uint32_t stay) {
  sol_safetensors st;
  const char *config_text = NULL, *training = NULL;
  memset(file, 0, sizeof *file);
  solid_status status = sol_safetensors_open(&st, path);
  if (status) return status;
  status = read_config(file, &st, &config_text);
  if (!status && file->config.items >= stay && sol_rows_may_stay(&file->config)) {
    status = sol_rows_file_open(&file->rows, &st);
    if (status) status = sol_fail_at(status, path);
  }
  if (!status) status = read_tensors(file, &st);
  training = sol_safetensors_metadata(&st, "solid.training");
  if (!status && training && !(file->training = strdup(training)))
    status = solid_fail(SOLID_ENOMEM, "%s: out of memory: metadata", path);
  if (!status) status = check_hashes(file, &st, config_text);
  sol_safetensors_close(&st);
  if (status) sol_model_file_clear(file);
  return status;
}
