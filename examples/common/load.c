#include "examples/common/load.h"
#include "ingest/dataset.h"
#include "solid/extend.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static solid_status take_events(void *collector, const solid_event *events, const double *ratings, size_t count) {
  (void)ratings;
  return sol_collector_push(collector, events, count, NULL);
}

static solid_status take_attributes(void *collector, solid_bytes item, const solid_bytes *attributes, size_t count) {
  solid_status status = SOLID_OK;
  for (size_t i = 0; i < count && !status; i++) status = sol_collector_attribute(collector, item, attributes[i]);
  return status;
}

static solid_status take_vector(void *collector, solid_bytes item, const float *vector, size_t width) {
  return sol_collector_vector(collector, item, vector, (uint32_t)width);
}

/* The times of one user, as they come: a file of `user seconds seconds ...` reads like one of events. */
typedef struct times_reader {
  sol_history *history;
  const char *path;
  uint32_t user; /* whose times these are; SOL_NO_ID before the first */
  int64_t *times;
  size_t n, room;
  solid_time_unit unit; /* of the file, once the first time is read */
} times_reader;

static solid_status give_times(times_reader *r) {
  if (r->user == SOL_NO_ID) return SOLID_OK;
  solid_status status = sol_history_set_times(r->history, r->user, r->times, r->n);
  r->n = 0;
  return status ? solid_fail(status, "%s: %s", r->path, solid_last_error()) : SOLID_OK;
}

static solid_status take_time(times_reader *r, const solid_event *event) {
  uint32_t user = sol_vocab_find(&r->history->user_ids, event->user);
  if (user == SOL_NO_ID)
    return solid_fail(SOLID_EMISMATCH, "%s: user \"%.*s\" is not in the data", r->path, (int)event->user.size,
                      event->user.data);
  solid_status status = user == r->user ? SOLID_OK : give_times(r);
  if (status) return status;
  r->user = user;
  int64_t time_ms = 0;
  status = solid_time_read(event->item, &r->unit, 0, &time_ms);
  if (status)
    return solid_fail(status, "%s: user \"%.*s\": %s", r->path, (int)event->user.size, event->user.data,
                      solid_last_error());
  if (r->n == r->room) {
    size_t room = 2 * r->room + 256;
    int64_t *times = realloc(r->times, room * sizeof *times);
    if (!times) return solid_fail(SOLID_ENOMEM, "no memory for %zu times", room);
    r->times = times, r->room = room;
  }
  r->times[r->n++] = time_ms;
  return SOLID_OK;
}

static solid_status take_times(void *reader, const solid_event *events, const double *ratings, size_t count) {
  (void)ratings;
  solid_status status = SOLID_OK;
  for (size_t i = 0; i < count && !status; i++) status = take_time(reader, &events[i]);
  return status;
}

static solid_status load_times(sol_history *history, const char *path) {
  times_reader r = {.history = history, .path = path, .user = SOL_NO_ID};
  solid_dataset_file *file = NULL;
  solid_status status = reading_open(&file, path, "rows", NULL);
  if (!status) status = solid_dataset_file_read(file, take_times, &r);
  if (!status) status = give_times(&r);
  solid_dataset_file_close(file);
  free(r.times);
  return status;
}

static solid_status order_and_split(sol_history *history, const load_files *files) {
  const load_split *how = files->split;
  sol_split_options options = {(sol_split_kind)how->kind, how->train, how->valid, how->valid_from * 1000,
                               how->test_from * 1000};
  solid_status status = how->times ? load_times(history, how->times) : SOLID_OK;
  if (status) return status;
  if (how->ties) status = sol_history_shuffle_ties(history, (uint64_t)how->tie_seed);
  if (!status) status = sol_split_apply(history, &options);
  return status ? solid_fail(status, "%s: %s", files->data, solid_last_error()) : SOLID_OK;
}

/* What is said about the items of another catalogue would be dropped without a word. */
static solid_status check_content(const sol_history *history, const load_files *files) {
  if (files->attributes && !history->attribute_offsets[history->items])
    return solid_fail(SOLID_EMISMATCH, "%s has no attribute of any of the %u items of %s", files->attributes,
                      history->items, files->data);
  size_t n = (size_t)history->items * history->vector_width, i = 0;
  while (i < n && history->vectors[i] == 0) i++;
  if (files->vectors && i == n)
    return solid_fail(SOLID_EMISMATCH, "%s has no vector of any of the %u items of %s: items are its rows, from 0",
                      files->vectors, history->items, files->data);
  return SOLID_OK;
}

/* Events into the collector, with what was odd about them said. */
static solid_status load_events(sol_collector **collector, const load_files *files) {
  solid_dataset_file *file = NULL;
  solid_dataset_info info = SOLID_DATASET_INFO_INIT;
  sol_collector_options options = {0};
  solid_status status = reading_open(&file, files->data, files->format, files->reading);
  if (!status) status = solid_dataset_file_get_info(file, &info);
  options.has_times = options.sort_by_time = info.has_times; /* streams may bring a late event */
  if (!status) status = sol_collector_new(collector, &options);
  if (!status) status = solid_dataset_file_read(file, take_events, *collector);
  if (!status) reading_say(files->program ? files->program : files->data, file);
  solid_dataset_file_close(file);
  return status;
}

solid_status load_history(sol_history *history, const load_files *files) {
  sol_collector *collector = NULL;
  sol_history made = {0};
  if (files->vectors && !files->vector_width)
    return solid_fail(SOLID_EINVAL, "%s: the width of its vectors is not given (--vector-width)", files->vectors);
  solid_status status = load_events(&collector, files);
  if (!status && files->attributes)
    status = solid_dataset_read_attributes(files->attributes, take_attributes, collector);
  if (!status && files->vectors)
    status = solid_dataset_read_vectors(files->vectors, files->vector_width, take_vector, collector);
  if (!status) {
    status = sol_collector_finish(collector, &made);
    if (status == SOLID_ENOTFOUND) status = solid_fail(status, "%s has no events", files->data);
  }
  if (!status) status = check_content(&made, files);
  if (!status && files->split) status = order_and_split(&made, files);
  sol_collector_free(collector);
  if (status)
    sol_history_clear(&made);
  else
    *history = made;
  return status;
}

solid_status load_warn(const char *program, const sol_history *history, const load_files *files) {
  size_t duplicates = 0;
  solid_status status = sol_history_duplicates(history, &duplicates);
  if (status) return status;
  if (duplicates)
    fprintf(stderr, "%s: warning: %s: %zu events equal an earlier one in user, item and time; they are kept\n", program,
            files->data, duplicates);
  if (history->split.untimed)
    fprintf(stderr, "%s: warning: %u users have no times: they are neither trained on nor asked\n", program,
            history->split.untimed);
  return SOLID_OK;
}
