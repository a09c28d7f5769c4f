/* What format a file has, from a sample of its first lines. A file that could be read in two ways is refused, and the
 * error names the options that decide. */
#include "ingest/data/file.h"
#include "ingest/data/plain.h"
#include "solid/base/number.h"
#include "solid/base/text.h"
#include <jansson.h>
#include <stdio.h>
#include <string.h>

/* `"user_id", "item_id"` of a JSON object, cut where it gets long. */
static void list_keys(json_t *object, char *text, size_t size) {
  sol_text list = sol_text_start(text, size);
  const char *key;
  json_t *value;
  json_object_foreach(object, key, value) {
    if (list.used + 60 > size) break;
    sol_text_add(&list, "%s\"%.40s\"", list.used ? ", " : "", sol_show(key, strlen(key)).text);
  }
}

static solid_status judge_json(const sol_lines *lines, solid_data_format *format) {
  json_error_t error;
  char keys[160];
  json_t *root = json_loadb(lines->line, lines->size, 0, &error);
  if (!root && (lines->is_cut || json_error_code(&error) == json_error_premature_end_of_input))
    return sol_lines_fail(lines, "JSON, but not of events: {\"user\": [item, ...]} needs the format \"histories\", "
                                 "{\"item\": [attribute, ...]} are attributes");
  if (!root)
    return sol_lines_fail(lines, "looks like JSON, but does not decode: byte %d: %s", error.position, error.text);
  const json_t *user = json_object_get(root, "user"), *item = json_object_get(root, "item");
  int has_lists = 0, is_event = (user || item) && !json_is_array(user) && !json_is_array(item);
  const char *key;
  json_t *value;
  json_object_foreach(root, key, value) has_lists |= json_is_array(value);
  list_keys(root, keys, sizeof keys);
  int is_review = !is_event && sol_is_review(root);
  int is_empty = json_object_size(root) == 0;
  json_decref(root);
  *format = is_review ? SOLID_DATA_REVIEWS : SOLID_DATA_EVENTS;
  if (is_event || is_review) return SOLID_OK;
  if (has_lists || is_empty)
    return sol_lines_fail(lines, "JSON, but not of events: {\"user\": [item, ...]} needs the format \"histories\", "
                                 "{\"item\": [attribute, ...]} are attributes");
  return sol_lines_fail(lines, "JSON with the keys %s: an event has \"user\", \"item\" and \"ts\"", keys);
}

/* A line that names columns has no numbers in it. */
static int has_number(const sol_fields *fields) {
  double value;
  for (size_t i = 0; i < fields->count; i++)
    if (sol_number_double(fields->at[i].data, fields->at[i].size, &value)) return 1;
  return 0;
}

/* The separator under which the first line names most roles; *names = how many. Fields are of a copy of the line. */
static solid_status find_names(solid_data_file *file, const sol_lines *sample, size_t *names) {
  sol_separator separator;
  solid_status status = SOLID_OK;
  *names = 0;
  for (size_t i = 0; status == SOLID_OK && sol_separator_at(i, &separator); i++) {
    if (!separator.text[0] && strpbrk(sample->line, ",;|")) continue; /* blanks are inside of fields then */
    sol_lines copy;
    int more = 0;
    size_t count = 0;
    status = sol_lines_sample(&file->lines, &copy); /* whole: a name in quotes may go over a line end */
    if (status != SOLID_OK) return status;
    separator.quotes |= *sample->line == '"'; /* as the names are read then */
    if (sol_lines_next(&copy, &more) == SOLID_OK && more &&
        sol_fields_split(&file->fields, &copy, &separator) == SOLID_OK && !has_number(&file->fields))
      count = sol_columns_count(&file->fields, &file->options);
    if (count > *names) {
      *names = count;
      sol_separator_at(i, &file->separator);
    }
    sol_lines_close(&copy);
  }
  return status;
}

/* A first line that begins with a quote and leaves one open: with no name that is known, the rest of what is judged
 * here would take the quote for a part of an id. */
