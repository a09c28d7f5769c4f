/* What reading a file of events means, format by format; tables are in test_tables.c. */
#include "tests/ingest/data/probe.h"
#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(dataset, .init = probe_make, .fini = probe_remove);

static solid_status read_as(const char *path, solid_data_format format, solid_data_sink sink, void *context) {
  solid_data_file *file = NULL;
  solid_data_options options = probe_format(format);
  solid_status status = solid_data_file_open(&file, path, &options);
  if (status == SOLID_OK) status = solid_data_file_read(file, sink, context);
  solid_data_file_close(file);
  return status;
}

static record read_text(const char *text, solid_data_format format, solid_status want) {
  record r = {.answer = SOLID_OK};
  probe_write_text(text);
  solid_status status = read_as(probe_path, format, probe_events, &r);
  cr_assert_eq(status, want, "%s: %s", solid_status_name(status), status == SOLID_OK ? "" : solid_last_error());
  return r;
}

Test(dataset, rows) {
  expect_events("u1 a b c\n\n u2\tb \r\nu3 a a", SOLID_DATA_ROWS,
                "u1 a  0\nu1 b  1\nu1 c  2\nu2 b  3\nu3 a  4\nu3 a  5\n");
}

Test(dataset, pairs) {
  expect_events("\xef\xbb\xbf"
                "1 10\n1 11\r\n2 10\n",
                SOLID_DATA_PAIRS, "1 10  0\n1 11  1\n2 10  2\n");
}

Test(dataset, rows_and_pairs_are_told_apart_by_two_lines) {
  read_text("1 10\n1 11 12\n", SOLID_DATA_AUTO, SOLID_OK);
  expect_bad("1 10\n1 11\n2 10 11\n", SOLID_DATA_AUTO, ":3: 3 fields, want a user and an item: is the format `rows`?");
}

Test(dataset, json_lines) {
  expect_events("{\"user\":\"u\",\"item\":7,\"event\":\"view\",\"ts\":1690000000000}\n"
                "{\"item\":\"a b\",\"user\":\"u\",\"ts\":5,\"more\":[1]}\n",
                SOLID_DATA_EVENTS, "u 7 view 1690000000000\nu a b  5\n");
}

Test(dataset, json_histories_keep_the_order_of_the_file) {
  record r = read_text("{\n \"9\": [3, \"b\"],\n \"1\": [], \"4\": [3]}", SOLID_DATA_HISTORIES, SOLID_OK);
  cr_expect_str_eq(r.text, "9 3  0\n9 b  1\n4 3  2\n");
  r = read_text("{\"9\": [3, \"b\"]}", SOLID_DATA_HISTORIES, SOLID_OK);
  cr_expect_str_eq(r.text, "9 3  0\n9 b  1\n");
}

/* Attributes of items look the same: nothing is guessed. */
Test(dataset, json_lists_are_not_taken_for_events_unasked) {
  const char *const texts[] = {"{\"4\": [1, 2, 3]}", "{\n\"4\": [1, 2, 3]}", "{\"user\": [1, 2]}", "{}"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    expect_bad(texts[i], SOLID_DATA_AUTO,
               ":1: JSON, but not of events: {\"user\": [item, ...]} needs the format \"histories\", "
               "{\"item\": [attribute, ...]} are attributes");
  }
}

Test(dataset, malformed_lines_are_named) {
  expect_bad("u a\n\nu\n", SOLID_DATA_ROWS, ":3: a user without items");
  expect_bad("", SOLID_DATA_AUTO, ":1: the file has no lines");
  expect_bad("", SOLID_DATA_ROWS, ": no events");
  expect_bad("user_id:token\titem_id:token\n1\n", SOLID_DATA_RECBOLE, ":2: 1 fields, item is number 2");
  expect_bad("{\"a\": [1.5]}", SOLID_DATA_HISTORIES, ": \"a\": element 1 is neither a string nor an integer");
  expect_bad("{\"a\": 1}", SOLID_DATA_HISTORIES, ": \"a\" is not a list");
  expect_bad("{\"a\": [\"\"]}", SOLID_DATA_HISTORIES, ": user \"a\": item of 0 bytes, want 1 to 255");
}

Test(dataset, malformed_json_names_its_line) {
  read_text("{\"user\":\"u\",\"item\":\"a\",\"ts\":1}\n{\"user\":\"u\"}\n", SOLID_DATA_EVENTS, SOLID_EFORMAT);
  cr_expect(strstr(solid_last_error(), ":2: "), "%s", solid_last_error());
  read_text("{\n\"a\": [1],\n\"b\" 2}", SOLID_DATA_HISTORIES, SOLID_EFORMAT);
  cr_expect(strstr(solid_last_error(), ":3: "), "%s", solid_last_error());
  read_text("{\"a\": [1], \"a\": [2]}", SOLID_DATA_HISTORIES, SOLID_EFORMAT);
}

