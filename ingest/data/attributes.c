/* What files say about items. */
#include "ingest/data/text.h"
#include "ingest/dataset.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ABSENT SIZE_MAX

typedef struct reader {
  sol_lines lines;
  sol_fields fields;
  sol_separator separator;
  size_t item, genres, columns;
  sol_list prefixes; /* recbole: "column=" for a column that counts, "" for one that does not; by column */
  uint8_t *is_sequence;
  sol_list attributes;
  solid_attributes_sink sink;
  void *context;
} reader;

/* Words of `text` that one of the characters of `marks` separates. */
static solid_status add_words(sol_list *list, const char *prefix, solid_bytes text, char mark) {
  const char *at = text.data, *end = text.data + text.size;
  while (at < end) {
    const char *stop = memchr(at, mark, (size_t)(end - at));
    if (!stop) stop = end;
    solid_bytes word = {at, (size_t)(stop - at)};
    if (word.size > 0 && !sol_bytes_equal(word, "(no genres listed)")) {
      solid_status status = sol_list_add(list, prefix, word);
      if (status != SOLID_OK) return status;
    }
    at = stop + 1;
  }
  return SOLID_OK;
}

/* Columns that describe and do not classify. */
static int is_prose(solid_bytes name) {
  return sol_bytes_equal(name, "title") || sol_bytes_end_with(name, "_title") || sol_bytes_equal(name, "text");
}

static solid_status read_recbole_header(reader *r) {
  r->is_sequence = calloc(r->fields.count, 1);
  if (!r->is_sequence) return solid_fail(SOLID_ENOMEM, "no room for %zu columns", r->fields.count);
  for (size_t i = 0; i < r->fields.count; i++) {
    solid_bytes field = r->fields.at[i], name = field;
    const char *colon = memchr(field.data, ':', field.size);
    if (colon) name.size = (size_t)(colon - field.data);
    if (sol_bytes_equal(name, "item_id")) r->item = i;
    r->is_sequence[i] = (uint8_t)sol_bytes_end_with(field, ":token_seq");
    char prefix[SOLID_ID_MAX + 2] = "";
    int counts = r->is_sequence[i] || sol_bytes_end_with(field, ":token");
    if (counts && !is_prose(name) && r->item != i && name.size <= SOLID_ID_MAX)
      snprintf(prefix, sizeof prefix, "%.*s=", (int)name.size, name.data);
    solid_status status = sol_list_add(&r->prefixes, "", (solid_bytes){prefix, strlen(prefix) + 1}); /* with its zero */
    if (status != SOLID_OK) return status;
  }
  sol_list_finish(&r->prefixes);
  return r->item == ABSENT ? sol_lines_fail(&r->lines, "no column item_id") : SOLID_OK;
}

static solid_status read_csv_header(reader *r) {
  for (size_t i = 0; i < r->fields.count; i++) {
    if (sol_bytes_equal(r->fields.at[i], "movieId") || sol_bytes_equal(r->fields.at[i], "item_id")) r->item = i;
    if (sol_bytes_equal(r->fields.at[i], "genres")) r->genres = i;
  }
  if (r->item == ABSENT) return sol_lines_fail(&r->lines, "no column movieId or item_id");
  return r->genres == ABSENT ? sol_lines_fail(&r->lines, "no column genres") : SOLID_OK;
}

static solid_status read_attributes(reader *r) {
  if (r->fields.count > r->columns)
    return sol_lines_fail(&r->lines, "%zu fields under %zu columns", r->fields.count, r->columns);
  if (r->genres != ABSENT) {
    if (r->genres >= r->fields.count)
      return sol_lines_fail(&r->lines, "%zu fields, genres are number %zu", r->fields.count, r->genres + 1);
    return add_words(&r->attributes, "", r->fields.at[r->genres], '|');
  }
  solid_status status = SOLID_OK;
  for (size_t i = 0; i < r->fields.count && status == SOLID_OK; i++) {
    const char *prefix = r->prefixes.at[i].data;
    if (!*prefix || r->fields.at[i].size == 0) continue;
    status = r->is_sequence[i] ? add_words(&r->attributes, prefix, r->fields.at[i], ' ')
                               : sol_list_add(&r->attributes, prefix, r->fields.at[i]);
  }
  return status;
}

static solid_status read_line(reader *r) {
  solid_bytes item;
  solid_status status = sol_fields_split(&r->fields, &r->lines, &r->separator);
  if (status == SOLID_OK) status = sol_fields_id(&r->fields, &r->lines, r->item, "item", &item);
  sol_list_clear(&r->attributes);
  if (status == SOLID_OK) status = read_attributes(r);
  if (status != SOLID_OK) return status;
  sol_list_finish(&r->attributes);
  return r->sink(r->context, item, r->attributes.at, r->attributes.count);
}

/* The format and its columns, from the first line; *is_json when it is none of lines. */
static solid_status read_first_line(reader *r, int *is_json) {
  sol_lines sample;
  int more = 0;
  solid_status status = sol_lines_sample(&r->lines, &sample);
  if (status == SOLID_OK) status = sol_lines_next(&sample, &more);
  if (status == SOLID_OK && !more) status = solid_fail(SOLID_EFORMAT, "%s:1: the file has no lines", r->lines.path);
  const char *line = status == SOLID_OK ? sample.line : "";
  int is_recbole = strstr(line, ":token") != NULL, has_colons = strstr(line, "::") != NULL;
  *is_json = line[strspn(line, " \t")] == '{';
  sol_lines_close(&sample);
  if (status != SOLID_OK || *is_json) return status;
  status = sol_separator_find(is_recbole ? "tab" : has_colons ? "colons" : "comma", &r->separator);
  if (status == SOLID_OK && !is_recbole && has_colons) { /* no header: id::title::genres */
    r->item = 0;
    r->genres = 2;
    r->columns = 3;
    return SOLID_OK;
  }
  if (status == SOLID_OK) status = sol_lines_next(&r->lines, &more);
  if (status == SOLID_OK) status = sol_fields_split(&r->fields, &r->lines, &r->separator);
  if (status != SOLID_OK) return status;
  r->columns = r->fields.count;
  return is_recbole ? read_recbole_header(r) : read_csv_header(r);
}

static solid_status send_entry(void *context, solid_bytes item, const sol_list *attributes) {
  const reader *r = context;
  return r->sink(r->context, item, attributes->at, attributes->count);
}

solid_status solid_dataset_read_attributes(const char *path, solid_attributes_sink sink, void *context) {
  if (!path || !sink) return solid_fail(SOLID_EINVAL, "read attributes: NULL argument");
  reader r = {.item = ABSENT, .genres = ABSENT, .sink = sink, .context = context};
  int is_json = 0, more = 1;
  solid_status status = sol_lines_open(&r.lines, path);
  if (status == SOLID_OK) status = read_first_line(&r, &is_json);
  while (status == SOLID_OK && !is_json) {
    status = sol_lines_next(&r.lines, &more);
    if (status != SOLID_OK || !more) break;
    status = read_line(&r);
  }
  if (status == SOLID_OK && is_json) status = sol_json_lists(&r.lines, send_entry, &r);
  sol_lines_close(&r.lines);
  free(r.fields.at);
  free(r.is_sequence);
  sol_list_free(&r.prefixes);
  sol_list_free(&r.attributes);
  return status;
}
