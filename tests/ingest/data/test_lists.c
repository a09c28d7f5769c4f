/* Tables of histories: RecBole's lists, whole, cut and filled. */
#include "tests/ingest/data/probe.h"
#include <criterion/criterion.h>

TestSuite(lists, .init = probe_make, .fini = probe_remove);

Test(lists, recbole_histories_count_once) {
  expect_events("user_id:token\titem_id_list:token_seq\titem_id:token\n"
                "u\ta\tb\nv\tx y\tz\nu\ta b c\td\nu\ta b\tc\n",
                SOLID_DATA_RECBOLE, "u a  0\nu b  1\nu c  2\nu d  3\nv x  4\nv y  5\nv z  6\n");
}

#define HEADER "user_id:token\titem_id_list:token_seq\titem_id:token\n"

Test(lists, the_order_of_lines_does_not_matter) {
  const char *want = "u a  0\nu b  1\nu c  2\n";
  expect_events(HEADER "u\ta\tb\nu\ta b\tc\n", SOLID_DATA_RECBOLE, want);
  expect_events(HEADER "u\ta b\tc\nu\ta\tb\n", SOLID_DATA_RECBOLE, want);
  expect_events(HEADER "u\t\ta\nu\ta\tb\nu\ta b\tc\n", SOLID_DATA_RECBOLE, want);
}

Test(lists, cut_lists_are_joined) {
  const char *want = "1 1  0\n1 2  1\n1 3  2\n1 4  3\n1 5  4\n1 6  5\n";
  expect_events(HEADER "1\t1 2 3\t4\n1\t2 3 4\t5\n1\t3 4 5\t6\n", SOLID_DATA_RECBOLE, want);
  expect_events(HEADER "1\t3 4 5\t6\n1\t2 3 4\t5\n1\t1 2 3\t4\n", SOLID_DATA_RECBOLE, want);
  expect_events(HEADER "1\t1\t2\n1\t1 2\t3\n1\t1 2 3\t4\n1\t2 3 4\t5\n1\t3 4 5\t6\n", SOLID_DATA_RECBOLE, want);
  /* the same items again and again: each line is an event */
  expect_events(HEADER "1\t1\t1\n1\t1 1\t1\n1\t1 1\t1\n", SOLID_DATA_RECBOLE, "1 1  0\n1 1  1\n1 1  2\n1 1  3\n");
}

Test(lists, filled_lists_are_emptied) {
  const char *want = "1 2  0\n1 3  1\n1 4  2\n1 5  3\n1 6  4\n";
  expect_events(HEADER "1\t0 0 0\t2\n1\t2 0 0\t3\n1\t2 3 0\t4\n1\t2 3 4\t5\n1\t3 4 5\t6\n", SOLID_DATA_RECBOLE, want);
  expect_events(HEADER "1\t0 0 0\t2\n1\t0 0 2\t3\n1\t0 2 3\t4\n1\t2 3 4\t5\n1\t3 4 5\t6\n", SOLID_DATA_RECBOLE, want);
}

Test(lists, an_item_called_0_stays) {
  expect_events(HEADER "u\t0 1\t2\nu\t0\t1\nv\t0\t0\n", SOLID_DATA_RECBOLE, "u 0  0\nu 1  1\nu 2  2\nv 0  3\nv 0  4\n");
  expect_refusal(HEADER "1\t2 0 0\t3\n1\t2 3 0\t0\n", NULL, "filled with zeros, or an item 0");
}

Test(lists, several_histories_of_a_user_are_refused) {
  expect_refusal(HEADER "u\ta b\tc\nu\tx y\tz\n", NULL, ":3: |user \"u\"|do not continue one another");
  expect_refusal(HEADER "u\ta\tb\nu\tx y\tz\n", NULL, "do not continue one another");
  expect_refusal(HEADER "u\ta b c\td\nu\tc d e\tf\n", NULL, ":3: |lines left out");
  expect_bad(HEADER "u\ta b\tc\td\n", SOLID_DATA_AUTO, ":2: 4 fields, and there are 3 columns");
}
