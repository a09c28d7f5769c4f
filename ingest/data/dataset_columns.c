/* Event files with a row an event and columns by name, and RecBole's rows that hold a history each. */
#include "ingest/data/dataset_events.h"
#include "ingest/data/dataset_text.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ABSENT SIZE_MAX

typedef struct columns {
  size_t user, item, time, list;
} columns;

/* A user's longest row so far. */
typedef struct longest_row {
  char *text; /* the list and its newest item, separated by spaces */
  size_t items;
} longest_row;

typedef struct reader {
  sol_lines lines;
  sol_fields fields;
  sol_separator separator;
  columns at;
  sol_timeline timeline;
  longest_row *rows; /* by user of timeline.users, when there is a list */
  size_t row_room;
  sol_event_batch *batch;
} reader;

static int is_one_of(solid_bytes name, const char *const *names) {
  for (; *names; names++)
    if (sol_bytes_equal(name, *names)) return 1;
  return 0;
}

/* "user_id:token" is named user_id */
static solid_bytes column_name(solid_bytes field) {
  const char *colon = memchr(field.data, ':', field.size);
  if (colon) field.size = (size_t)(colon - field.data);
  return field;
}

static const char *const user_columns[] = {"user_id", "userId", "user", NULL};
static const char *const item_columns[] = {"item_id", "itemId", "movieId", "movie_id", "movie", "item", NULL};
static const char *const time_columns[] = {"timestamp", "time", "ts", "ts_lo", NULL};
static const char *const list_columns[] = {"item_id_list", NULL};

static sol_separator table_separator(const char *header) {
  return strchr(header, '\t') ? SOL_TAB : SOL_SPACES;
}

solid_status sol_find_table_header(sol_lines *lines, sol_fields *fields, int *found) {
  int has_item = 0;
  solid_status status = sol_fields_split(fields, lines, table_separator(lines->line));
  for (size_t i = 1; i < fields->count; i++) has_item |= is_one_of(fields->at[i], item_columns);
  *found = status == SOLID_OK && has_item && is_one_of(fields->at[0], user_columns);
  return status;
}

static solid_status read_header(reader *r, solid_dataset_format format) {
  int more = 0;
  solid_status status = sol_lines_next(&r->lines, &more);
  if (status == SOLID_OK && more && format == SOLID_DATASET_TABLE) r->separator = table_separator(r->lines.line);
  if (status == SOLID_OK && more) status = sol_fields_split(&r->fields, &r->lines, r->separator);
  if (status != SOLID_OK || !more) return status;
  for (size_t i = 0; i < r->fields.count; i++) {
    solid_bytes name = column_name(r->fields.at[i]);
    if (is_one_of(name, user_columns)) r->at.user = i;
    if (is_one_of(name, item_columns)) r->at.item = i;
    if (is_one_of(name, time_columns)) r->at.time = i;
    if (is_one_of(name, list_columns)) r->at.list = i;
  }
  if (r->at.user == ABSENT)
    return sol_lines_fail(&r->lines, "no column user_id, userId or user: the first line has to name the columns");
  if (r->at.item == ABSENT)
    return sol_lines_fail(&r->lines,
                          "no column item_id, item, movieId or movie: the first line has to name the columns");
  return SOLID_OK;
}

/* Seconds, perhaps with a fraction, to milliseconds. */
static solid_status read_time(const reader *r, int64_t *out) {
  if (r->at.time >= r->fields.count)
    return sol_lines_fail(&r->lines, "%zu fields, the time is number %zu", r->fields.count, r->at.time + 1);
  solid_bytes field = r->fields.at[r->at.time];
  char text[64], *end = text;
  size_t size = field.size < sizeof text ? field.size : 0;
  memcpy(text, field.data, size);
  text[size] = 0;
  double seconds = strtod(text, &end);
  if (size == 0 || *end || !(fabs(seconds) < 1e14))
    return sol_lines_fail(&r->lines, "\"%.*s\" is not a time in seconds", (int)(field.size < 40 ? field.size : 40),
                          field.data);
  *out = (int64_t)llround(seconds * 1000.0);
  return SOLID_OK;
}

static size_t count_words(const char *text) {
  size_t words = 0;
  for (text += strspn(text, " "); *text; text += strspn(text, " ")) {
    words++;
    text += strcspn(text, " ");
  }
  return words;
}

/* Checks every id of a history now, while its line is known. */
static solid_status check_words(const reader *r, const char *text) {
  solid_status status = SOLID_OK;
  for (text += strspn(text, " "); *text && status == SOLID_OK; text += strspn(text, " ")) {
    solid_bytes word = {text, strcspn(text, " ")};
    status = sol_check_id(&r->lines, "item", word);
    text += word.size;
  }
  return status;
}

