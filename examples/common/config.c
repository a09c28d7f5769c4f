#include "examples/common/config.h"
#include "examples/common/config_needs.h"
#include "examples/common/config_text.h"
#include "examples/common/config_value.h"
#include "solid/extend.h"
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_MAX_BYTES = 64 * 1024, WHERE_ROOM = 200 };

static const char kafka_prefix[] = "kafka.";

/* A text that lives as long as the config. */
typedef struct kept_text {
  struct kept_text *next;
  char bytes[];
} kept_text;

struct solid_config {
  const solid_program *program;
  void *values;
  solid_config_request request;
  kept_text *texts;
  const char *secret; /* name of the first one in the file */
  int *line_of;       /* (count) line of the file that set the property, -1 for a flag, 0 for the default */
  solid_setting *settings;
  int *setting_line; /* as line_of, for the settings */
  size_t n_settings;
};

static int is_kafka(const char *name) {
  return strncmp(name, kafka_prefix, sizeof kafka_prefix - 1) == 0;
}

static char *keep(solid_config *config, const char *text, size_t size) {
  kept_text *kept = malloc(sizeof *kept + size + 1);
  if (!kept) return NULL;
  memcpy(kept->bytes, text, size);
  kept->bytes[size] = 0;
  kept->next = config->texts;
  config->texts = kept;
  return kept->bytes;
}

static solid_status out_of_memory(void) {
  return solid_fail(SOLID_ENOMEM, "config: out of memory");
}

static solid_status twice(const char *where, int first) {
  return solid_fail(SOLID_EFORMAT, "%s: already set in line %d", where, first);
}

/* `line` is that of the file, or -1 for a flag. `name` and `value` come from keep(). */
static solid_status set_passthrough(solid_config *config, const char *name, const char *value, const char *where,
                                    int line) {
  if (!config->program->takes_kafka)
    return solid_fail(SOLID_EINVAL, "%s: %s reads no kafka properties", where, config->program->name);
  if (!*name) return solid_fail(SOLID_EINVAL, "%s: no property name after 'kafka.'", where);
  size_t i = 0;
  while (i < config->n_settings && strcmp(config->settings[i].name, name) != 0) i++;
  if (i < config->n_settings && line > 0) return twice(where, config->setting_line[i]);
  if (i == config->n_settings) {
    solid_setting *settings = realloc(config->settings, (i + 1) * sizeof *settings);
    if (!settings) return out_of_memory();
    config->settings = settings;
    int *lines = realloc(config->setting_line, (i + 1) * sizeof *lines);
    if (!lines) return out_of_memory();
    config->setting_line = lines;
    config->n_settings++;
  }
  config->settings[i] = (solid_setting){name, value};
  config->setting_line[i] = line;
  return SOLID_OK;
}

static solid_status unknown(const solid_config *config, const char *name, const char *where) {
  if (strcmp(name, "config") == 0) return solid_fail(SOLID_EINVAL, "%s: is a flag, and no name of such a file", where);
  const char *nearest = sol_property_nearest(config->program, name);
  const char *dashes = strncmp(where, "--", 2) == 0 ? "--" : "";
  if (nearest) return solid_fail(SOLID_EINVAL, "%s: unknown name, did you mean '%s%s'?", where, dashes, nearest);
  return solid_fail(SOLID_EINVAL, "%s: unknown name, see %s --help", where, config->program->name);
}

/* 1 if an earlier flag gave this text another value: a file, an address, a name that would be left out in silence. Of
 * numbers and choices the last flag counts, as it does over the file. */
static int is_other_text(const solid_config *config, size_t i, const char *value) {
  const solid_property *property = &config->program->properties[i];
  const char *before = NULL;
  if (config->line_of[i] >= 0 || property->type != SOLID_PROPERTY_STRING) return 0;
  memcpy(&before, (const char *)config->values + property->offset, sizeof before);
  return before && strcmp(before, value) != 0;
}

/* Sets any property by its name; both texts come from keep(). */
static solid_status set_named(solid_config *config, const char *name, const char *value, const char *where, int line) {
  if (is_kafka(name)) return set_passthrough(config, name + sizeof kafka_prefix - 1, value, where, line);
  const solid_property *property = sol_property_find(config->program, name, strlen(name));
  if (!property) return unknown(config, name, where);
  size_t i = (size_t)(property - config->program->properties);
  if (line > 0 && config->line_of[i] > 0) return twice(where, config->line_of[i]);
  if (is_other_text(config, i, value))
    return solid_fail(SOLID_EINVAL, "%s: given twice with two values, of which one would be left out", where);
  solid_status status = sol_property_set(property, value, where, config->values);
  if (status == SOLID_OK) config->line_of[i] = line;
  return status;
}

