/* Configuration of a program from ONE table of properties: the table makes the file's grammar, the flags, the checks,
 * the defaults and the help text, so that none of them can disagree.
 *
 *   file:   name = value          a line; '#' at the start of a line or after a blank begins a comment
 *   flags:  --name value  --name=value  --flag  --no-flag      the last one given wins, and wins over the file
 *           --config FILE  --help  --version                   always there
 *   both:   kafka.<property>      passes through to librdkafka, value verbatim, where the program allows it
 *
 * Names are spelled out: an abbreviation that works today would change its meaning with the next property. (This, and
 * that its state is process-wide, is why getopt_long is not used.) Nothing here prints by itself: errors go to
 * solid_last_error(), texts to the FILE that the program gives. */
#ifndef EXAMPLES_COMMON_CONFIG_H
#define EXAMPLES_COMMON_CONFIG_H

#include "examples/common/property.h"
#include "ingest/consumer.h"
#include "solid/status.h"
#include <stddef.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What the command line asks of the program. */
typedef enum solid_config_request {
  SOLID_CONFIG_RUN = 0,
  SOLID_CONFIG_HELP = 1,
  SOLID_CONFIG_VERSION = 2
} solid_config_request;

typedef struct solid_config solid_config;

/* Reads defaults, then the file named by --config, then the flags, into the struct at `values`. On success *out is
 * owned by the caller: solid_config_free; the strings in `values` live as long as it does. With --help or --version
 * only the defaults are set, and required properties may be missing. EINVAL: unknown name (the nearest known one is
 * suggested), missing value, missing required property, not a number, not one of the choices, without effect
 * (solid_need). ERANGE: out of range. EIO: the file cannot be read. EFORMAT: a line is not `name = value`, or a name is
 * given twice. The text begins with `FILE:LINE: ` or with the flag. */
SOLID_CHECK_RESULT solid_status solid_config_load(solid_config **out, const solid_program *program, int argc,
                                                  char *const *argv, void *values);

/* NULL is a no-op. */
void solid_config_free(solid_config *config);

solid_config_request solid_config_get_request(const solid_config *config);

/* 1 when the property was given in the file or as a flag, 0 when it has its default or is unknown. */
int solid_config_is_set(const solid_config *config, const char *name);

/* The kafka.<property> settings in the order given, borrowed from config; *count receives their number. */
const solid_setting *solid_config_passthrough(const solid_config *config, size_t *count);

/* The --help and --version texts. EIO: the stream took no more. */
SOLID_CHECK_RESULT solid_status solid_config_write_help(const solid_program *program, FILE *stream);
SOLID_CHECK_RESULT solid_status solid_config_write_version(const solid_program *program, FILE *stream);

#ifdef __cplusplus
}
#endif
#endif
