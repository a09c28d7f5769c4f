/* --items FILE: entries of the item log, from JSON lines as they are, or from any table of attributes and titles. */
#include "examples/common/item_entry.h"
#include "examples/send/send.h"
#include "ingest/data_file.h"
#include "solid/extend.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct reading {
  const char *path;
  send_take_fn take;
  void *user;
  uint64_t count, limit;
  char **titles; /* "id" 0 "title", sorted by id */
  size_t n_titles, room;
} reading;

static solid_status pass(reading *r, const solid_item_entry *entry) {
  if (r->limit && r->count >= r->limit) return SOLID_OK;
  solid_status status = solid_item_check(entry);
  if (status) return solid_fail(status, "%s: %s", r->path, solid_last_error());
  char *text = item_entry_text(entry);
  if (!text) return solid_fail(SOLID_EFORMAT, "%s: item %" PRIu64 ": text that is no UTF-8", r->path, r->count + 1);
  status = r->take(r->user, entry->id, (solid_bytes){text, strlen(text)});
  free(text);
  r->count++;
  return status;
}

/* ---- A table ---- */

static solid_status take_title(void *context, solid_bytes item, solid_bytes title) {
  reading *r = context;
  if (r->n_titles == r->room) {
    size_t room = r->room ? 2 * r->room : 1024;
    char **more = realloc(r->titles, room * sizeof *more);
    if (!more) return solid_fail(SOLID_ENOMEM, "out of memory: titles");
    r->titles = more, r->room = room;
  }
  if (title.size > SOLID_TITLE_MAX) title.size = SOLID_TITLE_MAX;
  char *both = malloc(item.size + title.size + 2);
  if (!both) return solid_fail(SOLID_ENOMEM, "out of memory: titles");
  memcpy(both, item.data, item.size);
  both[item.size] = 0;
  if (title.size) memcpy(both + item.size + 1, title.data, title.size);
  both[item.size + 1 + title.size] = 0;
  r->titles[r->n_titles++] = both;
  return SOLID_OK;
}

static int by_id(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

static solid_status take_attributes(void *context, solid_bytes item, const solid_bytes *attributes, size_t count) {
  reading *r = context;
  char id[SOLID_ID_MAX + 1] = "", *key = id;
  if (item.size < sizeof id) memcpy(id, item.data, item.size);
  char **found = r->n_titles ? bsearch(&key, r->titles, r->n_titles, sizeof *r->titles, by_id) : NULL;
  solid_item_entry entry = {.id = item, .attributes = attributes, .n_attributes = count};
  if (found) entry.title = (solid_bytes){*found + strlen(*found) + 1, strlen(*found + strlen(*found) + 1)};
  return pass(r, &entry);
}

static solid_status read_table(reading *r) {
  solid_status status = solid_data_read_titles(r->path, NULL, take_title, r);
  if (status == SOLID_ENOTFOUND) status = SOLID_OK;
  if (status) return status;
  if (r->n_titles) qsort(r->titles, r->n_titles, sizeof *r->titles, by_id);
  return solid_data_read_attributes(r->path, NULL, take_attributes, r);
}

/* ---- Lines ---- */

static solid_status take_line(reading *r, const char *line, uint64_t number) {
  json_error_t error;
  item_entries one = {0};
  json_t *root = json_loads(line, JSON_REJECT_DUPLICATES, &error);
  solid_status status = root ? item_entries_add(&one, root) : solid_fail(SOLID_EFORMAT, "no JSON: %s", error.text);
  if (status) status = solid_fail(status, "%s:%" PRIu64 ": %s", r->path, number, solid_last_error());
  if (!status && !(r->limit && r->count >= r->limit)) {
    status = r->take(r->user, one.entries[0].id, (solid_bytes){line, strlen(line)});
    r->count++;
  }
  item_entries_clear(&one);
  json_decref(root);
  return status;
}

static solid_status read_lines(reading *r, FILE *file) {
  char *line = NULL;
  size_t room = 0;
  ssize_t size;
  solid_status status = SOLID_OK;
  for (uint64_t number = 1; !status && (size = getline(&line, &room, file)) >= 0; number++) {
    while (size > 0 && strchr("\r\n", line[size - 1])) line[--size] = 0;
    if (size) status = take_line(r, line, number);
  }
  if (!status && ferror(file)) status = solid_fail(SOLID_EIO, "%s: %s", r->path, strerror(errno));
  free(line);
  return status;
}

/* 1 if the first line is an entry; a file of attributes as JSON has items for keys. */
static int begins_with_entry(FILE *file) {
  char *line = NULL;
  size_t room = 0;
  int is_entry = 0;
  if (getline(&line, &room, file) > 0) {
    json_t *root = json_loads(line, 0, NULL);
    is_entry = json_is_string(json_object_get(root, "item"));
    json_decref(root);
  }
  free(line);
  rewind(file);
  return is_entry;
}

solid_status send_read_items(const char *path, uint64_t limit, send_take_fn take, void *user) {
  reading r = {.path = path, .take = take, .user = user, .limit = limit};
  solid_status status = SOLID_OK;
  if (strcmp(path, "-") == 0) return read_lines(&r, stdin);
  FILE *file = fopen(path, "r");
  if (!file) return solid_fail(SOLID_EIO, "%s: %s", path, strerror(errno));
  int is_lines = begins_with_entry(file);
  if (is_lines) status = read_lines(&r, file);
  fclose(file);
  if (!is_lines) status = read_table(&r);
  for (size_t i = 0; i < r.n_titles; i++) free(r.titles[i]);
  free(r.titles);
  return status;
}
