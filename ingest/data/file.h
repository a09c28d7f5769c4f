/* An open file of events, and what the readers of its formats do with it. */
#ifndef INGEST_DATA_FILE_H
#define INGEST_DATA_FILE_H

#include "ingest/data/events.h"
#include "ingest/data/text.h"
#include "ingest/data_file.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SOL_ABSENT    SIZE_MAX
#define SOL_SAID_SIZE 320

/* What a column can be. */
typedef enum sol_role { SOL_USER, SOL_ITEM, SOL_TIME, SOL_RATING, SOL_KIND, SOL_LIST, SOL_ROLES } sol_role;

struct solid_data_file {
  char *path;
  solid_data_options options;
  sol_lines lines;
  sol_fields fields;
  solid_data_format format; /* never AUTO */
  sol_separator separator;
  int has_separator;    /* given, or seen by the judge */
  sol_list names;       /* of the columns, as in the file; numbers where it has none */
  size_t columns;       /* 0 = not a table */
  size_t at[SOL_ROLES]; /* column of each role, SOL_ABSENT = none */
  const char *name[SOL_ROLES];
  solid_time_unit unit; /* AUTO until the first time is read */
  int was_read;
  sol_event_batch *batch;
  sol_timeline timeline; /* of a table with times */
  uint64_t bad_lines, implausible, dislikes, nothing;
  char bad[SOLID_DATA_SAID][SOL_SAID_SIZE], odd_time[SOLID_DATA_SAID][SOL_SAID_SIZE];
};

/* 1 when the first line names the columns. */
int sol_has_header(const solid_data_file *file);

/* 1 if the options describe columns, so that the file must be a table. */
int sol_options_say_table(const solid_data_options *options);

/* Sets format and separator from a sample of the lines. EFORMAT, EINVAL. */
solid_status sol_judge(solid_data_file *file);

/* Where the file is one of a known public data set: *found = 1, and its columns, separator and format are set. */
solid_status sol_layout_find(solid_data_file *file, int *found);

/* 1 if a line of JSON (a json_t) is a review as sol_read_reviews reads them. */
int sol_is_review(const void *json);

/* Sets names and roles of a table, from its first line, which is taken from the lines when it is a header. */
solid_status sol_columns_find(solid_data_file *file);

/* How many roles the fields name, by known names and by the names that the options give. */
size_t sol_columns_count(const sol_fields *fields, const solid_data_options *options);

/* 1 when `name` is one of the known names of the role. */
int sol_column_is_known(solid_bytes name, sol_role role);

/* User and item of the current fields: ids, and nothing that a program wrote in place of one. */
solid_status sol_table_ids(const solid_data_file *file, solid_bytes *user, solid_bytes *item);

/* Counts a bad line and returns OK if the options allow leaving it out, else returns `status`. */
solid_status sol_bad_line(solid_data_file *file, solid_status status);

/* Counts an implausible time, and keeps the text of the first few. */
void sol_note_time(solid_data_file *file, int64_t time_ms);

/* Passes an event on, or keeps it for sorting if the file has times; an event that is worth nothing is only counted. */
solid_status sol_take_event(solid_data_file *file, const solid_event *event, double rating);

/* The readers: rows, pairs; tables of events; tables of histories; lines of JSON; JSON of histories. */
solid_status sol_read_rows(solid_data_file *file);
solid_status sol_read_table(solid_data_file *file);
solid_status sol_read_lists(solid_data_file *file);
solid_status sol_read_event_lines(solid_data_file *file);
solid_status sol_read_reviews(solid_data_file *file);
solid_status sol_read_histories(solid_data_file *file);

#ifdef __cplusplus
}
#endif
#endif
