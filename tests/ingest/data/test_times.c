/* Times of every unit, and one unit a file. */
#include "tests/ingest/data/probe.h"
#include <criterion/criterion.h>
#include <string.h>

TestSuite(times, .init = probe_make, .fini = probe_remove);

static int64_t read_time(const char *text, solid_time_unit given, solid_time_unit want) {
  int64_t ms = -1;
  solid_time_unit unit = given;
  solid_status status = solid_time_read((solid_bytes){text, strlen(text)}, &unit, given != SOLID_TIME_AUTO, &ms);
  cr_expect_eq(status, SOLID_OK, "%s: %s", text, solid_last_error());
  cr_expect_eq(unit, want, "%s: unit %d", text, (int)unit);
  return ms;
}

Test(times, the_unit_is_seen) {
  cr_expect_eq(read_time("1690000000", SOLID_TIME_AUTO, SOLID_TIME_SECONDS), 1690000000000);
  cr_expect_eq(read_time("1690000000.25", SOLID_TIME_AUTO, SOLID_TIME_SECONDS), 1690000000250);
  cr_expect_eq(read_time("1.69e9", SOLID_TIME_AUTO, SOLID_TIME_SECONDS), 1690000000000);
  cr_expect_eq(read_time("-5.5", SOLID_TIME_AUTO, SOLID_TIME_SECONDS), -5500);
  cr_expect_eq(read_time("1690000000123", SOLID_TIME_AUTO, SOLID_TIME_MILLISECONDS), 1690000000123);
  cr_expect_eq(read_time("1690000000123456", SOLID_TIME_AUTO, SOLID_TIME_MICROSECONDS), 1690000000123);
  cr_expect_eq(read_time("1970-01-01", SOLID_TIME_AUTO, SOLID_TIME_ISO), 0);
  cr_expect_eq(read_time("2023-07-22T04:26:40Z", SOLID_TIME_AUTO, SOLID_TIME_ISO), 1690000000000);
  cr_expect_eq(read_time("2023-07-22 06:26:40.25+02:00", SOLID_TIME_AUTO, SOLID_TIME_ISO), 1690000000250);
  cr_expect_eq(read_time("2023-07-22T04:26", SOLID_TIME_AUTO, SOLID_TIME_ISO), 1689999960000);
  cr_expect_eq(read_time("2000-02-29", SOLID_TIME_AUTO, SOLID_TIME_ISO), 951782400000);
  cr_expect_eq(read_time("1969-12-31T23:59:59.999Z", SOLID_TIME_AUTO, SOLID_TIME_ISO), -1);
  cr_expect_eq(read_time("5", SOLID_TIME_MILLISECONDS, SOLID_TIME_MILLISECONDS), 5);
  cr_expect_eq(read_time("1690000000000", SOLID_TIME_MICROSECONDS, SOLID_TIME_MICROSECONDS), 1690000000);
}

static void refuse(const char *text, solid_time_unit given, const char *said) {
  int64_t ms = 77;
  solid_time_unit unit = given;
  solid_status status = solid_time_read((solid_bytes){text, strlen(text)}, &unit, 1, &ms);
  cr_expect_eq(status, SOLID_EFORMAT, "%s was read as %lld", text, (long long)ms);
  cr_expect(strstr(solid_last_error(), said), "%s", solid_last_error());
  cr_expect_eq(unit, given);
  cr_expect_eq(ms, 77);
}

Test(times, what_is_none_is_refused) {
  static const char *const texts[] = {"",
                                      "x",
                                      "1e18",
                                      "0x10",
                                      "1,5",
                                      " 5",
                                      "2023-13-01",
                                      "2023-02-29",
                                      "2023-07-22T",
                                      "2023-7-22",
                                      "22.07.2023",
                                      "nan",
                                      "2023-07-22T25:00",
                                      "2023-07-22T04:26:40+",
                                      "2023-07-22T04:26:40Zulu"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) refuse(texts[i], SOLID_TIME_AUTO, "is not a time");
  refuse("1690000000000", SOLID_TIME_SECONDS, "looks like milliseconds, where the times are seconds");
  refuse("2023-07-22", SOLID_TIME_SECONDS, "looks like ISO 8601");
  refuse("1690000000", SOLID_TIME_ISO, "looks like seconds");
}

Test(times, a_file_has_one_unit) {
  solid_data_options o = SOLID_DATA_OPTIONS_INIT;
  expect_with("user,item,ts\nu,b,1690000001000\nu,a,1690000000000\n", &o, "u a  1690000000000\nu b  1690000001000\n");
  expect_with("user,item,time\nu,b,2023-07-22T04:26:41Z\nu,a,2023-07-22T04:26:40Z\n", &o,
              "u a  1690000000000\nu b  1690000001000\n");
  expect_refusal("user,item,ts\nu,a,1690000000\nu,b,1690000001000\n", NULL, ":3: |milliseconds|seconds|--time-unit ms");
  expect_refusal("user,item,ts\nu,a,1690000000000\nu,b,0\n", NULL, ":3: |looks like seconds");
  o.time_unit = SOLID_TIME_MILLISECONDS;
  expect_with("user,item,ts\nu,a,1690000000000\nu,b,0\n", &o, "u b  0\nu a  1690000000000\n");
  o.time_unit = SOLID_TIME_SECONDS;
  expect_refusal("user,item,ts\nu,a,1690000000000\n", &o, ":2: |milliseconds");
}
