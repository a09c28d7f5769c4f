/* What lists of slates are worth, as tables and as JSON. */
#include "examples/common/slate_order.h"
#include "examples/eval/eval_slates.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

const char *slates_way(const solid_slate_trial *trial) {
  static const char *const ways[] = {"ranked", "re-ranked", "slate"};
  return ways[trial->way];
}

void slates_order(const solid_slate_trial *trial, char text[32]) {
  text[0] = '\0';
  if (trial->way == SOLID_SLATE_BY_DECODER) slate_order_text(trial->options.order, trial->options.window, text);
  if (trial->way == SOLID_SLATE_BY_RERANK) snprintf(text, 32, "%s", solid_slate_alike_names[trial->alike]);
}

static void knob_of(const solid_slate_trial *trial, char text[32]) {
  text[0] = '\0';
  if (trial->way == SOLID_SLATE_BY_RERANK) snprintf(text, 32, "lambda %g", trial->lambda);
  if (trial->way == SOLID_SLATE_BY_DECODER) snprintf(text, 32, "guide %g", (double)trial->options.guide);
}

static void print_lists(const slates_result *r) {
  printf("%-10s %-16s %-12s %8s %22s %22s %8s %22s %8s %8s %6s %6s %9s %9s %7s\n", "list", "order", "", "forwards",
         "recall", "ndcg", "next", "likeness", "company", "content", "cats", "items", "log p", "raster", "s");
  for (uint32_t i = 0; i < r->count; i++) {
    const slates_row *row = &r->row[i];
    const solid_slate_report *p = &row->report;
    char order[32], knob[32];
    slates_order(&row->trial, order);
    knob_of(&row->trial, knob);
    printf("%-10s %-16s %-12s %8.4g", slates_way(&row->trial), order, knob, p->forwards);
    for (int f = SOLID_SLATE_RECALL; f <= SOLID_SLATE_CONTENT; f++) {
      if (f == SOLID_SLATE_NEXT || f > SOLID_SLATE_LIKENESS)
        printf(" %8.4f", p->value[f]);
      else
        printf("  %.4f [%.4f, %.4f]", p->value[f], p->low[f], p->high[f]);
    }
    printf(" %6.2f %6u %9.3f %9.3f %7.2f", p->value[SOLID_SLATE_CATEGORIES], p->items, p->value[SOLID_SLATE_LIKELIHOOD],
           p->value[SOLID_SLATE_UNDER_RASTER], p->seconds);
    if (p->invalid || p->repeated) printf("  INVALID %u REPEATED %u", p->invalid, p->repeated);
    putchar('\n');
  }
}

static void print_against_raster(const slates_result *r) {
  int any = 0;
  for (uint32_t i = 0; i < r->count; i++) any |= r->row[i].of_raster;
  if (!any) return;
  printf("\norders less raster under the same guide, paired by user (95 %%)\n%-12s %-12s %31s %9s %31s\n", "order", "",
         "ndcg", "of raster", "likeness");
  for (uint32_t i = 0; i < r->count; i++) {
    const slates_row *row = &r->row[i];
    const slates_difference *ndcg = &row->than[SOLID_SLATE_NDCG], *like = &row->than[SOLID_SLATE_LIKENESS];
    char order[32], knob[32];
    if (!row->of_raster) continue;
    slates_order(&row->trial, order);
    knob_of(&row->trial, knob);
    double of_raster = row->report.value[SOLID_SLATE_NDCG] - ndcg->value;
    printf("%-12s %-12s  %+.5f [%+.5f, %+.5f] %7.2f %%  %+.5f [%+.5f, %+.5f]\n", order, knob, ndcg->value, ndcg->low,
           ndcg->high, of_raster > 0 ? 100 + 100 * ndcg->value / of_raster : 0, like->value, like->low, like->high);
  }
}

