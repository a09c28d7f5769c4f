/* Finds the role of each column: by the options, else by known names. There must be one column per role; the error
 * lists the columns that exist. */
#include "ingest/data/file.h"
#include "solid/base/number.h"
#include "solid/base/text.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>

static const struct {
  const char *what, *option, *names;
  int is_needed;
} roles[SOL_ROLES] = {
    [SOL_USER] = {"users", "--user-column", SOLID_DATA_USER_NAMES, 1},
    [SOL_ITEM] = {"items", "--item-column", SOLID_DATA_ITEM_NAMES, 1},
    [SOL_TIME] = {"times", "--time-column", SOLID_DATA_TIME_NAMES, 0},
    [SOL_RATING] = {"ratings", "--rating-column", SOLID_DATA_RATING_NAMES, 0},
    [SOL_KIND] = {"kinds", "--kind-column", SOLID_DATA_KIND_NAMES, 0},
    [SOL_LIST] = {"lists", "", SOLID_DATA_LIST_NAMES, 0},
};

static const char *option_of(const solid_data_options *o, sol_role role) {
  const char *const given[SOL_ROLES] = {o->user_column,   o->item_column, o->time_column,
                                        o->rating_column, o->kind_column, NULL};
  return given[role];
}

int sol_options_say_table(const solid_data_options *options) {
  int given = options->separator || options->no_header;
  for (int role = 0; role < SOL_ROLES; role++) given |= option_of(options, (sol_role)role) != NULL;
  return given;
}

/* "user_id:token" is named user_id. */
static solid_bytes without_type(solid_bytes field) {
  static const char *const types[] = {":token", ":token_seq", ":float", ":float_seq"};
  for (size_t i = 0; i < sizeof types / sizeof *types; i++)
    if (sol_bytes_end_with(field, types[i])) field.size -= strlen(types[i]);
  return field;
}

/* The next character that is no _, in lower case; 0 at the end. */
static int next_letter(const char **at, const char *end) {
  while (*at < end && **at == '_') ++*at;
  return *at < end ? tolower((unsigned char)*(*at)++) : 0;
}

static int is_alike(solid_bytes a, solid_bytes b) {
  const char *at_a = a.data, *at_b = b.data;
  int letter;
  do {
    letter = next_letter(&at_a, a.data + a.size);
    if (letter != next_letter(&at_b, b.data + b.size)) return 0;
  } while (letter);
  return 1;
}

int sol_column_is_known(solid_bytes name, sol_role role) {
  name = without_type(name);
  for (const char *at = roles[role].names; *at; at += strspn(at, ", ")) {
    size_t size = strcspn(at, ",");
    if (is_alike(name, (solid_bytes){at, size})) return 1;
    at += size;
  }
  return 0;
}

/* Blanks, carriage returns, byte order marks, spaces that nobody sees: known names have none of them. */
static int is_filling(char c) {
  return (unsigned char)c <= ' ' || (unsigned char)c >= 0x7f;
}

static solid_bytes without_blanks(solid_bytes name) {
  while (name.size > 0 && is_filling(*name.data)) name.data++, name.size--;
  while (name.size > 0 && is_filling(name.data[name.size - 1])) name.size--;
  return name;
}

size_t sol_columns_count(const sol_fields *fields, const solid_data_options *options) {
  size_t count = 0;
  for (int role = 0; role < SOL_ROLES; role++)
    for (size_t i = 0; i < fields->count; i++) {
      const char *given = option_of(options, (sol_role)role);
      int found = given ? sol_bytes_equal(fields->at[i], given) || sol_bytes_equal(without_type(fields->at[i]), given)
                        : sol_column_is_known(without_blanks(fields->at[i]), (sol_role)role);
      if (!found) continue;
      count++;
      break;
    }
  return count;
}

/* Names end with a zero byte, so that they can be returned as strings. */
static solid_bytes name_at(const solid_data_file *file, size_t column) {
  return (solid_bytes){file->names.at[column].data, file->names.at[column].size - 1};
}

static sol_shown show(const solid_data_file *file, size_t column) {
  solid_bytes name = name_at(file, column);
  return sol_show(name.data, name.size);
}

/* `"a" "b" "c"`, cut where it gets long. */
static const char *list_names(const solid_data_file *file, char *text, size_t size) {
  sol_text list = sol_text_start(text, size);
  size_t i = 0;
  for (; i < file->names.count && list.used + 60 < size; i++)
    sol_text_add(&list, "%s\"%.40s\"", i ? " " : "", show(file, i).text);
  if (i < file->names.count) sol_text_add(&list, " ...");
  return text;
}

static solid_status twice(const solid_data_file *file, sol_role role, size_t first, size_t second) {
  return sol_lines_fail(&file->lines, "columns %zu \"%s\" and %zu \"%s\" may both be the %s: %s says which", first + 1,
                        show(file, first).text, second + 1, show(file, second).text, roles[role].what,
                        roles[role].option);
}

