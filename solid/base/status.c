#include "solid/status.h"
#include "solid/base/text.h"
#include "solid/extend.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static _Thread_local char last_error[512];

const char *solid_status_text(solid_status status) {
  switch (status) {
#define TEXT_CASE(name, value, text)                                                                                   \
  case SOLID_##name:                                                                                                   \
    return text;
    SOLID_STATUS_MAP(TEXT_CASE)
#undef TEXT_CASE
  }
  return "unknown status";
}

const char *solid_status_name(solid_status status) {
  switch (status) {
#define NAME_CASE(name, value, text)                                                                                   \
  case SOLID_##name:                                                                                                   \
    return "SOLID_" #name;
    SOLID_STATUS_MAP(NAME_CASE)
#undef NAME_CASE
  }
  return "SOLID_UNKNOWN";
}

int solid_status_is_retriable(solid_status status) {
  return status == SOLID_EIO || status == SOLID_ETIMEDOUT || status == SOLID_EFULL;
}

const char *solid_last_error(void) {
  return last_error;
}

solid_status solid_fail(solid_status status, const char *format, ...) {
  char text[sizeof last_error]; /* an argument may be the last error itself */
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  sol_text_mute(text); /* names of files, columns and items come from anywhere */
  memcpy(last_error, text, strlen(text) + 1);
  return status;
}