static solid_status read_line(solid_config *config, const char *path, int line, char *text) {
  char *name_text, *value_text;
  switch (config_line_split(text, &name_text, &value_text)) {
  case CONFIG_LINE_BLANK:
    return SOLID_OK;
  case CONFIG_LINE_VALUE:
    break;
  case CONFIG_LINE_OPEN:
    return solid_fail(SOLID_EFORMAT, "%s:%d: a quote that is not closed", path, line);
  case CONFIG_LINE_BEHIND:
    return solid_fail(SOLID_EFORMAT, "%s:%d: text behind the closing quote", path, line);
  default:
    return solid_fail(SOLID_EFORMAT, "%s:%d: expected `name = value`", path, line);
  }
  char *name = keep(config, name_text, strlen(name_text)), *value = keep(config, value_text, strlen(value_text));
  if (!name || !value) return out_of_memory();
  if (!config->secret && config_is_secret(name)) config->secret = name;
  char where[WHERE_ROOM];
  snprintf(where, sizeof where, "%s:%d: %s", path, line, name);
  return set_named(config, name, value, where, line);
}

static solid_status read_file(solid_config *config, const char *path) {
  solid_status status = SOLID_OK;
  char *text = NULL;
  size_t room = 0;
  ssize_t size;
  FILE *file = fopen(path, "r");
  if (!file) return solid_fail(SOLID_EIO, "%s: %s", path, strerror(errno));
  errno = 0;
  for (int line = 1; status == SOLID_OK && (size = getline(&text, &room, file)) >= 0; line++) {
    if (size > LINE_MAX_BYTES || memchr(text, 0, (size_t)size))
      status = solid_fail(SOLID_EFORMAT, "%s:%d: not a line of text", path, line);
    else /* an editor may have put a byte order mark in front */
      status = read_line(config, path, line, text + (line == 1 && strncmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0));
  }
  if (status == SOLID_OK && ferror(file)) status = solid_fail(SOLID_EIO, "%s: %s", path, strerror(errno));
  free(text);
  fclose(file);
  return status;
}

/* One flag of the command line, split. */
typedef struct flag {
  char where[WHERE_ROOM];
  const char *name;
  const char *value;
  char *given; /* the value in argv; NULL = it is implied */
} flag;

static int is_builtin(const char *name) {
  return strcmp(name, "config") == 0 || strcmp(name, "help") == 0 || strcmp(name, "version") == 0;
}

/* "no-name" of a bool called name, or NULL. */
static const solid_property *negated(const solid_config *config, const char *name) {
  if (strncmp(name, "no-", 3) != 0) return NULL;
  const solid_property *property = sol_property_find(config->program, name + 3, strlen(name + 3));
  return property && property->type == SOLID_PROPERTY_BOOL ? property : NULL;
}

/* Gives a flag without "=value" its value: implied, or the next argument. */
static solid_status find_value(solid_config *config, int argc, char *const *argv, int *at, flag *f) {
  const solid_property *property = sol_property_find(config->program, f->name, strlen(f->name));
  if (!property && (property = negated(config, f->name))) {
    f->name = property->name;
    f->value = "false";
  } else if (property && property->type == SOLID_PROPERTY_BOOL) {
    f->value = "true";
  } else if (property || strcmp(f->name, "config") == 0 || is_kafka(f->name)) {
    if (*at >= argc) return solid_fail(SOLID_EINVAL, "%s: needs a value", f->where);
    f->value = f->given = argv[(*at)++];
  } else if (!is_builtin(f->name)) {
    return unknown(config, f->name, f->where);
  }
  return SOLID_OK;
}

/* Splits argv[*at] and moves *at past it and its value. "config", "help" and "version" come out under their names. */
static solid_status next_flag(solid_config *config, int argc, char *const *argv, int *at, flag *out) {
  char *argument = argv[(*at)++];
  if (strncmp(argument, "--", 2) != 0 || !argument[2])
    return solid_fail(SOLID_EINVAL, "unexpected argument '%s': flags begin with --, see %s --help", argument,
                      config->program->name);
  size_t size = strcspn(argument + 2, "=");
  char *rest = argument + 2 + size;
  char *name = keep(config, argument + 2, size);
  if (!name) return out_of_memory();
  snprintf(out->where, sizeof out->where, "--%s", name);
  out->name = name;
  out->value = out->given = *rest ? rest + 1 : NULL;
  return out->value ? SOLID_OK : find_value(config, argc, argv, at, out);
}

