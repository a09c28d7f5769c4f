#include "examples/common/config_value.h"
#include "examples/common/nearest.h"
#include "solid/extend.h"
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static int is_limited(const solid_property *property) {
  return property->min != 0 || property->max != 0;
}

static solid_status set_int(const solid_property *property, const char *text, const char *where, int64_t *field) {
  char *end;
  errno = 0;
  long long value = strtoll(text, &end, 10);
  if (end == text || *end) return solid_fail(SOLID_EINVAL, "%s: '%s' is not a whole number", where, text);
  if (is_limited(property) && (errno == ERANGE || (double)value < property->min || (double)value > property->max))
    return solid_fail(SOLID_ERANGE, "%s: %s is not in %.0f .. %.0f", where, text, property->min, property->max);
  if (errno == ERANGE)
    return solid_fail(SOLID_ERANGE, "%s: %s is not in %" PRId64 " .. %" PRId64, where, text, INT64_MIN, INT64_MAX);
  *field = value;
  return SOLID_OK;
}

static solid_status set_float(const solid_property *property, const char *text, const char *where, double *field) {
  char *end;
  double value = strtod(text, &end);
  if (end == text || *end || !isfinite(value))
    return solid_fail(SOLID_EINVAL, "%s: '%s' is not a finite number", where, text);
  if (is_limited(property) && (value < property->min || value > property->max))
    return solid_fail(SOLID_ERANGE, "%s: %s is not in %.15g .. %.15g", where, text, property->min, property->max);
  *field = value;
  return SOLID_OK;
}

int sol_choice_index(const char *choices, const char *text) {
  size_t size = strlen(text);
  for (int i = 0;; i++) {
    size_t word = strcspn(choices, "|");
    if (word == size && memcmp(choices, text, size) == 0) return i;
    if (!choices[word]) return -1;
    choices += word + 1;
  }
}

static solid_status set_bool(const char *text, const char *where, int *field) {
  int i = sol_choice_index("false|true|no|yes|off|on|0|1", text);
  if (i < 0) return solid_fail(SOLID_EINVAL, "%s: '%s' is neither true nor false", where, text);
  *field = i % 2;
  return SOLID_OK;
}

static solid_status set_choice(const solid_property *property, const char *text, const char *where, int *field) {
  int i = sol_choice_index(property->choices, text);
  if (i < 0) return solid_fail(SOLID_EINVAL, "%s: '%s' is not one of %s", where, text, property->choices);
  *field = i;
  return SOLID_OK;
}

solid_status sol_property_set(const solid_property *property, const char *text, const char *where, void *values) {
  void *field = (char *)values + property->offset;
  switch (property->type) {
  case SOLID_PROPERTY_STRING:
    if (!*text && property->min >= 0)
      return solid_fail(SOLID_EINVAL, "%s: is empty%s", where, property->required ? "" : ": leave it out");
    *(const char **)field = text;
    return SOLID_OK;
  case SOLID_PROPERTY_INT:
    return set_int(property, text, where, field);
  case SOLID_PROPERTY_FLOAT:
    return set_float(property, text, where, field);
  case SOLID_PROPERTY_BOOL:
    return set_bool(text, where, field);
  case SOLID_PROPERTY_CHOICE:
    return set_choice(property, text, where, field);
  }
  return solid_fail(SOLID_EINTERNAL, "%s: type %d", where, (int)property->type);
}

const solid_property *sol_property_find(const solid_program *program, const char *name, size_t size) {
  for (size_t i = 0; i < program->count; i++) {
    const solid_property *property = &program->properties[i];
    if (strlen(property->name) == size && memcmp(property->name, name, size) == 0) return property;
  }
  return NULL;
}

const char *sol_property_nearest(const solid_program *program, const char *name) {
  static const char *const always[] = {"config", "help", "version"};
  size_t n_always = sizeof always / sizeof *always, size = strlen(name);
  const char *nearest = NULL;
  size_t best = size / 2 + 1; /* more than half the name must be right */
  for (size_t i = 0; i < program->count + n_always; i++) {
    const char *known = i < program->count ? program->properties[i].name : always[i - program->count];
    size_t distance = nearest_distance(name, size, known, strlen(known));
    if (distance < best) {
      best = distance;
      nearest = known;
    }
  }
  return nearest;
}
