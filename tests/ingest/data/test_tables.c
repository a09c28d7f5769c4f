/* Tables: which column is what, and what is refused. */
#include "tests/ingest/data/probe.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

TestSuite(tables, .init = probe_make, .fini = probe_remove);

#define NO_TIME(text)                                                                                                  \
  "\"" text "\" is not a time in seconds, milliseconds, microseconds or ISO 8601 (2023-07-22 06:40:00)"

Test(tables, movielens_is_sorted_by_time_within_a_user_and_stable) {
  expect_events("2::30::5::20\n1::10::5::30\n1::11::4::10\n1::12::4.5::10\n2::31::1::5\n", SOLID_DATA_MOVIELENS,
                "2 31  5000 1\n2 30  20000 5\n1 11  10000 4\n1 12  10000 4.5\n1 10  30000 5\n");
}

Test(tables, csv_goes_by_the_names_of_columns) {
  expect_events("timestamp,movieId,userId,note\n20,a,u,x\n10,\"b,\"\"c\",u,\"y, z\"\n", SOLID_DATA_CSV,
                "u b,\"c  10000\nu a  20000\n");
  expect_events("\"userId\",\"movieId\"\n1,2\n", SOLID_DATA_CSV, "1 2  0\n");
}

Test(tables, csv_without_times_keeps_its_order) {
  expect_events("user_id,item_id\nu,b\nv,c\nu,a\n", SOLID_DATA_CSV, "u b  0\nv c  1\nu a  2\n");
}

Test(tables, tables_go_by_the_names_of_columns) {
  const char *want = "2 31  5000 1\n2 30  20000 5\n1 10  0 3\n", *plain = "2 31  5000\n2 30  20000\n1 10  0\n";
  expect_events(
      "user\tmovie\trating\tts_lo\tts_hi\tsource\n2\t30\t5\t20\t21\tx\n1\t10\t3\t0\t0\tx\n2\t31\t1\t5\t5\tx\n",
      SOLID_DATA_TABLE, want);
  expect_events("user  item ts\n2 30 20\n1 10 0\n2 31 5\n", SOLID_DATA_TABLE, plain);
  expect_events("item;timestamp;user\n30;20;2\n10;0;1\n31;5;2\n", SOLID_DATA_TABLE, plain);
  expect_events("User_ID item\nu a\nv a\n", SOLID_DATA_TABLE, "u a  0\nv a  1\n");
  expect_events("item_id\tuser_id\trating\ni1\tu1\t5\ni2\tu1\t\n", SOLID_DATA_TABLE, "u1 i1  0 5\nu1 i2  1\n");
  expect_events("\"user_id\"\t\"item_id\"\t\"timestamp\"\n\"u1\"\t\"i\t1\"\t\"1690000000\"\n", SOLID_DATA_TABLE,
                "u1 i\t1  1690000000000\n");
  expect_events(",userId,movieId,timestamp\n0,u1,i1,1690000000\n", SOLID_DATA_CSV, "u1 i1  1690000000000\n");
  const char *format = ":1: names of columns where ids are expected: is the format `table`?";
  expect_bad("user movie ts\n1 10 5\n", SOLID_DATA_ROWS, format);
  expect_bad("user item\n1 10\n", SOLID_DATA_PAIRS, format);
}

Test(tables, recbole_with_times_and_any_separator) {
  const char *want = "u b  1000 3\nu a  2500 3\n";
  expect_events("user_id:token\titem_id:token\trating:float\ttimestamp:float\nu\ta\t3\t2.5\nu\tb\t3\t1\n",
                SOLID_DATA_RECBOLE, want);
  expect_events("timestamp:float,user_id:token,item_id:token,rating:float\n2.5,u,a,3\n1,u,b,3\n", SOLID_DATA_RECBOLE,
                want);
}

Test(tables, kinds_come_with_events) {
  expect_events("user_id,item_id,event_type\nu,a,view\nu,b,\n", SOLID_DATA_CSV, "u a view 0\nu b  1\n");
  expect_events("ts,user,item,action\n5,u,a,buy\n4,u,b,view\n", SOLID_DATA_CSV, "u b view 4000\nu a buy 5000\n");
}

