#include "examples/common/preparing.h"
#include "examples/common/ground.h"
#include <stdio.h>
#include <unistd.h>

#define REWRITE_EVERY 0.2 /* seconds */
#define LINE_EVERY    10

static struct {
  double said; /* when the last line was; 0 = none */
  int is_shown;
} shown;

static void show(const char *line) {
  int terminal = isatty(STDERR_FILENO);
  double now = sol_steady_s();
  if (!terminal && shown.said == 0) shown.said = now; /* the first comes after its time */
  if (now - shown.said < (terminal ? REWRITE_EVERY : LINE_EVERY)) return;
  shown.said = now;
  shown.is_shown = terminal;
  fprintf(stderr, terminal ? "\r\033[K%s" : "%s\n", line);
  fflush(stderr);
}

void preparing_end(void) {
  if (shown.is_shown) fprintf(stderr, "\r\033[K");
  shown.is_shown = 0;
}

void preparing_read_on(void *user, uint64_t bytes, uint64_t all) {
  preparing_read *r = user;
  double now = sol_steady_s();
  char line[512];
  if (r->began == 0) r->began = now; /* after the first megabytes */
  double seconds = now - r->began, done = (double)bytes;
  if (!(seconds > 0)) return;
  if (all > 0)
    snprintf(line, sizeof line, "reads %.300s: %.0f %%, %.0f MB/s, %.0f s left", r->path, 100 * done / (double)all,
             1e-6 * done / seconds, seconds * ((double)all - done) / done);
  else
    snprintf(line, sizeof line, "reads %.300s: %.0f MB, %.0f MB/s", r->path, 1e-6 * done, 1e-6 * done / seconds);
  show(line);
}

int preparing_log(solid_log_level level, const char *line) {
  if (level == SOLID_LOG_DEBUG)
    show(line);
  else
    preparing_end();
  return level == SOLID_LOG_DEBUG;
}
