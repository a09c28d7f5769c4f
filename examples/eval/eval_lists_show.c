/* solid_eval lists: which way of making lists is worth what, as tables. */
#include "examples/common/config.h"
#include "examples/common/exit.h"
#include "examples/common/program.h"
#include "examples/eval/eval.h"
#include "examples/eval/eval_lists.h"
#include "solid/extend.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct arguments {
  const char *at;
  double share;
  int64_t seed, resamples;
} arguments;

static const solid_property properties[] = {
    {.name = "at",
     .type = SOLID_PROPERTY_STRING,
     .preset = "0.55,0.6",
     .meaning = "list of levels of likeness at which curves are compared",
     .offset = offsetof(arguments, at)},
    {.name = "share",
     .type = SOLID_PROPERTY_FLOAT,
     .preset = "0.99",
     .min = 0,
     .max = 1,
     .meaning = "share of the ranked list's recall that a list must keep in the files of validation",
     .offset = offsetof(arguments, share)},
    {.name = "seed",
     .type = SOLID_PROPERTY_INT,
     .preset = "0",
     .max = 9007199254740992.0,
     .meaning = "seed of the resamples",
     .offset = offsetof(arguments, seed)},
    {.name = "resamples",
     .type = SOLID_PROPERTY_INT,
     .preset = "1000",
     .min = 1,
     .max = 100000,
     .meaning = "resamples of the users for the intervals",
     .offset = offsetof(arguments, resamples)},
};

static const solid_program program = {
    .name = "solid_eval lists",
    .summary = "TEST.json ... [-- VALID.json ...]: lists of solid_eval --slate, runs (seeds) averaged user by user.",
    .notes =
        "Prints every way of making lists; orders against raster; NDCG where likeness, company or content is --at;\n"
        "and, with files of validation, how much each order and re-ranking gains at --share of the ranked list's\n"
        "recall, its guide or lambda chosen there. Intervals (95 %) are over users, paired.",
    .exits = HAS_EXIT(SOURCE),
    .properties = properties,
    .count = sizeof properties / sizeof *properties,
};

/* ---- What is judged ---- */

typedef struct pair {
  size_t a, b;
  lists_figure figure;
} pair;

static double difference(const lists_set *set, size_t r, const void *what) {
  const pair *p = what;
  return lists_mean(set, r, p->a, p->figure) - lists_mean(set, r, p->b, p->figure);
}

static double share(const lists_set *set, size_t r, const void *what) {
  const pair *p = what;
  return 100 * lists_mean(set, r, p->a, p->figure) / lists_mean(set, r, p->b, p->figure);
}

typedef struct place {
  const char *curve, *other; /* NULL: the best re-ranking */
  lists_figure figure;
  double level;
} place;

static double ndcg_at(const lists_set *set, size_t r, const void *what) {
  const place *p = what;
  return lists_at(set, r, p->curve, p->figure, p->level);
}

static double share_at(const lists_set *set, size_t r, const void *what) {
  const place *p = what;
  return 100 * lists_at(set, r, p->curve, p->figure, p->level) / lists_at(set, r, p->other, p->figure, p->level);
}

static const char *const reranked[] = {"re-ranked by takers", "re-ranked by company", "re-ranked by content"};

static double best_reranked(const lists_set *set, size_t r, const place *p) {
  double best = NAN;
  for (size_t i = 0; i < sizeof reranked / sizeof *reranked; i++)
    best = fmax(best, lists_at(set, r, reranked[i], p->figure, p->level)); /* of a NAN and a number the number */
  return best;
}

static double over_reranked(const lists_set *set, size_t r, const void *what) {
  const place *p = what;
  return lists_at(set, r, p->curve, p->figure, p->level) - best_reranked(set, r, p);
}

/* ---- Tables ---- */

typedef enum cell_form { PLAIN, SIGNED, PERCENT } cell_form;

/* A cell of a table; nothing stands in it where nothing is defined. */
static void print_estimate(lists_estimate e, cell_form form) {
  if (isnan(e.value))
    printf(" |");
  else if (form == PLAIN)
    printf(" %.4f [%.4f, %.4f] |", e.value, e.low, e.high);
  else if (form == SIGNED)
    printf(" %+.4f [%+.4f, %+.4f] |", e.value, e.low, e.high);
  else
    printf(" %.1f [%.1f, %.1f] |", e.value, e.low, e.high);
}

