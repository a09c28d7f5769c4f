/* solid_eval compare: result files of two sides, user by user. */
#include "examples/common/apart.h"
#include "examples/common/exit.h"
#include "examples/common/manifest.h"
#include "examples/common/program.h"
#include "examples/eval/eval.h"
#include "examples/eval/eval_ranks.h"
#include "solid/extend.h"
#include "solid/train/compare.h"
#include "solid/version.h"
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIDES    2
#define RUNS_MAX 256

typedef struct arguments {
  const char *json;
  int64_t seed, resamples;
} arguments;

static const solid_property properties[] = {
    {.name = "seed",
     .type = SOLID_PROPERTY_INT,
     .preset = "0",
     .max = 9007199254740992.0,
     .meaning = "seed of the resamples",
     .offset = offsetof(arguments, seed)},
    {.name = "resamples",
     .type = SOLID_PROPERTY_INT,
     .preset = "2000",
     .min = 1,
     .max = 1000000,
     .meaning = "resamples of the users for the intervals",
     .offset = offsetof(arguments, resamples)},
    {.name = "json",
     .type = SOLID_PROPERTY_STRING,
     .meaning = "write the comparison to this file",
     .offset = offsetof(arguments, json)},
};

static const solid_program program = {
    .name = "solid_eval compare",
    .summary = "A.json [A2.json ...] [--] B.json [B2.json ...]: the difference A - B of two sides of result files, "
               "paired by user.",
    .notes = "Two files are A and B. With more files put -- between the sides; the runs of a side (seeds) are averaged "
             "per user.\n"
             "The interval is that of the mean difference over users, for these runs. ",
    .exits = HAS_EXIT(SOURCE),
    .cut = "",
    .properties = properties,
    .count = sizeof properties / sizeof *properties,
};

/* Files of a side and what they hold. */
typedef struct side {
  const char *path[RUNS_MAX];
  uint32_t *ranks[RUNS_MAX];
  size_t runs;
} side;

typedef struct comparison {
  arguments args;
  side sides[SIDES];
  json_t *first; /* the first file; the others must have asked the same questions */
  size_t users;
  solid_comparison result;
} comparison;

/* Files to the sides, flags (with their values) and the program's name to flags, which has room for argc. */
static solid_status sort_arguments(int argc, char **argv, comparison *c, char **flags, int *n_flags) {
  int at = 0, divided = 0;
  flags[(*n_flags)++] = argv[0];
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--") == 0) {
      if (divided++) return solid_fail(SOLID_EINVAL, "-- separates the two sides and may occur once");
      at = 1;
    } else if (strncmp(argv[i], "--", 2) == 0) {
      flags[(*n_flags)++] = argv[i];
      int has_value = !strchr(argv[i], '=') && strcmp(argv[i], "--help") != 0 && strcmp(argv[i], "--version") != 0;
      if (has_value && i + 1 < argc) flags[(*n_flags)++] = argv[++i];
    } else {
      side *s = &c->sides[at];
      if (s->runs == RUNS_MAX) return solid_fail(SOLID_EINVAL, "over %d files of a side", RUNS_MAX);
      s->path[s->runs++] = argv[i];
    }
  }
  if (!divided && c->sides[0].runs == 2) {
    c->sides[1].path[0] = c->sides[0].path[1];
    c->sides[0].runs = c->sides[1].runs = 1;
  }
  return SOLID_OK;
}

/* The values that two results must share, as paths. */
static const char *const shared[][2] = {{"manifest", "data_hash"},      {"part", NULL},  {"masked", NULL},
                                        {"manifest", "questions_hash"}, {"users", NULL}, {"items", NULL}};

static const json_t *value_at(const json_t *root, const char *const path[2]) {
  const json_t *value = json_object_get(root, path[0]);
  return path[1] ? json_object_get(value, path[1]) : value;
}

static const char *split_of(const json_t *root) {
  const char *text =
      json_string_value(json_object_get(json_object_get(json_object_get(root, "manifest"), "split"), "text"));
  return text ? text : "none";
}

static solid_status check_same(const comparison *c, const json_t *root, const char *path) {
  const char *first = c->sides[0].path[0];
  if (strcmp(split_of(c->first), split_of(root)) != 0)
    return solid_fail(SOLID_EMISMATCH, "%s was evaluated by split \"%s\", %s by \"%s\"", first, split_of(c->first),
                      path, split_of(root));
  for (size_t i = 0; i < sizeof shared / sizeof *shared; i++) {
    const json_t *a = value_at(c->first, shared[i]), *b = value_at(root, shared[i]);
    if (a && json_equal(a, b)) continue;
    char *then = json_dumps(a, JSON_ENCODE_ANY), *now = json_dumps(b, JSON_ENCODE_ANY);
    solid_status status = solid_fail(SOLID_EMISMATCH, "%s has %s %s, %s has %s", first, shared[i][shared[i][1] != NULL],
                                     then ? then : "none", path, now ? now : "none");
    free(then);
    free(now);
    return status;
  }
  return SOLID_OK;
}

static solid_status load_run(comparison *c, side *s, size_t run) {
  const char *path = s->path[run];
  json_t *root = NULL;
  solid_status status = eval_result_read(&root, path);
  if (status) return status;
  const json_t *ranks = json_object_get(root, "ranks");
  if (!c->first) c->users = json_string_length(ranks);
  if (!c->users || !ranks)
    status = solid_fail(SOLID_EFORMAT, "%s: no ranks: not a result of solid_eval with a model", path);
  if (!status && c->first) status = check_same(c, root, path);
  if (!status && !(s->ranks[run] = eval_ranks_read(ranks, c->users)))
    status = solid_fail(SOLID_EFORMAT, "%s: the ranks are not those of %zu users", path, c->users);
  if (c->first || status)
    json_decref(root);
  else
    c->first = root;
  return status;
}

