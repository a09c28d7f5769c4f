#include "examples/common/slate_order.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "zipar:S"; 0 where it is none. */
static uint32_t read_window(const char *text) {
  char *end;
  if (strncmp(text, "zipar:", 6) != 0 || text[6] < '0' || text[6] > '9') return 0;
  unsigned long window = strtoul(text + 6, &end, 10);
  return *end || window > 1000 ? 0 : (uint32_t)window;
}

int slate_order_read(const char *text, solid_slate_options *out) {
  out->order = SOLID_SLATE_TRAINED;
  if (strcmp(text, "trained") == 0) return 1;
  out->order = SOLID_SLATE_RASTER;
  if (strcmp(text, "raster") == 0) return 1;
  out->order = SOLID_SLATE_NEAR_TO_FAR;
  if (strcmp(text, "near-to-far") == 0) return 1;
  out->order = SOLID_SLATE_ZIPAR;
  out->window = read_window(text);
  return out->window > 0;
}

void slate_order_text(uint32_t order, uint32_t window, char text[32]) {
  if (order == SOLID_SLATE_ZIPAR)
    snprintf(text, 32, "zipar:%u", window);
  else
    snprintf(text, 32, "%s", solid_slate_order_name(order));
}
