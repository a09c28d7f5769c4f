#include "solid/base/text.h"
#include "solid/extend.h"
#include "solid/items.h"
#include <math.h>

static solid_status check_size(sol_shown id, const char *what, solid_bytes text, size_t least, size_t most) {
  if (text.size && !text.data)
    return solid_fail(SOLID_EINVAL, "item %s: %s of %zu bytes without data", id.text, what, text.size);
  if (text.size < least || text.size > most)
    return solid_fail(SOLID_ERANGE, "item %s: %s of %zu bytes, %zu to %zu are allowed", id.text, what, text.size, least,
                      most);
  return SOLID_OK;
}

static solid_status check_vector(sol_shown id, const solid_item_entry *entry) {
  if (entry->width > SOLID_ITEM_VECTOR_MAX)
    return solid_fail(SOLID_ERANGE, "item %s: vector of %zu numbers, at most %d", id.text, entry->width,
                      SOLID_ITEM_VECTOR_MAX);
  if (entry->width && !entry->vector)
    return solid_fail(SOLID_EINVAL, "item %s: vector of %zu numbers without data", id.text, entry->width);
  for (size_t j = 0; j < entry->width; j++)
    if (!isfinite(entry->vector[j]))
      return solid_fail(SOLID_ERANGE, "item %s: number %zu of its vector is %g, must be finite", id.text, j,
                        (double)entry->vector[j]);
  return SOLID_OK;
}

solid_status solid_item_check(const solid_item_entry *entry) {
  if (!entry) return solid_fail(SOLID_EINVAL, "item: entry is NULL");
  if (!entry->id.data || entry->id.size < 1 || entry->id.size > SOLID_ID_MAX)
    return solid_fail(SOLID_ERANGE, "item: id of %zu bytes, 1 to %d are allowed", entry->id.size, SOLID_ID_MAX);
  sol_shown id = sol_show(entry->id.data, entry->id.size);
  if (entry->kind > SOLID_ITEM_REMOVED)
    return solid_fail(SOLID_EINVAL, "item %s: %u is no kind of entry", id.text, entry->kind);
  if (entry->kind != SOLID_ITEM_ADDED && (entry->title.size || entry->n_attributes || entry->width))
    return solid_fail(SOLID_EINVAL, "item %s: %s, so it has no title, attributes or vector", id.text,
                      solid_item_change_name(entry->kind));
  solid_status status = check_size(id, "title", entry->title, 0, SOLID_TITLE_MAX);
  if (status) return status;
  if (entry->n_attributes > SOLID_ITEM_ATTRIBUTES_MAX)
    return solid_fail(SOLID_ERANGE, "item %s: %zu attributes, at most %d", id.text, entry->n_attributes,
                      SOLID_ITEM_ATTRIBUTES_MAX);
  if (entry->n_attributes && !entry->attributes)
    return solid_fail(SOLID_EINVAL, "item %s: %zu attributes without data", id.text, entry->n_attributes);
  for (size_t i = 0; i < entry->n_attributes && !status; i++)
    status = check_size(id, "attribute", entry->attributes[i], 1, SOLID_ID_MAX);
  return status ? status : check_vector(id, entry);
}

const char *solid_item_change_name(uint32_t kind) {
  switch (kind) {
  case SOLID_ITEM_ADDED:
    return "added";
  case SOLID_ITEM_HIDDEN:
    return "hidden";
  case SOLID_ITEM_SHOWN:
    return "shown";
  case SOLID_ITEM_REMOVED:
    return "removed";
  }
  return "unknown";
}