Test(dataset, ids_have_a_longest) {
  char text[600] = "u ";
  memset(text + 2, 'x', 255);
  record r = read_text(text, SOLID_DATA_ROWS, SOLID_OK);
  cr_expect_eq(r.events, 1);
  text[257] = 'x';
  expect_bad(text, SOLID_DATA_ROWS, ":1: item of 256 bytes, want 1 to 255");
}

Test(dataset, zero_bytes_are_no_text) {
  record r = {.answer = SOLID_OK};
  probe_write("u a\nu \0b\n", 9);
  cr_expect_eq(read_as(probe_path, SOLID_DATA_ROWS, probe_events, &r), SOLID_EFORMAT);
  expect_message(":2: a zero byte: not a text file");
}

Test(dataset, a_sink_that_fails_ends_the_reading) {
  record r = {.answer = SOLID_ECANCELLED};
  probe_write_text("u a\nu b\n");
  cr_expect_eq(read_as(probe_path, SOLID_DATA_ROWS, probe_events, &r), SOLID_ECANCELLED);
  cr_expect_eq(r.calls, 1);
  probe_write_text("{\"a\": [1], \"b\": [2]}");
  r = (record){.answer = SOLID_ENOMEM};
  cr_expect_eq(solid_data_read_attributes(probe_path, NULL, probe_attributes, &r), SOLID_ENOMEM);
  cr_expect_str_eq(r.text, "a:1\n");
}

Test(dataset, what_cannot_be_read_is_named) {
  record r = {.answer = SOLID_OK};
  cr_expect_eq(read_as("/nowhere/x", SOLID_DATA_AUTO, probe_events, &r), SOLID_EIO);
  cr_expect_str_eq(solid_last_error(), "/nowhere/x: No such file or directory");
  cr_expect_eq(read_as("/tmp", SOLID_DATA_ROWS, probe_events, &r), SOLID_EIO);
  cr_expect_str_eq(solid_last_error(), "/tmp: is a folder: give a file in it");
  cr_expect_eq(solid_data_read_attributes("/nowhere/x", NULL, probe_attributes, &r), SOLID_EIO);
  cr_expect_eq(solid_data_read_vectors("/nowhere/x", NULL, probe_vector, &r, NULL), SOLID_EIO);
  cr_expect_eq(read_as(NULL, SOLID_DATA_ROWS, probe_events, &r), SOLID_EINVAL);
  cr_expect_eq(read_as(probe_path, SOLID_DATA_ROWS, NULL, &r), SOLID_EINVAL);
  cr_expect_eq(read_as(probe_path, (solid_data_format)99, probe_events, &r), SOLID_EINVAL);
}

Test(dataset, gzip_is_read_as_what_it_holds) {
  record r = {.answer = SOLID_OK};
  probe_write_gzip("u a b\nv c\n", 0);
  cr_assert_eq(read_as(probe_path, SOLID_DATA_AUTO, probe_events, &r), SOLID_OK, "%s", solid_last_error());
  cr_expect_str_eq(r.text, "u a  0\nu b  1\nv c  2\n");
}

Test(dataset, a_truncated_gzip_is_an_error) {
  record r = {.answer = SOLID_OK};
  probe_write_gzip("u a b\nv c\nw d e f g h i j k l m n o p\n", 12);
  cr_expect_eq(read_as(probe_path, SOLID_DATA_ROWS, probe_events, &r), SOLID_EIO);
  const char *said = solid_last_error(), *named = strstr(said, probe_path);
  cr_expect(named && !strstr(named + 1, probe_path), "the file is to be named once: %s", said);
}

/* A gzip of one line and, behind it, these bytes. */
static void write_behind_gzip(const char *bytes, size_t size) {
  probe_write_gzip("u a b\n", 0);
  FILE *file = fopen(probe_path, "ab");
  cr_assert(file && fwrite(bytes, 1, size, file) == size && fclose(file) == 0);
}

Test(dataset, what_stands_behind_a_gzip_is_read_or_refused) {
  char member[256];
  record r = {.answer = SOLID_OK};
  probe_write_gzip("v c\n", 0);
  FILE *file = fopen(probe_path, "rb");
  size_t size = fread(member, 1, sizeof member, file);
  fclose(file);
  write_behind_gzip(member, size);
  cr_expect_eq(read_as(probe_path, SOLID_DATA_ROWS, probe_events, &r), SOLID_OK, "%s", solid_last_error());
  cr_expect_str_eq(r.text, "u a  0\nu b  1\nv c  2\n");
  static const char zeros[1024];
  r = (record){.answer = SOLID_OK};
  write_behind_gzip(zeros, sizeof zeros); /* as tapes and block devices pad */
  cr_expect_eq(read_as(probe_path, SOLID_DATA_ROWS, probe_events, &r), SOLID_OK, "%s", solid_last_error());
  cr_expect_str_eq(r.text, "u a  0\nu b  1\n");
  static const char *const behind[] = {"v c\n", "v", "\x1f", "\x1f\x8b\x08"};
  for (size_t i = 0; i < sizeof behind / sizeof *behind; i++) {
    write_behind_gzip(behind[i], strlen(behind[i]));
    cr_expect_eq(read_as(probe_path, SOLID_DATA_ROWS, probe_events, &r), SOLID_EIO, "%zu", i);
    cr_expect(strstr(solid_last_error(), probe_path), "%s", solid_last_error());
  }
}

