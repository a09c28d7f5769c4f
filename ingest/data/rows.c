/* Lines of a user and the user's items. */
#include "ingest/data/file.h"
#include <math.h>

static solid_status check_row(const solid_data_file *file) {
  const sol_fields *fields = &file->fields;
  solid_bytes id;
  if (file->format == SOLID_DATA_PAIRS && fields->count != 2)
    return sol_lines_fail(&file->lines, "%zu fields, want a user and an item: is the format `rows`?", fields->count);
  if (fields->count < 2) return sol_lines_fail(&file->lines, "a user without items");
  solid_status status = sol_fields_id(fields, &file->lines, 0, "user", &id);
  for (size_t i = 1; i < fields->count && status == SOLID_OK; i++)
    status = sol_fields_id(fields, &file->lines, i, "item", &id);
  return status;
}

/* A line of names would become a user called "user". */
static solid_status check_header(const solid_data_file *file) {
  if (sol_columns_count(&file->fields, &file->options) < 2) return SOLID_OK;
  return sol_lines_fail(&file->lines, "names of columns where ids are expected: is the format `table`?");
}

static solid_status read_line(solid_data_file *file, int is_first) {
  static const sol_separator blanks = {"", 0};
  solid_status status = sol_fields_split(&file->fields, &file->lines, &blanks);
  if (status == SOLID_OK && is_first) status = check_header(file);
  if (status != SOLID_OK) return status;
  status = check_row(file);
  if (status != SOLID_OK) return sol_bad_line(file, status);
  for (size_t i = 1; i < file->fields.count && status == SOLID_OK; i++) {
    solid_event event = {
        .user = file->fields.at[0], .item = file->fields.at[i], .time_ms = sol_event_batch_count(file->batch)};
    status = sol_event_batch_add(file->batch, &event, NAN);
  }
  return status;
}

solid_status sol_read_rows(solid_data_file *file) {
  solid_status status = SOLID_OK;
  for (int more = 1, is_first = 1; status == SOLID_OK; is_first = 0) {
    status = sol_lines_next(&file->lines, &more);
    if (status != SOLID_OK || !more) break;
    status = read_line(file, is_first);
  }
  return status;
}
