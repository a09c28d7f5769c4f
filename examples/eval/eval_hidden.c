#include "examples/eval/eval_hidden.h"
#include "solid/extend.h"
#include <stdio.h>
#include <stdlib.h>

/* Shared by the calls of one pass over the users. */
typedef struct slice {
  const solid_hidden *hidden;
  const solid_dataset *dataset;
  solid_part part;
  uint32_t resamples;
  uint64_t seed;
  uint32_t *ranks; /* (users) */
} slice;

/* The figures of the users whose target is hidden (or is not). */
static solid_status take(hidden_row *row, const char *name, const slice *s, const solid_evaluation *e, int on_hidden) {
  size_t n = 0;
  for (uint32_t i = 0; i < e->users; i++) {
    solid_range known = {0, 0};
    solid_split_question(s->dataset, e->who[i], s->part, &known);
    if (s->hidden->mask[s->dataset->sequence[known.end]] == on_hidden) s->ranks[n++] = e->ranks[i];
  }
  *row = (hidden_row){.name = name, .users = n};
  if (n == 0) return SOLID_OK;
  solid_metrics_of(s->ranks, n, &row->value);
  return solid_metrics_interval(s->ranks, n, s->resamples, s->seed, &row->low, &row->high);
}

/* A random order: every place among n items is equally likely for the target. */
static hidden_row random_order(const char *name, size_t users, uint32_t n) {
  hidden_row row = {.name = name, .users = users};
  for (uint32_t rank = 0; rank < n && rank < SOLID_RANK_DEPTH; rank++) {
    solid_metrics of_rank;
    solid_metrics_of(&rank, 1, &of_rank);
    for (int m = 0; m < SOLID_METRICS; m++) row.value.value[m] += of_rank.value[m] / n;
  }
  row.low = row.high = row.value;
  return row;
}

/* Popularity as training saw it. */
static solid_status count_visible(const solid_hidden *hidden, const solid_dataset *dataset, float *count) {
  solid_dataset events = {0};
  solid_status status = solid_hidden_events(hidden, dataset, &events);
  if (status == SOLID_OK) solid_split_popularity(&events, count);
  solid_hidden_events_clear(&events);
  return status;
}

solid_status hidden_measure(hidden_report *report, const solid_hidden *hidden, const solid_model *model,
                            const solid_dataset *dataset, const solid_evaluate_options *options,
                            const solid_evaluation *of_model, uint32_t resamples, uint64_t seed) {
  solid_evaluation among = {0}, popular = {0};
  solid_evaluate_options full = *options, only = *options;
  slice s = {hidden, dataset, options->part, resamples, seed, malloc(of_model->users * sizeof *s.ranks)};
  float *count = malloc(dataset->items * sizeof *count);
  hidden_report made = {
      .trained_on = report->trained_on, .items = hidden->items, .hidden = hidden->items - hidden->visible};
  solid_status status = SOLID_OK;
  if (!s.ranks || !count) status = solid_fail(SOLID_ENOMEM, "no memory for the ranks of %u users", of_model->users);
  if (!status) status = count_visible(hidden, dataset, count);
  full.popularity = count;
  only.candidates = hidden->mask;
  if (!status) status = solid_evaluate_model(&among, model, dataset, &only);
  if (!status) status = solid_evaluate_popularity(&popular, dataset, &full);
  if (!status) status = take(&made.row[0], "model_on_hidden_full", &s, of_model, 1);
  if (!status) status = take(&made.row[1], "popularity_on_hidden_full", &s, &popular, 1);
  if (!status) status = take(&made.row[2], "model_on_hidden_among", &s, &among, 1);
  made.row[3] = random_order("chance_on_hidden_among", made.row[2].users, made.hidden);
  if (!status) status = take(&made.row[4], "model_on_others_full", &s, of_model, 0);
  if (!status) status = take(&made.row[5], "popularity_on_others_full", &s, &popular, 0);
  solid_evaluation_clear(&among);
  solid_evaluation_clear(&popular);
  free(s.ranks);
  free(count);
  if (!status) *report = made;
  return status;
}

static void print_row(const char *what, const hidden_row *row) {
  printf("%-46s", what);
  const int metrics[] = {SOLID_HR_10, SOLID_NDCG_10};
  for (int i = 0; i < 2; i++)
    printf("  %.4f [%.4f, %.4f]", row->value.value[metrics[i]], row->low.value[metrics[i]],
           row->high.value[metrics[i]]);
  printf("\n");
}

void hidden_print(const hidden_report *report) {
  const hidden_row *row = report->row;
  printf("\n%u of %u items %s; the target of %zu users is one of them\n", report->hidden, report->items,
         report->trained_on ? "are reported separately, although the model was trained on them"
                            : "were hidden from training",
         row[0].users);
  printf("%-46s  %-23s  ndcg@10\n", "", "hr@10");
  print_row("hidden target, whole catalogue: model", &row[0]);
  print_row("hidden target, whole catalogue: popularity", &row[1]);
  print_row("hidden target, hidden items only: model", &row[2]);
  print_row("hidden target, hidden items only: random order", &row[3]);
  print_row("other targets, whole catalogue: model", &row[4]);
  print_row("other targets, whole catalogue: popularity", &row[5]);
}

json_t *hidden_json(const hidden_report *report) {
  json_t *root = json_pack("{s:I, s:I, s:b}", "items", (json_int_t)report->items, "hidden", (json_int_t)report->hidden,
                           "trained_on", report->trained_on);
  for (int r = 0; r < HIDDEN_ROWS; r++) {
    const hidden_row *row = &report->row[r];
    json_t *object = json_pack("{s:I}", "users", (json_int_t)row->users);
    for (int m = 0; m < SOLID_METRICS; m++)
      json_object_set_new(object, solid_metric_names[m],
                          json_pack("[f, f, f]", row->value.value[m], row->low.value[m], row->high.value[m]));
    json_object_set_new(root, row->name, object);
  }
  return root;
}
