#include "examples/common/config.h"
#include "examples/common/exit.h"
#include <criterion/criterion.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct values {
  const char *model;
  const char *group;
  int64_t batch;
  int64_t seed;
  double rate;
  int mask;
  int store;
} values;

static const solid_property properties[] = {
    {"model", SOLID_PROPERTY_STRING, NULL, 0, 0, NULL, "model file", 1, offsetof(values, model)},
    {"group", SOLID_PROPERTY_STRING, "solid", 0, 0, NULL, "consumer group", 0, offsetof(values, group)},
    {"batch-size", SOLID_PROPERTY_INT, "256", 1, 4096, NULL, "events at once", 0, offsetof(values, batch)},
    {"seed", SOLID_PROPERTY_INT, NULL, 0, 0, NULL, "seed", 0, offsetof(values, seed)},
    {"rate", SOLID_PROPERTY_FLOAT, "0.5", 0, 1, NULL, "rate", 0, offsetof(values, rate)},
    {"mask", SOLID_PROPERTY_BOOL, "true", 0, 0, NULL, "leave out what was seen", 0, offsetof(values, mask)},
    {"store", SOLID_PROPERTY_CHOICE, "memory", 0, 0, "redis|memory", "where to keep it", 0, offsetof(values, store)},
};
static const solid_program program = {"prog", "does a thing",  "an example", properties, 7,
                                      1,      HAS_EXIT(STORE), NULL,         NULL,       0};

#define ARGS(...)                                                                                                      \
  sizeof((const char *[]){"prog", __VA_ARGS__}) / sizeof(char *), (const char *[]) {                                   \
    "prog", __VA_ARGS__                                                                                                \
  }

static char path[64];

static void write_config(const char *text) {
  strcpy(path, "/tmp/solid-config-XXXXXX");
  int fd = mkstemp(path);
  cr_assert_geq(fd, 0);
  cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
  close(fd);
}

static void remove_config(void) {
  if (*path) unlink(path);
}

TestSuite(config, .fini = remove_config);

/* main's argv is not const, literals are. */
static solid_status load_into(solid_config **out, values *v, size_t argc, const char *const *args) {
  char *argv[16];
  cr_assert_leq(argc, sizeof argv / sizeof *argv);
  memcpy(argv, args, argc * sizeof *argv);
  return solid_config_load(out, &program, (int)argc, argv, v);
}

static solid_config *load(values *v, size_t argc, const char *const *args) {
  solid_config *config = NULL;
  solid_status status = load_into(&config, v, argc, args);
  cr_assert_eq(status, SOLID_OK, "%s", solid_last_error());
  return config;
}

static void refused(solid_status expected, const char *text, size_t argc, const char *const *args) {
  values v;
  solid_config *config = NULL;
  solid_status status = load_into(&config, &v, argc, args);
  cr_assert_eq(status, expected, "%s instead of %s (%s)", solid_status_name(status), solid_status_name(expected),
               solid_last_error());
  cr_assert_null(config);
  cr_assert(strstr(solid_last_error(), text), "'%s' does not contain '%s'", solid_last_error(), text);
}

Test(config, defaults_fill_what_is_not_given) {
  values v;
  memset(&v, 0xff, sizeof v);
  solid_config *config = load(&v, ARGS("--model", "m.safetensors"));
  cr_assert_str_eq(v.model, "m.safetensors");
  cr_assert_str_eq(v.group, "solid");
  cr_assert_eq(v.batch, 256);
  cr_assert_eq(v.seed, 0);
  cr_assert_eq(v.rate, 0.5);
  cr_assert_eq(v.mask, 1);
  cr_assert_eq(v.store, 1);
  cr_assert(solid_config_is_set(config, "model"));
  cr_assert_not(solid_config_is_set(config, "group"));
  cr_assert_not(solid_config_is_set(config, "no such"));
  solid_config_free(config);
}

Test(config, flags_take_every_form) {
  values v;
  solid_config *config = load(&v, ARGS("--model=a=b", "--batch-size", "7", "--no-mask", "--store=redis", "--seed", "-3",
                                       "--rate=1", "--batch-size=8"));
  cr_assert_str_eq(v.model, "a=b");
  cr_assert_eq(v.batch, 8, "the last one wins");
  cr_assert_eq(v.mask, 0);
  cr_assert_eq(v.store, 0);
  cr_assert_eq(v.seed, -3);
  cr_assert_eq(v.rate, 1.0);
  solid_config_free(config);
  config = load(&v, ARGS("--model=m", "--no-mask", "--mask"));
  cr_assert_eq(v.mask, 1);
  solid_config_free(config);
  config = load(&v, ARGS("--model=m", "--mask=off"));
  cr_assert_eq(v.mask, 0);
  solid_config_free(config);
}

