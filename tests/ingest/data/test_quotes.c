/* Fields in quotes that go over the end of a line: in tables of events, of attributes and of titles. */
#include "ingest/data_file.h"
#include "solid/extend.h"
#include "tests/ingest/data/probe.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(quotes, .init = probe_make, .fini = probe_remove);

#define HEAD "user_id,item_id,title,rating\n"

Test(quotes, a_field_goes_over_line_ends) {
  expect_events(HEAD "u,a,\"one\ntwo\",5\nu,b,\"\n\n\"\"three\"\",\n\",4\nu,c,\"\r\n\",3\n", SOLID_DATA_CSV,
                "u a  0 5\nu b  1 4\nu c  2 3\n");
  expect_events("user_id;item_id;title\r\nu;a;\"one\r\n\r\ntwo\"\r\nu;b;x\r\n", SOLID_DATA_TABLE, "u a  0\nu b  1\n");
  expect_events("\"user_id\"\t\"item_id\"\t\"note\"\n\"u\"\t\"a\"\t\"1\n2\"\nu\tb\t\n", SOLID_DATA_TABLE,
                "u a  0\nu b  1\n");
  expect_events(HEAD "\"u,\"\"1\",a,\"one\ntwo\",5\n", SOLID_DATA_CSV, "u,\"1 a  0 5\n");
  expect_events("user_id,\"the\ntitle\",item_id\nu,\"x\ny\",a\n", SOLID_DATA_CSV, "u a  0\n");
  expect_events(HEAD "u,a,\"no line end behind\n\",5", SOLID_DATA_CSV, "u a  0 5\n");
}

Test(quotes, lines_keep_their_numbers) {
  expect_refusal(HEAD "u,a,\"one\ntwo\n\n\",5\nu,b,c\n,b,c,4\n", NULL, ":7: user of 0 bytes");
  expect_refusal(HEAD "u,a,\"one\ntwo\",5,6\n", NULL, ":2: 5 fields, and there are 4 columns");
  expect_refusal("user_id,\"the\ntitle\",item_id\nu,x,a\n,x,a\n", NULL, ":4: user of 0 bytes");
}

Test(quotes, that_stay_open_are_refused_where_they_open) {
  expect_refusal(HEAD "u,a,b,5\nu,\"a,b,5\nu,c,d,4\n", NULL, ":3: field 2: the quote that opens it is not closed");
  expect_refusal(HEAD "u,a,\"x\ny\",5\nu,b,\"\nz,4\n", NULL, ":4: field 3: the quote that opens it is not closed");
  expect_refusal(HEAD "u,a,\"x,5\nu,b,\"y\",4\n", NULL,
                 ":2: field 3: misplaced quote|over the end of the line|in line 3 ends no field");
  expect_refusal(HEAD "u,a,\"x\ny\"z,5\nu,b,y,4\n", NULL, ":2: field 3: misplaced quote");
  expect_refusal(HEAD "u,\"a,x,5\nv,b\",y,4\n", NULL, ":2: item \"a,x,5\\x0av,b\" goes over the end of the line");
}

#define ROWS "a,1,1690000001\nb,2,1690000002\n"

/* Whichever name it is that opens, and however the format was found. */
Test(quotes, of_a_header_that_stay_open_are_refused_where_they_open) {
  static const char open_first[] = ":1: field 1: the quote that opens it is not closed";
  solid_data_options o = SOLID_DATA_OPTIONS_INIT;
  expect_refusal("\"user_id,item_id,timestamp\n" ROWS, NULL, open_first);
  expect_refusal("\n\"user_id,item_id,timestamp\n" ROWS, NULL, ":2: field 1: the quote that opens it is not closed");
  expect_refusal("\"user_id;item_id;timestamp\na;1;1690000001\n", NULL, open_first);
  expect_refusal("\"user_id\titem_id\ttimestamp\na\t1\t1690000001\n", NULL, open_first);
  expect_refusal("\"u|i|t\na|1|1690000001\n", NULL, open_first);
  expect_refusal("\"user_id,item_id,timestamp\n\"a\",1,2\n", NULL,
                 ":1: field 1: misplaced quote|in line 2 ends no field");
  expect_refusal("user_id,\"item_id,timestamp\n" ROWS, NULL, ":1: field 2: the quote that opens it is not closed");
  expect_refusal("user_id,item_id,\"timestamp\n" ROWS, NULL, ":1: field 3: the quote that opens it is not closed");
  o.format = SOLID_DATA_CSV;
  expect_refusal("\"user_id,item_id,timestamp\n" ROWS, &o, open_first);
  o = (solid_data_options)SOLID_DATA_OPTIONS_INIT;
  o.user_column = "user_id", o.item_column = "item_id";
  expect_refusal("\"user_id,item_id,timestamp\n" ROWS, &o, open_first);
  /* between tabs a quote is a character, unless the line begins with one */
  expect_refusal("user_id\t\"item_id\ttimestamp\na\t1\t1690000001\n", NULL,
                 ":1: no column of items|separated by tabs (\"user_id\" \"\"item_id\" \"timestamp\")");
}

