/* solid_eval plot: figures of result files as bars with their intervals, drawn by gnuplot. */
#include "examples/common/exit.h"
#include "examples/common/ground.h"
#include "examples/common/growing.h"
#include "examples/common/manifest.h"
#include "examples/common/program.h"
#include "examples/eval/eval.h"
#include "examples/eval/eval_ranks.h"
#include "solid/extend.h"
#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

enum { FILES_MAX = 32, METRICS_MAX = 16 };

typedef struct arguments {
  const char *out, *metrics;
  int plain;
} arguments;

#define AT(field) .offset = offsetof(arguments, field)
static const solid_property properties[] = {
    {.name = "out", .type = SOLID_PROPERTY_STRING, .meaning = "file to draw, .svg or .png", .required = 1, AT(out)},
    {.name = "metrics",
     .type = SOLID_PROPERTY_STRING,
     .preset = "hr@10,ndcg@10,mrr@10",
     .meaning = "list of the figures to draw",
     AT(metrics)},
    {.name = "plain",
     .type = SOLID_PROPERTY_BOOL,
     .preset = "true",
     .meaning = "also draw popularity and item-to-item, as the first file has them",
     AT(plain)},
};

static const solid_program program = {
    .name = "solid_eval plot",
    .summary = "A.json [B.json ...]: draws the figures of result files beside one another, with their 95 % intervals.",
    .notes = "Needs gnuplot (Debian: gnuplot-nox).",
    .exits = HAS_EXIT(SOURCE),
    .cut = "",
    .properties = properties,
    .count = sizeof properties / sizeof *properties,
};

typedef struct plot {
  arguments args;
  const char *path[FILES_MAX];
  size_t files;
  char metric[METRICS_MAX][24];
  size_t metrics, series; /* series drawn so far */
  growing data, lines;    /* gnuplot's data blocks; its plot command */
} plot;

static solid_status read_metrics(plot *p) {
  const char *list = p->args.metrics, *part;
  size_t size;
  while (sol_text_part(&list, &part, &size)) {
    int known = 0;
    if (p->metrics == METRICS_MAX) return solid_fail(SOLID_EINVAL, "--metrics: more than %d", METRICS_MAX);
    snprintf(p->metric[p->metrics], sizeof p->metric[0], "%.*s", (int)size, part);
    for (int m = 0; m < SOLID_METRICS; m++) known |= strcmp(p->metric[p->metrics], solid_metric_names[m]) == 0;
    if (!known)
      return solid_fail(SOLID_EINVAL, "--metrics: \"%s\" is none of hr, ndcg, mrr at 5, 10, 20", p->metric[p->metrics]);
    p->metrics++;
  }
  return SOLID_OK;
}

/* A name between gnuplot's single quotes. */
static void add_quoted(growing *text, const char *name) {
  growing_text(text, "'");
  for (; *name; name++) growing_bytes(text, *name == '\'' ? "''" : name, *name == '\'' ? 2 : 1);
  growing_text(text, "'");
}

/* One ranking of a file, if it has it; `key` and `interval` as in the result file. */
static void add_series(plot *p, const json_t *root, const char *key, const char *interval, const char *title) {
  const json_t *values = json_object_get(root, key), *intervals = json_object_get(root, interval);
  if (!json_is_object(values)) return;
  growing_add(&p->data, "$s%zu << EOD\n", p->series);
  for (size_t m = 0; m < p->metrics; m++) {
    const json_t *range = json_object_get(intervals, p->metric[m]);
    double value = json_number_value(json_object_get(values, p->metric[m]));
    growing_add(&p->data, "%zu %zu %.9g %.9g %.9g\n", m, p->series, value, json_number_value(json_array_get(range, 0)),
                json_number_value(json_array_get(range, 1)));
  }
  growing_text(&p->data, "EOD\n");
  growing_add(&p->lines, "%s $s%zu using ($1*(n+1)+$2):3:4:5:(0.9) with boxerrorbars title ", p->series ? "," : "plot",
              p->series);
  add_quoted(&p->lines, title);
  p->series++;
}