/* First pass: finds --help, --version and --config. */
static solid_status scan_flags(solid_config *config, int argc, char *const *argv, const char **path) {
  flag f;
  for (int at = 1; at < argc;) {
    solid_status status = next_flag(config, argc, argv, &at, &f);
    if (status != SOLID_OK) return status;
    if (strcmp(f.name, "config") == 0 && *path)
      return solid_fail(SOLID_EINVAL, "--config: given twice (%s, %s), and one file is read", *path, f.value);
    if (strcmp(f.name, "config") == 0) *path = f.value;
    if (config->request != SOLID_CONFIG_RUN) continue;
    if (strcmp(f.name, "help") == 0) config->request = SOLID_CONFIG_HELP;
    if (strcmp(f.name, "version") == 0) config->request = SOLID_CONFIG_VERSION;
  }
  return SOLID_OK;
}

static solid_status read_flags(solid_config *config, int argc, char *const *argv) {
  flag f;
  for (int at = 1; at < argc;) {
    solid_status status = next_flag(config, argc, argv, &at, &f);
    if (status != SOLID_OK) return status;
    if (strcmp(f.name, "config") == 0) continue;
    char *value = keep(config, f.value ? f.value : "", f.value ? strlen(f.value) : 0);
    if (!value) return out_of_memory();
    status = set_named(config, f.name, value, f.where, -1);
    if (f.given && config_is_secret(f.name)) memset(f.given, '*', strlen(f.given)); /* for ps */
    if (status != SOLID_OK) return status;
  }
  return SOLID_OK;
}

static solid_status set_presets(solid_config *config) {
  for (size_t i = 0; i < config->program->count; i++) {
    const solid_property *property = &config->program->properties[i];
    if (!property->preset) {
      void *field = (char *)config->values + property->offset;
      if (property->type == SOLID_PROPERTY_STRING) *(const char **)field = NULL;
      if (property->type == SOLID_PROPERTY_INT) *(int64_t *)field = 0;
      if (property->type == SOLID_PROPERTY_FLOAT) *(double *)field = 0;
      if (property->type == SOLID_PROPERTY_BOOL || property->type == SOLID_PROPERTY_CHOICE) *(int *)field = 0;
      continue;
    }
    solid_status status = sol_property_set(property, property->preset, property->name, config->values);
    if (status != SOLID_OK) return status;
  }
  return SOLID_OK;
}

static solid_status load(solid_config *config, int argc, char *const *argv) {
  const char *path = NULL;
  solid_status status = set_presets(config);
  if (status == SOLID_OK) status = scan_flags(config, argc, argv, &path);
  if (status != SOLID_OK || config->request != SOLID_CONFIG_RUN) return status;
  if (path) status = read_file(config, path);
  if (status == SOLID_OK && config->secret) config_warn_readable(config->program->name, path, config->secret);
  if (status == SOLID_OK) status = read_flags(config, argc, argv);
  const config_given given = {config->program,      config->values,    path, config->line_of, config->settings,
                              config->setting_line, config->n_settings};
  if (status == SOLID_OK) status = sol_options_check(&given);
  return status;
}

solid_status solid_config_load(solid_config **out, const solid_program *program, int argc, char *const *argv,
                               void *values) {
  if (!out || !program || !program->properties || !values || argc < 0 || (argc && !argv))
    return solid_fail(SOLID_EINVAL, "config: an argument is NULL");
  solid_config *config = calloc(1, sizeof *config);
  if (!config) return out_of_memory();
  solid_status status = SOLID_OK;
  config->program = program;
  config->values = values;
  config->line_of = calloc(program->count + 1, sizeof *config->line_of);
  status = config->line_of ? load(config, argc, argv) : out_of_memory();
  if (status != SOLID_OK) {
    solid_config_free(config);
    return status;
  }
  *out = config;
  return SOLID_OK;
}

void solid_config_free(solid_config *config) {
  if (!config) return;
  for (kept_text *kept = config->texts, *next; kept; kept = next) {
    next = kept->next;
    free(kept);
  }
  free(config->line_of);
  free(config->settings);
  free(config->setting_line);
  free(config);
}

solid_config_request solid_config_get_request(const solid_config *config) {
  return config ? config->request : SOLID_CONFIG_RUN;
}

int solid_config_is_set(const solid_config *config, const char *name) {
  if (!config || !name) return 0;
  const solid_property *property = sol_property_find(config->program, name, strlen(name));
  return property && config->line_of[property - config->program->properties] != 0;
}

const solid_setting *solid_config_passthrough(const solid_config *config, size_t *count) {
  if (count) *count = config ? config->n_settings : 0;
  return config ? config->settings : NULL;
}