Test(tables, columns_are_given_by_name_or_number) {
  solid_data_options o = SOLID_DATA_OPTIONS_INIT;
  o.user_column = "customer", o.item_column = "sku", o.time_column = "4", o.kind_column = "action";
  expect_with("customer\tsku\taction\twhen\nc1\ts2\tbuy\t1690000001\nc1\ts1\tview\t1690000000\n", &o,
              "c1 s1 view 1690000000000\nc1 s2 buy 1690000001000\n");
  o = probe_format(SOLID_DATA_AUTO);
  o.item_column = "movieId";
  expect_with("userId,movieId,movie,rating,timestamp\n1,31,Dangerous Minds,2.5,1260759144\n", &o,
              "1 31  1260759144000 2.5\n");
  o.item_column = "item:id", o.user_column = "user_id";
  expect_with("user_id:token\titem:id\nu\ta\n", &o, "u a  0\n");
}

Test(tables, a_table_without_header_is_read_by_numbers) {
  solid_data_options o = SOLID_DATA_OPTIONS_INIT;
  o.no_header = 1, o.user_column = "1", o.item_column = "2", o.rating_column = "3", o.time_column = "4";
  expect_with("196\t242\t3\t881250949\n186\t302\t3\t891717742\n196\t377\t1\t878887116\n", &o,
              "196 377  878887116000 1\n196 242  881250949000 3\n186 302  891717742000 3\n");
  expect_with("196,242,3,881250949\n", &o, "196 242  881250949000 3\n");
  expect_with("196 242 3 881250949\n", &o, "196 242  881250949000 3\n");
  o.separator = "::";
  expect_with("196::242::3::881250949\n", &o, "196 242  881250949000 3\n");
  o.separator = " - ";
  expect_with("196 - 242 - 3 - 881250949\n", &o, "196 242  881250949000 3\n");
  o.separator = NULL, o.time_column = "5";
  expect_refusal("196\t242\t3\t881250949\n", &o, ":1: |--time-column \"5\"|1 to 4");
  o.time_column = "time";
  expect_refusal("196\t242\t3\t881250949\n", &o, "--time-column \"time\"|number");
  o.time_column = NULL, o.item_column = NULL;
  expect_refusal("196\t242\t3\t881250949\n", &o, "no header|--item-column");
}

Test(tables, options_that_do_not_fit_are_refused) {
  solid_data_options o = SOLID_DATA_OPTIONS_INIT;
  o.item_column = "sku";
  expect_refusal("user_id,item_id\nu,a\n", &o, ":1: --item-column \"sku\": no such column|\"user_id\" \"item_id\"");
  o.item_column = "user_id";
  expect_refusal("user_id,item_id\nu,a\n", &o, "\"user_id\"|one column a role");
  o.item_column = "x";
  expect_refusal("user_id,x,x\nu,a,b\n", &o, "2 and 3|--item-column a number");
  o = probe_format(SOLID_DATA_ROWS);
  o.user_column = "1";
  expect_refusal("u a b\nv c\n", &o, "table");
  o = probe_format(SOLID_DATA_AUTO);
  o.separator = "";
  expect_refusal("user_id,item_id\nu,a\n", &o, "separator \"\"");
  o.separator = ";";
  expect_refusal("user_id,item_id\nu,a\n", &o, "one column|semicolons|--separator");
}

Test(tables, two_columns_for_one_role_are_refused) {
  expect_refusal("userId,movieId,movie,rating,timestamp\n1,31,Dangerous Minds,2.5,1260759144\n", NULL,
                 ":1: columns 2 \"movieId\" and 3 \"movie\" may both be the items|--item-column");
  expect_refusal("user item ts time\n1 2 3 4\n", NULL, "\"ts\"|\"time\"|--time-column");
}

Test(tables, lines_have_no_more_fields_than_columns) {
  expect_bad("user_id,title,item_id\nu1,x,i1\nu1,Good, Bad,i2\n", SOLID_DATA_AUTO,
             ":3: 4 fields, and there are 3 columns, separated by commas: does a field hold the separator?");
  expect_bad("1::F::1::10::48067\n", SOLID_DATA_AUTO,
             ":1: 5 fields, and there are 4 columns, separated by ::: does a field hold the separator?");
  expect_bad("user movie ts\n1 10\n", SOLID_DATA_AUTO, ":2: 2 fields, the time is number 3");
  expect_bad("1::2::3\n", SOLID_DATA_MOVIELENS, ":1: 3 fields, the time is number 4");
  expect_bad("user_id:token\titem_id:token\n1\n", SOLID_DATA_RECBOLE, ":2: 1 fields, item is number 2");
}

