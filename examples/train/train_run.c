#include "examples/train/train_run.h"
#include "examples/common/exit.h"
#include "examples/common/preparing.h"
#include "examples/common/program.h"
#include "examples/common/progress.h"
#include "solid/extend.h"
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What a step of an epoch looks at. */
typedef struct running {
  progress p;
  const train_run *run;
  solid_trainer *trainer;
  double started, epoch_started;
  uint32_t before;     /* epochs that an earlier process ran */
  int saved;           /* there is a checkpoint of this training */
  int planned;         /* the number of epochs was fitted to the limit */
  solid_status status; /* of fitting */
} running;

enum { PROBE = 20 }; /* the first look at the speed comes after this part of the limit */
#define SPARE 0.97   /* the share of the time that is planned for */

static int is_over(const running *r) {
  return r->run->limit > 0 && r->saved && progress_now() - r->started > r->run->limit;
}

/* epochs = 0: one does not fit. */
static void say_fitted(const running *r, uint32_t epochs) {
  double limit = r->run->limit;
  printf("%.4g %s: ",
         limit < 1     ? limit * 1000
         : limit < 600 ? limit
                       : limit / 60,
         limit < 1     ? "ms"
         : limit < 600 ? "s"
                       : "min");
  if (epochs > 0)
    printf("time for %u epoch%s\n", epochs, epochs == 1 ? "" : "s");
  else
    printf(r->saved ? "no time for another epoch\n" : "no time for an epoch; one is trained all the same\n");
}

/* Trains for as many epochs, each of so many seconds, as still fit after the `done` ones, but at least for one. */
static void fit_epochs(running *r, double done, double seconds) {
  const train_fitting *fitting = &r->run->fitting;
  double left = SPARE * r->run->limit - (progress_now() - r->started);
  double epochs = floor(done + left / seconds);
  uint32_t least = solid_trainer_report(r->trainer)->epoch + 1, most = fitting->most > least ? fitting->most : least;
  uint32_t fitted = epochs < least ? least : epochs > most ? most : (uint32_t)epochs;
  if (!r->planned) say_fitted(r, epochs >= least ? fitted : 0);
  r->planned = 1;
  r->p.epochs = fitted;
  solid_schedule schedule = train_schedule_of(fitting, fitted);
  r->status = solid_trainer_schedule(r->trainer, &schedule);
}

static int after_step(void *user, uint32_t step, uint32_t steps) {
  running *r = user;
  progress_step(&r->p, step, steps);
  double seconds = progress_now() - r->epoch_started;
  if (r->run->fitting.most && !r->planned && seconds * PROBE > r->run->limit)
    fit_epochs(r, solid_trainer_report(r->trainer)->epoch + (double)step / steps, seconds * steps / step);
  return is_over(r) || r->status != SOLID_OK;
}

/* The speed of a machine changes; and validation takes time, too. */
static void after_epoch(running *r, const solid_epoch *report) {
  if (r->run->fitting.most && !report->finished)
    fit_epochs(r, report->epoch, (progress_now() - r->started) / (report->epoch - r->before));
}

/* Runs epochs until training ends, with a checkpoint after each validation. Time that runs out within an epoch takes
 * training back to the last one. */
static solid_status run_epochs(running *r, solid_trainer *trainer) {
  solid_status status = SOLID_OK;
  r->started = progress_now();
  while (status == SOLID_OK && !solid_trainer_report(trainer)->finished && !is_over(r)) {
    solid_epoch report;
    uint32_t epoch = solid_trainer_report(trainer)->epoch + 1;
    progress_begin_epoch(&r->p, epoch);
    r->epoch_started = progress_now();
    status = solid_trainer_epoch(trainer, after_step, r, &report);
    if (r->status != SOLID_OK) return r->status;
    if (status == SOLID_ECANCELLED) {
      printf("the time is over within epoch %u\n", epoch);
      return solid_trainer_load(trainer, r->run->checkpoint);
    }
    if (status != SOLID_OK) break;
    progress_end_epoch(&r->p, &report);
    if (report.checked) status = solid_trainer_save(trainer, r->run->checkpoint);
    r->saved |= status == SOLID_OK && report.checked;
    if (status == SOLID_OK) after_epoch(r, &report);
    if (status == SOLID_OK) status = r->status;
  }
  return status;
}

