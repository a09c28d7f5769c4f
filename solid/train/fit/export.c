#include "solid/train/fit/export.h"
#include "solid/extend.h"
#include "solid/model/model_file.h"
#include "solid/model/tensors.h"
#include "solid/train/data/attributes.h"
#include "solid/train/split.h"
#include "solid/train/trainer.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A copy of n * size bytes that the model file will own; NULL when there is no memory. */
static void *copied(const void *from, size_t n, size_t size) {
  void *copy = malloc(n * size > 0 ? n * size : 1);
  if (copy != NULL && n > 0) memcpy(copy, from, n * size);
  return copy;
}

static int copy_strings(sol_strings *to, const solid_vocab *from) {
  to->count = from->count;
  to->offsets = copied(from->offsets, (size_t)from->count + 1, sizeof *to->offsets);
  to->bytes = copied(from->bytes, from->offsets[from->count], 1);
  return to->offsets != NULL && to->bytes != NULL;
}

/* Item -> attributes turned into attribute -> items; items come out ascending. */
static int turn_attributes(sol_model_file *file, const solid_dataset *dataset) {
  uint32_t categories = dataset->attributes.count;
  size_t pairs = dataset->attribute_offsets[dataset->items];
  uint32_t *offsets = calloc((size_t)categories + 2, sizeof *offsets), *items = malloc((pairs + 1) * sizeof *items);
  file->category_offsets = offsets;
  file->category_items = items;
  if (offsets == NULL || items == NULL) return 0;
  for (size_t i = 0; i < pairs; i++) offsets[dataset->attribute_ids[i] + 2]++;
  for (uint32_t c = 2; c < categories + 2; c++) offsets[c] += offsets[c - 1];
  for (uint32_t v = 0; v < dataset->items; v++) /* offsets[c + 1] moves from the start of c to its end */
    for (size_t i = dataset->attribute_offsets[v]; i < dataset->attribute_offsets[v + 1]; i++)
      items[offsets[dataset->attribute_ids[i] + 1]++] = v;
  return 1;
}

static int fill_content(sol_model_file *file, const sol_features *features) {
  if (features == NULL || file->config.levels == 0) return 1;
  const sol_content c = sol_features_content(features);
  file->config.content_attributes = c.attributes;
  file->config.content_vectors = c.vectors;
  file->config.content_given = c.given;
  if (c.attributes) file->content_words = copied(c.words, (size_t)c.names * c.attributes, sizeof(float));
  if (c.vectors) file->content_mean = copied(c.mean, c.given, sizeof(float));
  if (c.basis) file->content_basis = copied(c.basis, (size_t)c.given * c.vectors, sizeof(float));
  return (!c.attributes || file->content_words) && (!c.vectors || file->content_mean) &&
         (!c.basis || file->content_basis);
}

static int fill(sol_model_file *file, const sol_export *what) {
  const solid_dataset *dataset = what->dataset;
  file->config = *what->config;
  file->weights = copied(what->weights, sol_tensors_total(what->config), sizeof(float));
  file->popularity = malloc(((size_t)dataset->items + 1) * sizeof(float));
  if (file->weights == NULL || file->popularity == NULL) return 0;
  solid_split_popularity(dataset, file->popularity);
  if (what->config->levels > 0) {
    const sol_codebook *book = what->codebook;
    file->config.content = book->width;
    file->codes = copied(book->table, (size_t)book->items * book->levels, sizeof *file->codes);
    file->centroids = copied(book->centroids, (size_t)book->levels * book->codes * book->width, sizeof(float));
    if (file->codes == NULL || file->centroids == NULL) return 0;
  }
  if (!fill_content(file, what->features)) return 0;
  if (what->config->slots > 0) {
    size_t n = (size_t)dataset->items * what->config->slots;
    file->attributes = what->attributes != NULL ? copied(what->attributes, n, sizeof *file->attributes)
                                                : sol_attributes_table(dataset, what->config->slots);
    if (file->attributes == NULL) return 0;
  }
  if (what->training != NULL && (file->training = copied(what->training, strlen(what->training) + 1, 1)) == NULL)
    return 0;
  if (!copy_strings(&file->items, &dataset->item_ids)) return 0;
  return dataset->attributes.count == 0 ||
         (copy_strings(&file->categories, &dataset->attributes) && turn_attributes(file, dataset));
}

solid_status sol_export_model(const sol_export *what, const char *path) {
  sol_model_file file = {0};
  solid_status status = SOLID_OK;
  if (!fill(&file, what)) status = solid_fail(SOLID_ENOMEM, "model of %u items", what->dataset->items);
  if (status == SOLID_OK) status = sol_model_file_write(&file, path);
  sol_model_file_clear(&file);
  return status;
}

solid_status solid_export_check(const char *path) {
  struct stat found;
  int there = stat(path, &found) == 0;
  if (there && S_ISDIR(found.st_mode)) return solid_fail(SOLID_EIO, "%s: is a folder", path);
  if (there && !S_ISREG(found.st_mode)) return solid_fail(SOLID_EIO, "%s: is there and not a regular file", path);
  char probe[4096];
  int length = snprintf(probe, sizeof probe, "%s.XXXXXX", path);
  if (length < 0 || (size_t)length >= sizeof probe) return solid_fail(SOLID_EIO, "path of %zu bytes", strlen(path));
  int file = mkstemp(probe); /* a name that no attribute has */
  if (file < 0) return solid_fail(SOLID_EIO, "%s: %s", path, strerror(errno));
  close(file);
  unlink(probe);
  return SOLID_OK;
}
