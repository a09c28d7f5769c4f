/* Options that need another one: the rows of a program's table, judged one by one. */
#include "examples/common/config.h"
#include <criterion/criterion.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct values {
  const char *address, *brokers, *file;
  int64_t rows, k;
  double guide;
  int store, split, fresh, limit;
} values;

#define AT(field) .offset = offsetof(values, field)

static const solid_property properties[] = {
    {.name = "address", .type = SOLID_PROPERTY_STRING, .preset = "here", .meaning = "where", AT(address)},
    {.name = "brokers", .type = SOLID_PROPERTY_STRING, .meaning = "of kafka", AT(brokers)},
    {.name = "file", .type = SOLID_PROPERTY_STRING, .meaning = "a file", AT(file)},
    {.name = "rows", .type = SOLID_PROPERTY_INT, .preset = "0", .meaning = "a slate", AT(rows)},
    {.name = "k", .type = SOLID_PROPERTY_INT, .preset = "10", .min = 1, .max = 99, .meaning = "items", AT(k)},
    {.name = "guide", .type = SOLID_PROPERTY_FLOAT, .preset = "0.9", .meaning = "a weight", AT(guide)},
    {.name = "store",
     .type = SOLID_PROPERTY_CHOICE,
     .preset = "memory",
     .choices = "redis|memory",
     .meaning = "what keeps it",
     AT(store)},
    {.name = "split", .type = SOLID_PROPERTY_CHOICE, .choices = "last|time|ratio", .meaning = "how", AT(split)},
    {.name = "fresh", .type = SOLID_PROPERTY_BOOL, .preset = "false", .meaning = "anew", AT(fresh)},
    {.name = "limit", .type = SOLID_PROPERTY_BOOL, .preset = "false", .meaning = "a limit", AT(limit)},
};
static const solid_need needs[] = {
    {"guide fresh", "rows"},
    {"k", "!rows"},
    {"address", "+store=redis"},
    {"limit", "store=memory"},
    {"file", "split=time split=ratio"},
    {"file", "!brokers=-"},
};
static const solid_program program = {.name = "prog",
                                      .summary = "does a thing",
                                      .properties = properties,
                                      .count = sizeof properties / sizeof *properties,
                                      .takes_kafka = 1,
                                      .needs = needs,
                                      .n_needs = sizeof needs / sizeof *needs};

static char path[] = "/tmp/solid-needs-XXXXXX";
static values v;

/* The words of a command line, a blank between; the file, if `file` is not NULL, comes before them. */
static solid_status load(const solid_program *of, const char *file, const char *line) {
  char words[256], *argv[16] = {words, NULL}, config[] = "--config";
  int argc = 1;
  snprintf(words, sizeof words, "prog %s", line);
  if (file) {
    FILE *out = fopen(path, "w");
    cr_assert(out && fputs(file, out) >= 0 && fclose(out) == 0);
    argv[argc++] = config, argv[argc++] = path;
  }
  for (char *word = strtok(words + 5, " "); word; word = strtok(NULL, " ")) argv[argc++] = word;
  solid_config *loaded = NULL;
  solid_status status = solid_config_load(&loaded, of, argc, argv, &v);
  solid_config_free(loaded);
  return status;
}

static void takes(const char *file, const char *line) {
  cr_assert_eq(load(&program, file, line), SOLID_OK, "%s: %s", line, solid_last_error());
}

static void refuses(const char *file, const char *line, const char *text) {
  cr_assert_eq(load(&program, file, line), SOLID_EINVAL, "%s", line);
  cr_assert_str_eq(solid_last_error(), text);
}

static void make_file(void) {
  close(mkstemp(path));
}

static void remove_file(void) {
  unlink(path);
}

TestSuite(config_needs, .init = make_file, .fini = remove_file);

Test(config_needs, an_option_without_effect_is_refused) {
  refuses(NULL, "--guide 1", "--guide: needs --rows, without which it has no effect");
  refuses(NULL, "--guide 1 --rows 0", "--guide: needs --rows, without which it has no effect");
  refuses(NULL, "--fresh", "--fresh: needs --rows, without which it has no effect");
  refuses(NULL, "--file a", "--file: needs --split time or --split ratio, without which it has no effect");
  refuses(NULL, "--file a --split last", "--file: needs --split time or --split ratio, without which it has no effect");
  refuses(NULL, "--k 5 --rows 3", "--k: has no effect with --rows; leave one of them out");
  refuses(NULL, "--file a --split time --brokers -", "--file: has no effect with --brokers -; leave one of them out");
  refuses(NULL, "--kafka.debug=all", "--kafka.debug: needs --brokers, without which it has no effect");
  takes(NULL, "");
  takes(NULL, "--guide 1 --rows 2 --fresh");
  takes(NULL, "--no-fresh");
  takes(NULL, "--file a --split ratio --brokers a");
  takes(NULL, "--k 5 --rows 0");
  takes(NULL, "--kafka.debug=all --brokers a:1");
}

Test(config_needs, an_option_sets_what_nobody_set) {
  takes(NULL, "--address there");
  cr_assert_eq(v.store, 0);
  takes("address = there\n", "");
  cr_assert_eq(v.store, 0);
  takes(NULL, "--limit");
  cr_assert_eq(v.store, 1);
  refuses(NULL, "--address there --store memory", "--address: needs --store redis, without which it has no effect");
  refuses(NULL, "--address there --limit", "--limit: needs --store memory, without which it has no effect");
}

Test(config_needs, a_flag_may_take_away_what_the_file_needs) {
  char text[128];
  takes("store = redis\naddress = there\n", "--store memory");
  cr_assert_eq(v.store, 1);
  takes("rows = 3\nguide = 1\n", "--rows 0");
  takes("k = 5\n", "--rows 3");
  takes("file = a\nsplit = time\n", "--brokers -");
  snprintf(text, sizeof text, "%s:2: guide: needs --rows, without which it has no effect", path);
  refuses("# a weight alone\nguide = 1\n", "", text);
  refuses("rows = 0\n", "--guide 1", "--guide: needs --rows, without which it has no effect");
  snprintf(text, sizeof text, "%s:1: kafka.debug: needs --brokers, without which it has no effect", path);
  refuses("kafka.debug = all\n", "", text);
}

Test(config_needs, help_says_what_is_needed) {
  char *text = NULL;
  size_t size = 0;
  FILE *stream = open_memstream(&text, &size);
  cr_assert_eq(solid_config_write_help(&program, stream), SOLID_OK);
  fclose(stream);
  cr_expect(strstr(text, "a weight (only with --rows, default 0.9)"), "%s", text);
  cr_expect(strstr(text, "items (not with --rows, 1 .. 99, default 10)"), "%s", text);
  cr_expect(strstr(text, "where (means --store redis, default here)"), "%s", text);
  cr_expect(strstr(text, "a file (only with --split time or --split ratio, not with --brokers -)"), "%s", text);
  cr_expect(strstr(text, "what keeps it (default memory)"), "%s", text);
  free(text);
}

/* A row that names nothing would be a check that never fails. */
Test(config_needs, a_row_that_names_no_option_is_a_fault_of_the_program) {
  static const solid_need bad[] = {{"gide", "rows"},        {"guide", "row"},   {"guide", "rows row"},
                                   {"guide", "store=disk"}, {"guide", "store"}, {"guide", "rows=redis"}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    solid_program other = program;
    other.needs = &bad[i], other.n_needs = 1;
    cr_assert_eq(load(&other, NULL, ""), SOLID_EINTERNAL, "%s: %s", bad[i].options, bad[i].of);
  }
}
