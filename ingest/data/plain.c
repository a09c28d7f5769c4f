#include "ingest/data/plain.h"
#include "ingest/data/times.h"
#include "solid/base/number.h"
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { SAMPLE_LINES = 1000 };

/* What an id looks like. */
typedef enum looks { WORD, NUMBER, FRACTION, MOMENT, DATE, MIXED, LOOKS } looks;

/* Counts over the sample. */
typedef struct view {
  size_t lines, fewest, most;          /* fields a line */
  size_t first[LOOKS];                 /* of all fields of the first line */
  size_t later[LOOKS];                 /* of the fields behind the first of the later lines */
  size_t items[LOOKS];                 /* of the fields behind the first of all lines */
  size_t moments_last, moments_second; /* lines, but the first, whose last or second field is a time */
  size_t time;                         /* which field of a later line is a time or a date, from 3 on; 0 = none */
  size_t dates;                        /* of all fields */
  size_t counts;                       /* lines that begin with the number of the fields behind */
  size_t weighted;                     /* items such as 242:3 */
  char mark[2];                        /* the first in a field that ids seldom have */
  int has_titles;                      /* tabs between fields, blanks inside of them */
  char names[240];                     /* the fields of the first line, for messages */
} view;

sol_separator sol_plain_separator(const char *line) {
  static const char *const order[] = {"tab", "colons", "comma", "semicolon", "pipe"};
  sol_separator separator = {"", 0};
  for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
    sol_separator candidate;
    if (sol_separator_find(order[i], &candidate) != SOLID_OK || !strstr(line, candidate.text)) continue;
    return candidate;
  }
  return separator;
}

/* "2009-05-04T23:08:57Z", "11/11/2019" */
static int is_date(solid_bytes field) {
  solid_time_unit unit = SOLID_TIME_ISO;
  int64_t ms = 0;
  size_t slashes = 0, digits = 0;
  for (size_t i = 0; i < field.size; i++) {
    slashes += field.data[i] == '/';
    digits += isdigit((unsigned char)field.data[i]) != 0;
  }
  if (slashes == 2 && slashes + digits == field.size) return 1;
  return memchr(field.data, '-', field.size) && solid_time_read(field, &unit, 0, &ms) == SOLID_OK;
}

static looks look(solid_bytes field) {
  size_t digits = 0, letters = 0;
  double value;
  int64_t whole;
  for (size_t i = 0; i < field.size; i++) {
    digits += isdigit((unsigned char)field.data[i]) != 0;
    letters += isalpha((unsigned char)field.data[i]) || (unsigned char)field.data[i] >= 0x80;
  }
  if (!digits) return letters ? WORD : MIXED;
  if (sol_number_int(field.data, field.size, &whole)) {
    solid_time_unit unit = SOLID_TIME_AUTO;
    int64_t ms = 0;
    int is_time = whole >= 315532800 && solid_time_read(field, &unit, 0, &ms) == SOLID_OK && sol_time_is_plausible(ms);
    return is_time ? MOMENT : NUMBER;
  }
  if (is_date(field)) return DATE;
  int has_point = memchr(field.data, '.', field.size) != NULL;
  return has_point && sol_number_double(field.data, field.size, &value) ? FRACTION : MIXED;
}

/* What a list, a table or a program's text has and ids seldom have; 0 = nothing of it. */
static char mark_in(solid_bytes field, int is_first) {
  for (size_t i = 0; i < field.size; i++) {
    char c = field.data[i];
    int is_assignment = c == '=' && i > 0 && i + 1 < field.size && field.data[i + 1] != '=';
    if (strchr(",;|[](){}<>\"", c) || is_assignment || (c == ':' && is_first && i + 1 == field.size)) return c;
  }
  return 0;
}

/* "242:3", an item and how often or how much. */
static int is_weighted(solid_bytes field) {
  size_t at = field.size;
  double weight;
  while (at > 0 && field.data[at - 1] != ':') at--;
  return at > 1 && sol_number_double(field.data + at, field.size - at, &weight);
}

