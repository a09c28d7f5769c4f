#include "examples/eval/eval_lengths.h"
#include "examples/common/ground.h"
#include "solid/extend.h"
#include "solid/worker.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOP 10

static solid_status read_lengths(lengths_report *made, const char *lengths) {
  const char *list = lengths, *part;
  size_t size;
  while (sol_text_part(&list, &part, &size)) {
    char *end = NULL;
    unsigned long events = *part >= '1' && *part <= '9' ? strtoul(part, &end, 10) : 0;
    if (end != part + size || events > 1000000 || made->count == LENGTHS_MAX)
      return solid_fail(SOLID_EINVAL, "--lengths %s: must be 1 to %d numbers of events, commas between", lengths,
                        LENGTHS_MAX);
    made->events[made->count++] = (uint32_t)events;
  }
  return SOLID_OK;
}

/* A run over the questions. */
typedef struct lengths_pass {
  const solid_dataset *dataset;
  const solid_evaluate_options *options;
  const lengths_task *task;
  solid_worker *worker;
  uint32_t *sequence; /* the dataset's, in items of the model */
  size_t words, batch, n;
  uint64_t *masks;           /* (batch, words) */
  solid_question *questions; /* (batch) of which n wait */
  solid_scored *best;        /* (batch, TOP) */
  uint32_t *target;          /* (batch) */
  double **to;               /* (batch) where the question's gain is added */
} lengths_pass;

/* Where the questions of user u are: events begin .. end - 1 of the sequence. 0: it is not asked. */
static int asked(const lengths_pass *p, uint32_t u, solid_range *targets) {
  solid_range known;
  size_t end = p->dataset->offsets[u + 1];
  if (end - p->dataset->offsets[u] < p->task->least) return 0;
  if (!solid_split_question(p->dataset, u, p->options->part, &known)) return 0;
  *targets = (solid_range){known.end, end};
  if (p->options->part == SOLID_PART_VALID && solid_split_question(p->dataset, u, SOLID_PART_TEST, &known))
    targets->end = known.end;
  return 1;
}

static size_t count_questions(const lengths_pass *p, solid_range targets) {
  size_t n = targets.end - targets.begin;
  return n < p->task->questions ? n : p->task->questions;
}

static solid_status flush(lengths_pass *p) {
  solid_status status = p->n ? solid_worker_answer(p->worker, p->questions, p->n, TOP) : SOLID_OK;
  for (size_t i = 0; i < p->n && !status; i++)
    for (size_t k = 0; k < p->questions[i].count; k++)
      if (p->best[i * TOP + k].item == p->target[i]) *p->to[i] += 1 / log2((double)k + 2);
  p->n = 0;
  return status;
}

/* The event `at` of user u, asked with the newest `length` events before it. */
static solid_status ask(lengths_pass *p, uint32_t u, size_t at, uint32_t length, double *to) {
  size_t i = p->n++, begin = p->dataset->offsets[u], first = at - begin > length ? at - length : begin;
  p->questions[i] = (solid_question){.window = p->sequence + first, .n_window = at - first, .best = p->best + i * TOP};
  p->target[i] = p->sequence[at];
  p->to[i] = to;
  if (!p->options->keep_history) {
    uint64_t *mask = p->masks + i * p->words;
    memset(mask, 0, p->words * sizeof *mask);
    for (size_t e = begin; e < at; e++)
      if (p->sequence[e] != p->target[i]) mask[p->sequence[e] / 64] |= (uint64_t)1 << p->sequence[e] % 64;
    p->questions[i].excluded = mask;
  }
  return p->n == p->batch ? flush(p) : SOLID_OK;
}