Test(tables, malformed_fields_are_named) {
  expect_bad("user movie ts\n1 10 x\n", SOLID_DATA_AUTO, ":2: " NO_TIME("x"));
  expect_bad("1::2::3::4\n1::2::3::x4\n", SOLID_DATA_MOVIELENS, ":2: \"x4\" is not a time in seconds");
  expect_bad("1::2::3::nan\n", SOLID_DATA_MOVIELENS, ":1: " NO_TIME("nan"));
  expect_bad("1::2::3::1e300\n", SOLID_DATA_MOVIELENS, ":1: " NO_TIME("1e300"));
  expect_bad("1::2::3::\n", SOLID_DATA_MOVIELENS, ":1: an empty time");
  expect_bad("1::::3::4\n", SOLID_DATA_MOVIELENS, ":1: item of 0 bytes, want 1 to 255");
  expect_bad("::1::3::4\n", SOLID_DATA_MOVIELENS, ":1: user of 0 bytes, want 1 to 255");
  expect_refusal("userId,movieId\n1,\"2\n", NULL, ":2: field 2: the quote that opens it is not closed");
  expect_refusal("userId,movieId\n1,\"2\"\"\n", NULL, ":2: field 2: the quote that opens it is not closed");
  expect_bad("userId,movieId\n1,\"2\"3\n", SOLID_DATA_CSV, ":2: field 2: misplaced quote");
  solid_data_options o = SOLID_DATA_OPTIONS_INIT;
  expect_with("user,item,rating\n1,2,good\n", &o, "1 2  0\n");
  o.rating_column = "rating";
  expect_refusal("user,item,rating\n1,2,3\n1,3,good\n", &o, ":3: \"good\" is not a rating");
}

Test(tables, what_the_first_line_lacks_is_named) {
  expect_refusal("userId,rating\n1,2\n", NULL,
                 ":1: no column of items|movie_id|--item-column|commas|\"userId\" \"rating\"");
  expect_refusal("movieId,rating\n1,2\n", NULL, ":1: no column of users|user_id|--user-column");
  expect_refusal("customer\tsku\taction\twhen\nc1\ts1\tview\t1690000000\n", NULL,
                 ":1: no column of users|\"customer\"");
  expect_refusal("user_id, item_id, timestamp\nu1,i1,1690000000\n", NULL,
                 ":1: column 2 is called \" item_id\", with a blank");
  solid_data_options csv = probe_format(SOLID_DATA_CSV);
  expect_refusal("x,y\n1,2\n", &csv, ":1: no column of users|\"x\" \"y\"|--no-header");
  expect_refusal("user_id\nu\n", &csv, "one column|\"user_id\"");
}

static solid_data_report report_of(const char *text, uint64_t allowed, solid_status want, record *r,
                                   char first[2][256]) {
  solid_data_options o = SOLID_DATA_OPTIONS_INIT;
  solid_data_file *file = NULL;
  solid_data_report report = SOLID_DATA_REPORT_INIT;
  o.bad_lines = allowed;
  *r = (record){.answer = SOLID_OK};
  probe_write_text(text);
  cr_assert_eq(solid_data_file_open(&file, probe_path, &o), SOLID_OK, "%s", solid_last_error());
  solid_status status = solid_data_file_read(file, probe_events, r);
  cr_expect_eq(status, want, "%s: %s", solid_status_name(status), solid_last_error());
  cr_assert_eq(solid_data_file_get_report(file, &report), SOLID_OK);
  snprintf(first[0], 256, "%s", report.bad[0] ? report.bad[0] : "");
  snprintf(first[1], 256, "%s", report.odd_time[0] ? report.odd_time[0] : "");
  for (int i = 0; i < SOLID_DATA_SAID; i++) cr_expect_eq(report.bad[i] != NULL, (uint64_t)i < report.bad_lines);
  solid_data_file_close(file);
  return report;
}