static void print_points(const lists_set *set) {
  printf("| list | guide, lambda | forwards | recall | NDCG | NDCG, of raster %% | NDCG over ranked | likeness | "
         "company | "
         "content |\n|---|---|---|---|---|---|---|---|---|---|\n");
  size_t ranked = lists_find(set, "ranked", 0);
  for (size_t p = 0; p < set->points; p++) {
    const lists_point *at = &set->point[p];
    size_t raster = at->forwards > 0 && strcmp(at->curve, "raster") ? lists_find(set, "raster", at->knob) : SIZE_MAX;
    printf("| %s | %.4g | %.4g | %.4f | %.4f |", at->curve, at->knob, at->forwards, lists_mean(set, 0, p, LISTS_RECALL),
           lists_mean(set, 0, p, LISTS_NDCG));
    if (raster == SIZE_MAX)
      printf(" |");
    else
      print_estimate(lists_judge(set, share, &(pair){p, raster, LISTS_NDCG}), PERCENT);
    if (p == ranked || ranked == SIZE_MAX)
      printf(" |");
    else
      print_estimate(lists_judge(set, difference, &(pair){p, ranked, LISTS_NDCG}), SIGNED);
    printf(" %.4f | %.4f | %.4f |\n", lists_mean(set, 0, p, LISTS_LIKENESS), lists_mean(set, 0, p, LISTS_COMPANY),
           lists_mean(set, 0, p, LISTS_CONTENT));
  }
}

/* The first point of each curve after `p`; points when there is none. */
static size_t next_curve(const lists_set *set, size_t p) {
  size_t q = p;
  while (q < set->points && strcmp(set->point[q].curve, set->point[p].curve) == 0) q++;
  return q;
}

static void print_level(const lists_set *set, lists_figure figure, double level) {
  for (size_t p = 0; p < set->points; p = next_curve(set, p)) {
    place at = {set->point[p].curve, "raster", figure, level};
    lists_estimate ndcg = lists_judge(set, ndcg_at, &at);
    int slate = strncmp(at.curve, "ran", 3) && strncmp(at.curve, "re-", 3);
    if (isnan(ndcg.value)) continue;
    printf("| %s | %.4g | %s |", lists_figure_names[figure], level, at.curve);
    print_estimate(ndcg, PLAIN);
    if (slate && strcmp(at.curve, "raster"))
      print_estimate(lists_judge(set, share_at, &at), PERCENT);
    else
      printf(" |");
    if (slate)
      print_estimate(lists_judge(set, over_reranked, &at), SIGNED);
    else
      printf(" |");
    printf("\n");
  }
}

static solid_status print_levels(const lists_set *set, const char *list) {
  printf("\n| alike by | level | list | NDCG there | of raster %% | less the best re-ranking "
         "|\n|---|---|---|---|---|---|\n");
  for (int f = LISTS_LIKENESS; f <= LISTS_CONTENT; f++)
    for (const char *at = list; *at;) {
      char *end;
      double level = strtod(at, &end);
      if (end == at || (*end != ',' && *end))
        return solid_fail(SOLID_EINVAL, "--at %s: must be numbers, commas between", list);
      print_level(set, (lists_figure)f, level);
      at = end + (*end == ',');
    }
  return SOLID_OK;
}

/* The point of p's curve that is most alike in validation and keeps the share of recall there. */
static size_t choose(const lists_set *valid, const char *curve, lists_figure figure, double keep) {
  size_t ranked = lists_find(valid, "ranked", 0), best = ranked;
  double least = keep * lists_mean(valid, 0, ranked, LISTS_RECALL);
  for (size_t p = 0; p < valid->points; p++)
    if (strcmp(valid->point[p].curve, curve) == 0 && lists_mean(valid, 0, p, LISTS_RECALL) >= least &&
        lists_mean(valid, 0, p, figure) > lists_mean(valid, 0, best, figure))
      best = p;
  return best;
}

