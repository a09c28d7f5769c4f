/* Who asks is told how much of a file is read: in the bytes of the file, out of all of them, rising. */
#include "tests/ingest/data/probe.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

TestSuite(progress, .init = probe_make, .fini = probe_remove);

#define LINES 700000

typedef struct told {
  uint64_t calls, last, all;
} told;

static void take(void *user, uint64_t bytes, uint64_t all) {
  told *t = user;
  cr_assert_gt(bytes, t->last);
  if (all) cr_assert_leq(bytes, all);
  *t = (told){t->calls + 1, bytes, all};
}

static solid_status count(void *context, const solid_event *events, const double *ratings, size_t n) {
  (void)events, (void)ratings;
  *(size_t *)context += n;
  return SOLID_OK;
}

static char *lines_of_text(void) {
  static const char line[] = "some-user item-1\n";
  char *text = malloc(LINES * (sizeof line - 1) + 1), *at = text;
  for (size_t i = 0; i < LINES; i++, at += sizeof line - 1) memcpy(at, line, sizeof line);
  return text;
}

static told read_all(void) {
  told t = {0};
  size_t events = 0;
  solid_data_file *file = NULL;
  solid_data_options o = SOLID_DATA_OPTIONS_INIT;
  o.format = SOLID_DATA_PAIRS, o.progress = take, o.progress_user = &t;
  cr_assert_eq(solid_data_file_open(&file, probe_path, &o), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(solid_data_file_read(file, count, &events), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(events, LINES);
  solid_data_file_close(file);
  return t;
}

Test(progress, is_told_in_bytes_of_the_file) {
  struct stat facts;
  char *text = lines_of_text();
  probe_write(text, strlen(text));
  told plain = read_all();
  cr_assert_eq(stat(probe_path, &facts), 0);
  cr_assert(plain.calls >= 2 && plain.all == (uint64_t)facts.st_size);
  cr_assert_gt(plain.last, plain.all / 2);
  probe_write_gzip(text, 0);
  told packed = read_all();
  cr_assert_eq(stat(probe_path, &facts), 0);
  cr_assert(packed.calls >= 2 && packed.all == (uint64_t)facts.st_size);
  cr_assert_lt(packed.all, plain.all / 10);
  free(text);
}

/* Halves: reading, and passing on in order, which ends at the end of the file. */
Test(progress, goes_on_while_events_are_put_in_order) {
  static const char line[] = "some-user\titem-1\t1600000000\n";
  size_t size = sizeof line - 1, events = 0;
  char *text = malloc(LINES * size + 64), *at = text + sprintf(text, "user_id\titem_id\ttimestamp\n");
  for (size_t i = 0; i < LINES; i++, at += size) {
    memcpy(at, line, size);
    at[5] = (char)('a' + i % 26), at[6] = (char)('a' + i / 26 % 26); /* users enough to be told between them */
  }
  *at = 0;
  probe_write(text, strlen(text));
  told t = {0};
  solid_data_file *file = NULL;
  solid_data_options o = SOLID_DATA_OPTIONS_INIT;
  o.progress = take, o.progress_user = &t;
  cr_assert_eq(solid_data_file_open(&file, probe_path, &o), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(solid_data_file_read(file, count, &events), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(events, LINES);
  cr_assert_gt(t.calls, 2 + LINES / (2 << 17));
  cr_assert_gt(t.last, t.all / 10 * 8);
  solid_data_file_close(file);
  free(text);
}
