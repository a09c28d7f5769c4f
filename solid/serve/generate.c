#include "solid/generate.h"
#include "solid/base/number.h"
#include "solid/extend.h"
#include <string.h>

solid_status solid_generate_read(solid_generate *out, const char *text) {
  static const char every[] = "every:";
  if (!out || !text) return solid_fail(SOLID_EINVAL, "generate: out or text is NULL");
  *out = (solid_generate){SOLID_GENERATE_EAGER, 0};
  if (strcmp(text, "eager") == 0) return SOLID_OK;
  out->mode = SOLID_GENERATE_LAZY;
  if (strcmp(text, "lazy") == 0) return SOLID_OK;
  int64_t number = 0;
  size_t prefix = sizeof every - 1, size = strlen(text);
  int is_time = size > prefix && text[size - 1] == 's';
  if (strncmp(text, every, prefix) == 0 && sol_number_int(text + prefix, size - prefix - (size_t)is_time, &number) &&
      number >= 1 && number <= 1000000000) {
    *out = is_time ? (solid_generate){SOLID_GENERATE_TIME, (uint64_t)number * 1000}
                   : (solid_generate){SOLID_GENERATE_EVENTS, (uint64_t)number};
    return SOLID_OK;
  }
  return solid_fail(SOLID_EINVAL, "generate: '%.40s' is none of eager, lazy, every:N (events) and every:Ts (seconds)",
                    text);
}

int solid_generate_is_due(const solid_generate *how, const solid_window *window, uint64_t generation, int64_t now_ms) {
  if (how->mode == SOLID_GENERATE_LAZY) return 0;
  if (window->params_generation != generation) return 1;
  /* Params ahead of their window belong to a window that was lost. */
  if (window->params_seq > window->seq) return 1;
  uint64_t age = window->seq - window->params_seq;
  if (how->mode == SOLID_GENERATE_EVENTS) return age >= how->every;
  if (how->mode == SOLID_GENERATE_TIME) return age && now_ms - window->params_ms >= (int64_t)how->every;
  return age > 0;
}
