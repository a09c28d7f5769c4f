/* Objects of JSON that are read member by member: larger than what is read at once, and broken ones. */
#include "tests/ingest/data/probe.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(json_members, .init = probe_make, .fini = probe_remove);

static void refused(const char *text, const char *rest) {
  record r = {.answer = SOLID_OK};
  probe_write_text(text);
  cr_expect_eq(solid_data_read_attributes(probe_path, NULL, probe_attributes, &r), SOLID_EFORMAT, "%s", text);
  expect_message(rest);
}

static void taken(const char *text, const char *want) {
  record r = {.answer = SOLID_OK};
  probe_write_text(text);
  cr_assert_eq(solid_data_read_attributes(probe_path, NULL, probe_attributes, &r), SOLID_OK, "%s", solid_last_error());
  cr_expect_str_eq(r.text, want);
}

Test(json_members, any_spelling_of_an_object) {
  taken(" {\n \"a\" :[ ] ,\"b\\\"},{\":[\"x,}]\",\"\\\\\"]\n}\n\n", "a:\nb\"},{:x,}],\\\n");
  taken("{\"a\": [\"\\u00e9\"]}", "a:\xc3\xa9\n");
}

Test(json_members, what_is_wrong_is_said_with_its_line) {
  refused("{\"a\": [1]", ":1: the file ends within the object");
  refused("{\"a\": [1],\n}", ":2: a comma without a member");
  refused("{\"a\": [1],,\"b\": [2]}", ":1: a comma without a member");
  refused("{\"a\": [1],\n\"b\": [2],\n\"a\": [3]}", ":3: a name of the object is there twice");
  refused("{\"a\": [1]}\n{\"b\": [2]}", ":2: bytes behind the end of the object");
  refused("{\"a\": [1}]}", ":1: ']' expected near '}'");
  refused("{\"a\": [\"\xff\"]}", ":1: unable to decode byte 0xff near '\"'");
}

typedef struct seen {
  size_t items, values;
} seen;

static solid_status count(void *context, solid_bytes item, const solid_bytes *attributes, size_t n) {
  seen *s = context;
  char want[24];
  int size = snprintf(want, sizeof want, "%zu", s->items);
  cr_assert(item.size == (size_t)size && memcmp(item.data, want, item.size) == 0);
  cr_assert_eq(n, s->items % 7);
  for (size_t i = 0; i < n; i++) cr_assert(attributes[i].size == 30 && attributes[i].data[29] == '0' + (char)i);
  s->items++, s->values += n;
  return SOLID_OK;
}

/* Members end anywhere in the pieces that are read. */
Test(json_members, of_many_megabytes) {
  enum { ITEMS = 40000 };
  char *text = malloc(ITEMS * 300), *at = text;
  seen s = {0};
  *at++ = '{';
  for (size_t v = 0; v < ITEMS; v++) {
    at += sprintf(at, "%s\"%zu\": [", v ? ", " : "", v);
    for (size_t i = 0; i < v % 7; i++) at += sprintf(at, "%s\"%030zu\"", i ? "," : "", i);
    *at++ = ']';
  }
  *at++ = '}';
  probe_write(text, (size_t)(at - text));
  free(text);
  cr_assert_eq(solid_data_read_attributes(probe_path, NULL, count, &s), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(s.items, ITEMS);
}
