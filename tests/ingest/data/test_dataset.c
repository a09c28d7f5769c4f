/* The readers of public data files: on tiny files that the tests write, and on real ones where they are (SOLID_DATA).
 */
#include "ingest/dataset.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

/* Everything a sink saw, as text: "user item kind time\n" an event, "item:attribute,attribute\n" an item. */
typedef struct record {
  char text[8192];
  size_t used, events, calls;
  int64_t sum_of_times;
  solid_status answer; /* what the sink says */
} record;

static solid_status note_events(void *context, const solid_event *events, size_t count) {
  record *r = context;
  r->calls++;
  for (size_t i = 0; i < count; i++) {
    const solid_event *e = &events[i];
    r->events++;
    cr_assert_eq(e->position.stream, 0);
    int size =
        snprintf(r->text + r->used, sizeof r->text - r->used, "%.*s %.*s %.*s %lld\n", (int)e->user.size, e->user.data,
                 (int)e->item.size, e->item.data, (int)e->kind.size, e->kind.data, (long long)e->time_ms);
    cr_assert(r->used + (size_t)size < sizeof r->text);
    r->used += (size_t)size;
  }
  return r->answer;
}

static solid_status note_attributes(void *context, solid_bytes item, const solid_bytes *attributes, size_t count) {
  record *r = context;
  r->used += (size_t)snprintf(r->text + r->used, sizeof r->text - r->used, "%.*s:", (int)item.size, item.data);
  for (size_t i = 0; i < count; i++)
    r->used += (size_t)snprintf(r->text + r->used, sizeof r->text - r->used, "%s%.*s", i ? "," : "",
                                (int)attributes[i].size, attributes[i].data);
  r->used += (size_t)snprintf(r->text + r->used, sizeof r->text - r->used, "\n");
  return r->answer;
}

static solid_status note_vector(void *context, solid_bytes item, const float *vector, size_t width) {
  record *r = context;
  r->used += (size_t)snprintf(r->text + r->used, sizeof r->text - r->used, "%.*s:", (int)item.size, item.data);
  for (size_t i = 0; i < width; i++)
    r->used += (size_t)snprintf(r->text + r->used, sizeof r->text - r->used, "%g ", (double)vector[i]);
  return r->answer;
}

static char path[] = "/tmp/solid_dataset_XXXXXX";

static void make_path(void) {
  int fd = mkstemp(path);
  cr_assert(fd >= 0);
  close(fd);
}

static void remove_path(void) {
  unlink(path);
}

TestSuite(dataset, .init = make_path, .fini = remove_path);

static void write_bytes(const void *data, size_t size) {
  FILE *file = fopen(path, "wb");
  cr_assert(file && fwrite(data, 1, size, file) == size && fclose(file) == 0);
}

static void write_text(const char *text) {
  write_bytes(text, strlen(text));
}

static record read_text(const char *text, solid_dataset_format format, solid_status want) {
  record r = {.answer = SOLID_OK};
  write_text(text);
  solid_status status = solid_dataset_read_events(path, format, note_events, &r);
  cr_assert_eq(status, want, "%s: %s", solid_status_name(status), status == SOLID_OK ? "" : solid_last_error());
  return r;
}

/* Reads `text` by its name and by what it looks like: both must give `want`. */
static void check_events(const char *text, solid_dataset_format format, const char *want) {
  record named = read_text(text, format, SOLID_OK), found = read_text(text, SOLID_DATASET_AUTO, SOLID_OK);
  cr_expect_str_eq(named.text, want);
  cr_expect_str_eq(found.text, want, "detected as another format");
}

static void check_attributes(const char *text, const char *want) {
  record r = {.answer = SOLID_OK};
  write_text(text);
  solid_status status = solid_dataset_read_attributes(path, note_attributes, &r);
  cr_assert_eq(status, SOLID_OK, "%s", solid_last_error());
  cr_expect_str_eq(r.text, want);
}