Test(tables, bad_lines_are_left_out_counted_and_said) {
  static const char text[] =
      "user,item,ts\nu,a,1690000000\n,b,1690000001\nu,c,\nu,d,x\nu,e,1690000002,9\nu,f,1690000003\n";
  record r;
  char first[2][256];
  solid_data_report report = report_of(text, 4, SOLID_OK, &r, first);
  cr_expect_str_eq(r.text, "u a  1690000000000\nu f  1690000003000\n");
  cr_expect_eq(report.bad_lines, 4);
  cr_expect_eq(report.events, 2);
  cr_expect(strstr(first[0], ":3: user of 0 bytes"), "%s", first[0]);
  report = report_of(text, 3, SOLID_EFORMAT, &r, first);
  cr_expect(strstr(solid_last_error(), ":6: 4 fields"), "%s", solid_last_error());
  cr_expect(strstr(solid_last_error(), "3 bad lines before it"), "%s", solid_last_error());
  report = report_of("u a b\nv\nw c\n", 1, SOLID_OK, &r, first);
  cr_expect_str_eq(r.text, "u a  0\nu b  1\nw c  2\n");
  report = report_of("{\"user\":\"u\",\"item\":\"a\",\"ts\":1690000000000}\n{\"user\":\"u\",\"ts\":1}\n[\n", 2,
                     SOLID_OK, &r, first);
  cr_expect_str_eq(r.text, "u a  1690000000000\n");
  cr_expect_eq(report.bad_lines, 2);
}

Test(tables, implausible_times_are_taken_and_said) {
  record r;
  char first[2][256];
  solid_data_report report = report_of("user,item,ts\nu,a,1690000000\nu,b,5\n", 0, SOLID_OK, &r, first);
  cr_expect_str_eq(r.text, "u b  5000\nu a  1690000000000\n");
  cr_expect_eq(report.implausible, 1);
  cr_expect(strstr(first[1], ":3: 5000 ms is before 1980"), "%s", first[1]);
  report = report_of("user,item,ts\nu,a,1690000000\n", 0, SOLID_OK, &r, first);
  cr_expect_eq(report.implausible, 0);
  cr_expect_eq(report.bad_lines, 0);
}

Test(tables, events_are_worth_what_the_rule_says) {
  solid_data_options o = SOLID_DATA_OPTIONS_INIT;
  solid_worth_rule rule;
  cr_assert_eq(solid_worth_rule_read(&rule, "view=1,hate=0,login=skip", "3"), SOLID_OK);
  o.worth = &rule;
  expect_with("user,item,kind,rating,ts\nu,a,view,4,4\nu,b,view,2.5,3\nu,c,hate,,2\nu,d,login,5,1\nu,e,view,,5\n", &o,
              "u c hate 2000 dislike\nu b view 3000 2.5 dislike\nu a view 4000 4\nu e view 5000\n");
  expect_with("{\"user\":\"u\",\"item\":\"a\",\"event\":\"view\",\"rating\":2,\"ts\":1690000000000}\n", &o,
              "u a view 1690000000000 2 dislike\n");
  expect_refusal("user,item,kind,rating\nu,a,buy,4\n", &o, ":2: |\"buy\"|*=1");
  expect_refusal("user,item,kind,rating\nu,a,view,good\n", &o, ":2: |\"good\" is not a rating");
  expect_refusal("user,item,kind\nu,a,view\n", &o, "no ratings|--rating-column");
  expect_refusal("user,item,rating\nu,a,3\n", &o, "no kinds|--kind-column");
  expect_refusal("u a b\nv c\n", &o, "no ratings");
}

/* What a file holds can end no line, forge no other and speak to no terminal. */
Test(tables, control_characters_are_shown_as_codes) {
  expect_refusal("user,item,ts\nu,a,\x1b[2J\n", NULL, "\"\\x1b[2J\" is not a time");
  expect_refusal("use\x1br,item\nu,a\n", NULL, "\"use\\x1br\" \"item\"");
}

