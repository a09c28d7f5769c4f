#include "examples/common/category.h"
#include "examples/common/ground.h"
#include "examples/common/nearest.h"
#include "solid/extend.h"
#include <stdint.h>
#include <string.h>
#include <strings.h>

enum { SHOWN = 3, FAR = 1000 };

typedef struct near_category {
  solid_bytes name;
  size_t distance;
} near_category;

static int holds(solid_bytes name, const char *part, size_t size) {
  for (size_t i = 0; i + size <= name.size; i++)
    if (strncasecmp(name.data + i, part, size) == 0) return 1;
  return 0;
}

/* Of a table's COLUMN=VALUE, the value. */
static int is_value(solid_bytes name, const char *typed, size_t size) {
  return name.size > size && name.data[name.size - size - 1] == '=' &&
         strncasecmp(name.data + name.size - size, typed, size) == 0;
}

/* Names that differ in case, or whose value was typed, come first, then those that hold it; beyond half of it nobody
 * meant it. */
static size_t distance_of(solid_bytes name, const char *typed, size_t size) {
  if (name.size == size && strncasecmp(name.data, typed, size) == 0) return 0;
  if (is_value(name, typed, size)) return 0;
  size_t edits = nearest_distance(typed, size, name.data, name.size);
  if (edits <= size / 2) return edits;
  return holds(name, typed, size) ? edits + size : FAR;
}

static void put_in(near_category *nearest, near_category found) {
  for (int i = 0; i < SHOWN; i++) {
    if (found.distance >= nearest[i].distance) continue;
    near_category later = nearest[i];
    nearest[i] = found;
    found = later;
  }
}

solid_status category_check(const solid_model *model, const char *name) {
  size_t size = name ? strlen(name) : 0;
  if (!name || solid_model_category(model, (solid_bytes){name, size}) != UINT32_MAX) return SOLID_OK;
  near_category nearest[SHOWN] = {{{NULL, 0}, FAR}, {{NULL, 0}, FAR}, {{NULL, 0}, FAR}};
  uint32_t count = 0;
  for (solid_bytes known; (known = solid_model_category_name(model, count)).data; count++)
    put_in(nearest, (near_category){known, distance_of(known, name, size)});
  if (!count)
    return solid_fail(SOLID_ENOTFOUND,
                      "--category: the model has no categories, since it was trained without --attributes");
  char text[400];
  sol_text list = SOL_TEXT(text);
  for (int i = 0; i < SHOWN && nearest[i].distance < FAR; i++)
    sol_text_add(&list, "%s\"%s\"", i ? ", " : "", sol_show(nearest[i].name.data, nearest[i].name.size).text);
  if (!list.used)
    return solid_fail(SOLID_ENOTFOUND, "--category: \"%s\" is none of the model's %u categories",
                      sol_show(name, size).text, count);
  return solid_fail(SOLID_ENOTFOUND, "--category: \"%s\" is none of the model's %u categories; did you mean %s?",
                    sol_show(name, size).text, count, text);
}
