#include "examples/common/slate_options.h"
#include "solid/extend.h"

solid_status slate_options_read(const slate_options *options, const char *name, solid_slate_options *out) {
  *out = (solid_slate_options)SOLID_SLATE_OPTIONS_INIT;
  out->guide = (float)options->guide;
  out->temperature = (float)options->temperature;
  out->top_p = (float)options->top_p;
  out->seed = (uint64_t)options->seed;
  if (slate_order_read(options->order, out)) return SOLID_OK;
  return solid_fail(
      SOLID_EINVAL,
      "--%s: \"%s\" is none of trained, raster, zipar:S, zipar:adaptive:S (S from 1 to 1000), near-to-far", name,
      options->order);
}
