/* Reads titles of items. */
#include "ingest/data/plain.h"
#include <stdlib.h>
#include <string.h>

typedef struct title_reader {
  sol_lines lines;
  sol_fields fields;
  sol_separator separator;
  size_t item, title; /* columns */
  int is_json, has_header;
} title_reader;

static solid_bytes without_type(solid_bytes field) {
  const char *colon = memchr(field.data, ':', field.size);
  if (colon) field.size = (size_t)(colon - field.data);
  return field;
}

static int is_title(solid_bytes field) {
  solid_bytes name = without_type(field);
  return sol_bytes_equal(name, "title") || sol_bytes_equal(name, "name") || sol_bytes_end_with(name, "_title") ||
         sol_bytes_end_with(name, "_name");
}

static solid_status no_titles(const title_reader *r) {
  return solid_fail(SOLID_ENOTFOUND, "%s: has no titles: neither {\"item\": \"title\"} nor a column called title",
                    r->lines.path);
}

static solid_status find_columns(title_reader *r, sol_lines *sample) {
  r->item = r->title = SOL_ABSENT;
  r->separator = sol_plain_separator(sample->line);
  if (strcmp(r->separator.text, "::") == 0) {
    r->item = 0, r->title = 1;
    return SOLID_OK;
  }
  if (!r->separator.text[0]) return no_titles(r);
  if (*sample->line == '"') r->separator.quotes = 1;
  r->has_header = 1;
  solid_status status = sol_fields_split(&r->fields, sample, &r->separator);
  for (size_t i = 0; i < r->fields.count && !status; i++) {
    if (r->item == SOL_ABSENT && sol_column_is_known(r->fields.at[i], SOL_ITEM)) r->item = i;
    if (r->title == SOL_ABSENT && is_title(r->fields.at[i])) r->title = i;
  }
  if (!status && (r->item == SOL_ABSENT || r->title == SOL_ABSENT || r->item == r->title)) status = no_titles(r);
  return status;
}

static solid_status judge(title_reader *r) {
  sol_lines sample;
  int more = 0;
  solid_status status = sol_lines_sample(&r->lines, &sample);
  if (status) return status;
  status = sol_lines_next(&sample, &more);
  if (!status && !more) status = solid_fail(SOLID_EFORMAT, "%s:1: the file has no lines", r->lines.path);
  if (!status) {
    r->is_json = sample.line[strspn(sample.line, " \t")] == '{';
    if (!r->is_json) status = find_columns(r, &sample);
  }
  sol_lines_close(&sample);
  return status;
}

static solid_status read_table(title_reader *r, solid_title_sink sink, void *context) {
  int more = 1;
  solid_status status = r->has_header ? sol_lines_next(&r->lines, &more) : SOLID_OK;
  while (!status && more) {
    solid_bytes item;
    status = sol_lines_next(&r->lines, &more);
    if (status || !more) break;
    status = sol_fields_split(&r->fields, &r->lines, &r->separator);
    if (!status) status = sol_fields_id(&r->fields, &r->lines, r->item, "item", &item);
    if (!status && r->title < r->fields.count && r->fields.at[r->title].size)
      status = sink(context, item, r->fields.at[r->title]);
  }
  return status;
}

solid_status solid_data_read_titles(const char *path, solid_title_sink sink, void *context) {
  if (!path || !sink) return solid_fail(SOLID_EINVAL, "read titles: NULL argument");
  title_reader r = {.is_json = 0};
  solid_status status = sol_lines_open(&r.lines, path);
  if (!status) status = judge(&r);
  if (!status) status = r.is_json ? sol_json_titles(&r.lines, sink, context) : read_table(&r, sink, context);
  sol_lines_close(&r.lines);
  free(r.fields.at);
  return status;
}
