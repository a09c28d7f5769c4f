/* A file of events from its opening to its end: judged once, read once. */
#include "ingest/data/file.h"
#include "ingest/data/times.h"
#include "solid/base/handshake.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

solid_status solid_data_format_find(const char *name, solid_data_format *out) {
  static const char *const names[] = {
#define FORMAT_NAME(id, text) [SOLID_DATA_##id] = text,
      SOLID_DATA_FORMAT_MAP(FORMAT_NAME)
#undef FORMAT_NAME
  };
  if (!name || !out) return solid_fail(SOLID_EINVAL, "format: NULL argument");
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    if (strcmp(name, names[i]) == 0) {
      *out = (solid_data_format)i;
      return SOLID_OK;
    }
#define FORMAT_LIST(id, text) " " text
  return solid_fail(SOLID_EINVAL, "format \"%.64s\" is none of" SOLID_DATA_FORMAT_MAP(FORMAT_LIST), name);
#undef FORMAT_LIST
}

static int is_table(const solid_data_file *file) {
  return file->format == SOLID_DATA_CSV || file->format == SOLID_DATA_RECBOLE || file->format == SOLID_DATA_TABLE ||
         file->format == SOLID_DATA_MOVIELENS;
}

static solid_status take_options(solid_data_options *out, const solid_data_options *given, const char *path) {
  *out = (solid_data_options)SOLID_DATA_OPTIONS_INIT;
  solid_status status = sol_struct_take(out, sizeof *out, given, "dataset options");
  if (status != SOLID_OK) return status;
  if ((unsigned)out->format > SOLID_DATA_HISTORIES)
    return solid_fail(SOLID_EINVAL, "%s: format %d is not one", path, (int)out->format);
  if ((unsigned)out->time_unit > SOLID_TIME_ISO)
    return solid_fail(SOLID_EINVAL, "%s: unit of time %d is not one", path, (int)out->time_unit);
  return SOLID_OK;
}

/* 1 if the file has ratings or kinds; lines of JSON may have them. */
static int has(const solid_data_file *file, sol_role role) {
  return file->format == SOLID_DATA_EVENTS || (file->at[SOL_LIST] == SOL_ABSENT && file->at[role] != SOL_ABSENT);
}

/* Without this check a rule on ratings or kinds that the file lacks would let every event pass. */
static solid_status check_worth(const solid_data_file *file) {
  const solid_worth_rule *rule = file->options.worth;
  if (solid_worth_rule_needs_ratings(rule) && !has(file, SOL_RATING))
    return solid_fail(SOLID_EINVAL,
                      "%s has no ratings, and --min-rating wants them: --rating-column says where they are",
                      file->path);
  if (solid_worth_rule_needs_kinds(rule) && !has(file, SOL_KIND))
    return solid_fail(SOLID_EINVAL,
                      "%s has no kinds of events, and --kinds wants them: --kind-column says where they are",
                      file->path);
  return SOLID_OK;
}

int sol_has_header(const solid_data_file *file) {
  return is_table(file) && !file->options.no_header && file->format != SOLID_DATA_MOVIELENS;
}

/* Of formats without times, and of lines of JSON, whose times are milliseconds, there is nothing to choose. */
static solid_status check_unit(const solid_data_file *file) {
  uint32_t unit = file->options.time_unit;
  if (is_table(file) || unit == SOLID_TIME_AUTO ||
      (file->format == SOLID_DATA_EVENTS && unit == SOLID_TIME_MILLISECONDS))
    return SOLID_OK;
  return solid_fail(SOLID_EINVAL, "%s: --time-unit is of tables: %s", file->path,
                    file->format == SOLID_DATA_EVENTS ? "\"ts\" of a line of JSON is in milliseconds"
                                                      : "this format has no times");
}

solid_data_options solid_data_options_default(void) {
  return (solid_data_options)SOLID_DATA_OPTIONS_INIT;
}

solid_status solid_data_file_open(solid_data_file **out, const char *path, const solid_data_options *options) {
  if (!out || !path) return solid_fail(SOLID_EINVAL, "open a data file: NULL argument");
  solid_data_options all;
  solid_status status = take_options(&all, options, path);
  if (status != SOLID_OK) return status;
  solid_data_file *file = calloc(1, sizeof *file);
  if (!file || !(file->path = strdup(path))) {
    free(file);
    return solid_fail(SOLID_ENOMEM, "%s: no room to open it", path);
  }
  file->options = all;
  file->unit = all.time_unit;
  for (int role = 0; role < SOL_ROLES; role++) file->at[role] = SOL_ABSENT;
  status = sol_lines_open(&file->lines, file->path);
  file->lines.progress = all.progress, file->lines.progress_user = all.progress_user;
  if (status == SOLID_OK) status = sol_lines_check_ends(&file->lines);
  if (status == SOLID_OK) status = sol_judge(file);
  if (status == SOLID_OK && is_table(file)) status = sol_columns_find(file);
  if (status == SOLID_OK && file->format == SOLID_DATA_REVIEWS) file->at[SOL_TIME] = file->at[SOL_RATING] = 0;
  if (status == SOLID_OK) status = check_unit(file);
  if (status == SOLID_OK) status = check_worth(file);
  if (status != SOLID_OK) {
    solid_data_file_close(file);
    return status;
  }
  *out = file;
  return SOLID_OK;
}

void solid_data_file_close(solid_data_file *file) {
  if (!file) return;
  sol_lines_close(&file->lines);
  free(file->fields.at);
  sol_list_free(&file->names);
  sol_timeline_free(&file->timeline);
  sol_event_batch_free(file->batch);
  free(file->path);
  free(file);
}

