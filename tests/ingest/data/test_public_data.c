/* The readers on real files, where they are (SOLID_DATA). */
#include "tests/ingest/data/probe.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Distinct ids by a bitmap: the public files number theirs. */
typedef struct census {
  uint8_t user[1 << 18], item[1 << 18];
  size_t users, items, events, attributes;
  int64_t last_time;
  size_t last_user, steps_back;
} census;

static size_t number_of(solid_bytes id) {
  char text[32] = "";
  cr_assert(id.size < sizeof text);
  memcpy(text, id.data, id.size);
  size_t number = strtoul(text, NULL, 10);
  cr_assert(number < 1 << 18);
  return number;
}

static solid_status take_census(void *context, const solid_event *events, const double *ratings, size_t count) {
  census *c = context;
  (void)ratings;
  for (size_t i = 0; i < count; i++) {
    size_t user = number_of(events[i].user), item = number_of(events[i].item);
    c->users += !c->user[user];
    c->items += !c->item[item];
    c->user[user] = c->item[item] = 1;
    c->events++;
    if (user == c->last_user && events[i].time_ms < c->last_time) c->steps_back++;
    c->last_user = user;
    c->last_time = events[i].time_ms;
  }
  return SOLID_OK;
}

static solid_status count_attributes(void *context, solid_bytes item, const solid_bytes *attributes, size_t count) {
  census *c = context;
  (void)attributes;
  (void)item;
  c->items++;
  c->attributes += count;
  return SOLID_OK;
}

static solid_status count_vectors(void *context, solid_bytes item, const float *vector, size_t width) {
  census *c = context;
  (void)vector;
  cr_assert_eq(width, 512);
  cr_assert_eq(number_of(item), c->items);
  c->items++;
  return SOLID_OK;
}

/* 1 when the file is there; its whole name in `name`. */
static int find_data(const char *file, char *name, size_t size) {
  const char *folder = getenv("SOLID_DATA");
  snprintf(name, size, "%s/%s", folder ? folder : DATA_DEFAULT, file);
  if (access(name, R_OK) == 0) return 1;
  fprintf(stderr, "[SKIP] %s: not there (SOLID_DATA)\n", name);
  return 0;
}

static void check_census(const char *file, solid_data_format format, size_t users, size_t items, size_t events) {
  char name[512];
  if (!find_data(file, name, sizeof name)) return;
  census *c = calloc(1, sizeof *c);
  solid_data_file *data = NULL;
  solid_data_options options = probe_format(format);
  solid_status status = solid_data_file_open(&data, name, &options);
  if (status == SOLID_OK) status = solid_data_file_read(data, take_census, c);
  cr_assert_eq(status, SOLID_OK, "%s", solid_last_error());
  solid_data_file_close(data);
  cr_expect_eq(c->users, users, "%s: %zu users, want %zu", file, c->users, users);
  cr_expect_eq(c->items, items, "%s: %zu items, want %zu", file, c->items, items);
  cr_expect_eq(c->events, events, "%s: %zu events, want %zu", file, c->events, events);
  cr_expect_eq(c->steps_back, 0, "%s: %zu events older than the one before", file, c->steps_back);
  free(c);
}

Test(public_data, public_events) {
  check_census("amazon-beauty/Beauty.txt", SOLID_DATA_AUTO, 22363, 12101, 198502);
  check_census("amazon-toys/Toys_and_Games.txt", SOLID_DATA_AUTO, 19412, 11924, 167597);
  check_census("ml-1m/ml-1m.txt", SOLID_DATA_AUTO, 6040, 3416, 999611);
  check_census("ml-1m/ratings.tsv.gz", SOLID_DATA_AUTO, 6040, 3706, 1000209);
  check_census("ml-100k/ml-100k.inter", SOLID_DATA_AUTO, 943, 1682, 100000);
  check_census("ml-latest-small/ratings.csv", SOLID_DATA_AUTO, 671, 9066, 100004);
  check_census("instruments-multimodal/Instruments.inter.json", SOLID_DATA_HISTORIES, 17112, 6250, 136226);
  check_census("scientific-multimodal/Scientific.test.inter", SOLID_DATA_AUTO, 2928, 1585, 19712);
}

static void check_item_file(const char *file, size_t items, size_t attributes) {
  char name[512];
  if (!find_data(file, name, sizeof name)) return;
  census *c = calloc(1, sizeof *c);
  solid_status status = solid_data_read_attributes(name, NULL, count_attributes, c);
  cr_assert_eq(status, SOLID_OK, "%s", solid_last_error());
  cr_expect_eq(c->items, items, "%s: %zu items, want %zu", file, c->items, items);
  if (attributes) cr_expect_eq(c->attributes, attributes, "%s: %zu attributes", file, c->attributes);
  free(c);
}

Test(public_data, public_attributes) {
  check_item_file("amazon-beauty/Beauty_item2attributes.json", 12101, 0);
  check_item_file("ml-100k/ml-100k.item", 1682, 0);
  check_item_file("ml-1m/movies.dat", 3883, 6408);
  check_item_file("ml-latest-small/movies.csv", 9125, 0);
}

Test(public_data, public_vectors) {
  char name[512];
  if (!find_data("scientific-multimodal/Scientific.feat1CLS", name, sizeof name)) return;
  census *c = calloc(1, sizeof *c);
  solid_vectors_options options = SOLID_VECTORS_OPTIONS_INIT;
  options.width = 512;
  cr_assert_eq(solid_data_read_vectors(name, &options, count_vectors, c, NULL), SOLID_OK, "%s", solid_last_error());
  cr_expect_eq(c->items, 1585);
  free(c);
}