/* The message must be "path" and `rest`. */
static void check_message(const char *rest) {
  char want[256];
  snprintf(want, sizeof want, "%s%s", path, rest);
  cr_expect_str_eq(solid_last_error(), want);
}

static void check_bad(const char *text, solid_dataset_format format, const char *rest) {
  read_text(text, format, SOLID_EFORMAT);
  check_message(rest);
}

static void check_bad_attributes(const char *text, const char *rest) {
  record r = {.answer = SOLID_OK};
  write_text(text);
  cr_expect_eq(solid_dataset_read_attributes(path, note_attributes, &r), SOLID_EFORMAT);
  check_message(rest);
}

Test(dataset, rows) {
  check_events("u1 a b c\n\n u2\tb \r\nu3 a a", SOLID_DATASET_ROWS,
               "u1 a  0\nu1 b  1\nu1 c  2\nu2 b  3\nu3 a  4\nu3 a  5\n");
}

Test(dataset, pairs) {
  check_events("\xef\xbb\xbf"
               "1 10\n1 11\r\n2 10\n",
               SOLID_DATASET_PAIRS, "1 10  0\n1 11  1\n2 10  2\n");
}

Test(dataset, rows_and_pairs_are_told_apart_by_two_lines) {
  read_text("1 10\n1 11 12\n", SOLID_DATASET_AUTO, SOLID_OK);
  check_bad("1 10\n1 11\n2 10 11\n", SOLID_DATASET_AUTO, ":3: 3 fields, want a user and an item");
}

Test(dataset, movielens_is_sorted_by_time_within_a_user_and_stable) {
  check_events("2::30::5::20\n1::10::5::30\n1::11::4::10\n1::12::4::10\n2::31::1::5\n", SOLID_DATASET_MOVIELENS,
               "2 31  5000\n2 30  20000\n1 11  10000\n1 12  10000\n1 10  30000\n");
}

Test(dataset, csv_needs_the_names_of_its_columns) {
  static const char want[] = ":1: commas, but no names of columns: want a first line like userId,movieId,timestamp";
  check_bad("1,2\n1,3\n", SOLID_DATASET_AUTO, want);
  check_bad("[1,2]\n", SOLID_DATASET_AUTO, want);
  check_bad("1,2,Great Movie\n", SOLID_DATASET_AUTO, want);
  check_bad("1, 2, 978300760\n", SOLID_DATASET_AUTO, want);
  check_bad("x,y\n1,2\n", SOLID_DATASET_AUTO,
            ":1: no column user_id, userId or user: the first line has to name the columns");
  check_events("\"userId\",\"movieId\"\n1,2\n", SOLID_DATASET_CSV, "1 2  0\n");
}

Test(dataset, csv_goes_by_the_names_of_columns) {
  check_events("timestamp,movieId,userId,note\n20,a,u,x\n10,\"b,\"\"c\",u,\"y, z\"\n", SOLID_DATASET_CSV,
               "u b,\"c  10000\nu a  20000\n");
}

Test(dataset, csv_without_times_keeps_its_order) {
  check_events("user_id,item_id\nu,b\nv,c\nu,a\n", SOLID_DATASET_CSV, "u b  0\nv c  1\nu a  2\n");
}

Test(dataset, tables_go_by_the_names_of_columns) {
  const char *want = "2 31  5000\n2 30  20000\n1 10  0\n";
  check_events("user\tmovie\trating\tts_lo\tts_hi\tsource\n2\t30\t5\t20\t21\tx\n1\t10\t3\t0\t0\tx\n2\t31\t1\t5\t5\tx\n",
               SOLID_DATASET_TABLE, want);
  check_events("user  item ts\n2 30 20\n1 10 0\n2 31 5\n", SOLID_DATASET_TABLE, want);
  check_events("user_id item\nu a\nv a\n", SOLID_DATASET_TABLE, "u a  0\nv a  1\n");
  check_bad("user movie ts\n1 10\n", SOLID_DATASET_AUTO, ":2: 2 fields, the time is number 3");
  check_bad("user movie ts\n1 10 x\n", SOLID_DATASET_AUTO, ":2: \"x\" is not a time in seconds");
  const char *format = ":1: names of columns where ids are expected: is the format `table`?";
  check_bad("user movie ts\n1 10 5\n", SOLID_DATASET_ROWS, format);
  check_bad("user item\n1 10\n", SOLID_DATASET_PAIRS, format);
}

