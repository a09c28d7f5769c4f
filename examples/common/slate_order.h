/* Names of the orders in which a slate is decoded, for flags and JSON alike. */
#ifndef EXAMPLES_COMMON_SLATE_ORDER_H
#define EXAMPLES_COMMON_SLATE_ORDER_H

#include "solid/slate.h"

/* "trained", "raster", "zipar:S" (S from 1 to 1000), "zipar:adaptive" (of S = 1), "zipar:adaptive:S", "near-to-far"
 * into order and window. 0 = it is none of them. */
int slate_order_read(const char *text, solid_slate_options *out);

/* "raster", "zipar:2", "near-to-far". */
void slate_order_text(uint32_t order, uint32_t window, char text[32]);

#endif
