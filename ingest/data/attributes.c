/* Reads attributes of items. */
#include "ingest/data/attributes.h"
#include "solid/base/handshake.h"
#include "solid/base/text.h"
#include <stdlib.h>
#include <string.h>

/* A list as Python or JSON writes it would be one value, another one for each order of its parts. */
static solid_status check_values(const sol_attribute_reader *r, solid_bytes text) {
  int is_list = text.size > 1 && (text.data[0] == '[' || text.data[0] == '{') && strchr("]}", text.data[text.size - 1]);
  const char *why = is_list ? "is a list as a program writes it: want values with | between"
                    : !sol_is_utf8(text.data, text.size)
                        ? "is not UTF-8: write the file as UTF-8 (iconv -f LATIN1 -t UTF-8)"
                        : NULL;
  if (!why) return SOLID_OK;
  return sol_lines_fail(&r->lines, "attributes \"%s\": %s", sol_show(text.data, text.size).text, why);
}

/* The values of a field, one or several with a mark between. */
static solid_status add_values(sol_list *list, const sol_attribute_column *column, solid_bytes text) {
  const char *at = text.data, *end = text.data + text.size;
  while (at < end) {
    const char *stop = column->mark ? memchr(at, column->mark, (size_t)(end - at)) : NULL;
    if (!stop) stop = end;
    solid_bytes value = {at, (size_t)(stop - at)};
    if (value.size > 0 && !sol_bytes_equal(value, "(no genres listed)")) {
      solid_status status = sol_list_add(list, column->prefix, value);
      if (status != SOLID_OK) return status;
    }
    at = stop + 1;
  }
  return SOLID_OK;
}

static solid_status read_line(sol_attribute_reader *r) {
  solid_bytes item;
  solid_status status = sol_fields_split(&r->fields, &r->lines, &r->separator);
  if (status == SOLID_OK) status = sol_fields_id(&r->fields, &r->lines, r->item, "item", &item);
  if (status == SOLID_OK && r->fields.count > r->columns)
    status = sol_lines_fail(&r->lines, "%zu fields under %zu columns", r->fields.count, r->columns);
  sol_list_clear(&r->attributes);
  for (size_t i = 0; i < r->count && status == SOLID_OK; i++) {
    const sol_attribute_column *column = &r->column[i];
    if (column->at < r->fields.count) {
      status = check_values(r, r->fields.at[column->at]);
      if (status == SOLID_OK) status = add_values(&r->attributes, column, r->fields.at[column->at]);
    } else if (!column->prefix[0])
      status = sol_lines_fail(&r->lines, "%zu fields, genres are number %zu", r->fields.count, column->at + 1);
  }
  if (status != SOLID_OK) return status;
  sol_list_finish(&r->attributes);
  return r->sink(r->context, item, r->attributes.at, r->attributes.count);
}

static solid_status send_entry(void *context, solid_bytes item, const sol_list *attributes) {
  const sol_attribute_reader *r = context;
  return r->sink(r->context, item, attributes->at, attributes->count);
}

solid_attributes_options solid_attributes_options_default(void) {
  return (solid_attributes_options)SOLID_ATTRIBUTES_OPTIONS_INIT;
}

solid_status solid_data_read_attributes(const char *path, const solid_attributes_options *options,
                                        solid_attributes_sink sink, void *context) {
  if (!path || !sink) return solid_fail(SOLID_EINVAL, "read attributes: NULL argument");
  sol_attribute_reader r = {
      .options = SOLID_ATTRIBUTES_OPTIONS_INIT, .item = SOL_ABSENT, .sink = sink, .context = context};
  int is_json = 0, more = 1;
  solid_status status = sol_struct_take(&r.options, sizeof r.options, options, "attributes options");
  if (status == SOLID_OK) status = sol_lines_open(&r.lines, path);
  r.lines.progress = r.options.progress, r.lines.progress_user = r.options.progress_user;
  if (status == SOLID_OK) status = sol_attribute_columns(&r, &is_json);
  while (status == SOLID_OK && !is_json) {
    status = sol_lines_next(&r.lines, &more);
    if (status != SOLID_OK || !more) break;
    status = read_line(&r);
  }
  if (status == SOLID_OK && is_json) status = sol_json_lists(&r.lines, send_entry, &r);
  sol_lines_close(&r.lines);
  free(r.fields.at);
  free(r.column);
  sol_list_free(&r.attributes);
  return status;
}
