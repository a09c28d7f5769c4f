#include "examples/common/progress.h"
#include "examples/common/ground.h"

#define SHOW_EVERY 0.2 /* seconds between two versions of the line */

double progress_now(void) {
  return sol_steady_s();
}

static void clear_line(const progress *p) {
  if (p->terminal) fprintf(stderr, "\r\033[K");
}

void progress_begin_epoch(progress *p, uint32_t epoch) {
  p->epoch = epoch;
  p->epoch_started = p->step_shown = sol_steady_s();
}

int progress_step(void *user, uint32_t step, uint32_t steps) {
  progress *p = user;
  double now = sol_steady_s();
  if (!p->terminal || now - p->step_shown < SHOW_EVERY) return 0;
  p->step_shown = now;
  double done = (double)step / steps, seconds = now - p->epoch_started;
  fprintf(stderr, "\r\033[Kepoch %u  %3.0f %%  %.0f users/s  %.0f s left in it", p->epoch, 100 * done,
          done * p->users / seconds, seconds * (1 - done) / done);
  fflush(stderr);
  return 0;
}

void progress_end_epoch(progress *p, const solid_epoch *r) {
  double now = sol_steady_s(), seconds = now - p->epoch_started, rate = p->users / seconds;
  uint32_t left = p->epochs - r->epoch, patient = p->patience - (r->epoch - r->best_epoch);
  int impatient = p->patience > 0 && patient < left;
  if (impatient) left = patient;
  clear_line(p);
  printf("epoch %3u  loss %.4f", r->epoch, r->loss);
  if (r->checked && !p->refit)
    printf("  valid ndcg@10 %.4f hr@10 %.4f%s", r->ndcg10, r->hit10, r->best_epoch == r->epoch ? " best" : "");
  if (r->density < 1) printf("  density %.3f", r->density);
  printf("  %.0f users/s  %.2f s", rate, seconds);
  double wait = left * seconds;
  if (!r->finished)
    printf("  %s%.*f %s%s", impatient ? "stops in " : "", wait < 60 ? 0 : 1, wait < 60 ? wait : wait / 60,
           wait < 60 ? "s" : "min", impatient ? " unless it gets better" : " left");
  printf("\n");
  fflush(stdout);
  if (p->log == NULL) return;
  fprintf(p->log,
          "{\"epoch\": %u, \"loss\": %.9g, \"ndcg@10\": %.9g, \"hr@10\": %.9g, \"best_epoch\": %u, \"density\": %.4f, "
          "\"seconds\": %.3f, \"users_per_second\": %.1f}\n",
          r->epoch, r->loss, r->ndcg10, r->hit10, r->best_epoch, r->density, seconds, rate);
  fflush(p->log);
}
