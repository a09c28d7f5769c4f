#include "ingest/data/json_members.h"
#include "solid/base/text.h"
#include <stdio.h>
#include <string.h>

static solid_status add_value(sol_list *list, const char *path, const char *key, const json_t *value) {
  char number[32];
  if (json_is_string(value))
    return sol_list_add(list, "", (solid_bytes){json_string_value(value), json_string_length(value)});
  if (!json_is_integer(value))
    return solid_fail(SOLID_EFORMAT, "%s: \"%s\": element %zu is neither a string nor an integer", path,
                      sol_show(key, strlen(key)).text, list->count + 1);
  int size = snprintf(number, sizeof number, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
  return sol_list_add(list, "", (solid_bytes){number, (size_t)size});
}

static solid_status read_entry(const char *path, const char *key, const json_t *values, sol_list *list) {
  sol_list_clear(list);
  size_t size = strlen(key);
  if (size < 1 || size > SOLID_ID_MAX)
    return solid_fail(SOLID_EFORMAT, "%s: key of %zu bytes, want 1 to %d", path, size, SOLID_ID_MAX);
  if (!json_is_array(values))
    return solid_fail(SOLID_EFORMAT, "%s: \"%s\" is not a list", path, sol_show(key, strlen(key)).text);
  for (size_t i = 0; i < json_array_size(values); i++) {
    solid_status status = add_value(list, path, key, json_array_get(values, i));
    if (status != SOLID_OK) return status;
  }
  sol_list_finish(list);
  return SOLID_OK;
}

typedef struct lists {
  const char *path;
  sol_list values;
  sol_entry_fn entry;
  void *context;
} lists;

static solid_status take_list(void *context, const char *key, const json_t *values) {
  lists *l = context;
  solid_status status = read_entry(l->path, key, values, &l->values);
  return status == SOLID_OK ? l->entry(l->context, (solid_bytes){key, strlen(key)}, &l->values) : status;
}

solid_status sol_json_lists(sol_lines *lines, sol_entry_fn entry, void *context) {
  lists all = {.path = lines->path, .entry = entry, .context = context};
  solid_status status = sol_json_members(lines, take_list, &all);
  sol_list_free(&all.values);
  return status;
}

typedef struct titles {
  const char *path;
  size_t count;
  solid_status (*entry)(void *context, solid_bytes key, solid_bytes value);
  void *context;
} titles;

static solid_status take_title(void *context, const char *key, const json_t *value) {
  titles *t = context;
  size_t size = strlen(key);
  if (!json_is_string(value))
    return solid_fail(t->count ? SOLID_EFORMAT : SOLID_ENOTFOUND, "%s: \"%s\" is no title", t->path,
                      sol_show(key, size).text);
  if (size < 1 || size > SOLID_ID_MAX)
    return solid_fail(SOLID_EFORMAT, "%s: key of %zu bytes, want 1 to %d", t->path, size, SOLID_ID_MAX);
  t->count++;
  return t->entry(t->context, (solid_bytes){key, size},
                  (solid_bytes){json_string_value(value), json_string_length(value)});
}

solid_status sol_json_titles(sol_lines *lines, solid_status (*entry)(void *context, solid_bytes key, solid_bytes value),
                             void *context) {
  titles all = {.path = lines->path, .entry = entry, .context = context};
  return sol_json_members(lines, take_title, &all);
}