static solid_status find_given(solid_data_file *file, sol_role role, const char *given) {
  char names[240];
  int64_t number = 0;
  for (size_t i = 0; i < file->columns && !file->options.no_header; i++) {
    solid_bytes name = name_at(file, i);
    if (!sol_bytes_equal(name, given) && !sol_bytes_equal(without_type(name), given)) continue;
    if (file->at[role] != SOL_ABSENT)
      return sol_lines_fail(&file->lines, "columns %zu and %zu are both called \"%s\": give %s a number",
                            file->at[role] + 1, i + 1, given, roles[role].option);
    file->at[role] = i;
  }
  if (file->at[role] != SOL_ABSENT) return SOLID_OK;
  if (sol_number_int(given, strlen(given), &number) && number >= 1 && (uint64_t)number <= file->columns)
    return file->at[role] = (size_t)number - 1, SOLID_OK;
  if (file->options.no_header)
    return sol_lines_fail(&file->lines, "%s \"%s\": without a header a column is a number from 1 to %zu",
                          roles[role].option, given, file->columns);
  return sol_lines_fail(&file->lines, "%s \"%s\": no such column; there are %zu: %s", roles[role].option, given,
                        file->columns, list_names(file, names, sizeof names));
}

static solid_status find_known(solid_data_file *file, sol_role role) {
  for (size_t i = 0; i < file->columns; i++) {
    solid_bytes name = name_at(file, i), inner = without_blanks(name);
    if (!sol_column_is_known(inner, role)) continue;
    if (inner.size != name.size)
      return sol_lines_fail(&file->lines,
                            "column %zu is called \"%s\", with a blank: take blanks out of the file, or say %s \"%s\"",
                            i + 1, show(file, i).text, roles[role].option, show(file, i).text);
    if (file->at[role] != SOL_ABSENT) return twice(file, role, file->at[role], i);
    file->at[role] = i;
  }
  return SOLID_OK;
}

/* Why there is no column of a role that must be there. */
static solid_status say_missing(const solid_data_file *file, sol_role role) {
  char names[240];
  if (file->options.no_header)
    return sol_lines_fail(&file->lines, "no header, and no %s: it says which of the %zu columns has the %s",
                          roles[role].option, file->columns, roles[role].what);
  if (file->columns == 1)
    return sol_lines_fail(&file->lines, "one column, \"%s\": is the separator other than %s (--separator)?",
                          show(file, 0).text, sol_separator_name(&file->separator));
  return sol_lines_fail(&file->lines,
                        "no column of %s (%s): %s says which of the %zu separated by %s (%s), or --no-header that "
                        "this line names none",
                        roles[role].what, roles[role].names, roles[role].option, file->columns,
                        sol_separator_name(&file->separator), list_names(file, names, sizeof names));
}

static solid_status find_role(solid_data_file *file, sol_role role) {
  const char *given = option_of(&file->options, role);
  solid_status status = SOLID_OK;
  if (given)
    status = find_given(file, role, given);
  else if (!file->options.no_header)
    status = find_known(file, role);
  if (status == SOLID_OK && file->at[role] == SOL_ABSENT && roles[role].is_needed) status = say_missing(file, role);
  for (int other = 0; status == SOLID_OK && other < (int)role; other++)
    if (file->at[role] != SOL_ABSENT && file->at[other] == file->at[role])
      return sol_lines_fail(&file->lines, "column %zu \"%s\" for the %s and the %s: one column a role",
                            file->at[role] + 1, show(file, file->at[role]).text, roles[other].what, roles[role].what);
  if (status == SOLID_OK && file->at[role] != SOL_ABSENT) file->name[role] = file->names.at[file->at[role]].data;
  return status;
}

/* Names of the columns: the fields of the first line, or their numbers. */
static solid_status take_names(solid_data_file *file, int is_header) {
  solid_status status = SOLID_OK;
  char number[24], name[SOLID_ID_MAX + 1];
  file->columns = file->fields.count;
  for (size_t i = 0; i < file->columns && status == SOLID_OK; i++) {
    solid_bytes field = file->fields.at[i];
    snprintf(number, sizeof number, "%zu", i + 1);
    snprintf(name, sizeof name, "%.*s", (int)(field.size < SOLID_ID_MAX ? field.size : SOLID_ID_MAX), field.data);
    const char *text = is_header ? name : number;
    status = sol_list_add(&file->names, "", (solid_bytes){text, strlen(text) + 1});
  }
  sol_list_finish(&file->names);
  return status;
}

/* movielens: user::item::rating::time, as ratings.dat has them. */
static void take_movielens(solid_data_file *file) {
  static const sol_role order[] = {SOL_USER, SOL_ITEM, SOL_RATING, SOL_TIME};
  file->columns = 4;
  for (size_t i = 0; i < 4; i++) {
    file->at[order[i]] = i;
    file->name[order[i]] = (const char *const[]){"1", "2", "3", "4"}[i];
  }
}

solid_status sol_columns_find(solid_data_file *file) {
  for (int role = 0; role < SOL_ROLES; role++) file->at[role] = SOL_ABSENT;
  if (file->format == SOLID_DATA_MOVIELENS) return take_movielens(file), SOLID_OK;
  sol_lines sample = {0}, *from = &file->lines;
  int more = 0;
  if (file->options.no_header) from = &sample;
  solid_status status = file->options.no_header ? sol_lines_sample(&file->lines, &sample) : SOLID_OK;
  if (status == SOLID_OK) status = sol_lines_next(from, &more);
  if (status == SOLID_OK && !more) status = solid_fail(SOLID_EFORMAT, "%s:1: the file has no lines", file->path);
  if (status == SOLID_OK && *from->line == '"') file->separator.quotes = 1;
  if (status == SOLID_OK) status = sol_fields_split(&file->fields, from, &file->separator);
  if (status == SOLID_OK) status = take_names(file, !file->options.no_header);
  for (int role = 0; role < SOL_ROLES && status == SOLID_OK; role++) status = find_role(file, (sol_role)role);
  sol_lines_close(&sample);
  return status;
}
