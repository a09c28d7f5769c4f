/* Tables with an event a line. */
#include "ingest/data/file.h"
#include "ingest/data/times.h"
#include "solid/base/number.h"
#include "solid/base/text.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static solid_status check_most(const solid_data_file *file) {
  if (file->fields.count <= file->columns) return SOLID_OK;
  return sol_lines_fail(&file->lines,
                        "%zu fields, and there are %zu columns, separated by %s: does a field hold the separator?",
                        file->fields.count, file->columns, sol_separator_name(&file->separator));
}

/* What an event cannot do without: ratings and kinds where they were asked for. */
static int is_asked(const solid_data_file *file, int role) {
  const solid_data_options *o = &file->options;
  return role == SOL_TIME || (role == SOL_RATING && (o->rating_column || solid_worth_rule_needs_ratings(o->worth))) ||
         (role == SOL_KIND && (o->kind_column || solid_worth_rule_needs_kinds(o->worth)));
}

/* A line may be short of columns that nobody asked for. */
static solid_status check_least(const solid_data_file *file) {
  static const char *const what[] = {[SOL_TIME] = "time", [SOL_RATING] = "rating", [SOL_KIND] = "kind"};
  size_t count = file->fields.count;
  for (int role = SOL_TIME; role <= SOL_KIND; role++)
    if (file->at[role] != SOL_ABSENT && file->at[role] >= count && is_asked(file, role))
      return sol_lines_fail(&file->lines, "%zu fields, the %s is number %zu", count, what[role], file->at[role] + 1);
  return SOLID_OK;
}

static solid_status read_time(solid_data_file *file, int64_t *out) {
  solid_bytes field = file->fields.at[file->at[SOL_TIME]];
  int is_given = file->options.time_unit != SOLID_TIME_AUTO;
  if (field.size == 0) return sol_lines_fail(&file->lines, "an empty time");
  solid_status status = solid_time_read(field, &file->unit, is_given, out);
  return status == SOLID_OK ? status : sol_lines_fail(&file->lines, "%s", solid_last_error());
}

/* NAN where the field is empty or, unless ratings were asked for, no number. */
static solid_status read_rating(const solid_data_file *file, double *out) {
  size_t at = file->at[SOL_RATING];
  *out = NAN;
  if (at == SOL_ABSENT || at >= file->fields.count || file->fields.at[at].size == 0) return SOLID_OK;
  solid_bytes field = file->fields.at[at];
  if (sol_number_double(field.data, field.size, out) || !is_asked(file, SOL_RATING)) return SOLID_OK;
  return sol_lines_fail(&file->lines, "\"%s\" is not a rating", sol_show(field.data, field.size).text);
}

static solid_status read_kind(const solid_data_file *file, solid_bytes *out) {
  size_t at = file->at[SOL_KIND];
  if (at == SOL_ABSENT || at >= file->fields.count) return SOLID_OK;
  *out = file->fields.at[at];
  if (out->size <= SOLID_ID_MAX) return SOLID_OK;
  return sol_lines_fail(&file->lines, "kind of %zu bytes, want at most %d", out->size, SOLID_ID_MAX);
}

static solid_status read_worth(const solid_data_file *file, solid_event *event, double rating) {
  solid_status status = solid_worth_of(file->options.worth, event->kind, rating, &event->worth);
  return status == SOLID_EFORMAT ? sol_lines_fail(&file->lines, "%s", solid_last_error()) : status;
}

static solid_status read_line(solid_data_file *file) {
  solid_event event = {0};
  double rating = NAN;
  solid_status status = sol_fields_split(&file->fields, &file->lines, &file->separator);
  if (status == SOLID_OK) status = check_most(file);
  if (status == SOLID_OK) status = sol_table_ids(file, &event.user, &event.item);
  if (status == SOLID_OK) status = check_least(file);
  if (status == SOLID_OK) status = read_rating(file, &rating);
  if (status == SOLID_OK) status = read_kind(file, &event.kind);
  if (status == SOLID_OK && file->at[SOL_TIME] != SOL_ABSENT) status = read_time(file, &event.time_ms);
  if (status == SOLID_OK) status = read_worth(file, &event, rating);
  return status == SOLID_OK ? sol_take_event(file, &event, rating) : sol_bad_line(file, status);
}

solid_status sol_read_table(solid_data_file *file) {
  int more = 1;
  solid_status status = SOLID_OK;
  while (status == SOLID_OK) {
    status = sol_lines_next(&file->lines, &more);
    if (status != SOLID_OK || !more) break;
    status = read_line(file);
  }
  return status == SOLID_OK ? sol_timeline_send(&file->timeline, file->batch, &file->lines) : status;
}
