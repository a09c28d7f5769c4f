#include "ingest/dataset.h"
#include "ingest/data/dataset_events.h"
#include "ingest/data/dataset_text.h"
#include "ingest/decode.h"
#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

solid_status solid_dataset_format_find(const char *name, solid_dataset_format *out) {
  static const char *const names[] = {
#define FORMAT_NAME(id, text) [SOLID_DATASET_##id] = text,
      SOLID_DATASET_FORMAT_MAP(FORMAT_NAME)
#undef FORMAT_NAME
  };
  if (!name || !out) return solid_fail(SOLID_EINVAL, "format: NULL argument");
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    if (strcmp(name, names[i]) == 0) {
      *out = (solid_dataset_format)i;
      return SOLID_OK;
    }
#define FORMAT_LIST(id, text) " " text
  return solid_fail(SOLID_EINVAL, "format \"%.64s\" is none of" SOLID_DATASET_FORMAT_MAP(FORMAT_LIST), name);
#undef FORMAT_LIST
}

static int is_event_line(const sol_lines *lines) {
  json_t *root = json_loadb(lines->line, lines->size, 0, NULL);
  int found = json_is_object(root) && (json_object_get(root, "item") || json_object_get(root, "user")) &&
              !json_is_array(json_object_get(root, "user")) && !json_is_array(json_object_get(root, "item"));
  json_decref(root);
  return found;
}

/* Lines without marks of their own: a header of columns, or two ids in each of the first two lines, or rows. */
static solid_status detect_plain(sol_lines *lines, sol_fields *fields, solid_dataset_format *out) {
  int more = 1, is_header = 0;
  solid_status status = sol_find_table_header(lines, fields, &is_header);
  *out = is_header ? SOLID_DATASET_TABLE : SOLID_DATASET_PAIRS;
  for (int i = 0; i < 2 && more && status == SOLID_OK && !is_header; i++) {
    status = sol_fields_split(fields, lines, SOL_SPACES);
    if (fields->count != 2) *out = SOLID_DATASET_ROWS;
    if (status == SOLID_OK) status = sol_lines_next(lines, &more);
  }
  return status;
}

/* From the first line; plain ones need the second too. */
static solid_status detect(sol_lines *lines, solid_dataset_format *out) {
  sol_fields fields = {0};
  int more = 0;
  solid_status status = sol_lines_next(lines, &more);
  if (status != SOLID_OK) return status;
  if (!more) return solid_fail(SOLID_EFORMAT, "%s:1: the file has no lines", lines->path);
  const char *line = lines->line + strspn(lines->line, " \t");
  if (*line == '{') {
    /* Attributes of items have the shape of histories: guessing would train on them. */
    *out = SOLID_DATASET_EVENTS;
    if (!is_event_line(lines))
      status = sol_lines_fail(lines, "JSON, but not of events: {\"user\": [item, ...]} needs the format \"histories\", "
                                     "{\"item\": [attribute, ...]} are attributes");
  } else if (strstr(line, ":token")) {
    *out = SOLID_DATASET_RECBOLE;
  } else if (strstr(line, "::")) {
    *out = SOLID_DATASET_MOVIELENS;
  } else if (strchr(line, ',') && (isalpha((unsigned char)*line) || *line == '"')) {
    *out = SOLID_DATASET_CSV;
  } else if (line[strcspn(line, ", \t")] == ',') {
    status = sol_lines_fail(lines, "commas, but no names of columns: want a first line like userId,movieId,timestamp");
  } else {
    status = detect_plain(lines, &fields, out);
  }
  free(fields.at);
  return status;
}

static solid_status detect_file(const char *path, solid_dataset_format *out) {
  sol_lines lines;
  solid_status status = sol_lines_open(&lines, path);
  if (status != SOLID_OK) return status;
  status = detect(&lines, out);
  sol_lines_close(&lines);
  return status;
}

static solid_status read_row(const sol_lines *lines, const sol_fields *fields, int is_pair, sol_event_batch *batch) {
  if (is_pair && fields->count != 2) return sol_lines_fail(lines, "%zu fields, want a user and an item", fields->count);
  if (fields->count < 2) return sol_lines_fail(lines, "a user without items");
  solid_event event = {0};
  solid_status status = sol_fields_id(fields, lines, 0, "user", &event.user);
  for (size_t i = 1; i < fields->count && status == SOLID_OK; i++) {
    status = sol_fields_id(fields, lines, i, "item", &event.item);
    event.time_ms = sol_event_batch_count(batch);
    if (status == SOLID_OK) status = sol_event_batch_add(batch, &event);
  }
  return status;
}

