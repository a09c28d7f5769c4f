/* Whether what was given goes together: required options, and those that have an effect only beside another one. */
#ifndef EXAMPLES_COMMON_CONFIG_NEEDS_H
#define EXAMPLES_COMMON_CONFIG_NEEDS_H

#include "examples/common/ground.h"
#include "examples/common/property.h"
#include "ingest/consumer.h"
#include "solid/status.h"

/* What a file and flags said. */
typedef struct config_given {
  const solid_program *program;
  void *values;
  const char *path;   /* of the file, NULL = none */
  const int *line_of; /* (count) line of the file that set the property, -1 for a flag, 0 for the default */
  const solid_setting *settings;
  const int *setting_line; /* as line_of, for the settings */
  size_t n_settings;
} config_given;

/* Sets what given options set beside themselves. EINVAL: a required one is missing, or one is given and has no effect
 * (solid_need); what the file says stays without a word where a flag took away what it needs. EINTERNAL: a row of the
 * table names an option that there is not. */
solid_status sol_options_check(const config_given *given);

/* Adds what the option needs as --help has it, "only with --slate", or nothing. */
void sol_options_add_needs(sol_text *text, const solid_program *program, const char *option);

#endif