/* What stays open may be left out as the one line that it is; lines that were read as one count as many. */
Test(quotes, that_stay_open_cost_their_line_alone) {
  record r = {.answer = SOLID_OK};
  solid_data_options o = SOLID_DATA_OPTIONS_INIT;
  o.bad_lines = 2;
  expect_with(HEAD "u,a,\"x,5\r\nu,b,y,4\r\nu,c,z,3", &o, "u b  0 4\nu c  1 3\n");
  expect_with(HEAD "u,a,\"x,5\nu,b,\"y\",4\nu,\"c,z,3\r", &o, "u b  0 4\n");
  expect_with(HEAD "u,a,\"x\"\"\"\"q,5\nu,b,\"y\",4\nu,\"c\"\"\"\"\nu,d,\"z\",3\n", &o, "u b  0 4\nu d  1 3\n");
  expect_with(HEAD "u,a,\"x\ny\",1,2\nu,c,z,3\n", &o, "u c  0 3\n");
  probe_write_text(HEAD "u,a,\"x\n\ny\",1,2\nu,c,z,3\n");
  cr_assert_eq(probe_read(&o, &r), SOLID_EFORMAT, "three lines are more than two");
}

/* Over the pieces in which a file is read, and not beyond a bound. */
Test(quotes, of_long_fields_are_read_up_to_a_bound) {
  enum { LINES = 30000, LINE = 32, MOST = 40000 };
  char *text = malloc(sizeof HEAD + (size_t)MOST * LINE + 64), *at = text;
  at += sprintf(at, HEAD "u,\"a\"\"\",\"");
  for (int i = 0; i < LINES; i++) at += sprintf(at, "%s%d\n", i % 7 ? "it goes on, with \"\"quotes\"\" " : "", i % 10);
  sprintf(at, "\",5\nu,,,\n");
  expect_refusal(text, NULL, ":30003: item of 0 bytes");
  sprintf(at, "\",5\nu,b,,4\n");
  expect_events(text, SOLID_DATA_CSV, "u a\"  0 5\nu b  1 4\n");
  for (int i = LINES; i < MOST; i++) at += sprintf(at, "it goes on, with \"\"quotes\"\" 1\n");
  sprintf(at, "\",5\nu,b,,4\n");
  expect_refusal(text, NULL, ":2: field 3: the quote that opens it is not closed");
  free(text);
}

Test(quotes, in_attributes_and_titles_go_over_line_ends) {
  record r = {.answer = SOLID_OK};
  solid_attributes_options o = SOLID_ATTRIBUTES_OPTIONS_INIT;
  o.columns = "brand";
  probe_write_text("item_id,\"title\n(short)\",brand\ni1,\"A\nlong one\",b1\ni2,B,\"b\n2\"\n");
  cr_assert_eq(solid_data_read_attributes(probe_path, &o, probe_attributes, &r), SOLID_OK, "%s", solid_last_error());
  cr_expect_str_eq(r.text, "i1:brand=b1\ni2:brand=b\n2\n");
  probe_write_text("item_id,brand\n\"i\n1\",x\n");
  cr_assert_eq(solid_data_read_attributes(probe_path, &o, probe_attributes, &r), SOLID_EFORMAT);
  cr_expect(strstr(solid_last_error(), ":2: item \"i\\x0a1\" goes over the end of the line"), "%s", solid_last_error());
}

static char titles[256];

static solid_status take_title(void *context, solid_bytes item, solid_bytes title) {
  (void)context;
  size_t used = strlen(titles);
  snprintf(titles + used, sizeof titles - used, "%.*s=%.*s;", (int)item.size, item.data, (int)title.size, title.data);
  return SOLID_OK;
}

Test(quotes, in_titles_go_over_line_ends) {
  probe_write_text("item_id,title,\"brand\nof it\"\ni1,\"A\n\n\"\"long\"\" one\",b1\ni2,B,b2\n");
  cr_assert_eq(solid_data_read_titles(probe_path, NULL, take_title, NULL), SOLID_OK, "%s", solid_last_error());
  cr_expect_str_eq(titles, "i1=A\n\n\"long\" one;i2=B;");
}

Test(quotes, of_a_header_of_items_that_stay_open_are_refused_where_they_open) {
  record r = {.answer = SOLID_OK};
  static const char wanted[] = ":1: field 1: the quote that opens it is not closed";
  probe_write_text("\"item_id,title,genres\ni1,A,x\n");
  cr_assert_eq(solid_data_read_titles(probe_path, NULL, take_title, NULL), SOLID_EFORMAT);
  cr_expect(strstr(solid_last_error(), wanted), "%s", solid_last_error());
  cr_assert_eq(solid_data_read_attributes(probe_path, NULL, probe_attributes, &r), SOLID_EFORMAT);
  cr_expect(strstr(solid_last_error(), wanted), "%s", solid_last_error());
}

Test(quotes, a_lone_carriage_return_makes_two_lines_one) {
  expect_refusal("u1 a b\ru2 c d\nu3 e f\n", NULL, ":1: field 3 \"b\\x0du2\" has a carriage return in it");
  expect_refusal("user_id,item_id,title\nu1,a\ru2,b\n", NULL, ":2: field 2 \"a\\x0du2\" has a carriage return in it");
  expect_refusal("user_id,item_id,event\nu1,a,view\ru2\n", NULL, ":2: field 3 \"view\\x0du2\" has a carriage");
  expect_refusal("user_id:token\titem_id_list:token_seq\titem_id:token\nu\ta b\rc\td\n", NULL, ":2: field 2");
  expect_events("user_id,item_id\nu1,\"a\rb\"\n", SOLID_DATA_CSV, "u1 a\rb  0\n");
}
