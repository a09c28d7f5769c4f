/* Reads titles of items. */
#include "ingest/data/plain.h"
#include "solid/base/handshake.h"
#include "solid/base/number.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct title_reader {
  sol_lines lines;
  sol_fields fields;
  sol_separator separator;
  const solid_attributes_options *options;
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

static solid_status no_titles(const title_reader *r, const char *why) {
  return solid_fail(SOLID_ENOTFOUND, "%s: has no titles: %s", r->lines.path, why);
}

/* Which field of the header is the item: the one of the given name, a recognised one, the one of the given number. */
static size_t find_item(const title_reader *r) {
  const char *given = r->options->item_column;
  int64_t number = 0;
  for (size_t i = 0; i < r->fields.count && given; i++)
    if (sol_bytes_equal(r->fields.at[i], given) || sol_bytes_equal(without_type(r->fields.at[i]), given)) return i;
  for (size_t i = 0; i < r->fields.count; i++)
    if (sol_column_is_known(r->fields.at[i], SOL_ITEM)) return i;
  int is_number = given && sol_number_int(given, strlen(given), &number);
  return is_number && number >= 1 && (uint64_t)number <= r->fields.count ? (size_t)number - 1 : SOL_ABSENT;
}

static solid_status find_columns(title_reader *r, sol_lines *sample) {
  char names[240], why[400];
  solid_status status = SOLID_OK;
  r->item = r->title = SOL_ABSENT;
  r->separator = sol_plain_separator(sample->line);
  if (r->options->separator) status = sol_separator_find(r->options->separator, &r->separator);
  if (status) return status;
  if (strcmp(r->separator.text, "::") == 0) {
    r->item = 0, r->title = 1;
    return SOLID_OK;
  }
  if (!r->separator.text[0]) return no_titles(r, "neither {\"item\": \"title\"} nor a table with a header");
  if (*sample->line == '"') r->separator.quotes = 1;
  r->has_header = 1;
  status = sol_fields_split(&r->fields, sample, &r->separator);
  if (status) return status;
  r->item = find_item(r);
  for (size_t i = 0; i < r->fields.count && r->title == SOL_ABSENT; i++)
    if (is_title(r->fields.at[i]) && i != r->item) r->title = i;
  if (r->item != SOL_ABSENT && r->title != SOL_ABSENT) return SOLID_OK;
  const char *missing = r->title == SOL_ABSENT ? "called title, name, *_title or *_name"
                                               : "of items (" SOLID_DATA_ITEM_NAMES ", or --attribute-item)";
  snprintf(why, sizeof why, "no column %s among %s", missing, sol_fields_list(&r->fields, names, sizeof names));
  return no_titles(r, why);
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
  if (!status && r->has_header) status = sol_fields_split(&r->fields, &r->lines, &r->separator); /* of several lines */
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

solid_status solid_data_read_titles(const char *path, const solid_attributes_options *options, solid_title_sink sink,
                                    void *context) {
  if (!path || !sink) return solid_fail(SOLID_EINVAL, "read titles: NULL argument");
  solid_attributes_options used = SOLID_ATTRIBUTES_OPTIONS_INIT;
  solid_status status = sol_struct_take(&used, sizeof used, options, "titles options");
  title_reader r = {.options = &used};
  if (status) return status;
  status = sol_lines_open(&r.lines, path);
  r.lines.progress = used.progress, r.lines.progress_user = used.progress_user;
  if (!status) status = judge(&r);
  if (!status) status = r.is_json ? sol_json_titles(&r.lines, sink, context) : read_table(&r, sink, context);
  sol_lines_close(&r.lines);
  free(r.fields.at);
  return status;
}
