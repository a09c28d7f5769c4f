/* What a file is, told by its first lines; what could be two things, or is none, is refused. */
#include "tests/ingest/data/probe.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

TestSuite(judge, .init = probe_make, .fini = probe_remove);

static void refuse(const char *text, const char *words) {
  expect_refusal(text, NULL, words);
}

Test(judge, a_table_without_names_is_no_rows) {
  refuse("196\t242\t3\t881250949\n186\t302\t3\t891717742\n",
         ":1: |4 columns separated by tabs|--user-column|--no-header|--format rows");
  refuse("196 242 3\n186 302 3\n22 377 1\n", "3 columns separated by blanks|--no-header");
  refuse("196 242 3 881250949\n", "a time where ids are expected");
  refuse("u1 a b\nu2 c d\n", "as many fields in every line");
  refuse("1,2\n1,3\n", "2 columns separated by commas|--no-header");
  refuse("a,b,1690000000,4\nc,d,1690000100,3\n", "--item-column 2 --time-column 3, with");
  refuse("a,b,4,2023-07-22\nc,d,3,2023-07-23\n", "--item-column 2 --time-column 4, with");
  refuse("a,b,4,5\nc,d,3,5\n", "--item-column 2, with");
  refuse("1;2;3\n1;3;3\n", "3 columns separated by semicolons");
  refuse("1|2|3\n1|3|3\n", "3 columns separated by upright bars");
  refuse("1,2,Great Movie\n", "3 columns separated by commas");
  refuse("1, 2, 978300760\n", "3 columns separated by commas");
  refuse("x,y\n1,2\n", "2 columns separated by commas");
}

Test(judge, what_is_no_id_is_not_taken_for_one) {
  refuse("u1 1.5 2\nu2 3\n", "fractions");
  refuse("1 2 Great Movie\n2 3 4\n", "words among numbers");
  refuse("1 881250949 891717742\n2 878887116\n", "times where ids are expected");
  refuse("1 2 5 881250949\n2 3 891717742\n", "times where ids are expected");
}

Test(judge, a_header_without_known_names_is_shown) {
  refuse("customer sku\nc1 s1\nc1 s2\n", "2 columns separated by blanks|\"customer\" \"sku\"|--user-column NAME");
  refuse("shopper thing\n1 10\n2 11\n", "\"shopper\" \"thing\"|--no-header|--format rows");
  refuse("when;shopper;sku\n2024-07-22;k1;7\n", "3 columns separated by semicolons|\"when\" \"shopper\" \"sku\"");
  refuse("\"Order Date\",\"The Customer\",\"Qty\"\n\"2024-07-22\",\"k 1\",\"7\"\n",
         "3 columns separated by commas|\"Order Date\" \"The Customer\" \"Qty\"");
}

/* Layouts of public data sets that look like rows of ids at first sight. */
Test(judge, columns_lists_and_texts_are_no_rows) {
  refuse("user_1\t2009-05-04T23:08:57Z\tf1b1\tDeep Dish\t\tFuzz\nuser_1\t2009-05-04T13:54:10Z\ta7f7\tUnder\t\tNo 9\n",
         ":1: tabs between fields, and blanks|--no-header");
  refuse("00000c289a18\t3bd73256-3905\tbetty b\t2137\n00001411dc42\tf2fb0ff0-5679\tdie q x\t1099\n",
         "tabs between fields");
  refuse("1\tU13\t11/11/2019 9:05\tN55 N42\tN5-1 N3-0\n2\tU91\t11/12/2019 6:11\tN31\tN2-0\n", "tabs between fields");
  refuse("a1\tb1\t\tc1\na2\tb2\n", "tabs between fields, and blanks or nothing");
  refuse("ann\tToy Story\nbob\tHeat\n", "tabs between fields");
  refuse("u1 2020-01-01 i1 i2\nu2 2020-01-03 i2\n", "dates where ids are expected");
  refuse("2023-07-01 10:00 user1 item2\n2023-07-01 10:01 user1\n", "dates");
  refuse("3 10 20 30\n2 5 6\n4 1 2 3 4\n1 9\n", "begins with the number of ids");
  refuse("u1 242:3 302:4\nu2 302:5\n", "a number behind a colon in every item");
  refuse("u1 i1,i2,i3\nu2 i4,i5\n", "\",\" where ids are expected");
  refuse("u1\ti1|i2\nu2\ti4\n", "\"|\" where ids are expected");
  refuse("u1: i1 i2\nu2: i4\n", "\":\" where ids are expected");
  refuse("1 [2, 3]\n2 [5]\n", "\"[\" where ids are expected");
  refuse("John Smith,Heat,5\nAnn,Big,4 x\n", "\",\" where ids are expected");
  refuse("a user=1 item=2\nb user=1\n", "\"=\" where ids are expected");
  refuse("[{\"user\":\"a\",\"item\":\"b\",\"ts\":1}]\n", "a list of JSON|jq");
  refuse("<!DOCTYPE html>\n<html> x </html>\n", "HTML");
  refuse("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\n", "Git LFS");
}