Test(dataset, recbole_with_times) {
  check_events("user_id:token\titem_id:token\trating:float\ttimestamp:float\nu\ta\t3\t2.5\nu\tb\t3\t1\n",
               SOLID_DATASET_RECBOLE, "u b  1000\nu a  2500\n");
}

Test(dataset, recbole_histories_count_once) {
  check_events("user_id:token\titem_id_list:token_seq\titem_id:token\n"
               "u\ta\tb\nv\tx y\tz\nu\ta b c\td\nu\ta b\tc\n",
               SOLID_DATASET_RECBOLE, "u a  0\nu b  1\nu c  2\nu d  3\nv x  4\nv y  5\nv z  6\n");
}

Test(dataset, json_lines) {
  check_events("{\"user\":\"u\",\"item\":7,\"event\":\"view\",\"ts\":1690000000000}\n"
               "{\"item\":\"a b\",\"user\":\"u\",\"ts\":5,\"more\":[1]}\n",
               SOLID_DATASET_EVENTS, "u 7 view 1690000000000\nu a b  5\n");
}

Test(dataset, json_histories_keep_the_order_of_the_file) {
  record r = read_text("{\n \"9\": [3, \"b\"],\n \"1\": [], \"4\": [3]}", SOLID_DATASET_HISTORIES, SOLID_OK);
  cr_expect_str_eq(r.text, "9 3  0\n9 b  1\n4 3  2\n");
  r = read_text("{\"9\": [3, \"b\"]}", SOLID_DATASET_HISTORIES, SOLID_OK);
  cr_expect_str_eq(r.text, "9 3  0\n9 b  1\n");
}

/* Attributes of items look the same: nothing is guessed. */
Test(dataset, json_lists_are_not_taken_for_events_unasked) {
  const char *const texts[] = {"{\"4\": [1, 2, 3]}", "{\n\"4\": [1, 2, 3]}", "{\"user\": [1, 2]}", "{}", "{\"id\": 3}"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    check_bad(texts[i], SOLID_DATASET_AUTO,
              ":1: JSON, but not of events: {\"user\": [item, ...]} needs the format \"histories\", "
              "{\"item\": [attribute, ...]} are attributes");
    int has_times = 0;
    cr_expect_eq(solid_dataset_has_times(path, SOLID_DATASET_AUTO, &has_times), SOLID_EFORMAT);
  }
}