static const char *name_of(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

static solid_status read_file(plot *p, size_t i) {
  json_t *root = NULL;
  solid_status status = eval_result_read(&root, p->path[i]);
  if (status) return status;
  size_t before = p->series;
  if (i == 0 && p->args.plain) {
    add_series(p, root, "popularity", "popularity_ci95", "popularity");
    add_series(p, root, "item_to_item", "item_to_item_ci95", "item-to-item");
  }
  size_t plain = p->series;
  add_series(p, root, "metrics", "ci95", name_of(p->path[i]));
  int has_figures = p->series > plain || (i == 0 && plain > before);
  json_decref(root);
  return has_figures ? SOLID_OK
                     : solid_fail(SOLID_EFORMAT, "%s: no figures: not a result of solid_eval --json", p->path[i]);
}

static int ends_in(const char *path, const char *end) {
  size_t size = strlen(path), most = strlen(end);
  return size > most && strcmp(path + size - most, end) == 0;
}

static void write_script(const plot *p, FILE *to) {
  growing out = {0};
  add_quoted(&out, p->args.out);
  fprintf(to, "set terminal %s noenhanced size 900,420\nset output %s\nn = %zu\n",
          ends_in(p->args.out, ".png") ? "png" : "svg", out.bytes, p->series);
  fputs("set style fill solid 0.7 border\nset grid ytics\nset yrange [0:*]\nset key outside top center "
        "horizontal noenhanced\nset xtics (",
        to);
  for (size_t m = 0; m < p->metrics; m++)
    fprintf(to, "%s'%s' %g", m ? ", " : "", p->metric[m],
            (double)m * ((double)p->series + 1) + ((double)p->series - 1) / 2);
  fprintf(to, ")\n%s%s\n", p->data.bytes, p->lines.bytes);
  growing_clear(&out);
}

static solid_status draw(const plot *p) {
  if (p->data.is_broken || p->lines.is_broken) return solid_fail(SOLID_ENOMEM, "no memory for the figures");
  signal(SIGPIPE, SIG_IGN);
  FILE *to = popen("gnuplot", "w");
  if (!to) return solid_fail(SOLID_EIO, "gnuplot: %s", strerror(errno));
  write_script(p, to);
  int code = pclose(to);
  if (code == 0) return SOLID_OK;
  return WIFEXITED(code) && WEXITSTATUS(code) == 127
             ? solid_fail(SOLID_EUNSUPPORTED, "gnuplot is not installed (cmake/install-packages.sh plot)")
             : solid_fail(SOLID_EIO, "gnuplot could not draw %s", p->args.out);
}

static solid_status run(void *user) {
  plot *p = user;
  solid_status status = p->files ? read_metrics(p) : solid_fail(SOLID_EINVAL, "which result files? (--help)");
  if (!status && !ends_in(p->args.out, ".svg") && !ends_in(p->args.out, ".png"))
    status = solid_fail(SOLID_EINVAL, "--out %s: ends neither in .svg nor in .png", p->args.out);
  if (!status) status = manifest_check(p->args.out);
  if (!status) program_step(EXIT_SOURCE);
  for (size_t i = 0; i < p->files && !status; i++) status = read_file(p, i);
  if (!status) program_step(EXIT_FAILED);
  if (!status) status = draw(p);
  if (!status) printf("%s: %zu figures of %zu rankings\n", p->args.out, p->metrics, p->series);
  growing_clear(&p->data);
  growing_clear(&p->lines);
  return status;
}

int eval_plot(int argc, char **argv) {
  static plot p;
  int n = 0;
  char **flags = calloc((size_t)argc + 1, sizeof *flags);
  for (int i = 0; i < argc && flags; i++) { /* what is no flag, nor the value of one, is a file */
    int is_flag = i == 0 || strncmp(argv[i], "--", 2) == 0;
    int has_value = i && is_flag && !strchr(argv[i], '=') && !strstr(argv[i], "plain") &&
                    strcmp(argv[i], "--help") != 0 && strcmp(argv[i], "--version") != 0;
    if (is_flag || p.files == FILES_MAX)
      flags[n++] = argv[i];
    else
      p.path[p.files++] = argv[i];
    if (has_value && i + 1 < argc) flags[n++] = argv[++i];
  }
  if (!flags) return EXIT_FAILED;
  int code = program_run(&program, n, flags, &p.args, run, &p);
  free(flags);
  return code;
}