static solid_status run_length(lengths_pass *p, lengths_report *made, uint32_t which) {
  double *row = made->ndcg + which * made->users;
  solid_status status = SOLID_OK;
  size_t i = 0;
  for (uint32_t u = 0; u < p->dataset->users && !status; u++) {
    solid_range targets;
    if (!asked(p, u, &targets)) continue;
    size_t n = count_questions(p, targets), span = targets.end - targets.begin;
    for (size_t k = 0; k < n && !status; k++)
      status = ask(p, u, targets.begin + k * span / n, made->events[which], &row[i]);
    i++;
  }
  if (!status) status = flush(p);
  i = 0;
  for (uint32_t u = 0; u < p->dataset->users && !status; u++) {
    solid_range targets;
    if (asked(p, u, &targets)) row[i++] /= (double)count_questions(p, targets);
  }
  return status;
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Users drawn again with replacement. */
static solid_status interval(const lengths_task *task, const double *of, size_t n, double *mean, double *low,
                             double *high) {
  double *drawn = malloc(task->resamples * sizeof *drawn), sum = 0;
  if (!drawn) return solid_fail(SOLID_ENOMEM, "no memory for %u resamples", task->resamples);
  for (size_t i = 0; i < n; i++) sum += of[i];
  *mean = sum / (double)n;
  sol_random random = sol_random_start(task->seed, 4);
  for (uint32_t r = 0; r < task->resamples; r++) {
    drawn[r] = 0;
    for (size_t i = 0; i < n; i++) drawn[r] += of[sol_random_below(&random, n)] / (double)n;
  }
  qsort(drawn, task->resamples, sizeof *drawn, ascending);
  *low = drawn[(size_t)(0.025 * (task->resamples - 1))];
  *high = drawn[(size_t)(0.975 * (task->resamples - 1))];
  free(drawn);
  return SOLID_OK;
}

static void pass_close(lengths_pass *p) {
  solid_worker_free(p->worker);
  free(p->sequence);
  free(p->masks);
  free(p->questions);
  free(p->best);
  free(p->target);
  free(p->to);
}

static solid_status pass_open(lengths_pass *p, const solid_model *model) {
  const solid_dataset *d = p->dataset;
  solid_status status = solid_worker_new(&p->worker, model, p->batch);
  if (status) return status;
  p->words = solid_worker_mask_words(p->worker);
  p->sequence = malloc((d->events + 1) * sizeof *p->sequence);
  p->masks = malloc(p->batch * p->words * sizeof *p->masks);
  p->questions = malloc(p->batch * sizeof *p->questions);
  p->best = malloc(p->batch * TOP * sizeof *p->best);
  p->target = malloc(p->batch * sizeof *p->target);
  p->to = malloc(p->batch * sizeof *p->to);
  if (!p->sequence || !p->masks || !p->questions || !p->best || !p->target || !p->to)
    return solid_fail(SOLID_ENOMEM, "no memory for %zu questions at once", p->batch);
  for (size_t e = 0; e < d->events; e++)
    p->sequence[e] = solid_model_item_index(model, solid_vocab_id(&d->item_ids, d->sequence[e]));
  return SOLID_OK;
}

solid_status lengths_measure(lengths_report *report, const lengths_task *task, const solid_model *model,
                             const solid_dataset *dataset, const solid_evaluate_options *options) {
  lengths_report made = {0};
  lengths_pass p = {.dataset = dataset, .options = options, .task = task, .batch = options->batch};
  solid_status status = read_lengths(&made, task->lengths);
  if (status) return status;
  for (uint32_t u = 0; u < dataset->users; u++) {
    solid_range targets;
    if (asked(&p, u, &targets)) made.users++, made.questions += count_questions(&p, targets);
  }
  if (!made.users)
    return solid_fail(SOLID_ENOTFOUND, "--lengths: no user has %u events and a target: ask those with fewer (--least)",
                      task->least);
  status = pass_open(&p, model);
  if (!status && !(made.ndcg = calloc(made.count * made.users, sizeof *made.ndcg)))
    status = solid_fail(SOLID_ENOMEM, "no memory for the figures of %zu users", made.users);
  for (uint32_t i = 0; i < made.count && !status; i++) {
    status = run_length(&p, &made, i);
    if (!status)
      status = interval(task, made.ndcg + i * made.users, made.users, &made.mean[i], &made.low[i], &made.high[i]);
  }
  pass_close(&p);
  if (status)
    lengths_clear(&made);
  else
    *report = made;
  return status;
}

void lengths_clear(lengths_report *report) {
  free(report->ndcg);
  *report = (lengths_report){0};
}

void lengths_print(const lengths_report *r) {
  if (!r->count) return;
  printf("\nndcg@10 of %zu questions of %zu users, with 95 %% interval over users\nnewest events\n", r->questions,
         r->users);
  for (uint32_t i = 0; i < r->count; i++)
    printf("%-10u  %.4f [%.4f, %.4f]\n", r->events[i], r->mean[i], r->low[i], r->high[i]);
}

json_t *lengths_json(const lengths_report *r) {
  json_t *rows = json_array();
  for (uint32_t i = 0; i < r->count; i++) {
    json_t *of_users = json_array();
    for (size_t u = 0; u < r->users; u++)
      json_array_append_new(of_users, json_real(round(1e5 * r->ndcg[i * r->users + u]) / 1e5));
    json_array_append_new(rows, json_pack("{s:I, s:f, s:[f, f], s:o}", "events", (json_int_t)r->events[i], "ndcg@10",
                                          r->mean[i], "ci95", r->low[i], r->high[i], "of_users", of_users));
  }
  return json_pack("{s:I, s:I, s:o}", "users", (json_int_t)r->users, "questions", (json_int_t)r->questions, "rows",
                   rows);
}
