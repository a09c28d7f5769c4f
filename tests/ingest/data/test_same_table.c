/* One table written in every form that is read: the same events come out, or the line and what is wrong with it. */
#include "ingest/data_file.h"
#include "solid/extend.h"
#include "tests/ingest/data/probe.h"
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(same_table, .init = probe_make, .fini = probe_remove);

enum { ROWS = 7, LONGEST = 65535, ROOM = 200000 };

/* Ids of the lengths at which the readers keep them otherwise, and with what must be quoted. */
typedef struct row {
  char user[LONGEST + 1], item[LONGEST + 1];
  int64_t time_ms;
} row;

static row rows[ROWS];
static char text[ROOM], want[ROOM];

static void fill_id(char *out, size_t size, char letter) {
  memset(out, letter, size);
  out[size] = 0;
}

static void fill_rows(void) {
  static const size_t sizes[ROWS] = {1, 15, 16, 17, 255, 3, 4};
  for (int i = 0; i < ROWS; i++) {
    fill_id(rows[i].user, sizes[i], (char)('a' + i));
    fill_id(rows[i].item, sizes[ROWS - 1 - i], (char)('A' + i));
    rows[i].time_ms = INT64_C(1690000000000) + 1000 * i;
  }
  strcpy(rows[5].item, "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"); /* of two, three and four bytes */
  rows[1].time_ms = INT64_C(2500000000000);                     /* after 2038 */
}

typedef enum form { CSV, QUOTED, SEMICOLONS, TSV, INTER, MOVIELENS, LINES, FORMS } form;

typedef struct ending {
  const char *start, *line, *last; /* of the file, of a line, of the last line */
} ending;

static const ending endings[] = {{"", "\n", "\n"},
                                 {"", "\n", ""},
                                 {"", "\r\n", "\r\n"},
                                 {"\xef\xbb\xbf", "\r\n", ""},
                                 {"\xef\xbb\xbf", "\n", "\n\n\n"}};

static const char *const heads[FORMS] = {"user_id,item_id,timestamp",
                                         "\"user_id\",\"item_id\",\"note, of it\",\"timestamp\"",
                                         "user_id;timestamp;item_id",
                                         "item_id\tuser_id\ttimestamp",
                                         "user_id:token\titem_id:token\ttimestamp:float",
                                         NULL,
                                         NULL};

static size_t put_row(char *at, size_t size, form f, const row *r) {
  static const char *const patterns[FORMS] = {[CSV] = "%s,%s,%lld",
                                              [QUOTED] = "\"%s\",\"%s\",\"a \"\"note\"\",\non lines\",%lld",
                                              [TSV] = "%2$s\t%1$s\t%3$lld",
                                              [INTER] = "%s\t%s\t%lld",
                                              [MOVIELENS] = "%s::%s::3::%lld",
                                              [LINES] = "{\"user\":\"%s\",\"item\":\"%s\",\"ts\":%lld}",
                                              [SEMICOLONS] = "%1$s;%3$lld;%2$s"};
  long long time = (long long)r->time_ms / (f == LINES ? 1 : 1000);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
  return (size_t)snprintf(at, size, patterns[f], r->user, r->item, time);
#pragma GCC diagnostic pop
}

static void write_form(form f, const ending *e) {
  char *at = text, *end = text + sizeof text;
  at += snprintf(at, (size_t)(end - at), "%s", e->start);
  if (heads[f]) at += snprintf(at, (size_t)(end - at), "%s%s", heads[f], e->line);
  for (int i = 0; i < ROWS; i++) {
    at += put_row(at, (size_t)(end - at), f, &rows[i]);
    at += snprintf(at, (size_t)(end - at), "%s", i + 1 < ROWS ? e->line : e->last);
  }
}

static void *feed(void *path) {
  FILE *pipe = fopen(path, "wb");
  if (pipe) fwrite(text, 1, strlen(text), pipe), fclose(pipe);
  return NULL;
}

/* Reads the text from a file, compressed, and through a pipe. */
static void read_all_ways(form f, size_t e) {
  for (int way = 0; way < 3; way++) {
    record r = {.answer = SOLID_OK};
    solid_data_options o = SOLID_DATA_OPTIONS_INIT;
    pthread_t thread;
    if (way == 0) probe_write_text(text);
    if (way == 1) probe_write_gzip(text, 0);
    if (way == 2) {
      unlink(probe_path);
      cr_assert_eq(mkfifo(probe_path, 0600), 0);
      cr_assert_eq(pthread_create(&thread, NULL, feed, probe_path), 0);
    }
    solid_status status = probe_read(&o, &r);
    if (way == 2) pthread_join(thread, NULL), unlink(probe_path);
    cr_assert_eq(status, SOLID_OK, "form %d, ending %zu, way %d: %s", (int)f, e, way, solid_last_error());
    char *rating; /* of MovieLens alone */
    while ((rating = strstr(r.text, " 3\n"))) memmove(rating, rating + 2, strlen(rating + 2) + 1);
    cr_assert_str_eq(r.text, want, "form %d, ending %zu, way %d:\n%s\nwant\n%s", (int)f, e, way, r.text, want);
  }
}

Test(same_table, comes_out_of_every_form) {
  fill_rows();
  char *at = want;
  for (int i = 0; i < ROWS; i++)
    at += sprintf(at, "%s %s  %lld\n", rows[i].user, rows[i].item, (long long)rows[i].time_ms);
  for (form f = 0; f < FORMS; f++)
    for (size_t e = 0; e < sizeof endings / sizeof *endings; e++) {
      write_form(f, &endings[e]);
      read_all_ways(f, e);
    }
}