static void print_chosen(const lists_set *set, const lists_set *valid, double keep) {
  size_t ranked = lists_find(set, "ranked", 0);
  if (ranked == SIZE_MAX || lists_find(valid, "ranked", 0) == SIZE_MAX) return;
  printf("\n| alike by | list | guide, lambda (validation) | gained | recall, of ranked %% | NDCG over ranked |\n"
         "|---|---|---|---|---|---|\n");
  for (int f = LISTS_LIKENESS; f <= LISTS_CONTENT; f++)
    for (size_t p = next_curve(set, ranked); p < set->points; p = next_curve(set, p)) {
      const lists_point *chosen = &valid->point[choose(valid, set->point[p].curve, (lists_figure)f, keep)];
      size_t at = lists_find(set, chosen->curve, chosen->knob);
      if (at == SIZE_MAX) continue;
      printf("| %s | %s | %s%.4g |", lists_figure_names[f], set->point[p].curve,
             at == ranked ? "the ranked list, " : "", chosen->knob);
      print_estimate(lists_judge(set, difference, &(pair){at, ranked, (lists_figure)f}), SIGNED);
      print_estimate(lists_judge(set, share, &(pair){at, ranked, LISTS_RECALL}), PERCENT);
      print_estimate(lists_judge(set, difference, &(pair){at, ranked, LISTS_NDCG}), SIGNED);
      printf("\n");
    }
}

/* ---- The command ---- */

typedef struct command {
  arguments args;
  lists_set set[2]; /* test, validation */
} command;

static solid_status read_files(command *c, int argc, char **argv, char **flags, int *n_flags) {
  int at = 0;
  solid_status status = SOLID_OK;
  flags[(*n_flags)++] = argv[0];
  for (int i = 1; i < argc && !status; i++) {
    if (strcmp(argv[i], "--") == 0)
      at = 1;
    else if (strncmp(argv[i], "--", 2) == 0) {
      flags[(*n_flags)++] = argv[i];
      int has_value = !strchr(argv[i], '=') && strcmp(argv[i], "--help") != 0 && strcmp(argv[i], "--version") != 0;
      if (has_value && i + 1 < argc) flags[(*n_flags)++] = argv[++i];
    } else
      status = lists_add(&c->set[at], argv[i]);
  }
  return status;
}

static solid_status show(command *c) {
  lists_set *set = &c->set[0], *valid = &c->set[1];
  if (!set->files)
    return solid_fail(SOLID_EINVAL,
                      "expected results: solid_eval lists A.json ..., of solid_eval --slate K --json A.json");
  solid_status status = lists_finish(set, (size_t)c->args.resamples, (uint64_t)c->args.seed);
  if (!status && valid->files) status = lists_finish(valid, 0, 0);
  if (status) return status;
  printf("%zu files, lists of %lld for %zu users; %lld lists: %lld invalid, %lld with an item twice\n\n", set->files,
         (long long)set->rows, set->users, (long long)(set->lists + valid->lists),
         (long long)(set->invalid + valid->invalid), (long long)(set->repeated + valid->repeated));
  print_points(set);
  status = print_levels(set, c->args.at);
  if (!status && valid->files) print_chosen(set, valid, c->args.share);
  return status;
}

int eval_lists(int argc, char **argv) {
  static command c;
  solid_config *config = NULL;
  int n_flags = 0;
  char **flags = calloc((size_t)argc + 1, sizeof *flags);
  program_step(EXIT_SOURCE);
  solid_status status = flags ? read_files(&c, argc, argv, flags, &n_flags) : solid_fail(SOLID_ENOMEM, "no memory");
  if (!status) program_step(EXIT_FAILED);
  if (!status) status = solid_config_load(&config, &program, n_flags, flags, &c.args);
  solid_config_request request = status ? SOLID_CONFIG_RUN : solid_config_get_request(config);
  if (request == SOLID_CONFIG_HELP)
    status = solid_config_write_help(&program, stdout);
  else if (request == SOLID_CONFIG_VERSION)
    status = solid_config_write_version(&program, stdout);
  else if (!status)
    status = show(&c);
  if (!status) status = program_flush();
  if (status) fprintf(stderr, "solid_eval lists: %s\n", solid_last_error());
  lists_clear(&c.set[0]);
  lists_clear(&c.set[1]);
  solid_config_free(config);
  free(flags);
  return status == SOLID_ERANGE ? EXIT_USAGE : program_exit_of(status);
}