/* What programs write in place of an id, or round it. Quotes say that it is meant. */
Test(tables, an_id_is_what_the_stream_calls_it) {
#define ONE(user, item) "user_id,item_id\n" user "," item "\n"
  static const char *const nothing[] = {"NA", "N/A", "<NA>", "NaN", "nan", "NULL", "null", "None", "\\N"};
  char text[64];
  for (size_t i = 0; i < sizeof nothing / sizeof *nothing; i++) {
    snprintf(text, sizeof text, ONE("%s", "i"), nothing[i]);
    expect_refusal(text, NULL, ":2: user \"|stands for nothing");
  }
  expect_events(ONE("\"NA\"", "\" i \""), SOLID_DATA_CSV, "NA  i   0\n");
  expect_events(ONE("NAN", "Nul"), SOLID_DATA_CSV, "NAN Nul  0\n");
  expect_refusal(ONE("1.0", "31.0"), NULL, "\"1.0\" is a whole number");
  expect_refusal(ONE("1", "1e+05"), NULL, "item \"1e+05\" is a whole number");
  expect_refusal(ONE("9.78014E+12", "1"), NULL, "user \"9.78014E+12\" is a whole number");
  expect_events(ONE("1e5", "v2.0"), SOLID_DATA_CSV, "1e5 v2.0  0\n");
  expect_refusal(ONE("u ", "i"), NULL, "user \"u \" begins or ends with a blank");
  expect_refusal(ONE("u", " i"), NULL, "item \" i\" begins or ends with a blank");
  expect_refusal("user_id\titem_id\n\"u1\"\t\"i1\"\n", NULL, "is quoted, and the first line is not");
  expect_refusal("user_id|item_id\nu1|\"say \"\"hi\"\"\"\n", NULL, "is quoted");
  expect_refusal(ONE("u\xe9", "i"), NULL, "user \"u\\xe9\" is not UTF-8");
  expect_refusal("1 a\n2 \xff\n", NULL, ":2: item \"\\xff\" is not UTF-8");
}

Test(tables, names_of_columns_are_no_event) {
  expect_refusal(ONE("u", "i") ONE("v", "j"), NULL, ":3: names of columns where an event is expected");
  expect_refusal(ONE("u", "i") "\xef\xbb\xbf" ONE("v", "j"), NULL, ":3: |byte order mark");
  expect_refusal(
      "who,what\nu,i\nwho,what\n",
      &(solid_data_options){.struct_size = sizeof(solid_data_options), .user_column = "who", .item_column = "what"},
      ":3: names of columns");
  solid_data_options o = SOLID_DATA_OPTIONS_INIT;
  o.no_header = 1, o.user_column = "1", o.item_column = "2";
  expect_refusal(ONE("u", "i"), &o, ":1: names of columns|--no-header");
  expect_with("1,2\n1,3\n", &o, "1 2  0\n1 3  1\n");
}

Test(tables, a_known_name_with_a_blank_is_no_other_name) {
  expect_refusal("user_id,item_id, timestamp\nu,i,5\n", NULL, "column 3 is called \" timestamp\", with a blank");
  expect_refusal("user_id,item_id,timestamp\r\r\nu,i,5\r\r\n", NULL, "column 3 is called \"timestamp\\x0d\"");
  expect_refusal("user_id,item_id,rating\xc2\xa0\nu,i,5\n", NULL, "column 3 is called \"rating");
}

Test(tables, lines_have_what_is_asked_for) {
  solid_worth_rule rule = SOLID_WORTH_RULE_INIT;
  solid_data_options o = SOLID_DATA_OPTIONS_INIT;
  cr_assert_eq(solid_worth_rule_read(&rule, NULL, "3"), SOLID_OK);
  o.worth = &rule;
  expect_refusal("user_id,item_id,rating,x\nu,i\n", &o, ":2: 2 fields, the rating is number 3");
  expect_with("user_id,item_id,rating,x\nu,i,\n", &o, "u i  0\n");
  cr_assert_eq(solid_worth_rule_read(&rule, "view=1", NULL), SOLID_OK);
  expect_refusal("user_id,item_id,event,x\nu,i\n", &o, ":2: 2 fields, the kind is number 3");
  o.worth = NULL;
  expect_with("user_id,item_id,event,rating\nu,i\n", &o, "u i  0\n");
  o.rating_column = "rating";
  expect_refusal("user_id,item_id,event,rating\nu,i\n", &o, ":2: 2 fields, the rating is number 4");
}