void slates_print(const slates_result *r) {
  uint32_t users = r->count ? r->row[0].report.users : 0, invalid = 0, repeated = 0, guided = 0, ranked = 0;
  printf("\nlists of %u for %u users; in brackets how far other users could move the figure (95 %%)\n", r->rows, users);
  print_lists(r);
  print_against_raster(r);
  for (uint32_t i = 0; i < r->count; i++) {
    invalid += r->row[i].report.invalid;
    repeated += r->row[i].report.repeated;
    if (r->row[i].trial.way != SOLID_SLATE_BY_DECODER || r->row[i].trial.options.guide < 1) continue;
    guided += users;
    ranked += r->row[i].report.ranked;
  }
  printf("\n%llu lists: %u invalid, %u with an item twice", (unsigned long long)users * r->count, invalid, repeated);
  if (guided) printf("; under a guide of 1 %u of %u are the ranked list", ranked, guided);
  printf("\n");
}

/* Values of every user in ten-thousandths, blanks between, so that results can be paired. NULL: no memory. */
static json_t *values_json(const double *x, uint32_t users) {
  size_t room = 8 * (size_t)users + 1, used = 0;
  char *text = malloc(room);
  if (!text) return NULL;
  text[0] = '\0';
  for (uint32_t i = 0; i < users; i++)
    used += (size_t)snprintf(text + used, room - used, "%s%ld", i ? " " : "", lround(x[i] * 1e4));
  json_t *values = json_string(text);
  free(text);
  return values;
}

static json_t *each_json(const solid_slate_report *p) {
  static const solid_slate_figure kept[] = {SOLID_SLATE_RECALL, SOLID_SLATE_NDCG, SOLID_SLATE_LIKENESS,
                                            SOLID_SLATE_COMPANY, SOLID_SLATE_CONTENT};
  json_t *each = json_object();
  for (size_t k = 0; k < sizeof kept / sizeof *kept && each; k++)
    json_object_set_new(each, solid_slate_figure_names[kept[k]],
                        values_json(p->each + (size_t)kept[k] * p->users, p->users));
  return each;
}

static json_t *figure_json(const slates_row *row, int f) {
  const solid_slate_report *p = &row->report;
  json_t *figure =
      json_pack("{s:f, s:[f,f], s:f, s:[f,f]}", "value", p->value[f], "ci95", p->low[f], p->high[f], "over_ranked",
                row->over[f].value, "over_ranked_ci95", row->over[f].low, row->over[f].high);
  if (figure && row->of_raster) {
    json_object_set_new(figure, "over_raster", json_real(row->than[f].value));
    json_object_set_new(figure, "over_raster_ci95", json_pack("[f,f]", row->than[f].low, row->than[f].high));
  }
  return figure;
}

static json_t *row_json(const slates_row *row) {
  const solid_slate_report *p = &row->report;
  int way = (int)row->trial.way;
  char order[32];
  json_t *figures = json_object();
  slates_order(&row->trial, order);
  for (int f = 0; f < SOLID_SLATE_FIGURES && figures; f++)
    json_object_set_new(figures, solid_slate_figure_names[f], figure_json(row, f));
  return json_pack("{s:s, s:s, s:f, s:f, s:f, s:I, s:I, s:I, s:f, s:o, s:o}", "list", slates_way(&row->trial), "order",
                   order, "guide", way == SOLID_SLATE_BY_DECODER ? row->trial.lambda : 0.0, "lambda",
                   way == SOLID_SLATE_BY_RERANK ? row->trial.lambda : 0.0, "forwards", p->forwards, "items",
                   (json_int_t)p->items, "invalid", (json_int_t)p->invalid, "repeated", (json_int_t)p->repeated,
                   "seconds", p->seconds, "figures", figures, "each", each_json(p));
}

json_t *slates_json(const slates_result *r) {
  json_t *rows = json_array();
  for (uint32_t i = 0; i < r->count && rows; i++) json_array_append_new(rows, row_json(&r->row[i]));
  return json_pack("{s:I, s:I, s:o}", "rows", (json_int_t)r->rows, "users",
                   (json_int_t)(r->count ? r->row[0].report.users : 0), "lists", rows);
}
