#include "solid/train/options.h"
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
    {"rate_scale", offsetof(sol_train_options, rate_scale), 0, 1000},
    {"decay_generator", offsetof(sol_train_options, decay_generator), 0, 10},
    {"dropout", offsetof(sol_train_options, dropout), 0, 1},
    {"dropout_z", offsetof(sol_train_options, dropout_z), 0, 1},
    {"dropout_y", offsetof(sol_train_options, dropout_y), 0, 1},
    {"smoothing", offsetof(sol_train_options, smoothing), 0, 1},
    {"item_dropout", offsetof(sol_train_options, item_dropout), 0, 1},
    {"average", offsetof(sol_train_options, average), 0, 1},
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
  if (options->batch == 0 || options->batch > 65536)
    return solid_fail(SOLID_ERANGE, "batch = %u: must be 1 to 65536 users", options->batch);
  if (options->epochs == 0) return solid_fail(SOLID_ERANGE, "epochs = 0: must be at least 1");
  return SOLID_OK;
}
