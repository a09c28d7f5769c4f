#include "examples/common/load.h"
#include "ingest/dataset.h"
#include "solid/extend.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static solid_status take_events(void *collector, const solid_event *events, size_t count) {
  return solid_collector_push(collector, events, count, NULL);
}

static solid_status take_attributes(void *collector, solid_bytes item, const solid_bytes *attributes, size_t count) {
  solid_status status = SOLID_OK;
  for (size_t i = 0; i < count && !status; i++) status = solid_collector_attribute(collector, item, attributes[i]);
  return status;
}

static solid_status take_vector(void *collector, solid_bytes item, const float *vector, size_t width) {
  return solid_collector_vector(collector, item, vector, (uint32_t)width);
}

/* The times of one user, as they come: a file of `user seconds seconds ...` reads like one of events. */
typedef struct times_reader {
  solid_dataset *dataset;
  const char *path;
  uint32_t user; /* whose times these are; SOLID_NO_ID before the first */
  int64_t *times;
  size_t n, room;
} times_reader;

static solid_status give_times(times_reader *r) {
  if (r->user == SOLID_NO_ID) return SOLID_OK;
  solid_status status = solid_dataset_set_times(r->dataset, r->user, r->times, r->n);
  r->n = 0;
  return status ? solid_fail(status, "%s: %s", r->path, solid_last_error()) : SOLID_OK;
}

static solid_status take_time(times_reader *r, const solid_event *event) {
  char text[32] = "", *end = text;
  uint32_t user = solid_vocab_find(&r->dataset->user_ids, event->user);
  if (user == SOLID_NO_ID)
    return solid_fail(SOLID_EMISMATCH, "%s: user \"%.*s\" is not in the data", r->path, (int)event->user.size,
                      event->user.data);
  solid_status status = user == r->user ? SOLID_OK : give_times(r);
  if (status) return status;
  r->user = user;
  if (event->item.size < sizeof text) memcpy(text, event->item.data, event->item.size);
  double seconds = strtod(text, &end);
  if (end == text || *end || !(seconds > -1e14 && seconds < 1e14))
    return solid_fail(SOLID_EFORMAT, "%s: user \"%.*s\": \"%.*s\" is not a time in seconds", r->path,
                      (int)event->user.size, event->user.data, (int)event->item.size, event->item.data);
  if (r->n == r->room) {
    size_t room = 2 * r->room + 256;
    int64_t *times = realloc(r->times, room * sizeof *times);
    if (!times) return solid_fail(SOLID_ENOMEM, "no memory for %zu times", room);
    r->times = times, r->room = room;
  }
  r->times[r->n++] = (int64_t)(seconds * 1000 + (seconds < 0 ? -0.5 : 0.5));
  return SOLID_OK;
}

static solid_status take_times(void *reader, const solid_event *events, size_t count) {
  solid_status status = SOLID_OK;
  for (size_t i = 0; i < count && !status; i++) status = take_time(reader, &events[i]);
  return status;
}

static solid_status load_times(solid_dataset *dataset, const char *path) {
  times_reader r = {.dataset = dataset, .path = path, .user = SOLID_NO_ID};
  solid_status status = solid_dataset_read_events(path, SOLID_DATASET_ROWS, take_times, &r);
  if (!status) status = give_times(&r);
  free(r.times);
  return status;
}

static solid_status order_and_split(solid_dataset *dataset, const load_files *files) {
  const load_split *how = files->split;
  solid_split_options options = {(solid_split_kind)how->kind, how->train, how->valid, how->valid_from * 1000,
                                 how->test_from * 1000};
  solid_status status = how->times ? load_times(dataset, how->times) : SOLID_OK;
  if (status) return status;
  if (how->ties) status = solid_dataset_shuffle_ties(dataset, (uint64_t)how->tie_seed);
  if (!status) status = solid_split_apply(dataset, &options);
  return status ? solid_fail(status, "%s: %s", files->data, solid_last_error()) : SOLID_OK;
}

/* What is said about the items of another catalogue would be dropped without a word. */
static solid_status check_content(const solid_dataset *dataset, const load_files *files) {
  if (files->attributes && !dataset->attribute_offsets[dataset->items])
    return solid_fail(SOLID_EMISMATCH, "%s has no attribute of any of the %u items of %s", files->attributes,
                      dataset->items, files->data);
  size_t n = (size_t)dataset->items * dataset->vector_width, i = 0;
  while (i < n && dataset->vectors[i] == 0) i++;
  if (files->vectors && i == n)
    return solid_fail(SOLID_EMISMATCH, "%s has no vector of any of the %u items of %s: items are its rows, from 0",
                      files->vectors, dataset->items, files->data);
  return SOLID_OK;
}

/* Data are read twice, for their format and for their events. */
static solid_status check_regular(const char *path) {
  struct stat about;
  if (stat(path, &about) == 0 && !S_ISREG(about.st_mode) && !S_ISDIR(about.st_mode))
    return solid_fail(SOLID_EIO, "%s: is no regular file, and data are read more than once: write them to one", path);
  return SOLID_OK;
}

solid_status load_history(solid_dataset *dataset, const load_files *files) {
  solid_collector *collector = NULL;
  solid_collector_options options = {0};
  solid_dataset_format format = SOLID_DATASET_AUTO;
  solid_dataset made = {0};
  if (files->vectors && !files->vector_width)
    return solid_fail(SOLID_EINVAL, "%s: the width of its vectors is not given (--vector-width)", files->vectors);
  solid_status status = files->format ? solid_dataset_format_find(files->format, &format) : SOLID_OK;
  if (!status) status = check_regular(files->data);
  if (!status) status = solid_dataset_has_times(files->data, format, &options.has_times);
  options.sort_by_time = options.has_times; /* streams may bring a late event */
  if (!status) status = solid_collector_new(&collector, &options);
  if (!status) status = solid_dataset_read_events(files->data, format, take_events, collector);
  if (!status && files->attributes)
    status = solid_dataset_read_attributes(files->attributes, take_attributes, collector);
  if (!status && files->vectors)
    status = solid_dataset_read_vectors(files->vectors, files->vector_width, take_vector, collector);
  if (!status) {
    status = solid_collector_finish(collector, &made);
    if (status == SOLID_ENOTFOUND) status = solid_fail(status, "%s has no events", files->data);
  }
  if (!status) status = check_content(&made, files);
  if (!status && files->split) status = order_and_split(&made, files);
  solid_collector_free(collector);
  if (status)
    solid_dataset_clear(&made);
  else
    *dataset = made;
  return status;
}

solid_status load_warn(const char *program, const solid_dataset *dataset, const load_files *files) {
  size_t duplicates = 0;
  solid_status status = solid_dataset_duplicates(dataset, &duplicates);
  if (status) return status;
  if (duplicates)
    fprintf(stderr, "%s: warning: %s: %zu events equal an earlier one in user, item and time; they are kept\n", program,
            files->data, duplicates);
  if (dataset->split.untimed)
    fprintf(stderr, "%s: warning: %u users have no times: they are neither trained on nor asked\n", program,
            dataset->split.untimed);
  return SOLID_OK;
}
