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

Test(judge, rows_and_pairs_of_all_kinds_of_ids_are_read) {
  record r = {.answer = SOLID_OK};
  static const char *const texts[] = {"anna book film\nbob song\n",
                                      "1 0439893577 044010769X B002SQJL9U\n2 B00D3QFHN8\n",
                                      "1 10\n1 11\n",
                                      "a b\nc d\n",
                                      "u1 a\nu2 b\n",
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