Test(dataset, malformed_lines_are_named) {
  check_bad("u a\n\nu\n", SOLID_DATASET_ROWS, ":3: a user without items");
  check_bad("", SOLID_DATASET_AUTO, ":1: the file has no lines");
  check_bad("", SOLID_DATASET_ROWS, ": no events");
  check_bad("1::2::3\n", SOLID_DATASET_MOVIELENS, ":1: 3 fields, the time is number 4");
  check_bad("1::2::3::4\n1::2::3::x4\n", SOLID_DATASET_MOVIELENS, ":2: \"x4\" is not a time in seconds");
  check_bad("1::2::3::nan\n", SOLID_DATASET_MOVIELENS, ":1: \"nan\" is not a time in seconds");
  check_bad("1::2::3::1e300\n", SOLID_DATASET_MOVIELENS, ":1: \"1e300\" is not a time in seconds");
  check_bad("1::2::3::\n", SOLID_DATASET_MOVIELENS, ":1: \"\" is not a time in seconds");
  check_bad("1::::3::4\n", SOLID_DATASET_MOVIELENS, ":1: item of 0 bytes, want 1 to 255");
  check_bad("userId,rating\n1,2\n", SOLID_DATASET_CSV,
            ":1: no column item_id, item, movieId or movie: the first line has to name the columns");
  check_bad("movieId,rating\n1,2\n", SOLID_DATASET_CSV,
            ":1: no column user_id, userId or user: the first line has to name the columns");
  check_bad("userId,movieId\n1,\"2\n", SOLID_DATASET_CSV, ":2: field 2: misplaced quote");
  check_bad("userId,movieId\n1,\"2\"\"\n", SOLID_DATASET_CSV, ":2: field 2: misplaced quote");
  check_bad("userId,movieId\n1,\"2\"3\n", SOLID_DATASET_CSV, ":2: field 2: misplaced quote");
  check_bad("user_id:token\titem_id:token\n1\n", SOLID_DATASET_RECBOLE, ":2: 1 fields, item is number 2");
  check_bad("{\"a\": [1.5]}", SOLID_DATASET_HISTORIES, ": \"a\": element 1 is neither a string nor an integer");
  check_bad("{\"a\": 1}", SOLID_DATASET_HISTORIES, ": \"a\" is not a list");
  check_bad("{\"a\": [\"\"]}", SOLID_DATASET_HISTORIES, ": user \"a\": item of 0 bytes, want 1 to 255");
}

Test(dataset, malformed_json_names_its_line) {
  read_text("{\"user\":\"u\",\"item\":\"a\",\"ts\":1}\n{\"user\":\"u\"}\n", SOLID_DATASET_EVENTS, SOLID_EFORMAT);
  cr_expect(strstr(solid_last_error(), ":2: "), "%s", solid_last_error());
  read_text("{\n\"a\": [1],\n\"b\" 2}", SOLID_DATASET_HISTORIES, SOLID_EFORMAT);
  cr_expect(strstr(solid_last_error(), ":3: "), "%s", solid_last_error());
  read_text("{\"a\": [1], \"a\": [2]}", SOLID_DATASET_HISTORIES, SOLID_EFORMAT);
}

Test(dataset, ids_have_a_longest) {
  char text[600] = "u ";
  memset(text + 2, 'x', 255);
  record r = read_text(text, SOLID_DATASET_ROWS, SOLID_OK);
  cr_expect_eq(r.events, 1);
  text[257] = 'x';
  check_bad(text, SOLID_DATASET_ROWS, ":1: item of 256 bytes, want 1 to 255");
}

Test(dataset, zero_bytes_are_no_text) {
  record r = {.answer = SOLID_OK};
  write_bytes("u a\nu \0b\n", 9);
  cr_expect_eq(solid_dataset_read_events(path, SOLID_DATASET_ROWS, note_events, &r), SOLID_EFORMAT);
  check_message(":2: a zero byte: not a text file");
}

Test(dataset, a_sink_that_fails_ends_the_reading) {
  record r = {.answer = SOLID_ECANCELLED};
  write_text("u a\nu b\n");
  cr_expect_eq(solid_dataset_read_events(path, SOLID_DATASET_ROWS, note_events, &r), SOLID_ECANCELLED);
  cr_expect_eq(r.calls, 1);
  write_text("{\"a\": [1], \"b\": [2]}");
  r = (record){.answer = SOLID_ENOMEM};
  cr_expect_eq(solid_dataset_read_attributes(path, note_attributes, &r), SOLID_ENOMEM);
  cr_expect_str_eq(r.text, "a:1\n");
}

