/* What files say about items. */
#include "tests/ingest/data/probe.h"
#include <criterion/criterion.h>

TestSuite(items, .init = probe_make, .fini = probe_remove);

static void check_attributes(const char *text, const char *want) {
  record r = {.answer = SOLID_OK};
  probe_write_text(text);
  solid_status status = solid_dataset_read_attributes(probe_path, probe_attributes, &r);
  cr_assert_eq(status, SOLID_OK, "%s", solid_last_error());
  cr_expect_str_eq(r.text, want);
}

static void check_bad_attributes(const char *text, const char *rest) {
  record r = {.answer = SOLID_OK};
  probe_write_text(text);
  cr_expect_eq(solid_dataset_read_attributes(probe_path, probe_attributes, &r), SOLID_EFORMAT);
  expect_message(rest);
}

Test(items, attributes) {
  check_attributes("{\"4\": [1, \"two\"], \"a\": []}", "4:1,two\na:\n");
  check_attributes("movieId,title,genres\n1,\"Toy, Story\",Comedy|War\n2,X,(no genres listed)\n", "1:Comedy,War\n2:\n");
  check_attributes("1::Toy Story (1995)::Comedy|War\n2::X::Drama\n", "1:Comedy,War\n2:Drama\n");
  check_attributes("item_id:token\tmovie_title:token_seq\trelease_year:token\tprice:float\tclass:token_seq\n"
                   "1\tToy Story\t1995\t3.5\tComedy War\n2\tX\t\t1\tDrama\n",
                   "1:release_year=1995,class=Comedy,class=War\n2:class=Drama\n");
}

Test(items, malformed_attributes_are_named) {
  check_bad_attributes("", ":1: the file has no lines");
  check_bad_attributes("1::Toy Story\n", ":1: 2 fields, genres are number 3");
  check_bad_attributes("1::Toy Story::War\n::X::War\n", ":2: item of 0 bytes, want 1 to 255");
  check_bad_attributes("movieId,title\n1,x\n", ":1: no column genres");
  check_bad_attributes("a:token\tb:token\n1\t2\n", ":1: no column item_id");
  check_bad_attributes("item_id:token\n1\t2\n", ":2: 2 fields under 1 columns");
  check_bad_attributes("{\"4\": {\"x\": 1}}", ": \"4\" is not a list");
}

Test(items, vectors) {
  const float values[] = {1.0f, -2.5f, 3.0f, 4.0f};
  record r = {.answer = SOLID_OK};
  probe_write(values, sizeof values);
  cr_assert_eq(solid_dataset_read_vectors(probe_path, 2, probe_vector, &r), SOLID_OK, "%s", solid_last_error());
  cr_expect_str_eq(r.text, "0:1 -2.5 1:3 4 ");
  cr_expect_eq(solid_dataset_read_vectors(probe_path, 3, probe_vector, &r), SOLID_EFORMAT);
  expect_message(": row 1 has 4 bytes, 3 floats have 12: another width?");
  cr_expect_eq(solid_dataset_read_vectors(probe_path, 0, probe_vector, &r), SOLID_EINVAL);
  probe_write("", 0);
  cr_expect_eq(solid_dataset_read_vectors(probe_path, 2, probe_vector, &r), SOLID_EFORMAT);
  probe_write("\0\0\0\0\0\0\xc0\x7f", 8);
  cr_expect_eq(solid_dataset_read_vectors(probe_path, 2, probe_vector, &r), SOLID_EFORMAT);
  expect_message(": row 0: value 1 is not finite");
}