static solid_status compare(comparison *c) {
  solid_status status = SOLID_OK;
  solid_runs runs[SIDES];
  for (int i = 0; i < SIDES; i++) {
    side *s = &c->sides[i];
    if (!s->runs) return solid_fail(SOLID_EINVAL, "expected two files, or two lists of files with -- between them");
    for (size_t run = 0; run < s->runs && !status; run++) status = load_run(c, s, run);
    runs[i] = (solid_runs){(const uint32_t *const *)s->ranks, s->runs};
  }
  if (status) return status;
  return solid_compare_ranks(&c->result, &runs[0], &runs[1], c->users, (uint32_t)c->args.resamples,
                             (uint64_t)c->args.seed);
}

static void print(const comparison *c) {
  const solid_comparison *r = &c->result;
  for (int i = 0; i < SIDES; i++) {
    printf("%c:", 'A' + i);
    for (size_t run = 0; run < c->sides[i].runs; run++) printf(" %s", c->sides[i].path[run]);
    printf("\n");
  }
  printf("split: %s, %zu users\n\n%-8s  %-6s  %-6s  %-36s  users better, worse\n", split_of(c->first), c->users, "",
         "A", "B", "A - B, 95 % interval over users");
  for (int m = 0; m < SOLID_METRICS; m++)
    printf("%-8s  %.4f  %.4f  %+.5f [%+.5f, %+.5f]%9s%.2f %%, %.2f %%\n", solid_metric_names[m], r->a.value[m],
           r->b.value[m], r->difference.value[m], r->low.value[m], r->high.value[m], "", 100 * r->better.value[m],
           100 * r->worse.value[m]);
}

static json_t *files_of(const side *s) {
  json_t *array = json_array();
  for (size_t i = 0; i < s->runs; i++) json_array_append_new(array, json_string(s->path[i]));
  return array;
}

static solid_status write_comparison(const comparison *c) {
  const solid_comparison *r = &c->result;
  json_t *root = json_pack("{s:o, s:o, s:I}", "a", files_of(&c->sides[0]), "b", files_of(&c->sides[1]), "users",
                           (json_int_t)c->users);
  json_t *metrics = json_object();
  for (int m = 0; m < SOLID_METRICS; m++)
    json_object_set_new(metrics, solid_metric_names[m],
                        json_pack("{s:f, s:f, s:f, s:[f, f], s:f, s:f}", "a", r->a.value[m], "b", r->b.value[m],
                                  "difference", r->difference.value[m], "ci95", r->low.value[m], r->high.value[m],
                                  "better", r->better.value[m], "worse", r->worse.value[m]));
  json_object_set_new(root, "metrics", metrics);
  json_t *manifest = json_pack("{s:s, s:I, s:I}", "version", solid_version(), "seed", (json_int_t)c->args.seed,
                               "resamples", (json_int_t)c->args.resamples);
  const json_t *of_first = json_object_get(c->first, "manifest");
  static const char *const keys[] = {"data_hash", "split", "questions_hash"};
  for (int i = 0; i < 3; i++) json_object_set(manifest, keys[i], json_object_get(of_first, keys[i]));
  json_object_set_new(root, "manifest", manifest);
  return manifest_write(root, c->args.json);
}

static solid_status check_files(const comparison *c) {
  const apart_file written[] = {{"--json", c->args.json}, {NULL, NULL}};
  solid_status status = SOLID_OK;
  for (int i = 0; i < SIDES; i++)
    for (size_t run = 0; run < c->sides[i].runs && !status; run++) {
      const apart_file read[] = {{i ? "B" : "A", c->sides[i].path[run]}, {NULL, NULL}};
      status = apart_check(written, read);
    }
  return status;
}

static void clear(comparison *c) {
  for (int i = 0; i < SIDES; i++)
    for (size_t run = 0; run < c->sides[i].runs; run++) free(c->sides[i].ranks[run]);
  json_decref(c->first);
}

int eval_compare(int argc, char **argv) {
  static comparison c;
  solid_config *config = NULL;
  int n_flags = 0;
  char **flags = calloc((size_t)argc + 1, sizeof *flags);
  solid_status status = flags ? sort_arguments(argc, argv, &c, flags, &n_flags) : solid_fail(SOLID_ENOMEM, "no memory");
  if (!status) status = solid_config_load(&config, &program, n_flags, flags, &c.args);
  int is_usage = status && status != SOLID_ENOMEM;
  solid_config_request request = status ? SOLID_CONFIG_RUN : solid_config_get_request(config);
  if (request == SOLID_CONFIG_HELP)
    status = solid_config_write_help(&program, stdout);
  else if (request == SOLID_CONFIG_VERSION)
    status = solid_config_write_version(&program, stdout);
  else {
    if (!status) status = check_files(&c);
    if (!status && c.args.json) status = manifest_check(c.args.json);
    if (!status) program_step(EXIT_SOURCE);
    if (!status) status = compare(&c);
    if (!status) program_step(EXIT_FAILED);
    if (!status) print(&c);
    if (!status && c.args.json) status = write_comparison(&c);
  }
  if (!status) status = program_flush();
  int code = is_usage ? EXIT_USAGE : program_exit_of(status);
  if (status) fprintf(stderr, "solid_eval compare: %s\n", solid_last_error());
  clear(&c);
  solid_config_free(config);
  free(flags);
  return code;
}
