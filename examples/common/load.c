#include "examples/common/load.h"
#include "examples/common/ground.h"
#include "examples/common/load_parts.h"
#include "ingest/data_file.h"
#include "solid/extend.h"
#include "solid/model.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The collectors of steps and dislikes. Dislikes are not trained on. */
typedef struct event_reader {
  solid_collector *steps, *dislikes; /* dislikes NULL = they are left out */
} event_reader;

static solid_status take_events(void *reader, const solid_event *events, const double *ratings, size_t count) {
  event_reader *r = reader;
  solid_status status = SOLID_OK;
  (void)ratings;
  for (size_t i = 0, n; i < count && !status; i += n) { /* runs of one worth */
    for (n = 1; i + n < count && events[i + n].worth == events[i].worth; n++) continue;
    solid_collector *to = events[i].worth == SOLID_WORTH_STEP ? r->steps : r->dislikes;
    if (to) status = solid_collector_push(to, events + i, n, NULL);
  }
  return status;
}

/* Reads data about items, and counts the items that have some. */
typedef struct item_reader {
  solid_collector *collector;
  size_t attributed, pictured; /* items with attributes, with a vector that is not zero */
  uint64_t rows;               /* vectors */
} item_reader;

static solid_status take_attributes(void *reader, solid_bytes item, const solid_bytes *attributes, size_t count) {
  item_reader *r = reader;
  solid_status status = SOLID_OK;
  r->attributed += count > 0;
  for (size_t i = 0; i < count && !status; i++) status = solid_collector_attribute(r->collector, item, attributes[i]);
  return status;
}

static solid_status take_vector(void *reader, solid_bytes item, const float *vector, size_t width) {
  item_reader *r = reader;
  size_t i = 0;
  while (i < width && vector[i] == 0) i++;
  r->pictured += i < width;
  return solid_collector_vector(r->collector, item, vector, (uint32_t)width);
}

/* Collects the times of one user: a file of `user seconds seconds ...` reads like one of events. */
typedef struct times_reader {
  solid_dataset *dataset;
  const char *path;
  uint32_t user; /* whose times these are; SOLID_NO_ID before the first */
  int64_t *times;
  size_t n, room;
  unsigned char *has;   /* (users) 1 = the user's times were given */
  solid_time_unit unit; /* of the file, once the first time is read */
} times_reader;

static solid_status give_times(times_reader *r) {
  if (r->user == SOLID_NO_ID) return SOLID_OK;
  solid_bytes id = solid_vocab_id(&r->dataset->user_ids, r->user);
  if (r->has[r->user]++)
    return solid_fail(SOLID_EFORMAT, "%s: user \"%s\" for the second time", r->path, sol_show(id.data, id.size).text);
  solid_status status = solid_dataset_set_times(r->dataset, r->user, r->times, r->n);
  r->n = 0;
  return status ? solid_fail(status, "%s: %s", r->path, solid_last_error()) : SOLID_OK;
}

