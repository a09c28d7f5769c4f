#include "examples/train/train_run.h"
#include "examples/common/progress.h"
#include "solid/extend.h"
#include <stdio.h>
#include <unistd.h>

/* Runs epochs until training ends, with a checkpoint after each validation. */
static solid_status run_epochs(const train_run *run, solid_trainer *trainer, progress *p) {
  solid_status status = SOLID_OK;
  double start = progress_now();
  while (status == SOLID_OK && !solid_trainer_report(trainer)->finished) {
    if (run->limit > 0 && progress_now() - start > run->limit && solid_trainer_report(trainer)->best_epoch > 0) break;
    solid_epoch report;
    progress_begin_epoch(p, solid_trainer_report(trainer)->epoch + 1);
    status = solid_trainer_epoch(trainer, progress_step, p, &report);
    if (status != SOLID_OK) break;
    progress_end_epoch(p, &report);
    if (report.checked) status = solid_trainer_save(trainer, run->checkpoint);
  }
  return status;
}

static solid_status resume(const train_run *run, solid_trainer *trainer) {
  if (run->fresh) return SOLID_OK;
  solid_status status = solid_trainer_load(trainer, run->checkpoint);
  if (status == SOLID_ENOTFOUND) return SOLID_OK;
  if (status == SOLID_EMISMATCH || status == SOLID_EFORMAT)
    return solid_fail(status, "%s; --fresh starts again", solid_last_error());
  if (status == SOLID_OK) printf("continues after epoch %u\n", solid_trainer_report(trainer)->epoch);
  return status;
}

solid_status train_run_all(const train_run *run, solid_trainer *trainer) {
  solid_trainer_info info;
  solid_status status = resume(run, trainer);
  if (status != SOLID_OK) return status;
  solid_trainer_get_info(trainer, &info);
  progress p = {.terminal = isatty(STDERR_FILENO),
                .log = run->log,
                .epochs = info.epochs,
                .patience = info.patience,
                .users = info.users};
  printf("trains %s on %u users, %zu rows per epoch\n", run->head, info.users, info.rows);
  return run_epochs(run, trainer, &p);
}

static void print_fitted(const solid_trainer_codes *codes) {
  for (uint32_t l = 0; l < codes->levels; l++)
    printf("codebook level %u: %u of %u codes used, perplexity %.1f, error %.4f\n", l, codes->level[l].used,
           codes->codes, codes->level[l].perplexity, codes->error[l]);
  printf("codebook: %u of %u items share all their codes with another\n", codes->collisions, codes->items);
  if (codes->levels > 1 && codes->level[1].used < 2)
    printf(
        "codebook: the first of %u codes distinguish all items, so the other levels add nothing: use fewer (--codes)\n",
        codes->codes);
}

solid_status train_print_codes(const solid_trainer *trainer) {
  solid_trainer_codes codes;
  solid_status status = solid_trainer_get_codes(trainer, &codes);
  if (status != SOLID_OK || codes.levels == 0) return status;
  if (!codes.learned) print_fitted(&codes);
  for (uint32_t l = 0; l < codes.levels && codes.learned; l++)
    printf("learned codes, level %u: %u of %u used, perplexity %.1f\n", l, codes.level[l].used, codes.codes,
           codes.level[l].perplexity);
  return SOLID_OK;
}
