#include "solid/train/fit/options.h"
#include "solid/base/number.h"
#include "solid/extend.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROW(kind_, name_, flag_, preset_, low_, high_, change_, words_, meaning_)                                      \
  {.name = #name_,                                                                                                     \
   .flag = flag_,                                                                                                      \
   .kind = SOLID_OPTION_##kind_,                                                                                       \
   .low = low_,                                                                                                        \
   .high = high_,                                                                                                      \
   .change = SOLID_OPTION_##change_,                                                                                   \
   .words = words_,                                                                                                    \
   .meaning = meaning_,                                                                                                \
   .offset = offsetof(solid_train_options, name_)},

static const solid_option_row rows[SOLID_TRAIN_OPTIONS_COUNT] = {SOLID_TRAIN_OPTIONS(ROW)};

solid_train_options solid_train_options_default(void) {
  return (solid_train_options)SOLID_TRAIN_OPTIONS_INIT;
}

const solid_option_row *solid_train_option_rows(void) {
  return rows;
}

double solid_train_option_get(const solid_train_options *options, const solid_option_row *row) {
  const char *at = (const char *)options + row->offset;
  switch (row->kind) {
  case SOLID_OPTION_COUNT:
    return *(const uint32_t *)(const void *)at;
  case SOLID_OPTION_SEED:
    return (double)*(const uint64_t *)(const void *)at;
  case SOLID_OPTION_REAL:
    return *(const double *)(const void *)at;
  case SOLID_OPTION_SWITCH:
  case SOLID_OPTION_CHOICE:
    return *(const int *)(const void *)at;
  }
  return 0;
}

static solid_status check(const solid_option_row *row, double value) {
  if (!(value >= row->low && value <= row->high))
    return solid_fail(SOLID_ERANGE, "%s = %.9g: must be %.9g to %.9g", row->name, value, row->low, row->high);
  if (row->kind != SOLID_OPTION_REAL && value != floor(value))
    return solid_fail(SOLID_ERANGE, "%s = %.9g: must be a whole number", row->name, value);
  return SOLID_OK;
}

solid_status solid_train_option_set(solid_train_options *options, const solid_option_row *row, double value) {
  char *at = (char *)options + row->offset;
  solid_status status = check(row, value);
  if (status != SOLID_OK) return status;
  switch (row->kind) {
  case SOLID_OPTION_COUNT:
    *(uint32_t *)(void *)at = (uint32_t)value;
    break;
  case SOLID_OPTION_SEED:
    *(uint64_t *)(void *)at = (uint64_t)value;
    break;
  case SOLID_OPTION_REAL:
    *(double *)(void *)at = value;
    break;
  case SOLID_OPTION_SWITCH:
  case SOLID_OPTION_CHOICE:
    *(int *)(void *)at = (int)value;
    break;
  }
  return SOLID_OK;
}

void solid_train_option_text(const solid_train_options *options, const solid_option_row *row,
                             char text[SOLID_OPTION_TEXT]) {
  double value = solid_train_option_get(options, row);
  if (row->kind == SOLID_OPTION_SWITCH) {
    snprintf(text, SOLID_OPTION_TEXT, "%s", value != 0 ? "true" : "false");
  } else if (row->kind == SOLID_OPTION_CHOICE) {
    const char *word = row->words;
    for (int index = (int)value; index > 0 && strchr(word, '|'); index--) word = strchr(word, '|') + 1;
    snprintf(text, SOLID_OPTION_TEXT, "%.*s", (int)strcspn(word, "|"), word);
  } else if (value == floor(value)) {
    snprintf(text, SOLID_OPTION_TEXT, "%.0f", value);
  } else {
    sol_number_text(value, text, SOLID_OPTION_TEXT);
  }
}

solid_status solid_train_options_check(const solid_train_options *options) {
  solid_status status = SOLID_OK;
  for (size_t i = 0; i < SOLID_TRAIN_OPTIONS_COUNT && status == SOLID_OK; i++)
    status = check(&rows[i], solid_train_option_get(options, &rows[i]));
  return status;
}

/* The rows that change in one way, behind what `text` has already. */
static void append(const solid_train_options *options, solid_option_change change, char text[SOL_OPTIONS_TEXT]) {
  size_t used = strlen(text);
  for (size_t i = 0; i < SOLID_TRAIN_OPTIONS_COUNT; i++) {
    char value[SOLID_OPTION_TEXT];
    if (rows[i].change != change) continue;
    solid_train_option_text(options, &rows[i], value);
    used += (size_t)snprintf(text + used, SOL_OPTIONS_TEXT - used, "%s%s=%s", used > 0 ? " " : "", rows[i].name, value);
  }
}

/* Options that only a schedule uses stand last, so that the first difference between two schedules is rate_end. */
void sol_train_options_text(const solid_train_options *options, char text[SOL_OPTIONS_TEXT]) {
  text[0] = '\0';
  append(options, SOLID_OPTION_FIXED, text);
  if (options->rate_end < 1 || options->window_from) append(options, SOLID_OPTION_SCHEDULED, text);
}

solid_train_options sol_train_options_at(const solid_train_options *options, uint64_t number, uint64_t total) {
  solid_train_options now = *options;
  double done = number < total ? (double)number / (double)total : 1, end = (double)(float)options->rate_end;
  double scale = end + (1 - end) * (1 + cos(3.14159265358979323846 * done)) / 2;
  now.rate = (double)(float)options->rate * scale;
  double keep = (1.0 + (double)number) / (10.0 + (double)number);
  if (keep < (double)(float)options->average) now.average = keep;
  return now;
}