static solid_status check_quotes(solid_data_file *file, const sol_lines *sample) {
  sol_separator separator = sol_plain_separator(sample->line);
  sol_lines copy;
  int more = 0, is_open = 0;
  for (const char *at = sample->line; *at; at++) is_open ^= *at == '"';
  if (*sample->line != '"' || !is_open) return SOLID_OK;
  solid_status status = SOLID_OK;
  if (file->options.separator) status = sol_separator_find(file->options.separator, &separator);
  if (status != SOLID_OK || !separator.text[0]) return status;
  separator.quotes = 1;
  status = sol_lines_sample(&file->lines, &copy);
  if (status != SOLID_OK) return status;
  status = sol_lines_next(&copy, &more);
  if (status == SOLID_OK && more) status = sol_fields_split(&file->fields, &copy, &separator);
  sol_lines_close(&copy);
  return status;
}

static int has_types(const char *line) {
  return strstr(line, ":token") != NULL || strstr(line, ":float") != NULL;
}

/* A format of columns: named, by its names, or by the options. */
static solid_status judge_table(solid_data_file *file, const sol_lines *sample, int *is_table) {
  const solid_data_options *o = &file->options;
  size_t names = 0;
  solid_status status = SOLID_OK;
  *is_table = 0;
  if (o->separator)
    status = sol_separator_find(o->separator, &file->separator);
  else if (!o->no_header)
    status = find_names(file, sample, &names);
  if (status != SOLID_OK) return status;
  int is_said = sol_options_say_table(o), is_typed = has_types(sample->line);
  if (o->format == SOLID_DATA_AUTO && !is_said && !is_typed && !names) return SOLID_OK;
  *is_table = 1;
  if (!o->separator && !names) file->separator = sol_plain_separator(sample->line);
  if (o->format == SOLID_DATA_AUTO)
    file->format = is_typed                                 ? SOLID_DATA_RECBOLE
                   : strcmp(file->separator.text, ",") == 0 ? SOLID_DATA_CSV
                                                            : SOLID_DATA_TABLE;
  return SOLID_OK;
}

static solid_status judge_sample(solid_data_file *file, sol_lines *sample) {
  int more = 0, is_table = 0;
  solid_data_format named = file->options.format;
  solid_status status = sol_lines_next(sample, &more);
  if (status != SOLID_OK) return status;
  if (!more && named == SOLID_DATA_AUTO) return solid_fail(SOLID_EFORMAT, "%s:1: the file has no lines", file->path);
  if (!more) return SOLID_OK;
  int is_column_format = named == SOLID_DATA_CSV || named == SOLID_DATA_RECBOLE || named == SOLID_DATA_TABLE;
  const char *line = sample->line + strspn(sample->line, " \t");
  if (named == SOLID_DATA_AUTO && *line == '{' && !sol_options_say_table(&file->options)) {
    return judge_json(sample, &file->format);
  }
  if (named == SOLID_DATA_AUTO && *line == '[' && !sol_options_say_table(&file->options))
    return sol_lines_fail(sample, "looks like a list of JSON: want an event a line, {\"user\": ...} (jq -c '.[]')");
  if (named == SOLID_DATA_AUTO && *line == '<' && !sol_options_say_table(&file->options))
    return sol_lines_fail(sample, "looks like HTML or XML, and no data");
  if (named == SOLID_DATA_AUTO && !sol_options_say_table(&file->options)) status = sol_layout_find(file, &is_table);
  if (status != SOLID_OK || is_table) return status;
  if (named == SOLID_DATA_AUTO || is_column_format) {
    status = check_quotes(file, sample);
    if (status == SOLID_OK) status = judge_table(file, sample, &is_table);
  }
  if (status != SOLID_OK || is_table || named != SOLID_DATA_AUTO) return status;
  return sol_judge_plain(file, sample);
}

solid_status sol_judge(solid_data_file *file) {
  const solid_data_options *o = &file->options;
  file->format = o->format;
  if (o->format == SOLID_DATA_MOVIELENS) sol_separator_find("colons", &file->separator);
  if (sol_options_say_table(o) &&
      (o->format == SOLID_DATA_ROWS || o->format == SOLID_DATA_PAIRS || o->format == SOLID_DATA_EVENTS ||
       o->format == SOLID_DATA_REVIEWS || o->format == SOLID_DATA_HISTORIES || o->format == SOLID_DATA_MOVIELENS))
    return solid_fail(SOLID_EINVAL, "%s: columns, separator and header are of tables: give the format \"table\"",
                      file->path);
  sol_lines sample;
  solid_status status = sol_lines_sample(&file->lines, &sample);
  if (status == SOLID_OK) status = judge_sample(file, &sample);
  sol_lines_close(&sample);
  return status;
}
