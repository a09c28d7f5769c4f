#include "solid/train/fit/state.h"

sol_array sol_fit_kept(const sol_fit *fit) {
  return fit->step.values[SOL_AVERAGE] != NULL ? SOL_AVERAGE : SOL_WEIGHTS;
}

int sol_fit_learns_codes(const sol_fit *fit) {
  return fit->learner.state != NULL;
}

uint32_t sol_fit_epochs(const sol_fit *fit) {
  return fit->refit_epochs > 0 ? fit->refit_epochs : fit->options.epochs;
}

int sol_fit_is_over(const sol_fit *fit, const solid_epoch *report) {
  uint32_t patience = fit->refit_epochs > 0 ? 0 : fit->options.patience;
  uint32_t idle = report->epoch - report->best_epoch;
  return report->epoch >= sol_fit_epochs(fit) || (patience > 0 && idle >= patience);
}