Test(dataset, what_cannot_be_read_is_named) {
  record r = {.answer = SOLID_OK};
  cr_expect_eq(solid_dataset_read_events("/nowhere/x", SOLID_DATASET_AUTO, note_events, &r), SOLID_EIO);
  cr_expect_str_eq(solid_last_error(), "/nowhere/x: No such file or directory");
  cr_expect_eq(solid_dataset_read_events("/tmp", SOLID_DATASET_ROWS, note_events, &r), SOLID_EIO);
  cr_expect_eq(solid_dataset_read_attributes("/nowhere/x", note_attributes, &r), SOLID_EIO);
  cr_expect_eq(solid_dataset_read_vectors("/nowhere/x", 2, note_vector, &r), SOLID_EIO);
  cr_expect_eq(solid_dataset_read_events(NULL, SOLID_DATASET_ROWS, note_events, &r), SOLID_EINVAL);
  cr_expect_eq(solid_dataset_read_events(path, SOLID_DATASET_ROWS, NULL, &r), SOLID_EINVAL);
  cr_expect_eq(solid_dataset_read_events(path, (solid_dataset_format)99, note_events, &r), SOLID_EINVAL);
}

static void write_gzip(const char *text, size_t cut) {
  gzFile file = gzopen(path, "wb");
  cr_assert(file && gzwrite(file, text, (unsigned)strlen(text)) == (int)strlen(text) && gzclose(file) == Z_OK);
  if (cut > 0) {
    FILE *plain = fopen(path, "rb");
    char bytes[4096];
    size_t size = fread(bytes, 1, sizeof bytes, plain);
    fclose(plain);
    write_bytes(bytes, size - cut);
  }
}

Test(dataset, gzip_is_read_as_what_it_holds) {
  record r = {.answer = SOLID_OK};
  write_gzip("u a b\nv c\n", 0);
  cr_assert_eq(solid_dataset_read_events(path, SOLID_DATASET_AUTO, note_events, &r), SOLID_OK, "%s",
               solid_last_error());
  cr_expect_str_eq(r.text, "u a  0\nu b  1\nv c  2\n");
}

Test(dataset, a_truncated_gzip_is_an_error) {
  record r = {.answer = SOLID_OK};
  write_gzip("u a b\nv c\nw d e f g h i j k l m n o p\n", 12);
  cr_expect_eq(solid_dataset_read_events(path, SOLID_DATASET_ROWS, note_events, &r), SOLID_EIO);
  const char *said = solid_last_error(), *named = strstr(said, path);
  cr_expect(named && !strstr(named + 1, path), "the file is to be named once: %s", said);
}