static solid_status take_time(times_reader *r, const solid_event *event) {
  uint32_t user = solid_vocab_find(&r->dataset->user_ids, event->user);
  if (user == SOLID_NO_ID)
    return solid_fail(SOLID_EMISMATCH, "%s: user \"%s\" is not in the data", r->path,
                      sol_show(event->user.data, event->user.size).text);
  solid_status status = user == r->user ? SOLID_OK : give_times(r);
  if (status) return status;
  r->user = user;
  int64_t time_ms = 0;
  status = solid_time_read(event->item, &r->unit, 0, &time_ms);
  if (status)
    return solid_fail(status, "%s: user \"%s\": %s", r->path, sol_show(event->user.data, event->user.size).text,
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

static solid_status load_times(solid_dataset *dataset, const char *path) {
  times_reader r = {.dataset = dataset, .path = path, .user = SOLID_NO_ID};
  solid_data_file *file = NULL;
  r.has = calloc((size_t)dataset->users + 1, 1);
  if (!r.has) return solid_fail(SOLID_ENOMEM, "no memory for the times of %u users", dataset->users);
  solid_status status = reading_open(&file, path, "rows", NULL, NULL, NULL);
  if (!status) status = solid_data_file_read(file, take_times, &r);
  if (!status) status = give_times(&r);
  solid_data_file_close(file);
  free(r.times);
  free(r.has);
  return status;
}

static solid_status order_and_split(solid_dataset *dataset, const load_files *files) {
  const load_split *how = files->split;
  solid_split_options options = {(solid_split_kind)how->kind, how->train, how->valid, how->valid_from * 1000,
                                 how->test_from * 1000};
  solid_status status = how->times ? load_times(dataset, how->times) : SOLID_OK;
  if (status) return status;
  if (how->ties) status = solid_dataset_shuffle_ties(dataset, (uint64_t)how->tie_seed);
  if (!status && !how->valid_data) status = solid_split_apply(dataset, &options);
  uint32_t users = dataset->users, items = dataset->items;
  if (!status) status = solid_split_core(dataset, (uint32_t)how->min_user, (uint32_t)how->min_item);
  if (!status && (users > dataset->users || items > dataset->items))
    fprintf(stderr, "%s: %u of %u users and %u of %u items have too few training events and are left out\n",
            files->program ? files->program : files->data, users - dataset->users, users, items - dataset->items,
            items);
  return status ? solid_fail(status, "%s: %s", files->data, solid_last_error()) : SOLID_OK;
}

/* Refuses a file about the items of another catalogue, which would otherwise be ignored silently. `said`: items of the
 * file; `met`: those that are in the data. A file for a larger catalogue contains most items of the data; the items of
 * a file for a part of it are mostly in the data. */
static solid_status check_fit(const solid_dataset *dataset, const char *path, const char *data, const char *what,
                              size_t said, size_t met) {
  if (!said) return solid_fail(SOLID_EMISMATCH, "%s has no item with %s", path, what);
  if (2 * met >= said || 2 * met >= dataset->items) return SOLID_OK;
  return solid_fail(SOLID_EMISMATCH,
                    "%s fits %s badly: %zu of its %zu items with %s (%.0f %%) are among the %u of the data (%.0f %%)",
                    path, data, met, said, what, 100.0 * (double)met / (double)said, dataset->items,
                    100.0 * (double)met / dataset->items);
}

static int has_item(const solid_dataset *dataset, uint64_t number) {
  char text[24];
  int size = snprintf(text, sizeof text, "%" PRIu64, number);
  return solid_vocab_find(&dataset->item_ids, (solid_bytes){text, (size_t)size}) != SOLID_NO_ID;
}

/* Rows without ids are items 0, 1, ...: items that are counted from 1 would all get their neighbour's vector. */
static solid_status check_rows(const solid_dataset *dataset, const load_files *files, uint64_t rows) {
  if (files->items->vector_ids || has_item(dataset, 0) || !has_item(dataset, rows)) return SOLID_OK;
  return solid_fail(SOLID_EMISMATCH,
                    "%s: its %" PRIu64 " rows are items 0 to %" PRIu64 ", and %s has an item %" PRIu64
                    " and none called 0: are items counted from 1? --vector-ids says whose row is whose",
                    files->items->vectors, rows, rows - 1, files->data, rows);
}

static solid_status check_content(const solid_dataset *dataset, const load_files *files, const item_reader *r) {
  size_t with = 0, pictured = 0;
  for (uint32_t v = 0; v < dataset->items; v++) {
    size_t i = 0, width = dataset->vector_width;
    while (i < width && dataset->vectors[v * width + i] == 0) i++;
    pictured += i < width;
    with += dataset->attribute_offsets[v + 1] > dataset->attribute_offsets[v];
  }
  const items_options *items = files->items;
  solid_status status = SOLID_OK;
  if (items->attributes) status = check_fit(dataset, items->attributes, files->data, "attributes", r->attributed, with);
  if (!status && items->vectors)
    status = check_fit(dataset, items->vectors, files->data, "a vector", r->pictured, pictured);
  if (!status && items->vectors) status = check_rows(dataset, files, r->rows);
  return status;
}

/* Items that have no event are left out by the collector. */
static solid_status take_known(solid_collector *collector, const solid_model *known) {
  solid_model_info info = {.struct_size = sizeof info};
  solid_status status = solid_model_get_info(known, &info);
  for (uint32_t item = 0; item < info.items && !status; item++) {
    const uint32_t *categories;
    size_t count;
    status = solid_model_item_categories(known, item, &categories, &count);
    for (size_t i = 0; i < count && !status; i++)
      status = solid_collector_attribute(collector, solid_model_item_id(known, item),
                                         solid_model_category_name(known, categories[i]));
  }
  return status;
}

static solid_status load_items(solid_collector *collector, const load_files *files, item_reader *r) {
  const items_options *items = files->items;
  solid_attributes_options attributes = SOLID_ATTRIBUTES_OPTIONS_INIT;
  preparing_read shown = {.path = items->attributes}, shown_vectors = {.path = items->vectors};
  solid_vectors_options vectors = SOLID_VECTORS_OPTIONS_INIT;
  solid_vectors_report report = SOLID_VECTORS_REPORT_INIT;
  solid_status status = SOLID_OK;
  r->collector = collector;
  attributes.item_column = items->item_column, attributes.columns = items->columns;
  attributes.separator = items->separator, attributes.no_header = items->no_header;
  vectors.width = (uint32_t)items->vector_width, vectors.ids = items->vector_ids;
  attributes.progress = preparing_read_on, attributes.progress_user = &shown;
  vectors.progress = preparing_read_on, vectors.progress_user = &shown_vectors;
  if (items->attributes)
    status = solid_data_read_attributes(items->attributes, &attributes, take_attributes, r);
  else if (files->known)
    status = take_known(collector, files->known);
  if (!status && items->vectors) status = solid_data_read_vectors(items->vectors, &vectors, take_vector, r, &report);
  preparing_end();
  r->rows = report.rows;
  if (!status && report.zero_rows)
    fprintf(stderr, "%s: warning: %s: %" PRIu64 " of %" PRIu64 " vectors are all zero, the first in row %" PRIu64 "\n",
            files->program ? files->program : files->data, items->vectors, report.zero_rows, report.rows,
            report.first_zero);
  return status;
}

/* Reads events into the collectors, and prints what was odd about them. */
static solid_status load_events(event_reader *r, const load_files *files) {
  solid_data_file *file = NULL;
  solid_data_info info = SOLID_DATA_INFO_INIT;
  solid_collector_options options = {0};
  solid_worth_rule rule = SOLID_WORTH_RULE_INIT;
  preparing_read shown = {.path = files->data};
  solid_status status = reading_open(&file, files->data, files->format, files->reading, &rule, &shown);
  if (!status) status = solid_data_file_get_info(file, &info);
  if (!status) reading_say_untimed(files->program ? files->program : files->data, files->data, &info);
  options.has_times = options.sort_by_time = info.has_times; /* streams may bring a late event */
  if (!status) status = solid_collector_new(&r->steps, &options);
  if (!status && files->dislikes) status = solid_collector_new(&r->dislikes, &options);
  if (!status) status = solid_data_file_read(file, take_events, r);
  preparing_end();
  if (!status) reading_say(files->program ? files->program : files->data, file);
  if (!status && files->has_histories) *files->has_histories = info.has_histories;
  solid_data_file_close(file);
  return status;
}

static solid_status finish_events(event_reader *r, const load_files *files, solid_dataset *steps) {
  solid_status status = solid_collector_finish(r->steps, steps);
  const reading_options *reading = files->reading;
  int is_chosen = reading && (reading->kinds || reading->min_rating);
  if (status == SOLID_ENOTFOUND)
    return solid_fail(status, "%s has no events%s", files->data,
                      is_chosen ? " that are steps by --kinds and --min-rating" : "");
  if (!status && r->dislikes) status = solid_collector_finish(r->dislikes, files->dislikes);
  return status == SOLID_ENOTFOUND ? SOLID_OK : status; /* nothing is disliked */
}

solid_status load_split_check(const load_split *split) {
  if (!split->valid_data != !split->test_data)
    return solid_fail(SOLID_EINVAL, "--valid-data and --test-data: give both files, or neither");
  if (split->valid_from > 0 && !split->test_from)
    return solid_fail(SOLID_EINVAL, "--valid-from and --test-from: give both times, or neither");
  if (split->valid_data && (split->kind || split->ties || split->times))
    return solid_fail(SOLID_EINVAL, "--valid-data and --test-data are the split: without --split, --ties and --times");
  return SOLID_OK;
}

/* The events of one file, or of three. */
static solid_status collect(event_reader *events, load_parts *parts, const load_files *files) {
  if (!files->split || !files->split->valid_data) return load_events(events, files);
  solid_status status = load_parts_read(parts, files, load_history);
  return status ? status : load_parts_join(parts, &events->steps);
}

solid_status load_history(solid_dataset *dataset, const load_files *files) {
  event_reader events = {0};
  load_parts parts = {0};
  solid_dataset made = {0};
  item_reader items = {0};
  solid_status status = files->split ? load_split_check(files->split) : SOLID_OK;
  if (!status) status = collect(&events, &parts, files);
  if (!status && files->items) status = load_items(events.steps, files, &items);
  if (!status) status = finish_events(&events, files, &made);
  if (!status && files->items) status = check_content(&made, files, &items);
  if (!status && parts.is_read) status = load_parts_split(&parts, &made);
  if (!status && files->split) status = order_and_split(&made, files);
  load_parts_clear(&parts);
  solid_collector_free(events.steps);
  solid_collector_free(events.dislikes);
  if (status) {
    solid_dataset_clear(&made);
    if (files->dislikes) solid_dataset_clear(files->dislikes);
  } else {
    *dataset = made;
  }
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
