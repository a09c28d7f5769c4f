#include "examples/common/ground.h"
#include "examples/eval/eval.h"
#include "solid/extend.h"
#include <stdlib.h>

solid_status eval_read_cutoffs(eval_run *r) {
  const char *list = r->args.cutoffs, *part;
  size_t size;
  while (sol_text_part(&list, &part, &size)) {
    char *end = NULL;
    unsigned long k = *part >= '0' && *part <= '9' ? strtoul(part, &end, 10) : 0;
    if (end != part + size || r->cutoffs == EVAL_CUTOFFS)
      return solid_fail(SOLID_EINVAL, "--k %s: must be 1 to %d cutoffs, commas between", r->args.cutoffs, EVAL_CUTOFFS);
    if (k < 1 || k > SOLID_CUTOFF_MAX)
      return solid_fail(SOLID_EINVAL, "--k %s: a cutoff is from 1 to %d", r->args.cutoffs, SOLID_CUTOFF_MAX);
    uint32_t at = r->cutoffs++;
    for (; at && r->cutoff[at - 1] > k; at--) r->cutoff[at] = r->cutoff[at - 1];
    r->cutoff[at] = (uint32_t)k;
  }
  return SOLID_OK;
}

solid_status eval_item_to_item(eval_run *r, const solid_evaluate_options *options) {
  solid_item_to_item *taken_together = NULL;
  solid_status status = solid_item_to_item_new(&taken_together, &r->dataset);
  if (!status) status = solid_item_to_item_choose(taken_together, options, &r->neighbours);
  if (status == SOLID_ENOTFOUND) r->neighbours = 50, status = SOLID_OK; /* nothing to choose by */
  if (!status)
    status = solid_item_to_item_evaluate(&r->item_to_item.evaluation, taken_together, r->neighbours, options);
  solid_item_to_item_free(taken_together);
  return status;
}

size_t eval_rankings(const eval_run *r, eval_ranking ranking[EVAL_RANKINGS]) {
  size_t n = 0;
  if (r->model) ranking[n++] = (eval_ranking){"", "model", &r->of_model};
  ranking[n++] = (eval_ranking){"popularity", "popularity", &r->popularity};
  ranking[n++] = (eval_ranking){"item_to_item", "item-to-item", &r->item_to_item};
  return n;
}

static solid_status measure(eval_figures *f, const eval_run *r, const float *vectors) {
  const solid_evaluation *e = &f->evaluation;
  uint32_t resamples = (uint32_t)r->args.resamples;
  uint64_t seed = (uint64_t)r->args.seed;
  solid_metrics_of(e->ranks, e->users, &f->value);
  solid_status status = solid_metrics_interval(e->ranks, e->users, resamples, seed, &f->low, &f->high);
  if (!status && r->cutoffs)
    status =
        solid_metrics_cutoffs(e->ranks, e->users, r->cutoff, r->cutoffs, resamples, seed, f->at, f->at_low, f->at_high);
  for (int s = 0; s < SOLID_SLICES && !status; s++)
    status = solid_slices_measure(&f->slice[s], &r->slices, (solid_slice)s, e, resamples, seed);
  return status ? status : solid_beyond_of(&f->beyond, e, &r->dataset, vectors, r->info.width);
}

solid_status eval_measure(eval_run *r) {
  solid_part part = r->args.part ? SOLID_PART_TEST : SOLID_PART_VALID;
  float *vectors = NULL;
  solid_status status =
      solid_slices_make(&r->slices, &r->dataset, &r->popularity.evaluation, part, (uint32_t)r->args.few);
  if (!status && r->model) {
    vectors = malloc((size_t)r->dataset.items * r->info.width * sizeof *vectors);
    status = vectors ? solid_evaluate_vectors(r->model, &r->dataset, vectors)
                     : solid_fail(SOLID_ENOMEM, "no memory for the vectors of %u items", r->dataset.items);
  }
  if (!status) status = measure(&r->popularity, r, vectors);
  if (!status) status = measure(&r->item_to_item, r, vectors);
  if (!status && r->model) status = measure(&r->of_model, r, vectors);
  free(vectors);
  return status;
}