static solid_status room_for_rows(reader *r, uint32_t user) {
  if (user < r->row_room) return SOLID_OK;
  size_t room = 2 * (size_t)user + 256;
  longest_row *rows = realloc(r->rows, room * sizeof *rows);
  if (!rows) return solid_fail(SOLID_ENOMEM, "no room for the histories of %zu users", room);
  memset(rows + r->row_room, 0, (room - r->row_room) * sizeof *rows);
  r->rows = rows;
  r->row_room = room;
  return SOLID_OK;
}

static solid_status keep_row(reader *r, solid_bytes user, solid_bytes item) {
  if (r->at.list >= r->fields.count)
    return sol_lines_fail(&r->lines, "%zu fields, item_id_list is number %zu", r->fields.count, r->at.list + 1);
  solid_bytes list = r->fields.at[r->at.list];
  uint32_t index = 0;
  solid_status status = sol_interner_find(&r->timeline.users, user, &index);
  if (status == SOLID_OK) status = room_for_rows(r, index);
  if (status != SOLID_OK) return status;
  char *text = malloc(list.size + item.size + 2);
  if (!text) return solid_fail(SOLID_ENOMEM, "no room for a history of %zu bytes", list.size);
  memcpy(text, list.data, list.size);
  text[list.size] = ' ';
  memcpy(text + list.size + 1, item.data, item.size);
  text[list.size + 1 + item.size] = 0;
  status = check_words(r, text);
  size_t items = count_words(text);
  longest_row *row = &r->rows[index];
  if (status == SOLID_OK && items > row->items) {
    free(row->text);
    *row = (longest_row){text, items};
    return SOLID_OK;
  }
  free(text);
  return status;
}

static solid_status send_rows(reader *r) {
  solid_status status = SOLID_OK;
  for (uint32_t user = 0; user < r->timeline.users.count; user++) {
    const char *text = r->rows[user].text;
    for (text += strspn(text, " "); *text && status == SOLID_OK; text += strspn(text, " ")) {
      solid_event event = {.user = sol_interner_text(&r->timeline.users, user),
                           .item = {text, strcspn(text, " ")},
                           .time_ms = sol_event_batch_count(r->batch)};
      status = sol_event_batch_add(r->batch, &event);
      text += event.item.size;
    }
  }
  return status;
}

static solid_status read_row(reader *r) {
  solid_bytes user, item;
  solid_status status = sol_fields_split(&r->fields, &r->lines, r->separator);
  if (status == SOLID_OK) status = sol_fields_id(&r->fields, &r->lines, r->at.user, "user", &user);
  if (status == SOLID_OK) status = sol_fields_id(&r->fields, &r->lines, r->at.item, "item", &item);
  if (status != SOLID_OK) return status;
  if (r->at.list != ABSENT) return keep_row(r, user, item);
  if (r->at.time == ABSENT)
    return sol_event_batch_add(r->batch,
                               &(solid_event){.user = user, .item = item, .time_ms = sol_event_batch_count(r->batch)});
  int64_t time_ms = 0;
  status = read_time(r, &time_ms);
  return status == SOLID_OK ? sol_timeline_add(&r->timeline, user, item, time_ms) : status;
}

static solid_status read_rows(reader *r, solid_dataset_format format) {
  solid_status status = format == SOLID_DATASET_MOVIELENS ? SOLID_OK : read_header(r, format);
  int more = 1;
  while (status == SOLID_OK) {
    status = sol_lines_next(&r->lines, &more);
    if (status != SOLID_OK || !more) break;
    status = read_row(r);
  }
  if (status != SOLID_OK) return status;
  return r->at.list != ABSENT ? send_rows(r) : sol_timeline_send(&r->timeline, r->batch);
}

static reader make_reader(solid_dataset_format format) {
  reader r = {.at = {ABSENT, ABSENT, ABSENT, ABSENT}};
  r.separator = format == SOLID_DATASET_CSV ? SOL_COMMA : format == SOLID_DATASET_RECBOLE ? SOL_TAB : SOL_COLONS;
  if (format == SOLID_DATASET_MOVIELENS) r.at = (columns){0, 1, 3, ABSENT};
  return r;
}

solid_status sol_columns_have_times(const char *path, solid_dataset_format format, int *have) {
  reader r = make_reader(format);
  solid_status status = sol_lines_open(&r.lines, path);
  if (status != SOLID_OK) return status;
  if (format != SOLID_DATASET_MOVIELENS) status = read_header(&r, format);
  if (status == SOLID_OK) *have = r.at.time != ABSENT && r.at.list == ABSENT;
  free(r.fields.at);
  sol_lines_close(&r.lines);
  return status;
}

solid_status sol_read_columns(const char *path, solid_dataset_format format, sol_event_batch *batch) {
  reader r = make_reader(format);
  r.batch = batch;
  solid_status status = sol_lines_open(&r.lines, path);
  if (status == SOLID_OK) status = read_rows(&r, format);
  for (size_t i = 0; i < r.row_room; i++) free(r.rows[i].text);
  free(r.rows);
  free(r.fields.at);
  sol_timeline_free(&r.timeline);
  sol_lines_close(&r.lines);
  return status;
}
