#include "kernels/ops.h"
#include "solid/extend.h"
#include "solid/train/fit/step.h"

/* The norm that is clipped: of all gradients, or of the touched rows of E and the rest. */
static void sum_squares(sol_run *run, sol_step *step) {
  sk_reduce_args all = {
      .n = (int64_t)step->grad_total, .kind = SK_SUM_SQUARES, .x = step->values[SOL_GRADS], .out = step->sumsq};
  if (sol_step_has_part(step)) {
    sk_reduce_args touched = all;
    touched.n = (int64_t)step->here.items * step->here.width;
    sol_op_reduce(run, &touched);
    all.n = (int64_t)step->rest, all.x += step->grad_total - step->rest, all.accumulate = 1;
  }
  sol_op_reduce(run, &all);
}

solid_status sol_step_update(sol_step *step, const solid_train_options *options, uint64_t number) {
  sol_run run = {step->be, SOLID_OK};
  sol_tensor tensors[SOL_MAX_TENSORS];
  size_t n = sol_tensors_list(&step->config, tensors), end = 0;
  int has_part = sol_step_has_part(step);
  sum_squares(&run, step);
  if (has_part) sol_step_part_update(&run, step, options, number);
  for (size_t first = has_part ? 1 : 0; first < n; first = end) {
    /* a run of tensors of one group; the gaps are zero and stay so */
    int generator = tensors[first].generator;
    for (end = first + 1; end < n && tensors[end].generator == generator; end++) {
    }
    size_t from = tensors[first].offset, to = end < n ? tensors[end].offset : step->total;
    sol_op_adamw(
        &run, &(sk_adamw_args){.n = (int64_t)(to - from),
                               .lr = options->rate,
                               .b1 = SOL_ADAM_B1,
                               .b2 = SOL_ADAM_B2,
                               .eps = SOL_ADAM_EPS,
                               .decay = generator ? 0 : options->decay,
                               .step = (int64_t)number,
                               .grad = step->values[SOL_GRADS] + (from + step->grad_total - step->total),
                               .sumsq = step->sumsq,
                               .max_norm = options->max_norm,
                               .w = step->values[SOL_WEIGHTS] + from,
                               .m = step->values[SOL_MOMENT1] + from,
                               .v = step->values[SOL_MOMENT2] + from,
                               .average = step->values[SOL_AVERAGE] == NULL ? NULL : step->values[SOL_AVERAGE] + from,
                               .average_keep = options->average});
  }
  if (run.status != SOLID_OK) return solid_fail(run.status, "%s", step->be->err);
  return step->part.steps == SOL_PART_STEPS ? sol_step_settle(step) : SOLID_OK;
}
