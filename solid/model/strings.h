/* Byte strings one after the other, as the model file has them. */
#ifndef SOLID_MODEL_STRINGS_H
#define SOLID_MODEL_STRINGS_H

#include "solid/types.h"

/* n byte strings: string i is bytes[offsets[i] .. offsets[i+1]). */
typedef struct sol_strings {
  uint32_t count;
  uint32_t *offsets; /* count + 1 */
  char *bytes;
} sol_strings;

static inline solid_bytes sol_strings_at(const sol_strings *strings, uint32_t i) {
  solid_bytes at = {strings->bytes + strings->offsets[i], strings->offsets[i + 1] - strings->offsets[i]};
  return at;
}

#endif
