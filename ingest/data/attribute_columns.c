/* The role of each column in a file of attributes. */
#include "ingest/data/attributes.h"
#include "ingest/data/plain.h"
#include "solid/base/number.h"
#include "solid/base/text.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static solid_bytes without_type(solid_bytes field) {
  const char *colon = memchr(field.data, ':', field.size);
  if (colon) field.size = (size_t)(colon - field.data);
  return field;
}

/* Columns that hold descriptions, not attributes. */
static int is_prose(solid_bytes name) {
  return sol_bytes_equal(name, "title") || sol_bytes_end_with(name, "_title") || sol_bytes_equal(name, "text");
}

/* `has_name` = 1: values are called "name=value". */
static solid_status add_column(sol_attribute_reader *r, size_t at, solid_bytes name, int has_name, char mark) {
  if (!r->column && !(r->column = calloc(r->columns, sizeof *r->column)))
    return solid_fail(SOLID_ENOMEM, "no room for %zu columns", r->columns);
  if (r->count == r->columns)
    return sol_lines_fail(&r->lines, "more columns are named than the %zu that there are", r->columns);
  sol_attribute_column *column = &r->column[r->count++];
  *column = (sol_attribute_column){.at = at, .mark = mark};
  if (has_name)
    snprintf(column->prefix, sizeof column->prefix, "%.*s=", (int)(name.size < SOLID_ID_MAX ? name.size : SOLID_ID_MAX),
             name.data);
  return SOLID_OK;
}

/* Column that an option names, by its name or number. */
static solid_status find_column(const sol_attribute_reader *r, const char *option, const char *name, size_t size,
                                size_t *out) {
  char names[240];
  int64_t number = 0;
  for (size_t i = 0; i < r->fields.count && !r->options.no_header; i++) {
    solid_bytes field = r->fields.at[i], bare = without_type(field);
    if ((field.size == size && memcmp(field.data, name, size) == 0) ||
        (bare.size == size && memcmp(bare.data, name, size) == 0))
      return *out = i, SOLID_OK;
  }
  if (sol_number_int(name, size, &number) && number >= 1 && (uint64_t)number <= r->columns)
    return *out = (size_t)number - 1, SOLID_OK;
  return sol_lines_fail(&r->lines, "%s \"%s\": no such column among the %zu separated by %s (%s)", option,
                        sol_show(name, size).text, r->columns, sol_separator_name(&r->separator),
                        sol_fields_list(&r->fields, names, sizeof names));
}

static solid_status find_item(sol_attribute_reader *r) {
  const char *given = r->options.item_column;
  char names[240];
  if (given) return find_column(r, "--attribute-item", given, strlen(given), &r->item);
  for (size_t i = 0; i < r->fields.count && !r->options.no_header; i++) {
    if (!sol_column_is_known(r->fields.at[i], SOL_ITEM)) continue;
    if (r->item != SOL_ABSENT)
      return sol_lines_fail(&r->lines, "columns %zu and %zu may both be the items: --attribute-item says which",
                            r->item + 1, i + 1);
    r->item = i;
  }
  if (r->item != SOL_ABSENT) return SOLID_OK;
  return sol_lines_fail(&r->lines,
                        "no column of items (" SOLID_DATA_ITEM_NAMES "): --attribute-item says which of "
                        "the %zu separated by %s (%s)",
                        r->columns, sol_separator_name(&r->separator),
                        sol_fields_list(&r->fields, names, sizeof names));
}

static solid_status take_given(sol_attribute_reader *r) {
  const char *list = r->options.columns, *name;
  size_t size, at = 0;
  solid_status status = SOLID_OK;
  while (status == SOLID_OK && sol_text_part(&list, &name, &size)) {
    status = find_column(r, "--attribute-columns", name, size, &at);
    if (status != SOLID_OK) break;
    if (at == r->item) return sol_lines_fail(&r->lines, "column %zu is the item, and no attribute", at + 1);
    int is_words = !r->options.no_header && sol_bytes_end_with(r->fields.at[at], ":token_seq");
    status = add_column(r, at, without_type((solid_bytes){name, size}), 1, is_words ? ' ' : '|');
  }
  return status;
}