Test(config, flags_win_over_the_file) {
  values v;
  write_config("# a comment\n\n  model = from file.safetensors  # where it is\r\nbatch-size=9\nmask = no\n"
               "group = a#b\nkafka.sasl.password = p#w = 1\nkafka.fetch.wait.max.ms = 10");
  solid_config *config =
      load(&v, ARGS("--batch-size", "10", "--config", path, "--kafka.fetch.wait.max.ms=20", "--kafka.debug", "all"));
  cr_assert_str_eq(v.model, "from file.safetensors");
  cr_assert_str_eq(v.group, "a#b");
  cr_assert_eq(v.batch, 10);
  cr_assert_eq(v.mask, 0);
  size_t count;
  const solid_setting *settings = solid_config_passthrough(config, &count);
  cr_assert_eq(count, 3);
  cr_assert_str_eq(settings[0].name, "sasl.password");
  cr_assert_str_eq(settings[0].value, "p#w = 1");
  cr_assert_str_eq(settings[1].name, "fetch.wait.max.ms");
  cr_assert_str_eq(settings[1].value, "20");
  cr_assert_str_eq(settings[2].name, "debug");
  cr_assert_str_eq(settings[2].value, "all");
  solid_config_free(config);
}

Test(config, a_byte_order_mark_is_no_part_of_a_name) {
  values v;
  write_config("\xef\xbb\xbfmodel = m\n");
  solid_config *config = load(&v, ARGS("--config", path));
  cr_assert_str_eq(v.model, "m");
  solid_config_free(config);
  write_config("model = m\n\xef\xbb\xbfseed = 1\n");
  refused(SOLID_EINVAL, "unknown name", ARGS("--config", path));
}

Test(config, bad_flags_are_named) {
  refused(SOLID_EINVAL, "--bach-size: unknown name, did you mean '--batch-size'?", ARGS("--bach-size", "5"));
  refused(SOLID_EINVAL, "--modle: unknown name, did you mean '--model'?", ARGS("--modle=x"));
  refused(SOLID_EINVAL, "--zzzzzz: unknown name, see prog --help", ARGS("--zzzzzz", "5"));
  refused(SOLID_EINVAL, "--batch: unknown name", ARGS("--batch", "5"));
  refused(SOLID_EINVAL, "--no-seed: unknown name", ARGS("--no-seed"));
  refused(SOLID_EINVAL, "--model: needs a value", ARGS("--model"));
  refused(SOLID_EINVAL, "--config: needs a value", ARGS("--config"));
  refused(SOLID_EINVAL, "unexpected argument 'm'", ARGS("m"));
  refused(SOLID_EINVAL, "unexpected argument '--'", ARGS("--"));
  refused(SOLID_EINVAL, "--model is required: model file; see prog --help", ARGS("--seed=1"));
  refused(SOLID_EINVAL, "--model: is empty", ARGS("--model="));
  refused(SOLID_EINVAL, "--group: is empty", ARGS("--model=m", "--group", "")); /* as of a variable that is not set */
  refused(SOLID_EINVAL, "--kafka.: no property name", ARGS("--kafka.=1"));
}

Test(config, of_two_texts_none_is_left_out_in_silence) {
  refused(SOLID_EINVAL, "--model: given twice", ARGS("--model", "a", "--model=b"));
  refused(SOLID_EINVAL, "--config: given twice (a, b)", ARGS("--config", "a", "--config", "b"));
  values v;
  solid_config *config = load(&v, ARGS("--model", "a", "--model=a", "--seed=1", "--seed=2"));
  cr_assert_str_eq(v.model, "a");
  cr_assert_eq(v.seed, 2);
  solid_config_free(config);
}

