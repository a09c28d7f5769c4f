#include "examples/common/item_entry.h"
#include "solid/extend.h"
#include <stdlib.h>
#include <string.h>

static solid_status read_text(const json_t *object, const char *key, int is_needed, solid_bytes *out) {
  const json_t *value = json_object_get(object, key);
  *out = (solid_bytes){NULL, 0};
  if (!value && !is_needed) return SOLID_OK;
  if (json_is_integer(value) && is_needed)
    return solid_fail(SOLID_EFORMAT, "\"%s\" is a number: ids are texts, \"%lld\"", key,
                      (long long)json_integer_value(value));
  if (!json_is_string(value)) return solid_fail(SOLID_EFORMAT, "\"%s\" is %s", key, value ? "no text" : "missing");
  *out = (solid_bytes){json_string_value(value), json_string_length(value)};
  return SOLID_OK;
}

static solid_status read_change(const json_t *object, uint32_t *kind) {
  solid_bytes text;
  solid_status status = read_text(object, "change", 0, &text);
  *kind = SOLID_ITEM_ADDED;
  if (status || !text.data) return status;
  for (*kind = 0; *kind <= SOLID_ITEM_REMOVED; ++*kind)
    if (strcmp(text.data, solid_item_change_name(*kind)) == 0) return SOLID_OK;
  return solid_fail(SOLID_EFORMAT, "\"change\" is none of added, hidden, shown, removed");
}

static solid_status check_list(const json_t *object, const char *key, size_t most, const json_t **list) {
  *list = json_object_get(object, key);
  if (!*list || (json_is_array(*list) && json_array_size(*list) <= most)) return SOLID_OK;
  return solid_fail(SOLID_EFORMAT, "\"%s\" is no list of at most %zu", key, most);
}

/* Attributes, then the vector, in one block that *room owns. */
static solid_status read_lists(const json_t *object, solid_item_entry *entry, void **room) {
  const json_t *attributes, *vector;
  solid_status status = check_list(object, "attributes", SOLID_ITEM_ATTRIBUTES_MAX, &attributes);
  if (!status) status = check_list(object, "vector", SOLID_ITEM_VECTOR_MAX, &vector);
  if (status) return status;
  size_t n = json_array_size(attributes), width = json_array_size(vector);
  solid_bytes *texts = malloc(n * sizeof *texts + width * sizeof(float) + 1);
  if (!texts) return solid_fail(SOLID_ENOMEM, "out of memory: item");
  float *numbers = (float *)(void *)(texts + n);
  *room = texts;
  for (size_t i = 0; i < n; i++) {
    const json_t *value = json_array_get(attributes, i);
    if (!json_is_string(value)) return solid_fail(SOLID_EFORMAT, "\"attributes\": number %zu is no text", i);
    texts[i] = (solid_bytes){json_string_value(value), json_string_length(value)};
  }
  for (size_t i = 0; i < width; i++) {
    const json_t *value = json_array_get(vector, i);
    if (!json_is_number(value)) return solid_fail(SOLID_EFORMAT, "\"vector\": number %zu is none", i);
    numbers[i] = (float)json_number_value(value);
  }
  entry->attributes = texts, entry->n_attributes = n;
  entry->vector = numbers, entry->width = width;
  return SOLID_OK;
}

/* A field that is misspelt would be left out in silence. */
static solid_status check_fields(const json_t *object) {
  static const char *const fields[] = {"item", "title", "attributes", "vector", "change", "time"};
  if (!json_is_object(object)) return solid_fail(SOLID_EFORMAT, "an entry is no object");
  for (void *at = json_object_iter((json_t *)(uintptr_t)object); at;
       at = json_object_iter_next((json_t *)(uintptr_t)object, at)) {
    size_t i = 0;
    while (i < sizeof fields / sizeof *fields && strcmp(fields[i], json_object_iter_key(at))) i++;
    if (i == sizeof fields / sizeof *fields)
      return solid_fail(SOLID_EFORMAT, "field \"%.64s\" is unknown: item, title, attributes, vector, change, time",
                        json_object_iter_key(at));
  }
  return SOLID_OK;
}

static solid_status read_entry(const json_t *object, solid_item_entry *entry, void **room) {
  const json_t *time = json_object_get(object, "time");
  solid_status status = check_fields(object);
  if (!status) status = read_text(object, "item", 1, &entry->id);
  if (!status) status = read_text(object, "title", 0, &entry->title);
  if (!status) status = read_change(object, &entry->kind);
  if (!status && time && !json_is_integer(time)) status = solid_fail(SOLID_EFORMAT, "\"time\" is no whole number");
  if (!status) entry->time_ms = json_integer_value(time);
  if (!status) status = read_lists(object, entry, room);
  return status ? status : solid_item_check(entry);
}

solid_status item_entries_add(item_entries *all, const json_t *object) {
  solid_item_entry entry = {.kind = 0};
  void *room = NULL;
  solid_status status = read_entry(object, &entry, &room);
  if (!status && all->n == all->room) {
    size_t more = all->room ? 2 * all->room : 16;
    solid_item_entry *entries = realloc(all->entries, more * sizeof *entries);
    if (entries) all->entries = entries;
    void **rooms = realloc(all->rooms, more * sizeof *rooms);
    if (rooms) all->rooms = rooms;
    if (entries && rooms)
      all->room = more;
    else
      status = solid_fail(SOLID_ENOMEM, "out of memory: %zu items", more);
  }
  if (status) {
    free(room);
    return status;
  }
  all->entries[all->n] = entry;
  all->rooms[all->n++] = room;
  return SOLID_OK;
}

char *item_entry_text(const solid_item_entry *entry) {
  json_t *object = json_object(), *attributes = json_array();
  int bad = json_object_set_new(object, "item", json_stringn(entry->id.data, entry->id.size));
  if (entry->kind) bad |= json_object_set_new(object, "change", json_string(solid_item_change_name(entry->kind)));
  if (entry->title.size)
    bad |= json_object_set_new(object, "title", json_stringn(entry->title.data, entry->title.size));
  for (size_t i = 0; i < entry->n_attributes; i++)
    bad |= json_array_append_new(attributes, json_stringn(entry->attributes[i].data, entry->attributes[i].size));
  if (entry->n_attributes) bad |= json_object_set(object, "attributes", attributes);
  json_decref(attributes);
  char *text = bad ? NULL : json_dumps(object, JSON_COMPACT);
  json_decref(object);
  return text;
}

void item_entries_clear(item_entries *all) {
  for (size_t i = 0; i < all->n; i++) free(all->rooms[i]);
  free(all->rooms);
  free(all->entries);
  *all = (item_entries){0};
}
