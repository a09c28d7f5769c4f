#include "solid/model/titles.h"
#include "solid/extend.h"
#include "solid/model/model_file.h"
#include "solid/model/model_parts.h"
#include <stdlib.h>
#include <string.h>

solid_status sol_model_turn_categories(solid_model *model) {
  const sol_model_file *file = &model->file;
  uint32_t V = file->items.count, names = file->categories.count;
  if (!names) return SOLID_OK;
  uint32_t pairs = file->category_offsets[names];
  uint32_t *starts = calloc((size_t)V + 2, sizeof *starts), *turned = malloc(((size_t)pairs + 1) * sizeof *turned);
  model->category_starts = starts;
  model->item_categories = turned;
  if (!starts || !turned) return solid_fail(SOLID_ENOMEM, "out of memory: categories of %u items", V);
  for (uint32_t i = 0; i < pairs; i++) starts[file->category_items[i] + 2]++;
  for (uint32_t v = 2; v < V + 2; v++) starts[v] += starts[v - 1];
  for (uint32_t c = 0; c < names; c++) /* starts[v + 1] moves from the start of v to its end */
    for (uint32_t i = file->category_offsets[c]; i < file->category_offsets[c + 1]; i++)
      turned[starts[file->category_items[i] + 1]++] = c;
  return SOLID_OK;
}

solid_status solid_model_item_categories(const solid_model *model, uint32_t item, const uint32_t **categories,
                                         size_t *count) {
  if (!model || !categories || !count)
    return solid_fail(SOLID_EINVAL, "item categories: model, categories or count is NULL");
  const sol_joined *joined = sol_model_joined(model, item);
  if (!joined && item >= model->file.items.count)
    return solid_fail(SOLID_ERANGE, "item %u: the model has %u", item, solid_model_item_count(model));
  *categories = joined ? joined->category : NULL;
  *count = joined ? joined->categories : 0;
  if (joined) return SOLID_OK;
  if (!model->category_starts) return SOLID_OK;
  *categories = model->item_categories + model->category_starts[item];
  *count = model->category_starts[item + 1] - model->category_starts[item];
  return SOLID_OK;
}

solid_bytes solid_model_item_title(const solid_model *model, uint32_t item) {
  const solid_bytes none = {NULL, 0};
  if (!model) return none;
  const sol_strings *titles = &model->file.titles;
  const sol_joined *joined = sol_model_joined(model, item);
  if (joined) return joined->title.size ? joined->title : none;
  if (item >= titles->count || titles->offsets[item] == titles->offsets[item + 1]) return none;
  return sol_strings_at(titles, item);
}

/* Not within a character of UTF-8. */
static uint32_t cut(solid_bytes title) {
  size_t size = title.size < SOLID_TITLE_MAX ? title.size : SOLID_TITLE_MAX;
  while (size && size < title.size && ((unsigned char)title.data[size] & 0xc0) == 0x80) size--;
  return (uint32_t)size;
}

/* The newest title of each item, in the order of the items. */
static solid_status fill(sol_model_file *file, const solid_title *titles, size_t n, size_t *kept) {
  uint32_t V = file->config.items;
  sol_id_index index;
  solid_status status = sol_id_index_build(&index, &file->items, "item id");
  if (status) return status;
  uint32_t *which = calloc(V, sizeof *which), *offsets = calloc((size_t)V + 1, sizeof *offsets); /* number + 1 */
  size_t bytes = 0;
  for (size_t i = 0; i < n && which; i++) {
    uint32_t item = sol_id_index_find(&index, &file->items, titles[i].item);
    if (item != SOLID_NO_ITEM) which[item] = (uint32_t)i + 1;
  }
  sol_id_index_clear(&index);
  for (uint32_t v = 0; v < V && which; v++) bytes += which[v] ? cut(titles[which[v] - 1].title) : 0;
  free(file->titles.offsets);
  free(file->titles.bytes);
  file->titles = (sol_strings){V, offsets, malloc(bytes + 1)};
  *kept = 0;
  if (which && offsets && file->titles.bytes) {
    for (uint32_t v = 0; v < V; v++) {
      uint32_t size = which[v] ? cut(titles[which[v] - 1].title) : 0;
      if (size) memcpy(file->titles.bytes + offsets[v], titles[which[v] - 1].title.data, size);
      offsets[v + 1] = offsets[v] + size;
      *kept += size > 0;
    }
  } else {
    status = solid_fail(SOLID_ENOMEM, "out of memory: titles of %u items", V);
  }
  free(which);
  return status;
}

solid_status solid_model_file_set_titles(const char *path, const solid_title *titles, size_t n, size_t *kept) {
  sol_model_file file;
  size_t unused;
  if (!path || (n && !titles) || n >= UINT32_MAX) return solid_fail(SOLID_EINVAL, "set titles: path or titles is NULL");
  solid_status status = sol_model_file_read(&file, path);
  if (status) return status;
  status = fill(&file, titles, n, kept ? kept : &unused);
  if (!status) status = sol_model_file_write(&file, path);
  sol_model_file_clear(&file);
  return status;
}
