#include "examples/eval/eval_slates.h"
#include "examples/common/load.h"
#include "examples/common/slate_options.h"
#include "solid/extend.h"
#include <stdlib.h>
#include <string.h>

/* ---- Which trials ---- */

static solid_status add(slates_result *r, const solid_slate_trial *trial) {
  if (r->count == SLATES_TRIALS) return solid_fail(SOLID_EINVAL, "--slate: more than %d lists a user", SLATES_TRIALS);
  r->row[r->count++].trial = *trial;
  return SOLID_OK;
}

/* Calls add for every number of a list. */
static solid_status each_number(slates_result *r, const char *name, const char *list, solid_slate_trial *trial) {
  solid_status status = SOLID_OK;
  for (const char *at = list; *at && !status;) {
    char *end;
    double number = strtod(at, &end);
    if (end == at || (*end != ',' && *end != '\0') ||
        (trial->way == SOLID_SLATE_BY_DECODER && !(number >= 0 && number <= 1)))
      return solid_fail(SOLID_EINVAL, "--%s %s: must be numbers%s, commas between", name, list,
                        trial->way == SOLID_SLATE_BY_DECODER ? " from 0 to 1" : "");
    trial->lambda = number; /* either of them, as it was given */
    trial->options.guide = (float)number;
    status = add(r, trial);
    at = end + (*end == ',');
  }
  return status;
}

static solid_status list_trials(slates_result *r, const slates_arguments *args) {
  solid_slate_trial ranked = {SOLID_SLATE_BY_RANK, 0, SOLID_SLATE_OPTIONS_INIT}, rerank = ranked, slate = ranked;
  char orders[256];
  rerank.way = SOLID_SLATE_BY_RERANK, slate.way = SOLID_SLATE_BY_DECODER;
  solid_status status = add(r, &ranked);
  if (!status) status = each_number(r, "lambdas", args->lambdas, &rerank);
  snprintf(orders, sizeof orders, "%s", args->orders);
  for (char *rest = orders, *order; !status && (order = strtok_r(rest, ",", &rest));) {
    const slate_options text = {.order = order, .top_p = 1};
    status = slate_options_read(&text, &slate.options);
    if (!status) status = each_number(r, "guides", args->guides, &slate);
  }
  return status;
}

/* ---- Measuring ---- */

static solid_status compare(slates_result *r, uint32_t i, uint32_t resamples, uint64_t seed) {
  solid_status status = SOLID_OK;
  slates_row *row = &r->row[i];
  for (int f = 0; f < SOLID_SLATE_FIGURES && !status; f++)
    status = solid_slate_compare(&row->report, &r->row[0].report, (solid_slate_figure)f, resamples, seed, &row->over[f],
                                 &row->over_low[f], &row->over_high[f]);
  return status;
}

solid_status slates_measure(slates_result *r, const slates_arguments *args, const solid_model *model,
                            const solid_dataset *dataset, solid_part part, uint32_t resamples, uint64_t seed) {
  solid_dataset judges = {0};
  solid_slate_evaluator *evaluator = NULL;
  *r = (slates_result){.rows = (uint32_t)args->rows, .row = calloc(SLATES_TRIALS, sizeof *r->row)};
  solid_status status = r->row ? list_trials(r, args) : solid_fail(SOLID_ENOMEM, "no memory for figures of slates");
  load_files files = {.data = args->judges};
  if (!status && args->judges) status = load_history(&judges, &files);
  if (!status)
    status = solid_slate_evaluator_new(&evaluator, model, dataset, part, r->rows, args->judges ? &judges : NULL);
  for (uint32_t i = 0; i < r->count && !status; i++) {
    status = solid_slate_evaluate(evaluator, &r->row[i].trial, resamples, seed, &r->row[i].report);
    if (!status) status = compare(r, i, resamples, seed);
  }
  solid_slate_evaluator_free(evaluator);
  solid_dataset_clear(&judges);
  return status;
}