static solid_status count_events(void *context, const solid_event *events, const double *ratings, size_t count) {
  record *r = context;
  cr_assert_null(ratings);
  r->calls++;
  for (size_t i = 0; i < count; i++) {
    char want_user[32], want_item[300];
    snprintf(want_user, sizeof want_user, "user%zu", r->events > 100 ? (r->events - 1) / 100 : 0);
    snprintf(want_item, sizeof want_item, "%0250zu", r->events > 100 ? (r->events - 1) % 100 : r->events);
    cr_assert_eq(events[i].user.size, strlen(want_user));
    cr_assert_arr_eq(events[i].user.data, want_user, strlen(want_user));
    cr_assert_eq(events[i].item.size, 250);
    cr_assert_arr_eq(events[i].item.data, want_item, 250);
    cr_assert_eq(events[i].time_ms, (int64_t)r->events);
    r->events++;
  }
  return SOLID_OK;
}

/* Lines across the reader's pieces, strings that fill a batch before its events do. */
Test(dataset, large_files_arrive_whole) {
  record r = {.answer = SOLID_OK};
  FILE *file = fopen(probe_path, "w");
  for (int user = 0; user < 100; user++) {
    fprintf(file, "user%d", user);
    for (int item = 0; item < 100 + (user == 0); item++) fprintf(file, " %0250d", item);
    fputc('\n', file);
  }
  fclose(file);
  cr_assert_eq(read_as(probe_path, SOLID_DATA_AUTO, count_events, &r), SOLID_OK, "%s", solid_last_error());
  cr_expect_eq(r.events, 10001);
  cr_expect(r.calls > 1);
}

Test(dataset, formats_have_names) {
  solid_data_format format = SOLID_DATA_AUTO;
  cr_expect_eq(solid_data_format_find("recbole", &format), SOLID_OK);
  cr_expect_eq(format, SOLID_DATA_RECBOLE);
  cr_expect_eq(solid_data_format_find("auto", &format), SOLID_OK);
  cr_expect_eq(format, SOLID_DATA_AUTO);
  cr_expect_eq(solid_data_format_find("parquet", &format), SOLID_EINVAL);
  cr_expect_str_eq(
      solid_last_error(),
      "format \"parquet\" is none of auto rows pairs movielens csv recbole table events reviews histories");
}

/* One end of a pipe is fed while the other is read: nothing is read twice. */
static void *feed(void *text) {
  int fd = open(probe_path, O_WRONLY);
  size_t size = strlen(text), sent = 0;
  while (fd >= 0 && sent < size) {
    ssize_t n = write(fd, (const char *)text + sent, size - sent < 7 ? size - sent : 7);
    if (n <= 0) break;
    sent += (size_t)n;
  }
  close(fd);
  return NULL;
}

static void expect_from_pipe(const char *text, const char *want) {
  record r = {.answer = SOLID_OK};
  pthread_t thread;
  char *copy = strdup(text);
  unlink(probe_path);
  cr_assert_eq(mkfifo(probe_path, 0600), 0);
  cr_assert_eq(pthread_create(&thread, NULL, feed, copy), 0);
  solid_status status = probe_read(NULL, &r);
  pthread_join(thread, NULL);
  free(copy);
  cr_assert_eq(status, SOLID_OK, "%s", solid_last_error());
  cr_expect_str_eq(r.text, want);
}

Test(dataset, a_pipe_is_judged_by_its_first_bytes_and_read_once) {
  expect_from_pipe("userId,movieId,timestamp\n1,31,1260759144\n1,30,1260759143\n",
                   "1 30  1260759143000\n1 31  1260759144000\n");
  expect_from_pipe("u1 a b\nu2 c\n", "u1 a  0\nu1 b  1\nu2 c  2\n");
  expect_from_pipe("{\"user\":\"u\",\"item\":\"a\",\"ts\":1690000000000}\n", "u a  1690000000000\n");
}