/* No run can be given the word that stands for what a limit of time decides. */
static solid_status refuse(solid_status status) {
  const char *why = solid_last_error();
  const char *more = strstr(why, "=fitted") ? ": fitted to the time of --limit: give --limit and --epochs as then" : "";
  return solid_fail(status, "%s%s; --fresh starts again", why, more);
}

static solid_status resume(running *r, solid_trainer *trainer) {
  if (r->run->fresh) return SOLID_OK;
  solid_status status = solid_trainer_load(trainer, r->run->checkpoint);
  if (status == SOLID_ENOTFOUND) return SOLID_OK;
  if (status == SOLID_EMISMATCH && r->run->refit) { /* the training before it has gone on since */
    printf("%s: begins anew\n", solid_last_error());
    return SOLID_OK;
  }
  if (status == SOLID_EMISMATCH || status == SOLID_EFORMAT) return refuse(status);
  if (status == SOLID_OK) printf("continues after epoch %u\n", solid_trainer_report(trainer)->epoch);
  r->saved = status == SOLID_OK;
  r->before = solid_trainer_report(trainer)->epoch;
  return status;
}

solid_status train_run_all(const train_run *run, solid_trainer *trainer) {
  solid_trainer_info info;
  running r = {.run = run, .trainer = trainer};
  solid_status status = SOLID_OK;
  if (run->fitting.most > 0) {
    solid_schedule schedule = train_schedule_of(&run->fitting, run->fitting.most);
    status = solid_trainer_schedule(trainer, &schedule);
  }
  if (status == SOLID_OK) status = resume(&r, trainer);
  if (status != SOLID_OK) return status;
  solid_trainer_get_info(trainer, &info);
  r.p = (progress){.terminal = isatty(STDERR_FILENO),
                   .log = run->log,
                   .refit = run->refit,
                   .epochs = info.epochs,
                   .patience = info.patience,
                   .users = info.users};
  printf("trains %s on %u users, %zu rows per epoch\n", run->head, info.users, info.rows);
  return run_epochs(&r, trainer);
}

/* The catalogue is that of the data: what else the old model knew is gone, which few expect. */
static solid_status say_known(const solid_context *ctx, const solid_trainer_info *info, const char *from) {
  solid_model *model = NULL;
  solid_model_info old = {.struct_size = sizeof old};
  solid_status status = solid_model_load(&model, ctx, from);
  if (status == SOLID_OK) status = solid_model_get_info(model, &old);
  solid_model_free(model);
  if (status != SOLID_OK) return status;
  printf("goes on from %s, which knows %u of %u items\n", from, info->known, info->items);
  if (old.items > info->known)
    printf("%u of its %u items are not in the data: the new model will not have them\n", old.items - info->known,
           old.items);
  return SOLID_OK;
}

solid_status train_start(solid_trainer **out, const solid_context *ctx, const solid_dataset *dataset,
                         const solid_train_options *o, const char *from) {
  solid_status status =
      from ? solid_trainer_new_from(out, ctx, dataset, o, from) : solid_trainer_new(out, ctx, dataset, o);
  preparing_end();
  if (status == SOLID_ENOTFOUND) program_step(EXIT_SOURCE); /* of the data that were read */
  if (status != SOLID_OK) return status;
  solid_trainer_info info;
  solid_trainer_get_info(*out, &info);
  if (info.hidden > 0) printf("%u of %u items are hidden from training\n", info.hidden, info.items);
  status = from ? say_known(ctx, &info, from) : SOLID_OK;
  return status == SOLID_OK ? train_print_codes(*out) : status;
}

static void print_fitted(const solid_trainer_codes *codes) {
  for (uint32_t l = 0; l < codes->levels; l++) {
    printf("codebook level %u: %u of %u codes used, perplexity %.1f", l, codes->level[l].used, codes->codes,
           codes->level[l].perplexity);
    if (!isnan(codes->error[l])) printf(", error %.4f", codes->error[l]); /* unknown for codes of another model */
    printf("\n");
  }
  printf("codebook: %u of %u items share all their codes with another\n", codes->collisions, codes->items);
  if (codes->codes > 1 && codes->levels > 1 && codes->level[1].used < 2)
    printf("codebook: the first code of an item says all, so the others add nothing: use fewer (--codes)\n");
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
