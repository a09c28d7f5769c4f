/* Who asks is told how much of a file is read: in the bytes of the file, out of all of them, rising. */
#include "tests/ingest/data/probe.h"
#include <criterion/criterion.h>
#include <pthread.h>
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

static told read_all(solid_data_format format) {
  told t = {0};
  size_t events = 0;
  solid_data_file *file = NULL;
  solid_data_options o = SOLID_DATA_OPTIONS_INIT;
  o.format = format, o.progress = take, o.progress_user = &t;
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
  told plain = read_all(SOLID_DATA_PAIRS);
  cr_assert_eq(stat(probe_path, &facts), 0);
  cr_assert(plain.calls >= 2 && plain.all == (uint64_t)facts.st_size);
  cr_assert_gt(plain.last, plain.all / 2);
  probe_write_gzip(text, 0);
  told packed = read_all(SOLID_DATA_PAIRS);
  cr_assert_eq(stat(probe_path, &facts), 0);
  cr_assert(packed.calls >= 2 && packed.all == (uint64_t)facts.st_size);
  cr_assert_lt(packed.all, plain.all / 10);
  free(text);
}

static char *lines_with_times(void) {
  static const char line[] = "some-user\titem-1\t1600000000\n";
  size_t size = sizeof line - 1;
  char *text = malloc(LINES * size + 64), *at = text + sprintf(text, "user_id\titem_id\ttimestamp\n");
  for (size_t i = 0; i < LINES; i++, at += size) {
    memcpy(at, line, size);
    at[5] = (char)('a' + i % 26), at[6] = (char)('a' + i / 26 % 26); /* users enough to be told between them */
  }
  *at = 0;
  return text;
}

/* Halves: reading, and passing on in order, which ends at the end of the file. */
Test(progress, goes_on_while_events_are_put_in_order) {
  char *text = lines_with_times();
  probe_write(text, strlen(text));
  told t = read_all(SOLID_DATA_AUTO);
  cr_assert_gt(t.calls, 2 + LINES / (2 << 17));
  cr_assert_gt(t.last, t.all / 10 * 8);
  free(text);
}

static void *write_into_pipe(void *text) {
  FILE *pipe = fopen(probe_path, "w");
  if (pipe) fputs(text, pipe), fclose(pipe);
  return NULL;
}

/* Nobody knows how long it is, so that there are no halves: what was read counts. */
Test(progress, is_told_in_bytes_of_a_pipe) {
  char *text = lines_with_times();
  pthread_t writer;
  remove(probe_path);
  cr_assert_eq(mkfifo(probe_path, 0600), 0);
  cr_assert_eq(pthread_create(&writer, NULL, write_into_pipe, text), 0);
  told t = read_all(SOLID_DATA_AUTO);
  pthread_join(writer, NULL);
  cr_assert_eq(t.all, 0);
  cr_assert(t.last > strlen(text) / 4 * 3 && t.last <= strlen(text));
  free(text);
}

static solid_status pass_attributes(void *context, solid_bytes item, const solid_bytes *attributes, size_t n) {
  (void)context, (void)item, (void)attributes, (void)n;
  return SOLID_OK;
}

static solid_status pass_title(void *context, solid_bytes item, solid_bytes title) {
  (void)context, (void)item, (void)title;
  return SOLID_OK;
}

static solid_status pass_vector(void *context, solid_bytes item, const float *vector, size_t n) {
  (void)context, (void)item, (void)vector, (void)n;
  return SOLID_OK;
}

/* What is known of items: attributes, titles, vectors, in which 9 MB are two words at least. */
Test(progress, is_told_of_files_of_items) {
  enum { ROWS = 300000 };
  char *text = malloc(ROWS * 40 + 64), *at = text + sprintf(text, "item_id,title,genres\n");
  for (int i = 0; i < ROWS; i++) at += sprintf(at, "item-%d,the title of it,one|two\n", i);
  probe_write(text, (size_t)(at - text));
  told attributes = {0}, titles = {0}, vectors = {0};
  solid_attributes_options o = SOLID_ATTRIBUTES_OPTIONS_INIT;
  o.progress = take, o.progress_user = &attributes;
  cr_assert_eq(solid_data_read_attributes(probe_path, &o, pass_attributes, NULL), SOLID_OK, "%s", solid_last_error());
  o.progress_user = &titles;
  cr_assert_eq(solid_data_read_titles(probe_path, &o, pass_title, NULL), SOLID_OK, "%s", solid_last_error());
  cr_assert(attributes.calls >= 2 && attributes.all == (uint64_t)(at - text));
  cr_assert(titles.calls == attributes.calls && titles.last == attributes.last);
  for (size_t i = 0; i < (size_t)(at - text); i += 4) memcpy(text + i, "\0\0\x80\x3f", 4); /* 1.0f */
  probe_write(text, (size_t)(at - text) / 64 * 64);
  solid_vectors_options v = SOLID_VECTORS_OPTIONS_INIT;
  v.width = 16, v.progress = take, v.progress_user = &vectors;
  cr_assert_eq(solid_data_read_vectors(probe_path, &v, pass_vector, NULL, NULL), SOLID_OK, "%s", solid_last_error());
  cr_assert(vectors.calls >= 2 && vectors.all == (uint64_t)(at - text) / 64 * 64);
  free(text);
}