Test(dataset, a_file_is_read_once) {
  solid_data_file *file = NULL;
  record r = {.answer = SOLID_OK};
  probe_write_text("u a\nu b\n");
  cr_assert_eq(solid_data_file_open(&file, probe_path, NULL), SOLID_OK);
  cr_assert_eq(solid_data_file_read(file, probe_events, &r), SOLID_OK);
  cr_expect_eq(solid_data_file_read(file, probe_events, &r), SOLID_EINVAL);
  cr_expect_eq(r.events, 2);
  solid_data_file_close(file);
  solid_data_file_close(NULL);
}

static solid_data_info info_of(const char *text, solid_data_format format, solid_data_file **file) {
  solid_data_info info = SOLID_DATA_INFO_INIT;
  solid_data_options options = probe_format(format);
  probe_write_text(text);
  cr_assert_eq(solid_data_file_open(file, probe_path, &options), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(solid_data_file_get_info(*file, &info), SOLID_OK);
  return info;
}

Test(dataset, what_a_file_has_is_known_before_it_is_read) {
  static const struct {
    const char *text;
    solid_data_format format;
    int times, ratings, kinds, header;
    size_t columns;
    const char *separator;
  } files[] = {
      {"1 2 3\n4 5\n", SOLID_DATA_ROWS, 0, 0, 0, 0, 0, NULL},
      {"1 2\n1 3\n", SOLID_DATA_PAIRS, 0, 0, 0, 0, 0, NULL},
      {"1::2::5::100\n", SOLID_DATA_MOVIELENS, 1, 1, 0, 0, 4, "::"},
      {"userId,movieId,rating,timestamp\n1,2,3,4\n", SOLID_DATA_CSV, 1, 1, 0, 1, 4, "commas"},
      {"userId,movieId,rating\n1,2,3\n", SOLID_DATA_CSV, 0, 1, 0, 1, 3, "commas"},
      {"user movie rating ts_lo ts_hi\n1 2 3 4 5\n", SOLID_DATA_TABLE, 1, 1, 0, 1, 5, "blanks"},
      {"user|item|event_type\n1|2|view\n", SOLID_DATA_TABLE, 0, 0, 1, 1, 3, "upright bars"},
      {"user_id:token\titem_id:token\ttimestamp:float\n1\t2\t3\n", SOLID_DATA_RECBOLE, 1, 0, 0, 1, 3, "tabs"},
      {"user_id:token\titem_id_list:token_seq\titem_id:token\ttimestamp:float\n1\t2 3\t4\t5\n", SOLID_DATA_RECBOLE, 0,
       0, 0, 1, 4, "tabs"},
      {"{\"user\": 1, \"item\": 2, \"ts\": 3}\n", SOLID_DATA_EVENTS, 1, 1, 1, 0, 0, NULL},
  };
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    solid_data_file *file = NULL;
    solid_data_info info = info_of(files[i].text, SOLID_DATA_AUTO, &file);
    cr_expect_eq(info.format, files[i].format, "file %zu: format %d", i, (int)info.format);
    cr_expect_eq(info.has_times, files[i].times, "file %zu", i);
    cr_expect_eq(info.has_ratings, files[i].ratings, "file %zu", i);
    cr_expect_eq(info.has_kinds, files[i].kinds, "file %zu", i);
    cr_expect_eq(info.has_header, files[i].header, "file %zu", i);
    cr_expect_eq(info.columns, files[i].columns, "file %zu: %zu columns", i, info.columns);
    if (files[i].separator) cr_expect_str_eq(info.separator, files[i].separator, "file %zu", i);
    if (!files[i].separator) cr_expect_null(info.separator, "file %zu", i);
    solid_data_file_close(file);
  }
  solid_data_file *file = NULL;
  cr_expect_eq(info_of("{\"1\": [2, 3]}\n", SOLID_DATA_HISTORIES, &file).has_times, 0);
  solid_data_file_close(file);
}

Test(dataset, callers_of_another_age_are_heard_or_refused) {
  solid_data_file *file = NULL;
  solid_data_options options = SOLID_DATA_OPTIONS_INIT;
  probe_write_text("u a\nu b\n");
  options.struct_size = sizeof options + 8;
  cr_expect_eq(solid_data_file_open(&file, probe_path, &options), SOLID_EINVAL);
  options = (solid_data_options){.struct_size = 8, .format = SOLID_DATA_ROWS, .separator = "is not read"};
  cr_assert_eq(solid_data_file_open(&file, probe_path, &options), SOLID_OK, "%s", solid_last_error());
  solid_data_info info = {.struct_size = 8, .columns = 77};
  cr_expect_eq(solid_data_file_get_info(file, &info), SOLID_OK);
  cr_expect_eq(info.format, SOLID_DATA_ROWS);
  cr_expect_eq(info.columns, 77);
  info.struct_size = 0;
  cr_expect_eq(solid_data_file_get_info(file, &info), SOLID_EINVAL);
  solid_data_file_close(file);
}
