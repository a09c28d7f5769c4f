#include "solid/model/progress.h"
#include "solid/base/clock.h"
#include "solid/model/context.h"

#define SAY_EVERY 0.2 /* seconds */

sol_progress sol_progress_start(const solid_context *ctx, const char *what, const char *unit, double all) {
  sol_progress made = {.ctx = ctx, .what = what, .unit = unit, .all = all};
  if (ctx && ctx->log) made.began = made.said = sol_steady_s();
  return made;
}

void sol_progress_add(sol_progress *progress, double done) {
  sol_progress *p = progress;
  if (!p || !p->ctx || !p->ctx->log) return;
  p->done += done;
  double now = sol_steady_s(), seconds = now - p->began;
  if (now - p->said < SAY_EVERY || !(p->done > 0) || p->done > p->all) return;
  p->said = now;
  sol_log(p->ctx, SOLID_LOG_DEBUG, "%s: %.0f %%, %.0f %s/s, %.0f s left", p->what, 100 * p->done / p->all,
          p->done / seconds, p->unit, seconds * (p->all - p->done) / p->done);
}
