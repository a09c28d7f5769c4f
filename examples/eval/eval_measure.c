#include "examples/eval/eval.h"
#include "solid/extend.h"
#include <stdlib.h>

static solid_status measure(eval_figures *f, const eval_run *r, const float *vectors) {
  const solid_evaluation *e = &f->evaluation;
  uint32_t resamples = (uint32_t)r->args.resamples;
  uint64_t seed = (uint64_t)r->args.seed;
  solid_metrics_of(e->ranks, e->users, &f->value);
  solid_status status = solid_metrics_interval(e->ranks, e->users, resamples, seed, &f->low, &f->high);
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
  if (!status && r->model) status = measure(&r->of_model, r, vectors);
  free(vectors);
  return status;
}
