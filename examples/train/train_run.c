#include "examples/train/train_run.h"
#include "examples/common/progress.h"
#include "solid/extend.h"
#include <stdio.h>
#include <unistd.h>

/* Epochs until it is over, a checkpoint after each that was validated. */
static solid_status run_epochs(const train_run *run, sol_trainer *trainer, progress *p) {
  solid_status status = SOLID_OK;
  double start = progress_now();
  while (status == SOLID_OK && !sol_trainer_report(trainer)->finished) {
    if (run->limit > 0 && progress_now() - start > run->limit && sol_trainer_report(trainer)->best_epoch > 0) break;
    sol_epoch report;
    progress_begin_epoch(p, sol_trainer_report(trainer)->epoch + 1);
    status = sol_trainer_epoch(trainer, progress_step, p, &report);
    if (status != SOLID_OK) break;
    progress_end_epoch(p, &report);
    if (report.checked) status = sol_trainer_save(trainer, run->checkpoint);
  }
  return status;
}

static solid_status resume(const train_run *run, sol_trainer *trainer) {
  if (run->fresh) return SOLID_OK;
  solid_status status = sol_trainer_load(trainer, run->checkpoint);
  if (status == SOLID_ENOTFOUND) return SOLID_OK;
  if (status == SOLID_EMISMATCH || status == SOLID_EFORMAT)
    return solid_fail(status, "%s; --fresh starts again", solid_last_error());
  if (status == SOLID_OK) printf("goes on after epoch %u\n", sol_trainer_report(trainer)->epoch);
  return status;
}

solid_status train_run_all(const train_run *run, const solid_train_options *options, sol_trainer **out) {
  sol_trainer *trainer = NULL;
  solid_status status = sol_trainer_new(
      &trainer, run->ctx, &(sol_fit_task){run->config, options, run->history, run->codes, run->refit_epochs});
  if (status != SOLID_OK) return status;
  if (status == SOLID_OK && run->content) status = sol_trainer_find_mates(trainer, run->content, run->content_width);
  if (status == SOLID_OK && options->learn_codes > 0)
    status = sol_trainer_learn_codes(trainer, run->book, run->content);
  if (status == SOLID_OK) status = resume(run, trainer);
  if (status == SOLID_OK) {
    progress p = {.terminal = isatty(STDERR_FILENO),
                  .log = run->log,
                  .epochs = run->refit_epochs > 0 ? run->refit_epochs : options->epochs,
                  .patience = run->refit_epochs > 0 ? 0 : options->patience};
    size_t rows;
    sol_trainer_size(trainer, &p.users, &rows);
    printf("trains %s on %u users, %zu rows an epoch\n", solid_head_name(run->config->head), p.users, rows);
    status = run_epochs(run, trainer, &p);
  }
  if (status != SOLID_OK) {
    sol_trainer_close(trainer);
    return status;
  }
  *out = trainer;
  return SOLID_OK;
}
