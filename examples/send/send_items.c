/* --items FILE: entries of the item log, from JSON lines as they are, or from any table of attributes and titles. */
#include "examples/common/item_entry.h"
#include "examples/send/send.h"
#include "ingest/data_file.h"
#include "solid/extend.h"
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* "id" 0 "text", sorted by id once it is whole. */
typedef struct list {
  char **at;
  size_t n, room;
} list;

typedef struct reading {
  const char *path;
  send_take_fn take;
  void *user;
  uint64_t lines, count, limit;
  int is_table; /* the first line is no entry */
  solid_attributes_options table;
  list titles; /* of a table; not every item needs one */
  list ids;    /* of its lines */
} reading;

static int is_full(const reading *r) {
  return r->limit && r->count >= r->limit;
}

static solid_status pass(reading *r, const solid_item_entry *entry) {
  if (is_full(r)) return SOLID_OK;
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

/* Not within a character of UTF-8. */
static size_t cut(solid_bytes title) {
  size_t size = title.size < SOLID_TITLE_MAX ? title.size : SOLID_TITLE_MAX;
  while (size && size < title.size && ((unsigned char)title.data[size] & 0xc0) == 0x80) size--;
  return size;
}

static solid_status add(list *to, solid_bytes id, solid_bytes text) {
  if (to->n == to->room) {
    size_t room = to->room ? 2 * to->room : 1024;
    char **more = realloc(to->at, room * sizeof *more);
    if (!more) return solid_fail(SOLID_ENOMEM, "out of memory: items of a table");
    to->at = more, to->room = room;
  }
  char *both = malloc(id.size + text.size + 2);
  if (!both) return solid_fail(SOLID_ENOMEM, "out of memory: items of a table");
  memcpy(both, id.data, id.size);
  both[id.size] = 0;
  if (text.size) memcpy(both + id.size + 1, text.data, text.size);
  both[id.size + 1 + text.size] = 0;
  to->at[to->n++] = both;
  return SOLID_OK;
}

static void clear(list *all) {
  for (size_t i = 0; i < all->n; i++) free(all->at[i]);
  free(all->at);
}

static int by_id(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort(list *all) {
  if (all->n) qsort(all->at, all->n, sizeof *all->at, by_id);
}

static solid_status take_title(void *context, solid_bytes item, solid_bytes title) {
  title.size = cut(title);
  return add(&((reading *)context)->titles, item, title);
}

static solid_status take_id(void *context, solid_bytes item, const solid_bytes *attributes, size_t count) {
  (void)attributes, (void)count;
  return add(&((reading *)context)->ids, item, (solid_bytes){NULL, 0});
}

static solid_status take_attributes(void *context, solid_bytes item, const solid_bytes *attributes, size_t count) {
  reading *r = context;
  char id[SOLID_ID_MAX + 1] = "", *key = id;
  if (item.size < sizeof id) memcpy(id, item.data, item.size);
  char **found = r->titles.n ? bsearch(&key, r->titles.at, r->titles.n, sizeof *r->titles.at, by_id) : NULL;
  solid_item_entry entry = {.id = item, .attributes = attributes, .n_attributes = count};
  if (found) entry.title = (solid_bytes){*found + strlen(*found) + 1, strlen(*found + strlen(*found) + 1)};
  return pass(r, &entry);
}

/* In the log a later entry of an item takes the place of the one before, and its attributes with it. */
static solid_status check_ids(reading *r) {
  solid_status status = solid_data_read_attributes(r->path, &r->table, take_id, r);
  sort(&r->ids);
  for (size_t i = 1; i < r->ids.n && !status; i++)
    if (by_id(&r->ids.at[i - 1], &r->ids.at[i]) == 0)
      status = solid_fail(SOLID_EFORMAT,
                          "%s: item \"%s\" has several lines, of which the last alone would count: put its attributes "
                          "into one, with | between",
                          r->path, r->ids.at[i]);
  return status;
}

static int is_file(const char *path) {
  struct stat about;
  return stat(path, &about) == 0 && S_ISREG(about.st_mode);
}

/* Titles first, then ids, then attributes: the file is read several times. */
static solid_status read_table(reading *r) {
  if (!is_file(r->path))
    return solid_fail(SOLID_EIO, "%s: a table of items is read several times, and this is no regular file: give a file",
                      r->path);
  solid_status status = solid_data_read_titles(r->path, &r->table, take_title, r);
  if (status == SOLID_ENOTFOUND) status = SOLID_OK;
  sort(&r->titles);
  if (!status) status = check_ids(r);
  return status ? status : solid_data_read_attributes(r->path, &r->table, take_attributes, r);
}

/* ---- Lines ---- */

/* 1 if it is an entry: a file of attributes as JSON has items for keys, and lists for values. */
static int is_entry(const json_t *root) {
  const json_t *item = json_object_get(root, "item");
  return item && !json_is_array(item);
}

static solid_status take_line(void *context, solid_bytes line, uint64_t number) {
  reading *r = context;
  json_error_t error;
  item_entries one = {0};
  json_t *root = json_loadb(line.data, line.size, JSON_REJECT_DUPLICATES, &error);
  solid_status status = SOLID_OK;
  r->is_table = !r->lines && strcmp(r->path, "-") != 0 && *line.data != '[' && !is_entry(root);
  r->lines++;
  if (r->is_table)
    status = solid_fail(SOLID_ECANCELLED, "a table");
  else if (*line.data == '[')
    status = solid_fail(SOLID_EFORMAT, "a list: want an item a line (jq -c '.[]')");
  else
    status = root ? item_entries_add(&one, root) : solid_fail(SOLID_EFORMAT, "no JSON: %s", error.text);
  if (status) status = solid_fail(status, "%s:%" PRIu64 ": %s", r->path, number, solid_last_error());
  if (!status && !is_full(r)) {
    status = r->take(r->user, one.entries[0].id, line);
    r->count++;
  }
  item_entries_clear(&one);
  json_decref(root);
  return status;
}

solid_status send_read_items(const char *path, const items_options *table, uint64_t limit, send_take_fn take,
                             void *user) {
  reading r = {.path = path, .take = take, .user = user, .limit = limit, .table = SOLID_ATTRIBUTES_OPTIONS_INIT};
  r.table.item_column = table->item_column, r.table.columns = table->columns, r.table.separator = table->separator;
  solid_status status = solid_data_read_lines(path, take_line, &r);
  /* attributes by item may be one JSON object in a line that is longer than lines may be */
  int is_no_line = status == SOLID_EFORMAT && !r.lines && is_file(path);
  if (r.is_table || is_no_line) status = read_table(&r);
  if (!status && !r.lines) status = solid_fail(SOLID_EFORMAT, "%s: no items", path);
  clear(&r.titles);
  clear(&r.ids);
  return status;
}
