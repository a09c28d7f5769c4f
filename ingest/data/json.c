#include "ingest/data/text.h"
#include "solid/base/text.h"
#include <jansson.h>
#include <stdio.h>
#include <string.h>

static size_t read_chunk(void *buffer, size_t size, void *lines) {
  size_t got = sol_lines_bytes(lines, buffer, size);
  return got == SIZE_MAX ? (size_t)-1 : got;
}

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

static solid_status load(sol_lines *lines, json_t **out) {
  json_error_t error;
  const char *path = lines->path;
  json_t *root = json_load_callback(read_chunk, lines, JSON_REJECT_DUPLICATES, &error);
  solid_status status = sol_gzip_status(lines->file, path);
  if (status == SOLID_OK && !root)
    status = solid_fail(SOLID_EFORMAT, "%s:%d: %s", path, error.line, error.text);
  else if (status == SOLID_OK && !json_is_object(root))
    status = solid_fail(SOLID_EFORMAT, "%s:1: not a JSON object", path);
  if (status != SOLID_OK)
    json_decref(root);
  else
    *out = root;
  return status;
}

solid_status sol_json_lists(sol_lines *lines, sol_entry_fn entry, void *context) {
  json_t *root = NULL;
  solid_status status = load(lines, &root);
  if (status != SOLID_OK) return status;
  sol_list list = {0};
  const char *key;
  json_t *values;
  json_object_foreach(root, key, values) {
    status = read_entry(lines->path, key, values, &list);
    if (status == SOLID_OK) status = entry(context, (solid_bytes){key, strlen(key)}, &list);
    if (status != SOLID_OK) break;
  }
  sol_list_free(&list);
  json_decref(root);
  return status;
}

solid_status sol_json_titles(sol_lines *lines, solid_status (*entry)(void *context, solid_bytes key, solid_bytes value),
                             void *context) {
  json_t *root = NULL, *value;
  solid_status status = load(lines, &root);
  if (status != SOLID_OK) return status;
  const char *key;
  size_t count = 0;
  json_object_foreach(root, key, value) {
    size_t size = strlen(key);
    if (!json_is_string(value))
      status = solid_fail(count ? SOLID_EFORMAT : SOLID_ENOTFOUND, "%s: \"%s\" is no title", lines->path,
                          sol_show(key, size).text);
    else if (size < 1 || size > SOLID_ID_MAX)
      status = solid_fail(SOLID_EFORMAT, "%s: key of %zu bytes, want 1 to %d", lines->path, size, SOLID_ID_MAX);
    else
      status =
          entry(context, (solid_bytes){key, size}, (solid_bytes){json_string_value(value), json_string_length(value)});
    if (status != SOLID_OK) break;
    count++;
  }
  json_decref(root);
  return status;
}