void slates_clear(slates_result *r) {
  for (uint32_t i = 0; i < r->count; i++) solid_slate_report_clear(&r->row[i].report);
  free(r->row);
  *r = (slates_result){0};
}

/* ---- Showing ---- */

static const char *const ways[] = {"ranked", "re-ranked", "slate"};

static void order_of(const solid_slate_trial *trial, char text[32]) {
  text[0] = '\0';
  if (trial->way == SOLID_SLATE_BY_DECODER) slate_order_text(trial->options.order, trial->options.window, text);
}

static void knob_of(const solid_slate_trial *trial, char text[32]) {
  text[0] = '\0';
  if (trial->way == SOLID_SLATE_BY_RERANK) snprintf(text, 32, "lambda %g", trial->lambda);
  if (trial->way == SOLID_SLATE_BY_DECODER) snprintf(text, 32, "guide %g", (double)trial->options.guide);
}

void slates_print(const slates_result *r) {
  uint32_t users = r->count ? r->row[0].report.users : 0;
  printf("\nlists of %u for %u users; in brackets how far other users could move the figure (95 %%)\n", r->rows, users);
  printf("%-10s %-12s %-12s %8s %22s %22s %8s %22s %6s %6s %9s %7s\n", "list", "order", "", "forwards", "recall",
         "ndcg", "next", "likeness", "cats", "items", "log p", "s");
  for (uint32_t i = 0; i < r->count; i++) {
    const slates_row *row = &r->row[i];
    const solid_slate_report *p = &row->report;
    char order[32], knob[32];
    order_of(&row->trial, order);
    knob_of(&row->trial, knob);
    printf("%-10s %-12s %-12s %8u", ways[row->trial.way], order, knob, p->forwards);
    for (int f = SOLID_SLATE_RECALL; f <= SOLID_SLATE_LIKENESS; f++) {
      if (f == SOLID_SLATE_NEXT)
        printf(" %8.4f", p->value[f]);
      else
        printf("  %.4f [%.4f, %.4f]", p->value[f], p->low[f], p->high[f]);
    }
    printf(" %6.2f %6u %9.3f %7.2f", p->value[SOLID_SLATE_CATEGORIES], p->items, p->value[SOLID_SLATE_LIKELIHOOD],
           p->seconds);
    if (p->invalid || p->repeated) printf("  INVALID %u REPEATED %u", p->invalid, p->repeated);
    putchar('\n');
  }
}

json_t *slates_json(const slates_result *r) {
  json_t *rows = json_array();
  for (uint32_t i = 0; i < r->count && rows; i++) {
    const slates_row *row = &r->row[i];
    const solid_slate_report *p = &row->report;
    char order[32];
    order_of(&row->trial, order);
    json_t *figures = json_object();
    for (int f = 0; f < SOLID_SLATE_FIGURES && figures; f++)
      json_object_set_new(figures, solid_slate_figure_names[f],
                          json_pack("{s:f, s:[f,f], s:f, s:[f,f]}", "value", p->value[f], "ci95", p->low[f], p->high[f],
                                    "over_ranked", row->over[f], "over_ranked_ci95", row->over_low[f],
                                    row->over_high[f]));
    json_array_append_new(
        rows, json_pack("{s:s, s:s, s:f, s:f, s:I, s:I, s:I, s:I, s:f, s:o}", "list", ways[row->trial.way], "order",
                        order, "guide", row->trial.way == SOLID_SLATE_BY_DECODER ? row->trial.lambda : 0.0, "lambda",
                        row->trial.way == SOLID_SLATE_BY_RERANK ? row->trial.lambda : 0.0, "forwards",
                        (json_int_t)p->forwards, "items", (json_int_t)p->items, "invalid", (json_int_t)p->invalid,
                        "repeated", (json_int_t)p->repeated, "seconds", p->seconds, "figures", figures));
  }
  return json_pack("{s:I, s:I, s:o}", "rows", (json_int_t)r->rows, "users",
                   (json_int_t)(r->count ? r->row[0].report.users : 0), "lists", rows);
}
