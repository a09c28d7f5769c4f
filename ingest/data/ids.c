/* Ids in the fields of a table. Those of a stream are strings that mean themselves; programs that write tables change
 * some of them: what looks changed is refused. */
#include "ingest/data/file.h"
#include "solid/base/number.h"
#include "solid/base/text.h"
#include <string.h>

/* What R, pandas and databases write where nothing is. */
static int is_nothing(solid_bytes id) {
  static const char *const words[] = {"NA", "N/A", "<NA>", "NaN", "nan", "NULL", "null", "None", "\\N"};
  if (id.size > 4 || (id.data[0] >= '0' && id.data[0] <= '9')) return 0; /* the longest of them has four bytes */
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (sol_bytes_equal(id, words[i])) return 1;
  return 0;
}

static int is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* 31 as pandas writes it in a column with gaps, 100000 as R and Excel do. */
static int is_rewritten(solid_bytes id) {
  double value;
  int64_t whole;
  if (is_letter(id.data[0])) return 0; /* of no number */
  if (id.size > 2 && id.data[id.size - 1] == '0' && id.data[id.size - 2] == '.')
    return sol_number_int(id.data, id.size - 2, &whole);
  if (!memchr(id.data, '+', id.size)) return 0;
  return (memchr(id.data, 'e', id.size) || memchr(id.data, 'E', id.size)) &&
         sol_number_double(id.data, id.size, &value);
}

/* The quotes of a field are undone, and stand before it. */
static int is_quoted(const sol_lines *lines, solid_bytes id) {
  return id.data > lines->line && id.data[-1] == '"';
}

static int is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}

static solid_status check_text(const sol_lines *lines, const char *what, solid_bytes id) {
  const char *why = NULL;
  if (is_quoted(lines, id)) return SOLID_OK; /* it is meant */
  if (is_blank(id.data[0]) || is_blank(id.data[id.size - 1]))
    why = "begins or ends with a blank: take it away, or quote what has it";
  else if (id.size >= 3 && !memcmp(id.data, "\xef\xbb\xbf", 3))
    why = "begins with a byte order mark: files were joined that each begin with one";
  else if (id.size > 1 && id.data[0] == '"' && id.data[id.size - 1] == '"')
    why = "is quoted, and the first line is not: quote that as well";
  else if (is_nothing(id))
    why = "stands for nothing in many programs: leave such lines out, or quote it";
  else if (is_rewritten(id))
    why = "is a whole number that a program wrote as a fraction: write it as it is in the stream, or quote it";
  if (!why) return SOLID_OK;
  return sol_lines_fail(lines, "%s \"%s\" %s", what, sol_show(id.data, id.size).text, why);
}

static solid_status take(const solid_data_file *file, sol_role role, const char *what, solid_bytes *out) {
  solid_status status = sol_fields_id(&file->fields, &file->lines, file->at[role], what, out);
  return status == SOLID_OK ? check_text(&file->lines, what, *out) : status;
}

/* A quick no: no known name ends with a digit. */
static int may_be_name(solid_bytes id) {
  char last = id.data[id.size - 1];
  return last < '0' || last > '9';
}

/* The name of the column in the first line; names end with a zero byte. */
static int is_name(const solid_data_file *file, sol_role role, solid_bytes id) {
  solid_bytes name = file->names.at[file->at[role]];
  return id.size == name.size - 1 && memcmp(id.data, name.data, id.size) == 0;
}

solid_status sol_table_ids(const solid_data_file *file, solid_bytes *user, solid_bytes *item) {
  solid_status status = take(file, SOL_USER, "user", user);
  if (status == SOLID_OK) status = take(file, SOL_ITEM, "item", item);
  if (status != SOLID_OK) return status;
  int are_known = may_be_name(*user) && sol_column_is_known(*user, SOL_USER) && sol_column_is_known(*item, SOL_ITEM);
  int are_header = sol_has_header(file) && is_name(file, SOL_USER, *user) && is_name(file, SOL_ITEM, *item);
  if (!are_known && !are_header) return SOLID_OK;
  return sol_lines_fail(&file->lines, "names of columns where an event is expected%s",
                        file->options.no_header ? ", and --no-header says that there are none"
                                                : ": of files that are joined, keep those of the first alone");
}
