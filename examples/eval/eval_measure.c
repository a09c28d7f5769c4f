#include "examples/eval/eval.h"
#include "solid/extend.h"
#include <stdlib.h>

static solid_status measure(eval_figures *f, const eval_run *r, const float *vectors) {
  const sol_evaluation *e = &f->evaluation;
  uint32_t resamples = (uint32_t)r->args.resamples;
  uint64_t seed = (uint64_t)r->args.seed;
  sol_metrics_of(e->ranks, e->users, &f->value);
  solid_status status = sol_metrics_interval(e->ranks, e->users, resamples, seed, &f->low, &f->high);
  for (int s = 0; s < SOL_SLICES && !status; s++)
    status = sol_slices_measure(&f->slice[s], &r->slices, (sol_slice)s, e, resamples, seed);
  return status ? status : sol_beyond_of(&f->beyond, e, &r->history, vectors, r->info.width);
}

solid_status eval_measure(eval_run *r) {
  sol_part part = r->args.part ? SOL_PART_TEST : SOL_PART_VALID;
  float *vectors = NULL;
  solid_status status =
      sol_slices_make(&r->slices, &r->history, &r->popularity.evaluation, part, (uint32_t)r->args.few);
  if (!status && r->model) {
    vectors = malloc((size_t)r->history.items * r->info.width * sizeof *vectors);
    status = vectors ? sol_evaluate_vectors(r->model, &r->history, vectors)
                     : solid_fail(SOLID_ENOMEM, "no memory for the vectors of %u items", r->history.items);
  }
  if (!status) status = measure(&r->popularity, r, vectors);
  if (!status && r->model) status = measure(&r->of_model, r, vectors);
  free(vectors);
  return status;
}