static solid_status read_rows(const char *path, int are_pairs, sol_event_batch *batch) {
  sol_lines lines;
  sol_fields fields = {0};
  int more = 1, is_header = 0;
  solid_status status = sol_lines_open(&lines, path);
  while (status == SOLID_OK) {
    status = sol_lines_next(&lines, &more);
    if (status != SOLID_OK || !more) break;
    if (!sol_event_batch_count(batch)) status = sol_find_table_header(&lines, &fields, &is_header);
    if (is_header) status = sol_lines_fail(&lines, "names of columns where ids are expected: is the format `table`?");
    if (status == SOLID_OK) status = sol_fields_split(&fields, &lines, SOL_SPACES);
    if (status == SOLID_OK) status = read_row(&lines, &fields, are_pairs, batch);
  }
  free(fields.at);
  sol_lines_close(&lines);
  return status;
}

static solid_status read_event(const sol_lines *lines, solid_decoder *decoder, sol_event_batch *batch) {
  solid_event event = {0};
  solid_reject reject;
  solid_status status = solid_decoder_decode(decoder, lines->line, lines->size, 0, &event, &reject);
  if (status == SOLID_EFORMAT) status = sol_lines_fail(lines, "%s", solid_last_error());
  if (status == SOLID_OK) status = sol_event_batch_add(batch, &event);
  solid_decoder_reset(decoder);
  return status;
}

static solid_status read_event_lines(const char *path, sol_event_batch *batch) {
  sol_lines lines = {0};
  solid_decoder *decoder = NULL;
  int more = 1;
  solid_status status = solid_decoder_new(&decoder, -1);
  if (status == SOLID_OK) status = sol_lines_open(&lines, path);
  while (status == SOLID_OK) {
    status = sol_lines_next(&lines, &more);
    if (status != SOLID_OK || !more) break;
    status = read_event(&lines, decoder, batch);
  }
  sol_lines_close(&lines);
  solid_decoder_free(decoder);
  return status;
}

typedef struct history_reader {
  const char *path;
  sol_event_batch *batch;
} history_reader;

static solid_status read_history(void *context, solid_bytes user, const sol_list *items) {
  const history_reader *reader = context;
  solid_status status = SOLID_OK;
  for (size_t i = 0; i < items->count && status == SOLID_OK; i++) {
    if (items->at[i].size < 1 || items->at[i].size > SOLID_ID_MAX)
      return solid_fail(SOLID_EFORMAT, "%s: user \"%.*s\": item of %zu bytes, want 1 to %d", reader->path,
                        (int)(user.size < 64 ? user.size : 64), user.data, items->at[i].size, SOLID_ID_MAX);
    const solid_event event = {.user = user, .item = items->at[i], .time_ms = sol_event_batch_count(reader->batch)};
    status = sol_event_batch_add(reader->batch, &event);
  }
  return status;
}

static solid_status read_format(const char *path, solid_dataset_format format, sol_event_batch *batch) {
  switch (format) {
  case SOLID_DATASET_ROWS:
  case SOLID_DATASET_PAIRS:
    return read_rows(path, format == SOLID_DATASET_PAIRS, batch);
  case SOLID_DATASET_MOVIELENS:
  case SOLID_DATASET_CSV:
  case SOLID_DATASET_RECBOLE:
  case SOLID_DATASET_TABLE:
    return sol_read_columns(path, format, batch);
  case SOLID_DATASET_EVENTS:
    return read_event_lines(path, batch);
  case SOLID_DATASET_HISTORIES:
    return sol_json_lists(path, read_history, &(history_reader){path, batch});
  case SOLID_DATASET_AUTO:
    break;
  }
  return solid_fail(SOLID_EINVAL, "%s: format %d is not one", path, (int)format);
}

solid_status solid_dataset_has_times(const char *path, solid_dataset_format format, int *has_times) {
  if (!path || !has_times) return solid_fail(SOLID_EINVAL, "times of a data set: NULL argument");
  solid_status status = SOLID_OK;
  if (format == SOLID_DATASET_AUTO) status = detect_file(path, &format);
  if (status != SOLID_OK) return status;
  int is_table = format == SOLID_DATASET_CSV || format == SOLID_DATASET_RECBOLE || format == SOLID_DATASET_TABLE ||
                 format == SOLID_DATASET_MOVIELENS;
  if (is_table) return sol_columns_have_times(path, format, has_times);
  *has_times = format == SOLID_DATASET_EVENTS;
  return SOLID_OK;
}

solid_status solid_dataset_read_events(const char *path, solid_dataset_format format, solid_event_sink sink,
                                       void *context) {
  if (!path || !sink) return solid_fail(SOLID_EINVAL, "read events: NULL argument");
  solid_status status = SOLID_OK;
  if (format == SOLID_DATASET_AUTO) status = detect_file(path, &format);
  if (status != SOLID_OK) return status;
  sol_event_batch *batch = NULL;
  status = sol_event_batch_new(&batch, sink, context);
  if (status == SOLID_OK) status = read_format(path, format, batch);
  if (status == SOLID_OK) status = sol_event_batch_flush(batch);
  if (status == SOLID_OK && sol_event_batch_count(batch) == 0)
    status = solid_fail(SOLID_EFORMAT, "%s: no events", path);
  sol_event_batch_free(batch);
  return status;
}
