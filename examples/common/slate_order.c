#include "examples/common/slate_order.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ADAPTIVE "zipar:adaptive"

/* "S" from 1 to 1000; 0 where it is none. */
static uint32_t read_window(const char *text) {
  char *end;
  if (text[0] < '0' || text[0] > '9') return 0;
  unsigned long window = strtoul(text, &end, 10);
  return *end || window > 1000 ? 0 : (uint32_t)window;
}

int slate_order_read(const char *text, solid_slate_options *out) {
  out->order = SOLID_SLATE_TRAINED;
  if (strcmp(text, "trained") == 0) return 1;
  out->order = SOLID_SLATE_RASTER;
  if (strcmp(text, "raster") == 0) return 1;
  out->order = SOLID_SLATE_NEAR_TO_FAR;
  if (strcmp(text, "near-to-far") == 0) return 1;
  size_t named = strlen(ADAPTIVE);
  if (strncmp(text, ADAPTIVE, named) == 0) {
    out->order = SOLID_SLATE_ADAPTIVE;
    out->window = text[named] == '\0' ? 1 : text[named] == ':' ? read_window(text + named + 1) : 0;
  } else {
    out->order = SOLID_SLATE_ZIPAR;
    out->window = strncmp(text, "zipar:", 6) == 0 ? read_window(text + 6) : 0;
  }
  return out->window > 0;
}

void slate_order_text(uint32_t order, uint32_t window, char text[32]) {
  if (order == SOLID_SLATE_ZIPAR || order == SOLID_SLATE_ADAPTIVE)
    snprintf(text, 32, "%s:%u", solid_slate_order_name(order), window);
  else
    snprintf(text, 32, "%s", solid_slate_order_name(order));
}