Test(config, bad_values_are_named_with_their_range) {
  refused(SOLID_ERANGE, "--batch-size: 0 is not in 1 .. 4096", ARGS("--batch-size=0"));
  refused(SOLID_ERANGE, "--batch-size: 99999999999999999999 is not in 1 .. 4096",
          ARGS("--batch-size", "99999999999999999999"));
  refused(SOLID_ERANGE, "--seed: 99999999999999999999 is not in -9223372036854775808 .. 9223372036854775807",
          ARGS("--seed", "99999999999999999999"));
  refused(SOLID_EINVAL, "--batch-size: '7x' is not a whole number", ARGS("--batch-size=7x"));
  refused(SOLID_EINVAL, "--batch-size: '' is not a whole number", ARGS("--batch-size="));
  refused(SOLID_ERANGE, "--rate: 1.5 is not in 0 .. 1", ARGS("--rate=1.5"));
  refused(SOLID_EINVAL, "--rate: 'nan' is not a finite number", ARGS("--rate=nan"));
  refused(SOLID_EINVAL, "--mask: 'maybe' is neither true nor false", ARGS("--mask=maybe"));
  refused(SOLID_EINVAL, "--store: 'disk' is not one of redis|memory", ARGS("--store=disk"));
  refused(SOLID_EINVAL, "--store: 'red' is not one of redis|memory", ARGS("--store=red"));
}

static void file_refused(const char *text, solid_status expected, const char *message) {
  char whole[256];
  write_config(text);
  snprintf(whole, sizeof whole, "%s:%s", path, message);
  refused(expected, whole, ARGS("--config", path));
  unlink(path);
}

Test(config, bad_lines_are_named_with_their_number) {
  file_refused("model = m\nbatch-size\n", SOLID_EFORMAT, "2: expected `name = value`");
  file_refused("= 3\n", SOLID_EFORMAT, "1: expected `name = value`");
  file_refused("model = m\n\nbatch_sise = 3\n", SOLID_EINVAL,
               "3: batch_sise: unknown name, did you mean 'batch-size'?");
  file_refused("batch-size = 5000", SOLID_ERANGE, "1: batch-size: 5000 is not in 1 .. 4096");
  file_refused("seed = 1\nseed = 1\n", SOLID_EFORMAT, "2: seed: already set in line 1");
  file_refused("kafka.a = 1\n#\nkafka.a = 1\n", SOLID_EFORMAT, "3: kafka.a: already set in line 1");
  file_refused("config = other\n", SOLID_EINVAL, "1: config: is a flag");
  file_refused("model =\n", SOLID_EINVAL, "1: model: is empty");
  refused(SOLID_EIO, "/no/such/file: No such file", ARGS("--config=/no/such/file"));
  refused(SOLID_EIO, "/tmp: Is a directory", ARGS("--config=/tmp"));
}

Test(config, kafka_is_refused_where_nothing_reads_it) {
  solid_program plain = program;
  values v;
  solid_config *config = NULL;
  char flag[] = "--kafka.debug=all", *argv[] = {flag, flag};
  plain.takes_kafka = 0;
  cr_assert_eq(solid_config_load(&config, &plain, 2, argv, &v), SOLID_EINVAL);
  cr_assert(strstr(solid_last_error(), "--kafka.debug: prog reads no kafka properties"), "%s", solid_last_error());
}

Test(config, help_needs_nothing_and_names_everything) {
  values v;
  solid_config *config = load(&v, ARGS("--config", "/no/such/file", "--help"));
  cr_assert_eq(solid_config_get_request(config), SOLID_CONFIG_HELP);
  solid_config_free(config);
  config = load(&v, ARGS("--version"));
  cr_assert_eq(solid_config_get_request(config), SOLID_CONFIG_VERSION);
  solid_config_free(config);
  char *text = NULL;
  size_t size = 0;
  FILE *stream = open_memstream(&text, &size);
  cr_assert_eq(solid_config_write_help(&program, stream), SOLID_OK);
  cr_assert_eq(solid_config_write_version(&program, stream), SOLID_OK);
  fclose(stream);
  for (size_t i = 0; i < program.count; i++) {
    cr_assert(strstr(text, properties[i].name), "%s", properties[i].name);
    cr_assert(strstr(text, properties[i].meaning), "%s", properties[i].meaning);
  }
  cr_assert(strstr(text, "--batch-size N"));
  cr_assert(strstr(text, "events at once (1 .. 4096, default 256)"));
  cr_assert(strstr(text, "--[no-]mask"));
  cr_assert(strstr(text, "--store redis|memory"));
  cr_assert(strstr(text, "model file (required)"));
  cr_assert(strstr(text, "kafka.PROPERTY"));
  cr_assert(strstr(text, "an example"));
  cr_assert(strstr(text, "  2  wrong usage"));
  cr_assert(strstr(text, "  4  the store cannot be reached"));
  cr_assert_null(strstr(text, "the model cannot be used"), "not one of its codes");
  cr_assert(strstr(text, "prog 0.1.0"));
  free(text);
}