/* A tab parts a user from items with blanks between, or columns whose texts have blanks. */
static int has_titles(const char *line, const sol_fields *fields) {
  size_t tabs = 0, words = 0;
  line += strspn(line, " \t");
  const char *first = strchr(line, '\t'), *blank = strchr(line, ' ');
  for (const char *at = first; at; at = strchr(at + 1, '\t')) tabs++;
  for (size_t i = 1; i < fields->count; i++) words += look(fields->at[i]) == WORD;
  if (!tabs || !blank || !blank[strspn(blank, " \t")]) return first && strstr(first, "\t\t"); /* none inside */
  return tabs > 1 || words > 0 || blank < first;
}

static void take_line(view *v, const char *line, const sol_fields *fields) {
  int64_t number;
  if (!v->lines || fields->count < v->fewest) v->fewest = fields->count;
  if (fields->count > v->most) v->most = fields->count;
  for (size_t i = 0; i < fields->count; i++) {
    looks l = look(fields->at[i]);
    if (!v->lines) v->first[l]++;
    if (v->lines && i) v->later[l]++;
    if (i) v->items[l]++;
    v->dates += l == DATE;
    v->weighted += i && is_weighted(fields->at[i]);
    if (!*v->mark) *v->mark = mark_in(fields->at[i], !i);
  }
  v->counts += fields->count && sol_number_int(fields->at[0].data, fields->at[0].size, &number) &&
               number == (int64_t)fields->count - 1;
  v->has_titles |= has_titles(line, fields);
  if (v->lines++ && fields->count > 1) {
    v->moments_last += look(fields->at[fields->count - 1]) == MOMENT;
    v->moments_second += look(fields->at[1]) == MOMENT;
    for (size_t i = 2; i < fields->count && !v->time; i++) {
      looks l = look(fields->at[i]);
      if (l == MOMENT || l == DATE) v->time = i + 1;
    }
  }
}

static solid_status take_sample(view *v, solid_data_file *file, sol_lines *sample, int *first_two_are_pairs) {
  solid_status status = SOLID_OK;
  *first_two_are_pairs = 1;
  for (int more = 1; more && v->lines < SAMPLE_LINES && status == SOLID_OK;) {
    status = sol_fields_split(&file->fields, sample, &file->separator);
    if (status != SOLID_OK) break;
    if (!v->lines) sol_fields_list(&file->fields, v->names, sizeof v->names);
    if (v->lines < 2 && file->fields.count != 2) *first_two_are_pairs = 0;
    take_line(v, sample->line, &file->fields);
    status = sol_lines_next(sample, &more);
  }
  return status;
}

/* Words where the lines below have numbers. */
static int is_header(const view *v) {
  return v->first[WORD] && !v->first[NUMBER] && !v->first[FRACTION] && !v->first[MOMENT] &&
         (v->later[NUMBER] || v->later[FRACTION] || v->later[MOMENT] || (v->later[MIXED] && !v->first[MIXED]));
}

/* What decides: the names of the columns, or "--no-header" with what can be told from the sample. */
static solid_status refuse_table(const solid_data_file *file, const sol_lines *first, const view *v, size_t columns,
                                 const char *what) {
  if (is_header(v))
    return sol_lines_fail(
        first,
        "none of the %zu columns separated by %s has a name that is known: %s. Say which is which, as "
        "in --user-column NAME --item-column NAME --time-column NAME; or --no-header if this line "
        "names none, or --format rows (or pairs) if a line is a user and items",
        columns, sol_separator_name(&file->separator), v->names);
  char time[40] = "";
  if (v->time) snprintf(time, sizeof time, " --time-column %zu", v->time);
  return sol_lines_fail(first,
                        "%s: %zu columns separated by %s in each of the first %zu lines, and no names that are known: "
                        "say which is which (--user-column 1 --item-column 2%s, with --no-header if "
                        "this line names none), or --format rows (or pairs) if a line is a user and items",
                        what, columns, sol_separator_name(&file->separator), v->lines, time);
}

