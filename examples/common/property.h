/* A row of a program's table of options, and the program that has the table. */
#ifndef EXAMPLES_COMMON_PROPERTY_H
#define EXAMPLES_COMMON_PROPERTY_H

#include <stddef.h>

/* The type of a value, and of its member in the program's struct. */
typedef enum solid_property_type {
  SOLID_PROPERTY_STRING = 0, /* const char *: owned by the solid_config; NULL when unset without a default */
  SOLID_PROPERTY_INT = 1,    /* int64_t */
  SOLID_PROPERTY_FLOAT = 2,  /* double, finite */
  SOLID_PROPERTY_BOOL = 3,   /* int: 1 for true yes on 1, 0 for false no off 0 */
  SOLID_PROPERTY_CHOICE = 4  /* int: index into `choices` */
} solid_property_type;

typedef struct solid_property {
  const char *name; /* lower case with dashes: the flag without its dashes */
  solid_property_type type;
  const char *preset;  /* default, as text; NULL = 0, NULL or the first choice */
  double min, max;     /* INT, FLOAT: both ends included; 0, 0 = unlimited. STRING: min -1 = may be empty */
  const char *choices; /* CHOICE: "redis|memory" */
  const char *meaning; /* one line for --help */
  int required;        /* 1 = must be given in the file or as a flag */
  size_t offset;       /* offsetof the destination */
} solid_property;

/* Options that have an effect only beside another one. Where that is missing they are refused, so that nobody takes
 * for done what was not; the --help line of each says it, too. */
typedef struct solid_need {
  const char *options; /* names, a blank between */
  const char *of; /* what they need, a blank between, any of which is enough: "slate" = it is not off (0, empty, not
                   * given); "store=redis" = it has this value (choices, texts); "!slate", "!protocol=paper" = not so.
                   * "+store=redis" = where neither file nor flags give --store, they set it themselves */
} solid_need;

typedef struct solid_program {
  const char *name;
  const char *summary; /* one line: what it does */
  const char *notes;   /* printed after the properties: an example; may be NULL */
  const solid_property *properties;
  size_t count;
  int takes_kafka; /* 1 = kafka.<property> is accepted */
  unsigned exits;  /* HAS_EXIT bits: exit codes beside 0, 1 and 2 (examples/common/exit.h) */
  const char *cut; /* what a signal leaves that ends it at once; NULL = it ends by itself, with everything kept */
  const solid_need *needs; /* kafka.<property> needs "brokers", where there is such an option, without a row */
  size_t n_needs;
} solid_program;

#endif