/* The third line, and which id it is, whatever the form. */
Test(same_table, with_an_id_of_no_lawful_size_is_refused) {
  static const size_t sizes[] = {0, 256, LONGEST};
  for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
    for (form f = 0; f < FORMS; f++) {
      char line[64], size[64];
      record r = {.answer = SOLID_OK};
      solid_data_options o = SOLID_DATA_OPTIONS_INIT;
      fill_rows();
      fill_id(rows[1].item, sizes[s], 'x');
      write_form(f, &endings[0]);
      probe_write_text(text);
      cr_assert_eq(probe_read(&o, &r), SOLID_EFORMAT, "form %d, %zu bytes", (int)f, sizes[s]);
      snprintf(line, sizeof line, ":%d: ", f == QUOTED ? 4 : heads[f] ? 3 : 2);
      snprintf(size, sizeof size, "item of %zu bytes", sizes[s]);
      cr_expect(strstr(solid_last_error(), line), "form %d: \"%s\" is not in: %s", (int)f, line, solid_last_error());
      cr_expect(f == LINES || strstr(solid_last_error(), size), "form %d: %s", (int)f, solid_last_error());
      const char *of_line = sizes[s] == LONGEST ? "payload of 655" : "item"; /* an event is no larger */
      cr_expect(f != LINES || strstr(solid_last_error(), of_line), "%s", solid_last_error());
    }
}

Test(same_table, with_a_zero_byte_is_refused) {
  static const char csv[] = "user_id,item_id\nu,a\nu,b\0c\n", quoted[] = "user_id,item_id,t\nu,a,\"x\ny\0z\"\n";
  record r = {.answer = SOLID_OK};
  solid_data_options o = SOLID_DATA_OPTIONS_INIT;
  probe_write(csv, sizeof csv - 1);
  cr_assert_eq(probe_read(&o, &r), SOLID_EFORMAT);
  cr_expect(strstr(solid_last_error(), ":3: a zero byte"), "%s", solid_last_error());
  probe_write(quoted, sizeof quoted - 1);
  cr_assert_eq(probe_read(&o, &r), SOLID_EFORMAT);
  cr_expect(strstr(solid_last_error(), ":2: a zero byte"), "%s", solid_last_error());
  expect_refusal("{\"user\":\"u\",\"item\":\"a\",\"ts\":1690000000000}\n{\"user\":\"u\",\"item\":\"a\\u0000b\",\"ts\":"
                 "1690000000000}\n",
                 NULL, ":2: |U+0000");
}

/* A stream has none, so its lines have none either. */
Test(same_table, with_a_time_before_1970_is_refused_in_lines_of_a_stream_alone) {
  for (form f = 0; f < FORMS; f++) {
    record r = {.answer = SOLID_OK};
    solid_data_options o = SOLID_DATA_OPTIONS_INIT;
    fill_rows();
    rows[1].time_ms = -1000;
    write_form(f, &endings[0]);
    probe_write_text(text);
    cr_assert_eq(probe_read(&o, &r), f == LINES ? SOLID_EFORMAT : SOLID_OK, "form %d: %s", (int)f, solid_last_error());
    if (f == LINES)
      cr_expect(strstr(solid_last_error(), ":2: event: ts is not"), "%s", solid_last_error());
    else
      cr_expect(strstr(r.text, " -1000"), "form %d: %s", (int)f, r.text);
  }
}

/* A time as a table has it, and what it is in milliseconds; NULL: refused. */
static void time_is(const char *time, const char *ms) {
  char csv[160], expected[64];
  snprintf(csv, sizeof csv, "user_id,item_id,timestamp\nu,i,\"%s\"\n", time);
  if (!ms) {
    expect_refusal(csv, NULL, ":2: |time");
    return;
  }
  snprintf(expected, sizeof expected, "u i  %s\n", ms);
  expect_with(csv, &(solid_data_options)SOLID_DATA_OPTIONS_INIT, expected);
}

Test(same_table, has_times_of_any_form) {
  time_is("-5", "-5000");
  time_is("-1.5", "-1500");
  time_is("-1690000000000", "-1690000000000");
  time_is("1690000000.25", "1690000000250");
  time_is("1690000000123456", "1690000000123");
  time_is("-1690000000123456", "-1690000000123");
  time_is("4102444800", "4102444800000");
  time_is("2023-07-22T06:40:00+02:00", "1690000800000");
  time_is("2023-07-22T06:40:00-0230", "1690017000000");
  time_is("2023-07-22T06:40:00Z", "1690008000000");
  time_is("2023-07-22 06:40:00.123456789Z", "1690008000123");
  time_is("2023-07-22T06:40:00,5", "1690008000500");
  time_is("1969-12-31T23:59:59.750Z", "-250");
  time_is("1969-12-31", "-86400000");
  time_is("2039-01-01T00:00:00Z", "2177452800000");
  time_is("2024-02-29", "1709164800000");
  time_is("2023-02-29", NULL);
  time_is("2023-07-22T24:00:00Z", NULL);
  time_is("2023-07-22T06:40:00+2:00", NULL);
  time_is("2023-07-22T06:40:00 +02:00", NULL);
  time_is("2023-07-22T06:40:00.Z", NULL);
  time_is("2023-07-22T06:40:00 CEST", NULL);
  time_is("22.07.2023", NULL);
  time_is("2023-7-22", NULL);
  time_is(" 1690000000", NULL);
  time_is("1690000000 ", NULL);
  time_is("1,690,000,000", NULL);
  time_is("1690000000,5", NULL);
  time_is("0x64bb", NULL);
  time_is("inf", NULL);
  time_is("nan", NULL);
  time_is("1e400", NULL);
  time_is("99999999999999999999", NULL);
  time_is("", NULL);
}
