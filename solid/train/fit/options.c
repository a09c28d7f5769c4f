#include "solid/train/fit/options.h"
#include "solid/extend.h"
#include <math.h>
#include <stddef.h>

typedef struct bound {
  const char *name;
  size_t member;
  float low, high; /* low <= value < high */
} bound;

static const bound bounds[] = {
    {"rate", offsetof(sol_train_options, rate), 0, 10},
    {"decay", offsetof(sol_train_options, decay), 0, 10},
    {"dropout", offsetof(sol_train_options, dropout), 0, 1},
    {"dropout_z", offsetof(sol_train_options, dropout_z), 0, 1},
    {"dropout_y", offsetof(sol_train_options, dropout_y), 0, 1},
    {"smoothing", offsetof(sol_train_options, smoothing), 0, 1},
    {"item_dropout", offsetof(sol_train_options, item_dropout), 0, 1},
    {"average", offsetof(sol_train_options, average), 0, 1},
    {"learn_share", offsetof(sol_train_options, learn_share), 0, 1000},
    {"learn_keep", offsetof(sol_train_options, learn_keep), 0, 1},
    {"swap", offsetof(sol_train_options, swap), 0, 1},
};

solid_status sol_train_options_check(const sol_train_options *options) {
  for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++) {
    float value = *(const float *)((const char *)options + bounds[i].member);
    if (!(value >= bounds[i].low && value < bounds[i].high))
      return solid_fail(SOLID_ERANGE, "%s = %g: must be at least %g and below %g", bounds[i].name, (double)value,
                        (double)bounds[i].low, (double)bounds[i].high);
  }
  if (!(options->max_norm > 0) || !isfinite(options->max_norm))
    return solid_fail(SOLID_ERANGE, "max_norm = %g: must be above 0", (double)options->max_norm);
  if (!(options->rate_end >= 0 && options->rate_end <= 1))
    return solid_fail(SOLID_ERANGE, "rate_end = %g: must be 0 to 1", (double)options->rate_end);
  if (!(options->cuts >= 0 && options->cuts <= 1))
    return solid_fail(SOLID_ERANGE, "cuts = %g: must be 0 to 1", (double)options->cuts);
  if (options->batch == 0 || options->batch > 65536)
    return solid_fail(SOLID_ERANGE, "batch = %u: must be 1 to 65536 users", options->batch);
  if (options->epochs == 0) return solid_fail(SOLID_ERANGE, "epochs = 0: must be at least 1");
  if (options->check == 0) return solid_fail(SOLID_ERANGE, "check = 0: must be at least 1");
  return SOLID_OK;
}

sol_train_options sol_train_options_at(const sol_train_options *options, uint64_t number, uint64_t total) {
  sol_train_options now = *options;
  double done = number < total ? (double)number / (double)total : 1, end = (double)options->rate_end;
  double scale = end + (1 - end) * (1 + cos(3.14159265358979323846 * done)) / 2;
  now.rate = (float)((double)options->rate * scale);
  double keep = (1.0 + (double)number) / (10.0 + (double)number);
  if (keep < (double)options->average) now.average = (float)keep;
  return now;
}
