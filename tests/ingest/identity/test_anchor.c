#include "ingest/identity/anchor.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static sol_anchor anchor_at(int64_t offset) {
  return (sol_anchor){offset, 1000 + offset, {(uint64_t)offset * 7, (uint64_t)offset * 11}};
}

static sol_record record_of(int64_t last) {
  sol_record record = {.stream = 5};
  for (int64_t i = 0; i <= last; i++) sol_record_add(&record, anchor_at(i));
  return record;
}

Test(anchor, streams_are_numbered_at_random) {
  uint64_t a, b;
  cr_assert_eq(sol_stream_draw(&a), SOLID_OK);
  cr_assert_eq(sol_stream_draw(&b), SOLID_OK);
  cr_assert(a && b && a != b);
}

Test(anchor, a_hash_tells_time_key_and_value_apart) {
  const char *a = "ab", *none = NULL;
  sol_hash128 hashes[] = {sol_anchor_hash(1, a, 1, a, 2), sol_anchor_hash(2, a, 1, a, 2),
                          sol_anchor_hash(1, a, 2, a, 1), sol_anchor_hash(1, none, 0, a, 2),
                          sol_anchor_hash(1, a, 0, a, 2), sol_anchor_hash(1, a, 1, none, 0),
                          sol_anchor_hash(1, a, 1, a, 0), sol_anchor_hash(1, a + 1, 1, a, 2)};
  size_t n = sizeof hashes / sizeof *hashes;
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < i; j++)
      cr_assert(memcmp(&hashes[i], &hashes[j], sizeof *hashes), "hashes %zu and %zu are one", i, j);
  sol_hash128 again = sol_anchor_hash(1, a, 1, a, 2);
  cr_assert_eq(memcmp(&again, &hashes[0], sizeof again), 0);
}

Test(anchor, distances_grow) {
  for (int64_t last = 0; last < 5000; last += 1 + last / 3) {
    sol_record record = record_of(last);
    cr_assert_eq(record.count, last < SOL_ANCHORS ? (size_t)last + 1 : SOL_ANCHORS);
    cr_assert_eq(record.anchors[0].offset, last);
    cr_assert_eq(record.anchors[record.count - 1].offset, 0, "the oldest stays");
    for (size_t i = 1; i < record.count; i++)
      cr_assert_lt(record.anchors[i].offset, record.anchors[i - 1].offset, "%lld", (long long)last);
  }
  /* Evenly on a scale of ratios: from one anchor to the next no step is larger than twice the even one. */
  sol_record record = record_of(100000);
  double even = log(100001.0) / (SOL_ANCHORS - 1);
  for (size_t i = 1; i < record.count; i++) {
    double step = log((double)(record.anchors[0].offset - record.anchors[i].offset + 1) /
                      (double)(record.anchors[0].offset - record.anchors[i - 1].offset + 1));
    cr_assert(step < 2 * even, "step %zu is %g, even is %g", i, step, even);
  }
}

Test(anchor, an_older_one_is_left_out) {
  sol_record record = record_of(3);
  sol_record_add(&record, anchor_at(3));
  sol_record_add(&record, anchor_at(1));
  cr_assert_eq(record.count, 4);
  cr_assert_eq(record.anchors[0].offset, 3);
}

Test(anchor, a_record_comes_back_from_its_bytes) {
  unsigned char bytes[SOL_RECORD_MAX];
  for (int64_t last = -1; last < 40; last += 5) {
    sol_record record = record_of(last), back;
    memset(bytes, 0xa5, sizeof bytes);
    size_t size = sol_record_write(&record, bytes);
    cr_assert_leq(size, sizeof bytes);
    cr_assert_eq(sol_record_read(&back, bytes, size), SOLID_OK);
    cr_assert_eq(back.stream, 5);
    cr_assert_eq(back.count, record.count);
    for (size_t i = 0; i < back.count; i++)
      cr_assert_eq(memcmp(&back.anchors[i], &record.anchors[i], sizeof *back.anchors), 0);
  }
}

Test(anchor, bytes_that_are_no_record_are_refused) {
  unsigned char bytes[SOL_RECORD_MAX];
  sol_record record = record_of(20), back;
  size_t size = sol_record_write(&record, bytes);
  for (size_t cut = 0; cut < size; cut++) cr_assert_eq(sol_record_read(&back, bytes, cut), SOLID_EFORMAT, "%zu", cut);
  for (size_t at = 0; at < 5; at++) { /* "SST", version, count */
    bytes[at] ^= 0x10;
    cr_assert_eq(sol_record_read(&back, bytes, size), SOLID_EFORMAT, "byte %zu", at);
    bytes[at] ^= 0x10;
  }
  memset(bytes + 8, 0, 8);
  cr_assert_eq(sol_record_read(&back, bytes, size), SOLID_EFORMAT, "stream 0");
}

/* Newest first: = equal, x different, > beyond the end, . gone. */
static sol_identity judge(const char *text, size_t *newest, size_t *equal) {
  sol_found found[SOL_ANCHORS];
  size_t n = strlen(text);
  for (size_t i = 0; i < n; i++)
    found[i] = text[i] == '='   ? SOL_FOUND_EQUAL
               : text[i] == 'x' ? SOL_FOUND_DIFFERENT
               : text[i] == '>' ? SOL_FOUND_BEYOND
                                : SOL_FOUND_GONE;
  return sol_identity_of(found, n, newest, equal);
}

Test(anchor, the_newest_readable_anchor_decides) {
  static const struct {
    const char *found;
    sol_identity right;
  } cases[] = {{"=", SOL_IDENTITY_SAME},   {"=...", SOL_IDENTITY_SAME},   {".=x", SOL_IDENTITY_SAME},
               {"..=", SOL_IDENTITY_SAME}, {"x", SOL_IDENTITY_NEW},       {">", SOL_IDENTITY_NEW},
               {">xx", SOL_IDENTITY_NEW},  {".x.", SOL_IDENTITY_NEW},     {"x=", SOL_IDENTITY_CUT},
               {">=", SOL_IDENTITY_CUT},   {">>x=", SOL_IDENTITY_CUT},    {".>.=", SOL_IDENTITY_CUT},
               {"", SOL_IDENTITY_UNCLEAR}, {"....", SOL_IDENTITY_UNCLEAR}};
  size_t newest, equal;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    cr_assert_eq(judge(cases[i].found, &newest, &equal), cases[i].right, "%s", cases[i].found);
  judge(".>.=", &newest, &equal);
  cr_assert(newest == 1 && equal == 3);
}
