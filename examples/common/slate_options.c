#include "examples/common/slate_options.h"
#include "solid/extend.h"
#include <stdlib.h>
#include <string.h>

/* S of "zipar:S"; 0 for another text. */
static uint32_t read_window(const char *text) {
  char *end;
  if (strncmp(text, "zipar:", 6) != 0 || text[6] < '0' || text[6] > '9') return 0;
  unsigned long window = strtoul(text + 6, &end, 10);
  return *end || window > 1000 ? 0 : (uint32_t)window;
}

solid_status slate_options_read(const slate_options *options, solid_slate_options *out) {
  *out = (solid_slate_options)SOLID_SLATE_OPTIONS_INIT;
  out->guide = (float)options->guide;
  out->temperature = (float)options->temperature;
  out->top_p = (float)options->top_p;
  out->seed = (uint64_t)options->seed;
  if (strcmp(options->order, "trained") == 0) return SOLID_OK;
  out->order = SOLID_SLATE_RASTER;
  if (strcmp(options->order, "raster") == 0) return SOLID_OK;
  out->order = SOLID_SLATE_NEAR_TO_FAR;
  if (strcmp(options->order, "near-to-far") == 0) return SOLID_OK;
  out->order = SOLID_SLATE_ZIPAR;
  out->window = read_window(options->order);
  if (out->window) return SOLID_OK;
  return solid_fail(SOLID_EINVAL, "--order: \"%s\" is none of trained, raster, zipar:S (S from 1 to 1000), near-to-far",
                    options->order);
}

void slate_order_text(uint32_t order, uint32_t window, char text[32]) {
  if (order == SOLID_SLATE_ZIPAR)
    snprintf(text, 32, "zipar:%u", window);
  else
    snprintf(text, 32, "%s", solid_slate_order_name(order));
}