Test(config, help_breaks_its_lines_between_words) {
  static const solid_property long_ones[] = {
      {"no-end", SOLID_PROPERTY_BOOL, "false", 0, 0, NULL, "one", 0, 0},
      {"attribute-no-end", SOLID_PROPERTY_BOOL, "false", 0, 0, NULL, "two", 0, 0},
      {"words", SOLID_PROPERTY_STRING, NULL, 0, 0, NULL,
       "a sentence that is as long as sentences are when somebody wants to say in them what stands in three others", 0,
       0},
      {"word", SOLID_PROPERTY_STRING, NULL, 0, 0, NULL,
       "https://a.word.that.is/longer/than/a/line/and/has/no/blank/at/all/where/it/could/be/broken/into/two and more",
       0, 0}};
  const solid_program wordy = {.name = "wordy", .summary = "", .properties = long_ones, .count = 4};
  char *text = NULL;
  size_t size = 0;
  FILE *stream = open_memstream(&text, &size);
  cr_assert_eq(solid_config_write_help(&wordy, stream), SOLID_OK);
  fclose(stream);
  cr_expect(strstr(text, "  --no-end ") && strstr(text, "  --attribute-no-end ") && !strstr(text, "[no-]"), "%s", text);
  cr_expect(strstr(text,
                   "  --words TEXT                  a sentence that is as long as sentences are when somebody wants "
                   "to say in them\n                                what stands in three others\n"),
            "%s", text);
  cr_expect(strstr(text,
                   "  --word TEXT                   https://a.word.that.is/longer/than/a/line/and/has/no/blank/at/"
                   "all/where/it/could/be/broken/into/two\n                                and more\n"),
            "%s", text);
  free(text);
}

Test(config, arguments_are_checked) {
  values v;
  solid_config *config = NULL;
  cr_assert_eq(solid_config_load(NULL, &program, 0, NULL, &v), SOLID_EINVAL);
  cr_assert_eq(solid_config_load(&config, NULL, 0, NULL, &v), SOLID_EINVAL);
  cr_assert_eq(solid_config_load(&config, &program, 0, NULL, NULL), SOLID_EINVAL);
  cr_assert_eq(solid_config_load(&config, &program, 2, NULL, &v), SOLID_EINVAL);
  solid_config_free(NULL);
}

static const char *group_of(const char *line) {
  static char kept[64];
  values v;
  char text[128];
  snprintf(text, sizeof text, "model = m\ngroup = %s\n", line);
  write_config(text);
  solid_config *config = load(&v, ARGS("--config", path));
  snprintf(kept, sizeof kept, "%s", v.group);
  solid_config_free(config);
  unlink(path);
  *path = 0;
  return kept;
}

Test(config, quotes_keep_blanks_and_number_signs) {
  cr_assert_str_eq(group_of("\"  two words # no comment \"  # a comment"), "  two words # no comment ");
  cr_assert_str_eq(group_of("'it is \"so\" \\ '"), "it is \"so\" \\ ");
  cr_assert_str_eq(group_of("\"a \\\"b\\\" c\\\\ d\\e\""), "a \"b\" c\\ d\\e");
  cr_assert_str_eq(group_of("no 'quotes' \"here\""), "no 'quotes' \"here\"");
  file_refused("group = \"\"\n", SOLID_EINVAL, "1: group: is empty");
  file_refused("group = # a comment alone\n", SOLID_EINVAL, "1: group: is empty");
  file_refused("group = \"open\n", SOLID_EFORMAT, "1: a quote that is not closed");
  file_refused("group = \"a\" b\n", SOLID_EFORMAT, "1: text behind the closing quote");
  file_refused("group # = \"a\"\n", SOLID_EFORMAT, "1: expected `name = value`");
}

/* What other users see of a running program. */
Test(config, secrets_in_flags_are_overwritten) {
  values v;
  solid_config *config = NULL;
  char first[] = "--kafka.sasl.password=one", second[] = "--kafka.ssl.key.password", third[] = "two",
       model[] = "--model", file[] = "m", name[] = "prog", open[] = "--group=g";
  char *argv[] = {name, first, second, third, model, file, open};
  size_t n;
  cr_assert_eq(solid_config_load(&config, &program, 7, argv, &v), SOLID_OK, "%s", solid_last_error());
  cr_assert_str_eq(first, "--kafka.sasl.password=***");
  cr_assert_str_eq(third, "***");
  cr_assert_str_eq(file, "m");
  cr_assert_str_eq(open, "--group=g");
  const solid_setting *settings = solid_config_passthrough(config, &n);
  cr_assert(n == 2 && strcmp(settings[0].value, "one") == 0 && strcmp(settings[1].value, "two") == 0);
  solid_config_free(config);
}