static solid_status take_recbole(sol_attribute_reader *r) {
  solid_status status = SOLID_OK;
  for (size_t i = 0; i < r->fields.count && status == SOLID_OK; i++) {
    solid_bytes field = r->fields.at[i], name = without_type(field);
    int is_words = sol_bytes_end_with(field, ":token_seq");
    if (i == r->item || is_prose(name) || !(is_words || sol_bytes_end_with(field, ":token"))) continue;
    status = add_column(r, i, name, 1, is_words ? ' ' : 0);
  }
  return status;
}

/* movies.csv */
static solid_status take_genres(sol_attribute_reader *r) {
  char names[240];
  size_t found = SOL_ABSENT;
  for (size_t i = 0; i < r->fields.count; i++) {
    if (!sol_bytes_equal(r->fields.at[i], "genres")) continue;
    if (found != SOL_ABSENT)
      return sol_lines_fail(&r->lines, "columns %zu and %zu are both called \"genres\": --attribute-columns says which",
                            found + 1, i + 1);
    found = i;
  }
  if (found != SOL_ABSENT) return add_column(r, found, r->fields.at[found], 0, '|');
  return sol_lines_fail(&r->lines,
                        "no column genres: --attribute-columns says which of the %zu separated by %s are "
                        "attributes (%s)",
                        r->columns, sol_separator_name(&r->separator),
                        sol_fields_list(&r->fields, names, sizeof names));
}

/* movies.dat, which has no header: id::title::genres. */
static solid_status take_movies(sol_attribute_reader *r) {
  r->item = 0;
  r->columns = 3;
  return add_column(r, 2, (solid_bytes){NULL, 0}, 0, '|');
}

static solid_status judge(sol_attribute_reader *r, const char *line, int *is_recbole, int *is_movies) {
  const solid_attributes_options *o = &r->options;
  *is_recbole = strstr(line, ":token") != NULL;
  *is_movies = !*is_recbole && !o->columns && !o->item_column && !o->separator && strstr(line, "::");
  if (o->separator) return sol_separator_find(o->separator, &r->separator);
  r->separator = sol_plain_separator(line);
  if (!r->separator.text[0] && !o->columns) return sol_separator_find(*is_recbole ? "tab" : "comma", &r->separator);
  return SOLID_OK;
}

solid_status sol_attribute_columns(sol_attribute_reader *r, int *is_json) {
  sol_lines sample;
  int more = 0, is_recbole = 0, is_movies = 0;
  solid_status status = sol_lines_sample(&r->lines, &sample);
  if (status == SOLID_OK) status = sol_lines_next(&sample, &more);
  if (status == SOLID_OK && !more) status = solid_fail(SOLID_EFORMAT, "%s:1: the file has no lines", r->lines.path);
  if (status == SOLID_OK) {
    *is_json = sample.line[strspn(sample.line, " \t")] == '{' && !r->options.columns;
    status = judge(r, sample.line, &is_recbole, &is_movies);
  }
  if (status == SOLID_OK && !*is_json && *sample.line == '"') r->separator.quotes = 1;
  if (status == SOLID_OK && r->options.no_header) status = sol_fields_split(&r->fields, &sample, &r->separator);
  r->columns = r->fields.count;
  sol_lines_close(&sample);
  if (status != SOLID_OK || *is_json) return status;
  if (is_movies) return take_movies(r);
  if (!r->options.no_header) status = sol_lines_next(&r->lines, &more);
  if (status == SOLID_OK && !r->options.no_header) status = sol_fields_split(&r->fields, &r->lines, &r->separator);
  if (status != SOLID_OK) return status;
  if (!r->options.no_header) r->columns = r->fields.count;
  status = find_item(r);
  if (status != SOLID_OK) return status;
  return r->options.columns ? take_given(r) : is_recbole ? take_recbole(r) : take_genres(r);
}