solid_status solid_data_file_get_info(const solid_data_file *file, solid_data_info *info) {
  if (!file || !info) return solid_fail(SOLID_EINVAL, "info of a data file: NULL argument");
  int is_list = file->at[SOL_LIST] != SOL_ABSENT, is_events = file->format == SOLID_DATA_EVENTS;
  solid_data_info all = {.format = file->format,
                         .separator = is_table(file) ? sol_separator_name(&file->separator) : NULL,
                         .has_header = sol_has_header(file),
                         .columns = file->columns,
                         .user_column = file->name[SOL_USER],
                         .item_column = file->name[SOL_ITEM],
                         .time_column = is_list ? NULL : file->name[SOL_TIME],
                         .rating_column = is_list ? NULL : file->name[SOL_RATING],
                         .kind_column = is_list ? NULL : file->name[SOL_KIND],
                         .has_times = is_events || (!is_list && file->at[SOL_TIME] != SOL_ABSENT),
                         .has_ratings = has(file, SOL_RATING),
                         .has_kinds = has(file, SOL_KIND),
                         .time_unit = is_events ? SOLID_TIME_MILLISECONDS : file->unit,
                         .has_histories = is_list};
  return sol_struct_give(info, &all, sizeof all, "dataset info");
}

solid_status solid_data_file_get_report(const solid_data_file *file, solid_data_report *report) {
  if (!file || !report) return solid_fail(SOLID_EINVAL, "report of a data file: NULL argument");
  solid_data_report all = {.events = file->batch ? (uint64_t)sol_event_batch_count(file->batch) : 0,
                           .bad_lines = file->bad_lines,
                           .implausible = file->implausible,
                           .dislikes = file->dislikes,
                           .nothing = file->nothing};
  for (int i = 0; i < SOLID_DATA_SAID; i++) {
    all.bad[i] = *file->bad[i] ? file->bad[i] : NULL;
    all.odd_time[i] = *file->odd_time[i] ? file->odd_time[i] : NULL;
  }
  return sol_struct_give(report, &all, sizeof all, "dataset report");
}

solid_status sol_bad_line(solid_data_file *file, solid_status status) {
  if (status != SOLID_EFORMAT) return status;
  uint64_t lines = 1 + (uint64_t)file->lines.joined;
  if (file->options.bad_lines - file->bad_lines < lines) {
    if (!file->bad_lines) return status;
    return solid_fail(status, "%s (%" PRIu64 " bad lines before it were left out, as many as were allowed)",
                      solid_last_error(), file->bad_lines);
  }
  int said = 0;
  while (said < SOLID_DATA_SAID && *file->bad[said]) said++;
  if (said < SOLID_DATA_SAID) snprintf(file->bad[said], SOL_SAID_SIZE, "%.*s", SOL_SAID_SIZE - 1, solid_last_error());
  file->bad_lines += lines;
  return SOLID_OK;
}

void sol_note_time(solid_data_file *file, int64_t time_ms) {
  if (sol_time_is_plausible(time_ms)) return;
  if (file->implausible < SOLID_DATA_SAID)
    snprintf(file->odd_time[file->implausible], SOL_SAID_SIZE,
             "%.200s:%zu: %" PRId64 " ms is before 1980 or after 2100", file->path, file->lines.number, time_ms);
  file->implausible++;
}

solid_status sol_take_event(solid_data_file *file, const solid_event *event, double rating) {
  if (event->worth == SOLID_WORTH_NOTHING || event->worth == SOLID_WORTH_FORGET) return file->nothing++, SOLID_OK;
  file->dislikes += event->worth == SOLID_WORTH_DISLIKE;
  int is_event_line = file->format == SOLID_DATA_EVENTS, has_time = file->at[SOL_TIME] != SOL_ABSENT;
  if (is_event_line || has_time) sol_note_time(file, event->time_ms);
  if (has_time) return sol_timeline_add(&file->timeline, event, rating);
  solid_event taken = *event;
  if (!is_event_line) taken.time_ms = sol_event_batch_count(file->batch);
  return sol_event_batch_add(file->batch, &taken, rating);
}

static solid_status read_format(solid_data_file *file) {
  switch (file->format) {
  case SOLID_DATA_ROWS:
  case SOLID_DATA_PAIRS:
    return sol_read_rows(file);
  case SOLID_DATA_MOVIELENS:
  case SOLID_DATA_CSV:
  case SOLID_DATA_RECBOLE:
  case SOLID_DATA_TABLE:
    return file->at[SOL_LIST] == SOL_ABSENT ? sol_read_table(file) : sol_read_lists(file);
  case SOLID_DATA_EVENTS:
    return sol_read_event_lines(file);
  case SOLID_DATA_REVIEWS:
    return sol_read_reviews(file);
  case SOLID_DATA_HISTORIES:
    return sol_read_histories(file);
  case SOLID_DATA_AUTO:
    break;
  }
  return solid_fail(SOLID_EINTERNAL, "%s: format %d", file->path, (int)file->format);
}

solid_status solid_data_file_read(solid_data_file *file, solid_data_sink sink, void *context) {
  if (!file || !sink) return solid_fail(SOLID_EINVAL, "read events: NULL argument");
  if (file->was_read) return solid_fail(SOLID_EINVAL, "%s: read before, and it is open for one reading", file->path);
  file->was_read = 1;
  file->lines.is_half = file->at[SOL_TIME] != SOL_ABSENT; /* then events are put in order */
  solid_status status = sol_event_batch_new(&file->batch, sink, context, has(file, SOL_RATING));
  if (status == SOLID_OK) status = read_format(file);
  if (status == SOLID_OK) status = sol_event_batch_flush(file->batch);
  if (status == SOLID_OK && sol_event_batch_count(file->batch) == 0)
    status = solid_fail(SOLID_EFORMAT, "%s: no events", file->path);
  return status;
}
