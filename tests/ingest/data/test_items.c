/* What files say about items. */
#include "tests/ingest/data/probe.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

TestSuite(items, .init = probe_make, .fini = probe_remove);

static void check_attributes(const char *text, const char *want) {
  record r = {.answer = SOLID_OK};
  probe_write_text(text);
  solid_status status = solid_data_read_attributes(probe_path, NULL, probe_attributes, &r);
  cr_assert_eq(status, SOLID_OK, "%s", solid_last_error());
  cr_expect_str_eq(r.text, want);
}

static void check_bad_attributes(const char *text, const char *rest) {
  record r = {.answer = SOLID_OK};
  probe_write_text(text);
  cr_expect_eq(solid_data_read_attributes(probe_path, NULL, probe_attributes, &r), SOLID_EFORMAT);
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

static solid_status take_title(void *context, solid_bytes item, solid_bytes title) {
  record *r = context;
  r->used += (size_t)snprintf(r->text + r->used, sizeof r->text - r->used, "%.*s=%.*s;", (int)item.size, item.data,
                              (int)title.size, title.data);
  return r->answer;
}

static void check_titles_with(const char *text, const solid_attributes_options *o, solid_status status,
                              const char *want) {
  record r = {.answer = SOLID_OK};
  probe_write_text(text);
  cr_expect_eq(solid_data_read_titles(probe_path, o, take_title, &r), status, "%s: %s", text, solid_last_error());
  cr_expect_str_eq(r.text, want);
}

static void check_titles(const char *text, solid_status status, const char *want) {
  check_titles_with(text, NULL, status, want);
}

Test(items, titles_of_a_table_by_its_column_of_items) {
  solid_attributes_options o = SOLID_ATTRIBUTES_OPTIONS_INIT;
  check_titles("sku,group,name\na,1,Alpha\n", SOLID_ENOTFOUND, "");
  cr_expect(strstr(solid_last_error(), "no column of items") &&
                strstr(solid_last_error(), "\"sku\" \"group\" \"name\""),
            "%s", solid_last_error());
  check_titles("item,label\na,Alpha\n", SOLID_ENOTFOUND, "");
  cr_expect(strstr(solid_last_error(), "no column called title, name"), "%s", solid_last_error());
  o.item_column = "sku";
  check_titles_with("sku,group,name\na,1,Alpha\n", &o, SOLID_OK, "a=Alpha;");
  check_titles_with("item,name\na,Alpha\n", &o, SOLID_OK, "a=Alpha;");
  check_titles_with("name,sku\nAlpha,a\n", &o, SOLID_OK, "a=Alpha;");
  o.item_column = "2";
  check_titles_with("name,sku\nAlpha,a\n", &o, SOLID_OK, "a=Alpha;");
  o.item_column = "product_name"; /* the item is no title */
  check_titles_with("product_name,title\na,Alpha\n", &o, SOLID_OK, "a=Alpha;");
  o.item_column = "sku", o.separator = "/";
  check_titles_with("sku/name\na/Alpha\n", &o, SOLID_OK, "a=Alpha;");
  o.struct_size = sizeof o + 8;
  check_titles_with("sku/name\na/Alpha\n", &o, SOLID_EINVAL, "");
}

Test(items, titles) {
  check_titles("{\"a\": \"Alpha\", \"b\": \"Beta 2\"}", SOLID_OK, "a=Alpha;b=Beta 2;");
  check_titles("movieId,title,genres\n1,\"Toy, Story\",Comedy|War\n2,X,\n3,,War\n", SOLID_OK, "1=Toy, Story;2=X;");
  check_titles("1::Toy Story (1995)::Comedy|War\n2::X::Drama\n", SOLID_OK, "1=Toy Story (1995);2=X;");
  check_titles("item_id:token\tmovie_title:token_seq\tclass:token_seq\n1\tToy Story\tWar\n", SOLID_OK, "1=Toy Story;");
  check_titles("{\"4\": [1, \"two\"], \"a\": []}", SOLID_ENOTFOUND, "");
  check_titles("movieId,genres\n1,War\n", SOLID_ENOTFOUND, "");
  check_titles("{\"a\": \"Alpha\", \"b\": 3}", SOLID_EFORMAT, "a=Alpha;");
  check_titles("", SOLID_EFORMAT, "");
}

Test(items, malformed_attributes_are_named) {
  check_bad_attributes("", ":1: the file has no lines");
  check_bad_attributes("1::Toy Story\n", ":1: 2 fields, genres are number 3");
  check_bad_attributes("1::Toy Story::War\n::X::War\n", ":2: item of 0 bytes, want 1 to 255");
  check_bad_attributes("movieId,title\n1,x\n", ":1: no column genres: --attribute-columns says which of the 2 "
                                               "separated by commas are attributes (\"movieId\" \"title\")");
  check_bad_attributes("a:token\tb:token\n1\t2\n",
                       ":1: no column of items (" SOLID_DATA_ITEM_NAMES
                       "): --attribute-item says which of the 2 separated by tabs (\"a:token\" \"b:token\")");
  check_bad_attributes(
      "movieId,genres\n1,\"['War', 'Comedy']\"\n",
      ":2: attributes \"['War', 'Comedy']\": is a list as a program writes it: want values with | between");
  check_bad_attributes("movieId,genres\n1,D\xe9\n",
                       ":2: attributes \"D\\xe9\": is not UTF-8: write the file as UTF-8 (iconv "
                       "-f LATIN1 -t UTF-8)");
  check_bad_attributes("movieId,genres,genres\n1,A,B\n",
                       ":1: columns 2 and 3 are both called \"genres\": --attribute-columns says which");
  check_bad_attributes("item_id:token\n1\t2\n", ":2: 2 fields under 1 columns");
  check_bad_attributes("{\"4\": {\"x\": 1}}", ": \"4\" is not a list");
}

static void check_with(const char *text, const solid_attributes_options *o, const char *want) {
  record r = {.answer = SOLID_OK};
  probe_write_text(text);
  cr_assert_eq(solid_data_read_attributes(probe_path, o, probe_attributes, &r), SOLID_OK, "%s", solid_last_error());
  cr_expect_str_eq(r.text, want, "%s", r.text);
}

static void refuse_with(const char *text, const solid_attributes_options *o, const char *said) {
  record r = {.answer = SOLID_OK};
  probe_write_text(text);
  cr_assert_eq(solid_data_read_attributes(probe_path, o, probe_attributes, &r), SOLID_EFORMAT, "%s", r.text);
  cr_expect(strstr(solid_last_error(), said), "%s", solid_last_error());
}

Test(items, attributes_of_any_table_by_columns) {
  solid_attributes_options o = SOLID_ATTRIBUTES_OPTIONS_INIT;
  o.columns = "tags,colour";
  check_with("product_id;colour;tags;price\np1;red;big|new;3\np2;;;4\n", &o, "p1:tags=big,tags=new,colour=red\np2:\n");
  o.item_column = "sku", o.columns = "2";
  check_with("sku\tcolour\np1\tred\n", &o, "p1:2=red\n");
  o.no_header = 1, o.item_column = "1";
  check_with("p1,red\np2,blue\n", &o, "p1:2=red\np2:2=blue\n");
  o.no_header = 0, o.item_column = "item_id", o.columns = "class,year";
  check_with("item_id:token\tyear:float\tclass:token_seq\n1\t1995\tA B\n", &o, "1:class=A,class=B,year=1995\n");
  refuse_with("item_id,colour\n1,red\n", &o, "--attribute-columns \"class\"");
  o.columns = "item_id";
  refuse_with("item_id,colour\n1,red\n", &o, "no attribute");
  o.columns = "colour", o.item_column = NULL;
  refuse_with("item_id,movie,colour\n1,2,red\n", &o, "columns 1 and 2 may both be the items");
  refuse_with("sku,colour\n1,red\n", &o, "--attribute-item says which of the 2 separated by commas");
  refuse_with("item_id,colour\n1,red, dark\n", &o, ":2: 3 fields under 2 columns");
}

Test(items, a_table_of_something_else_is_no_attributes) {
  refuse_with("1::F::1::10::48067\n2::M::56::16::70072\n", NULL, ":1: 5 fields under 3 columns");
  refuse_with("movieId,title,genres\n0,Good, Bad,Drama|Comedy\n", NULL, ":2: 4 fields under 3 columns");
  refuse_with("PAR1", NULL, "Parquet");
}

static solid_status read_vectors(uint32_t width, const char *ids, record *r, solid_vectors_report *report) {
  solid_vectors_options o = SOLID_VECTORS_OPTIONS_INIT;
  o.width = width, o.ids = ids;
  *r = (record){.answer = SOLID_OK};
  return solid_data_read_vectors(probe_path, &o, probe_vector, r, report);
}

Test(items, raw_vectors) {
  const float values[] = {1.0f, -2.5f, 3.0f, 4.0f}, zeros[4] = {0}, tiny[] = {1e-20f, -3e-20f};
  record r;
  solid_vectors_report report = SOLID_VECTORS_REPORT_INIT;
  probe_write(values, sizeof values);
  cr_assert_eq(read_vectors(2, NULL, &r, &report), SOLID_OK, "%s", solid_last_error());
  cr_expect_str_eq(r.text, "0:1 -2.5 1:3 4 ");
  cr_expect(report.rows == 2 && report.width == 2 && report.zero_rows == 0);
  cr_expect_eq(read_vectors(3, NULL, &r, NULL), SOLID_EFORMAT);
  expect_message(": row 1 has 4 bytes, 3 floats have 12: another width?");
  cr_expect_eq(read_vectors(0, NULL, &r, NULL), SOLID_EINVAL);
  expect_message(": raw vectors, and their width is not given (--vector-width)");
  probe_write("", 0);
  cr_expect_eq(read_vectors(2, NULL, &r, NULL), SOLID_EFORMAT);
  probe_write("\0\0\0\0\0\0\xc0\x7f", 8);
  cr_expect_eq(read_vectors(2, NULL, &r, NULL), SOLID_EFORMAT);
  expect_message(": row 0: value 1 is not finite");
  probe_write(zeros, sizeof zeros);
  cr_expect_eq(read_vectors(2, NULL, &r, NULL), SOLID_EFORMAT);
  expect_message(": all 2 vectors are zero");
  probe_write(tiny, sizeof tiny);
  cr_expect_eq(read_vectors(2, NULL, &r, NULL), SOLID_OK, "%s", solid_last_error());
  probe_write("PK\3\4abcd", 8);
  cr_expect_eq(read_vectors(2, NULL, &r, NULL), SOLID_EFORMAT);
  cr_expect(strstr(solid_last_error(), "zip"), "%s", solid_last_error());
}

/* A .npy file of version 1 with this header and these bytes behind it. */
static void write_npy(const char *header, const void *data, size_t size) {
  char bytes[1024] = "\x93NUMPY\1\0";
  size_t n = strlen(header);
  bytes[8] = (char)n, bytes[9] = 0;
  memcpy(bytes + 10, header, n);
  memcpy(bytes + 10 + n, data, size);
  probe_write(bytes, 10 + n + size);
}

#define NPY(descr, order, shape) "{'descr': '" descr "', 'fortran_order': " order ", 'shape': " shape ", }  \n"

Test(items, numpy_vectors_by_their_header) {
  const float values[] = {1.0f, -2.5f, 0.0f, 0.0f, 3.0f, 4.0f};
  const double doubles[] = {1, 2.5, 3, 4};
  record r;
  solid_vectors_report report = SOLID_VECTORS_REPORT_INIT;
  write_npy(NPY("<f4", "False", "(3, 2)"), values, sizeof values);
  cr_assert_eq(read_vectors(0, NULL, &r, &report), SOLID_OK, "%s", solid_last_error());
  cr_expect_str_eq(r.text, "0:1 -2.5 1:0 0 2:3 4 ");
  cr_expect(report.width == 2 && report.rows == 3 && report.zero_rows == 1 && report.first_zero == 1);
  cr_assert_eq(read_vectors(2, NULL, &r, NULL), SOLID_EINVAL);
  cr_expect(strstr(solid_last_error(), "a width of 2 is for raw files"), "%s", solid_last_error());
  write_npy(NPY("<f8", "False", "(2, 2)"), doubles, sizeof doubles);
  cr_assert_eq(read_vectors(0, NULL, &r, NULL), SOLID_OK, "%s", solid_last_error());
  cr_expect_str_eq(r.text, "0:1 2.5 1:3 4 ");
}

static void refuse_npy(const char *header, size_t size, const char *said) {
  const float values[] = {1, 2, 3, 4};
  record r;
  write_npy(header, values, size);
  cr_assert_eq(read_vectors(0, NULL, &r, NULL), SOLID_EFORMAT, "%s", header);
  cr_expect(strstr(solid_last_error(), said), "%s", solid_last_error());
}

Test(items, numpy_arrays_that_are_no_vectors_are_named) {
  refuse_npy(NPY("<i8", "False", "(2, 2)"), 16, "'<i8'");
  refuse_npy(NPY(">f4", "False", "(2, 2)"), 16, "'>f4'");
  refuse_npy(NPY("<f4", "True", "(2, 2)"), 16, "in columns");
  refuse_npy(NPY("<f4", "False", "(4,)"), 16, "shape (4,)");
  refuse_npy(NPY("<f4", "False", "(2, 1, 2)"), 16, "shape (2, 1, 2)");
  refuse_npy(NPY("<f4", "False", "(3, 2)"), 16, "2 rows, where its header says 3");
  refuse_npy(NPY("<f4", "False", "(1, 2)"), 16, "2 rows, where its header says 1");
  refuse_npy(NPY("<f4", "False", "(2, 2)"), 12, "row 1 has 4 bytes");
  refuse_npy("{}", 16, "want '<f4'");
  record r;
  probe_write("\x93NUMPY\1\0\xff", 9);
  cr_assert_eq(read_vectors(0, NULL, &r, NULL), SOLID_EFORMAT);
  probe_write("\x93NUMPY\1\0\xff\0{", 11);
  cr_assert_eq(read_vectors(0, NULL, &r, NULL), SOLID_EFORMAT);
  cr_expect(strstr(solid_last_error(), "1 bytes of a header of 255"), "%s", solid_last_error());
}

Test(items, vectors_of_named_items) {
  char ids[64];
  record r;
  const float values[] = {1, 2, 3, 4};
  snprintf(ids, sizeof ids, "%s.ids", probe_path);
  probe_write(values, sizeof values);
  static const struct {
    const char *text, *said;
  } cases[] = {{"a\nb c\n", NULL},
               {"a\n", "has 1 ids"},
               {"a\nb\nc\n", "more ids than the 2"},
               {"a\na\n", "second time"},
               {"a\t0\nb\t1\n", "one id a line"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    FILE *file = fopen(ids, "w");
    fputs(cases[i].text, file);
    fclose(file);
    solid_status status = read_vectors(2, ids, &r, NULL);
    cr_expect_eq(status, cases[i].said ? SOLID_EFORMAT : SOLID_OK, "%s: %s", cases[i].text, solid_last_error());
    if (cases[i].said) cr_expect(strstr(solid_last_error(), cases[i].said), "%s", solid_last_error());
    if (!cases[i].said) cr_expect_str_eq(r.text, "a:1 2 b c:3 4 ");
  }
  unlink(ids);
}
