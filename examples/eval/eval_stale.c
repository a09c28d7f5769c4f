#include "examples/eval/eval_stale.h"
#include "examples/common/ground.h"
#include "solid/extend.h"
#include <stdio.h>
#include <stdlib.h>

static solid_status read_ages(stale_report *made, const char *ages) {
  const char *list = ages, *part;
  size_t size;
  while (sol_text_part(&list, &part, &size)) {
    char *end = NULL;
    unsigned long age = *part >= '0' && *part <= '9' ? strtoul(part, &end, 10) : 0;
    if (end != part + size || age > 1000000 || made->count == STALE_MAX)
      return solid_fail(SOLID_EINVAL, "--stale %s: must be 1 to %d numbers of events, commas between", ages, STALE_MAX);
    made->events[made->count++] = (uint32_t)age;
  }
  return SOLID_OK;
}

/* Shared by the calls of one pass over the ages. */
typedef struct stale_pass {
  const solid_model *model;
  const solid_dataset *dataset;
  solid_evaluate_options options;
  const solid_evaluation *fresh;
  const uint8_t *is_full; /* (users) */
  size_t full_users;
  uint32_t *ranks, *fresh_ranks; /* (users) of the full ones */
  uint32_t resamples;
  uint64_t seed;
} stale_pass;

static solid_status compare(const stale_pass *p, solid_comparison *out, const uint32_t *ranks, const uint32_t *fresh,
                            size_t users) {
  solid_runs a = {&ranks, 1}, b = {&fresh, 1};
  return users ? solid_compare_ranks(out, &a, &b, users, p->resamples, p->seed) : SOLID_OK;
}

static solid_status measure_cell(stale_pass *p, uint32_t age, int stale_state, stale_cell *cell) {
  solid_evaluation made = {0};
  p->options.stale = age, p->options.stale_state = stale_state;
  solid_status status = solid_evaluate_model(&made, p->model, p->dataset, &p->options);
  if (status) return status;
  size_t n = 0;
  for (uint32_t i = 0; i < made.users; i++) {
    if (!p->is_full[i]) continue;
    p->ranks[n] = made.ranks[i], p->fresh_ranks[n++] = p->fresh->ranks[i];
  }
  status = compare(p, &cell->all, made.ranks, p->fresh->ranks, made.users);
  if (!status) status = compare(p, &cell->full, p->ranks, p->fresh_ranks, n);
  solid_evaluation_clear(&made);
  return status;
}

/* Marks the users who have more events than the greatest age; returns how many. */
static size_t mark_full(const solid_dataset *dataset, solid_part part, const stale_report *r, const solid_evaluation *e,
                        uint8_t *is_full) {
  uint32_t greatest = 0;
  size_t n = 0;
  for (uint32_t i = 0; i < r->count; i++)
    if (r->events[i] > greatest) greatest = r->events[i];
  for (uint32_t i = 0; i < e->users; i++) {
    solid_range known = {0, 0};
    solid_split_question(dataset, e->who[i], part, &known);
    n += is_full[i] = known.end - known.begin > greatest;
  }
  return n;
}

solid_status stale_measure(stale_report *report, const char *ages, const solid_model *model,
                           const solid_dataset *dataset, const solid_evaluate_options *options, uint32_t resamples,
                           uint64_t seed) {
  stale_report made = {0};
  solid_evaluation fresh = {0};
  solid_status status = read_ages(&made, ages);
  if (!status) status = solid_evaluate_model(&fresh, model, dataset, options);
  if (status) return status;
  uint8_t *is_full = malloc(fresh.users);
  uint32_t *ranks = malloc(2 * (size_t)fresh.users * sizeof *ranks);
  if (!is_full || !ranks) {
    status = solid_fail(SOLID_ENOMEM, "no memory for the ranks of %u users", fresh.users);
    goto done;
  }
  made.users = fresh.users;
  made.full_users = mark_full(dataset, options->part, &made, &fresh, is_full);
  stale_pass p = {model,     dataset, *options, &fresh, is_full, made.full_users, ranks, ranks + fresh.users,
                  resamples, seed};
  for (uint32_t i = 0; i < made.count && !status; i++) {
    status = measure_cell(&p, made.events[i], 0, &made.new_state[i]);
    if (!status) status = measure_cell(&p, made.events[i], 1, &made.old_state[i]);
  }
  if (!status) *report = made;
done:
  free(is_full);
  free(ranks);
  solid_evaluation_clear(&fresh);
  return status;
}

static void print_side(const solid_comparison *c) {
  printf("  %.4f %+.4f [%+.4f, %+.4f]", c->a.value[SOLID_NDCG_10], c->difference.value[SOLID_NDCG_10],
         c->low.value[SOLID_NDCG_10], c->high.value[SOLID_NDCG_10]);
}

static void print_block(const stale_report *r, const char *whose, size_t users, int full) {
  if (!users) return;
  printf("\nndcg@10 of %zu users%s; difference from fresh parameters with its 95 %% interval\n", users, whose);
  printf("%-10s  %-33s  %s\n", "events old", "state of the newest window", "state as old as the parameters");
  for (uint32_t i = 0; i < r->count; i++) {
    printf("%-10u", r->events[i]);
    print_side(full ? &r->new_state[i].full : &r->new_state[i].all);
    print_side(full ? &r->old_state[i].full : &r->old_state[i].all);
    printf("\n");
  }
}

void stale_print(const stale_report *report) {
  if (!report->count) return;
  print_block(report, "", report->users, 0);
  print_block(report, " with more events than that", report->full_users, 1);
}

static json_t *json_of_side(const solid_comparison *c) {
  json_t *object = json_object();
  const int metrics[] = {SOLID_HR_10, SOLID_NDCG_10};
  for (int i = 0; i < 2; i++) {
    int m = metrics[i];
    json_object_set_new(object, solid_metric_names[m],
                        json_pack("{s:f, s:f, s:[f, f]}", "value", c->a.value[m], "difference", c->difference.value[m],
                                  "ci95", c->low.value[m], c->high.value[m]));
  }
  return object;
}

json_t *stale_json(const stale_report *r) {
  json_t *rows = json_array();
  for (uint32_t i = 0; i < r->count; i++) {
    json_t *row = json_pack("{s:I, s:o, s:o}", "events", (json_int_t)r->events[i], "new_state",
                            json_of_side(&r->new_state[i].all), "old_state", json_of_side(&r->old_state[i].all));
    if (r->full_users) {
      json_object_set_new(row, "new_state_full", json_of_side(&r->new_state[i].full));
      json_object_set_new(row, "old_state_full", json_of_side(&r->old_state[i].full));
    }
    json_array_append_new(rows, row);
  }
  return json_pack("{s:I, s:I, s:o}", "users", (json_int_t)r->users, "full_users", (json_int_t)r->full_users, "rows",
                   rows);
}