/* What is no table of equal lines, and no rows either. */
static solid_status refuse_rows(const sol_lines *first, const char *what) {
  return sol_lines_fail(first,
                        "%s: give a file with names of columns (a table, or RecBole's), or say what it is: --format "
                        "rows (or pairs) if a line is a user and items and all of this belongs to the ids, --format "
                        "table with --separator, --no-header, --user-column and --item-column if it has columns",
                        what);
}

/* Rows and pairs hold ids alone. */
static solid_status check_ids(const sol_lines *first, const view *v) {
  char what[80];
  size_t items = 0;
  for (int l = 0; l < LOOKS; l++) items += v->items[l];
  if (v->has_titles) return refuse_rows(first, "tabs between fields, and blanks or nothing inside of some");
  if (v->dates) return refuse_rows(first, "dates where ids are expected");
  if (*v->mark) {
    snprintf(what, sizeof what, "\"%s\" where ids are expected", v->mark);
    return refuse_rows(first, what);
  }
  if (items && v->weighted == items) return refuse_rows(first, "a number behind a colon in every item");
  if (v->lines > 3 && v->counts == v->lines && v->most > 2) /* of fewer it may be chance */
    return refuse_rows(first, "each line begins with the number of ids behind, where a user is expected");
  return SOLID_OK;
}

/* Rows and pairs hold only ids, so a file with fields that do not look like ids is neither. */
static const char *find_fault(const view *v) {
  int first_is_words = v->first[WORD] && !v->first[NUMBER] && !v->first[MOMENT] && !v->first[MIXED];
  int later_are_not = !v->later[WORD] && (v->later[NUMBER] || v->later[MOMENT] || v->later[MIXED]);
  if (v->items[FRACTION]) return "fractions where ids are expected";
  if (first_is_words && later_are_not) return "the first line looks like names of columns";
  if (v->items[WORD] && v->items[NUMBER] && !v->items[MIXED]) return "words among numbers where ids are expected";
  if (v->lines > 1 && (v->moments_last == v->lines - 1 || v->moments_second == v->lines - 1))
    return "times where ids are expected";
  if (v->lines == 1 && v->first[MOMENT] && v->first[NUMBER]) return "a time where ids are expected";
  return NULL;
}

solid_status sol_judge_plain(solid_data_file *file, sol_lines *sample) {
  view v = {0};
  int are_pairs = 0;
  sol_lines first = *sample;
  file->separator = sol_plain_separator(sample->line);
  if (strcmp(file->separator.text, "::") == 0) {
    file->format = SOLID_DATA_MOVIELENS;
    return SOLID_OK;
  }
  const char *mark = file->separator.text, *line = sample->line;
  if (*line == '"') line += 1 + strcspn(line + 1, "\""); /* what is in quotes separates nothing */
  int is_marked = *mark && *mark != '\t' && line[strcspn(line, " \t,;|")] == *mark;
  int has_tabs = *mark == '\t';
  if (!is_marked) file->separator = (sol_separator){"", 0};
  solid_status status = take_sample(&v, file, sample, &are_pairs);
  if (status != SOLID_OK) return status;
  if (has_tabs) file->separator.text[0] = '\t'; /* for what is said */
  if (is_marked) return refuse_table(file, &first, &v, v.most, "a table without a header");
  file->format = are_pairs ? SOLID_DATA_PAIRS : SOLID_DATA_ROWS;
  const char *fault = find_fault(&v);
  if (!fault) status = check_ids(&first, &v);
  if (status != SOLID_OK) return status;
  if (!fault && v.lines > 1 && v.fewest == v.most && v.most > 2)
    fault = "as many fields in every line, which rows have not";
  return fault ? refuse_table(file, &first, &v, v.most, fault) : SOLID_OK;
}
