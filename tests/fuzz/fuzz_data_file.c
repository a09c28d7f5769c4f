/* Any bytes as a data file: by its looks, in a format that the bytes choose, and as attributes or vectors: read with
 * ids of a lawful size, or refused with a text. */
#include "ingest/data_file.h"
#include "solid/extend.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char path[64];

static void remove_file(void) {
  unlink(path);
}

static void write_file(const uint8_t *data, size_t size) {
  if (!*path) {
    const char *folder = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp"; /* in memory, where it can be */
    snprintf(path, sizeof path, "%s/solid_fuzz_data_file_%ld", folder, (long)getpid());
    atexit(remove_file);
  }
  FILE *file = fopen(path, "wb");
  if (!file || (size > 0 && fwrite(data, 1, size, file) != size) || fclose(file) != 0) abort();
}

static void check_id(solid_bytes id) {
  if (id.size < 1 || id.size > SOLID_ID_MAX) abort();
}

static solid_status take_events(void *context, const solid_event *events, const double *ratings, size_t count) {
  static volatile double seen; /* every rating is read, whatever it is */
  size_t *total = context;
  if (!count) abort();
  for (size_t i = 0; i < count; i++) {
    check_id(events[i].user);
    check_id(events[i].item);
    if (events[i].kind.size > SOLID_ID_MAX) abort();
    if (ratings) seen = ratings[i];
  }
  *total += count;
  (void)seen;
  return SOLID_OK;
}

static solid_status take_attributes(void *context, solid_bytes item, const solid_bytes *attributes, size_t count) {
  size_t *total = context;
  check_id(item);
  for (size_t i = 0; i < count; i++) *total += attributes[i].size;
  return SOLID_OK;
}

static solid_status take_vector(void *context, solid_bytes item, const float *vector, size_t width) {
  size_t *total = context;
  check_id(item);
  for (size_t i = 0; i < width; i++) *total += vector[i] != 0;
  return SOLID_OK;
}

/* No text is left of a call before, so that one without a text of its own is seen. */
static void forget_text(void) {
  (void)solid_fail(SOLID_EINVAL, "%s", "");
}

static void expect_lawful(solid_status status) {
  if (status != SOLID_OK && status != SOLID_EFORMAT && status != SOLID_EINVAL && status != SOLID_EIO) abort();
  if (status != SOLID_OK && !*solid_last_error()) abort();
}

static void read_events(solid_data_format format, int no_header, uint64_t bad_lines) {
  solid_data_options options = SOLID_DATA_OPTIONS_INIT;
  solid_data_report report = SOLID_DATA_REPORT_INIT;
  solid_data_file *file = NULL;
  size_t total = 0;
  options.format = format;
  options.bad_lines = bad_lines;
  if (no_header) options.no_header = 1, options.user_column = "1", options.item_column = "2", options.time_column = "3";
  forget_text();
  solid_status status = solid_data_file_open(&file, path, &options);
  if (status == SOLID_OK) {
    status = solid_data_file_read(file, take_events, &total);
    if (solid_data_file_get_report(file, &report) != SOLID_OK || report.bad_lines > bad_lines) abort();
    if (status == SOLID_OK && report.events != total) abort();
  }
  solid_data_file_close(file);
  expect_lawful(status);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  size_t total = 0;
  uint32_t choice = 2166136261u;
  solid_vectors_options vectors = SOLID_VECTORS_OPTIONS_INIT;
  for (size_t i = 0; i < size; i++) choice = (choice ^ data[i]) * 16777619u;
  write_file(data, size);
  read_events(SOLID_DATA_AUTO, 0, choice % 3);
  read_events((solid_data_format)(1 + choice % SOLID_DATA_HISTORIES), 0, choice / 16 % 3);
  forget_text();
  switch (choice / 64 % 4) {
  case 0:
    read_events(SOLID_DATA_TABLE, 1, 1);
    break;
  case 1:
    expect_lawful(solid_data_read_attributes(path, NULL, take_attributes, &total));
    break;
  case 2:
    expect_lawful(solid_data_read_vectors(path, NULL, take_vector, &total, NULL));
    break;
  default:
    vectors.width = 2;
    expect_lawful(solid_data_read_vectors(path, &vectors, take_vector, &total, NULL));
  }
  return 0;
}
