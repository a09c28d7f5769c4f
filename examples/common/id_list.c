#include "examples/common/id_list.h"
#include "examples/common/ground.h"
#include "solid/extend.h"
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

static solid_status add(id_list *list, const char *option, const char *text, size_t size) {
  if (size == 0 || size > SOLID_ID_MAX)
    return solid_fail(SOLID_EINVAL, "--%s: an id of %zu bytes, want 1 to %d", option, size, SOLID_ID_MAX);
  list->ids[list->count++] = (solid_bytes){text, size};
  return SOLID_OK;
}

static solid_status read_array(id_list *list, const char *option, const char *text) {
  json_error_t error;
  json_t *root = json_loads(text, 0, &error);
  list->owner = root;
  if (!json_is_array(root))
    return solid_fail(SOLID_EINVAL, "--%s: begins like a JSON array of ids and is none: %s", option,
                      root ? "not an array" : error.text);
  solid_status status = SOLID_OK;
  size_t i;
  json_t *id;
  list->ids = calloc(json_array_size(root) + 1, sizeof *list->ids);
  if (!list->ids) return solid_fail(SOLID_ENOMEM, "no memory for %zu ids", json_array_size(root));
  json_array_foreach(root, i, id) {
    if (!json_is_string(id)) return solid_fail(SOLID_EINVAL, "--%s: id %zu of the array is no string", option, i + 1);
    if (!status) status = add(list, option, json_string_value(id), json_string_length(id));
  }
  return status;
}

solid_status id_list_read(id_list *list, const char *option, const char *text) {
  *list = (id_list){0};
  if (!text) return SOLID_OK;
  if (*text == '[') return read_array(list, option, text);
  size_t parts = 1, size;
  const char *part;
  for (const char *at = text; *at; at++) parts += *at == ',';
  list->ids = calloc(parts, sizeof *list->ids);
  if (!list->ids) return solid_fail(SOLID_ENOMEM, "no memory for %zu ids", parts);
  solid_status status = SOLID_OK;
  while (!status && sol_text_part(&text, &part, &size))
    if (size) status = add(list, option, part, size);
  return status;
}

void id_list_clear(id_list *list) {
  free(list->ids);
  json_decref(list->owner);
  *list = (id_list){0};
}

void id_list_keep_known(id_list *list, const solid_model *model, const char *program, const char *option) {
  size_t kept = 0;
  for (size_t i = 0; i < list->count; i++) {
    if (solid_model_item_index(model, list->ids[i]) != SOLID_NO_ITEM)
      list->ids[kept++] = list->ids[i];
    else
      fprintf(stderr, "%s: --%s: item %s is not in the model's catalogue, left out\n", program, option,
              sol_show(list->ids[i].data, list->ids[i].size).text);
  }
  list->count = kept;
}