static solid_status count_events(void *context, const solid_event *events, size_t count) {
  record *r = context;
  r->calls++;
  for (size_t i = 0; i < count; i++) {
    char want_user[32], want_item[300];
    snprintf(want_user, sizeof want_user, "user%zu", r->events / 100);
    snprintf(want_item, sizeof want_item, "%0250zu", r->events % 100);
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
  FILE *file = fopen(path, "w");
  for (int user = 0; user < 100; user++) {
    fprintf(file, "user%d", user);
    for (int item = 0; item < 100; item++) fprintf(file, " %0250d", item);
    fputc('\n', file);
  }
  fclose(file);
  cr_assert_eq(solid_dataset_read_events(path, SOLID_DATASET_AUTO, count_events, &r), SOLID_OK, "%s",
               solid_last_error());
  cr_expect_eq(r.events, 10000);
  cr_expect(r.calls > 1);
}

Test(dataset, formats_have_names) {
  solid_dataset_format format = SOLID_DATASET_AUTO;
  cr_expect_eq(solid_dataset_format_find("recbole", &format), SOLID_OK);
  cr_expect_eq(format, SOLID_DATASET_RECBOLE);
  cr_expect_eq(solid_dataset_format_find("auto", &format), SOLID_OK);
  cr_expect_eq(format, SOLID_DATASET_AUTO);
  cr_expect_eq(solid_dataset_format_find("parquet", &format), SOLID_EINVAL);
  cr_expect_str_eq(solid_last_error(),
                   "format \"parquet\" is none of auto rows pairs movielens csv recbole table events histories");
}

Test(dataset, files_with_times_are_known) {
  static const struct {
    const char *text;
    int expected;
  } files[] = {
      {"1 2 3\n4 5\n", 0},
      {"1 2\n1 3\n", 0},
      {"1::2::5::100\n", 1},
      {"userId,movieId,rating,timestamp\n1,2,3,4\n", 1},
      {"userId,movieId,rating\n1,2,3\n", 0},
      {"user movie rating ts_lo ts_hi\n1 2 3 4 5\n", 1},
      {"user_id:token\titem_id:token\ttimestamp:float\n1\t2\t3\n", 1},
      {"user_id:token\titem_id_list:token_seq\titem_id:token\ttimestamp:float\n1\t2 3\t4\t5\n", 0},
      {"{\"user\": 1, \"item\": 2, \"ts\": 3}\n", 1},
  };
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    int has_times = -1;
    write_text(files[i].text);
    cr_assert_eq(solid_dataset_has_times(path, SOLID_DATASET_AUTO, &has_times), SOLID_OK, "%s", solid_last_error());
    cr_assert_eq(has_times, files[i].expected, "file %zu", i);
  }
  int has_times = -1;
  write_text("{\"1\": [2, 3]}\n");
  cr_assert_eq(solid_dataset_has_times(path, SOLID_DATASET_HISTORIES, &has_times), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(has_times, 0);
  has_times = -1;
  write_text("userId,rating\n1,2\n");
  cr_assert_eq(solid_dataset_has_times(path, SOLID_DATASET_CSV, &has_times), SOLID_EFORMAT);
  cr_assert_eq(solid_dataset_has_times("/none/such", SOLID_DATASET_AUTO, &has_times), SOLID_EIO);
  cr_assert_eq(has_times, -1);
}

Test(dataset, attributes) {
  check_attributes("{\"4\": [1, \"two\"], \"a\": []}", "4:1,two\na:\n");
  check_attributes("movieId,title,genres\n1,\"Toy, Story\",Comedy|War\n2,X,(no genres listed)\n", "1:Comedy,War\n2:\n");
  check_attributes("1::Toy Story (1995)::Comedy|War\n2::X::Drama\n", "1:Comedy,War\n2:Drama\n");
  check_attributes("item_id:token\tmovie_title:token_seq\trelease_year:token\tprice:float\tclass:token_seq\n"
                   "1\tToy Story\t1995\t3.5\tComedy War\n2\tX\t\t1\tDrama\n",
                   "1:release_year=1995,class=Comedy,class=War\n2:class=Drama\n");
}

Test(dataset, malformed_attributes_are_named) {
  check_bad_attributes("", ":1: the file has no lines");
  check_bad_attributes("1::Toy Story\n", ":1: 2 fields, genres are number 3");
  check_bad_attributes("1::Toy Story::War\n::X::War\n", ":2: item of 0 bytes, want 1 to 255");
  check_bad_attributes("movieId,title\n1,x\n", ":1: no column genres");
  check_bad_attributes("a:token\tb:token\n1\t2\n", ":1: no column item_id");
  check_bad_attributes("item_id:token\n1\t2\n", ":2: 2 fields under 1 columns");
  check_bad_attributes("{\"4\": {\"x\": 1}}", ": \"4\" is not a list");
}

Test(dataset, vectors) {
  const float values[] = {1.0f, -2.5f, 3.0f, 4.0f};
  record r = {.answer = SOLID_OK};
  write_bytes(values, sizeof values);
  cr_assert_eq(solid_dataset_read_vectors(path, 2, note_vector, &r), SOLID_OK, "%s", solid_last_error());
  cr_expect_str_eq(r.text, "0:1 -2.5 1:3 4 ");
  cr_expect_eq(solid_dataset_read_vectors(path, 3, note_vector, &r), SOLID_EFORMAT);
  check_message(": row 1 has 4 bytes, 3 floats have 12: another width?");
  cr_expect_eq(solid_dataset_read_vectors(path, 0, note_vector, &r), SOLID_EINVAL);
  write_bytes("", 0);
  cr_expect_eq(solid_dataset_read_vectors(path, 2, note_vector, &r), SOLID_EFORMAT);
  write_bytes("\0\0\0\0\0\0\xc0\x7f", 8);
  cr_expect_eq(solid_dataset_read_vectors(path, 2, note_vector, &r), SOLID_EFORMAT);
  check_message(": row 0: value 1 is not finite");
}

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

static solid_status take_census(void *context, const solid_event *events, size_t count) {
  census *c = context;
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

static void check_census(const char *file, solid_dataset_format format, size_t users, size_t items, size_t events) {
  char name[512];
  if (!find_data(file, name, sizeof name)) return;
  census *c = calloc(1, sizeof *c);
  solid_status status = solid_dataset_read_events(name, format, take_census, c);
  cr_assert_eq(status, SOLID_OK, "%s", solid_last_error());
  cr_expect_eq(c->users, users, "%s: %zu users, want %zu", file, c->users, users);
  cr_expect_eq(c->items, items, "%s: %zu items, want %zu", file, c->items, items);
  cr_expect_eq(c->events, events, "%s: %zu events, want %zu", file, c->events, events);
  cr_expect_eq(c->steps_back, 0, "%s: %zu events older than the one before", file, c->steps_back);
  free(c);
}

Test(dataset, public_events) {
  check_census("amazon-beauty/Beauty.txt", SOLID_DATASET_AUTO, 22363, 12101, 198502);
  check_census("amazon-toys/Toys_and_Games.txt", SOLID_DATASET_AUTO, 19412, 11924, 167597);
  check_census("ml-1m/ml-1m.txt", SOLID_DATASET_AUTO, 6040, 3416, 999611);
  check_census("ml-1m/ratings.tsv.gz", SOLID_DATASET_AUTO, 6040, 3706, 1000209);
  check_census("ml-100k/ml-100k.inter", SOLID_DATASET_AUTO, 943, 1682, 100000);
  check_census("ml-latest-small/ratings.csv", SOLID_DATASET_AUTO, 671, 9066, 100004);
  check_census("instruments-multimodal/Instruments.inter.json", SOLID_DATASET_HISTORIES, 17112, 6250, 136226);
  check_census("scientific-multimodal/Scientific.test.inter", SOLID_DATASET_AUTO, 2928, 1585, 19712);
}

static void check_item_file(const char *file, size_t items, size_t attributes) {
  char name[512];
  if (!find_data(file, name, sizeof name)) return;
  census *c = calloc(1, sizeof *c);
  solid_status status = solid_dataset_read_attributes(name, count_attributes, c);
  cr_assert_eq(status, SOLID_OK, "%s", solid_last_error());
  cr_expect_eq(c->items, items, "%s: %zu items, want %zu", file, c->items, items);
  if (attributes) cr_expect_eq(c->attributes, attributes, "%s: %zu attributes", file, c->attributes);
  free(c);
}

Test(dataset, public_attributes) {
  check_item_file("amazon-beauty/Beauty_item2attributes.json", 12101, 0);
  check_item_file("ml-100k/ml-100k.item", 1682, 0);
  check_item_file("ml-1m/movies.dat", 3883, 6408);
  check_item_file("ml-latest-small/movies.csv", 9125, 0);
}

Test(dataset, public_vectors) {
  char name[512];
  if (!find_data("scientific-multimodal/Scientific.feat1CLS", name, sizeof name)) return;
  census *c = calloc(1, sizeof *c);
  cr_assert_eq(solid_dataset_read_vectors(name, 512, count_vectors, c), SOLID_OK, "%s", solid_last_error());
  cr_expect_eq(c->items, 1585);
  free(c);
}