Test(judge, rows_and_pairs_of_all_kinds_of_ids_are_read) {
  record r = {.answer = SOLID_OK};
  static const char *const texts[] = {"anna book film\nbob song\n",
                                      "1 0439893577 044010769X B002SQJL9U\n2 B00D3QFHN8\n",
                                      "1 10\n1 11\n",
                                      "a b\nc d\n",
                                      "u1 a\nu2 b\n",
                                      "u1\ti1 i2 i3\nu2\ti4\n",
                                      "u1\ti1\ti2\nu2\ti4\n",
                                      "Zm9v== track:4uLU YmFy=\nb7 track:1\n",
                                      "1 a\n2 a b\n3 a b c\n",
                                      "1 100012043978\n2 100012043979 7\n"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    probe_write_text(texts[i]);
    cr_expect_eq(probe_read(NULL, &r), SOLID_OK, "%s: %s", texts[i], solid_last_error());
  }
}

Test(judge, a_named_format_is_believed) {
  record r = {.answer = SOLID_OK};
  solid_data_options rows = probe_format(SOLID_DATA_ROWS);
  probe_write_text("196 242 3\n186 302 3\n");
  cr_assert_eq(probe_read(&rows, &r), SOLID_OK, "%s", solid_last_error());
  cr_expect_str_eq(r.text, "196 242  0\n196 3  1\n186 302  2\n186 3  3\n");
}

Test(judge, a_unit_is_given_for_formats_that_have_times_alone) {
  record r = {.answer = SOLID_OK};
  static const char *const texts[] = {"{\"user\":\"a\",\"item\":\"b\",\"ts\":1690000000}\n", "1 2 3\n4 5\n",
                                      "1 2\n1 3\n"};
  solid_data_options o = SOLID_DATA_OPTIONS_INIT;
  for (int i = 0; i < 3; i++) {
    o.time_unit = SOLID_TIME_SECONDS;
    probe_write_text(texts[i]);
    cr_expect_eq(probe_read(&o, &r), SOLID_EINVAL, "%s", texts[i]);
    cr_expect(strstr(solid_last_error(), "--time-unit"), "%s", solid_last_error());
    o.time_unit = SOLID_TIME_MILLISECONDS; /* which "ts" has anyway */
    cr_expect_eq(probe_read(&o, &r), i ? SOLID_EINVAL : SOLID_OK, "%s", texts[i]);
  }
}

Test(judge, faults_of_json_are_named) {
  refuse("{\"user\":\"\\ud800\",\"item\":\"i\",\"ts\":1}\n", ":1: looks like JSON, but does not decode: byte");
  refuse("{\"user\":\"u\" \"item\":\"i\"}\n", "does not decode");
  refuse("{\"user_id\":\"u1\",\"item_id\":\"i1\",\"timestamp\":1690000000000}\n",
         "keys \"user_id\", \"item_id\"|\"user\", \"item\"");
  refuse("{\"id\": 3}", "keys \"id\"");
}

static void refuse_bytes(const char *bytes, size_t size, const char *words) {
  record r = {.answer = SOLID_OK};
  char word[64];
  for (int format = SOLID_DATA_AUTO; format <= SOLID_DATA_HISTORIES; format++) {
    solid_data_options o = probe_format((solid_data_format)format);
    probe_write(bytes, size);
    cr_assert_eq(probe_read(&o, &r), SOLID_EFORMAT);
    for (const char *at = words; *at;) {
      size_t length = strcspn(at, "|");
      snprintf(word, sizeof word, "%.*s", (int)length, at);
      cr_expect(strstr(solid_last_error(), word), "\"%s\" is not in: %s", word, solid_last_error());
      at += length + (at[length] == '|');
    }
  }
}

Test(judge, files_that_are_no_text_are_named_with_what_to_do) {
#define BYTES(text) text, sizeof(text) - 1
  refuse_bytes(BYTES("PAR1\0\0\0\0PAR1"), "Parquet|csv");
  refuse_bytes(BYTES("\x28\xb5\x2f\xfd\0\0"), "zstd|zstdcat");
  refuse_bytes(BYTES("\xfd\x37zXZ\0\0"), "xz|xzcat");
  refuse_bytes(BYTES("BZh91AY&SY\0"), "bzip2|bzcat");
  refuse_bytes(BYTES("PK\3\4\0\0"), "zip|unzip");
  refuse_bytes(BYTES("\xff\xfeu\0s\0"), "UTF-16|iconv");
  refuse_bytes(BYTES("\x93NUMPY\1\0"), "NumPy|--vectors");
  refuse_bytes(BYTES("SQLite format 3\0"), "SQLite|csv");
  refuse_bytes(BYTES("user_id,item_id,timestamp\ru,i,5\ru,j,6\r"), "carriage returns alone|tr '\\r' '\\n'");
}

Test(judge, only_whole_lines_of_the_sample_count) {
  static char text[400000];
  size_t used = 0;
  /* 131,072 bytes are looked at; the line that they end in has fewer fields there than it has */
  for (int line = 0; used < 300000; line++) {
    used += (size_t)snprintf(text + used, sizeof text - used, "user%d", line);
    for (int i = 0; i < 3 + line % 2; i++) used += (size_t)snprintf(text + used, sizeof text - used, " item%d", i);
    text[used++] = '\n';
  }
  probe_write(text, used);
  solid_data_file *file = NULL;
  solid_data_info info = SOLID_DATA_INFO_INIT;
  cr_assert_eq(solid_data_file_open(&file, probe_path, NULL), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(solid_data_file_get_info(file, &info), SOLID_OK);
  cr_expect_eq(info.format, SOLID_DATA_ROWS);
  solid_data_file_close(file);
}
