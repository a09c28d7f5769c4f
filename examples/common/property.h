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
  double min, max;     /* INT, FLOAT: both ends included; 0, 0 = unlimited */
  const char *choices; /* CHOICE: "redis|memory" */
  const char *meaning; /* one line for --help */
  int required;        /* 1 = must be given in the file or as a flag */
  size_t offset;       /* offsetof the destination */
} solid_property;

typedef struct solid_program {
  const char *name;
  const char *summary; /* one line: what it does */
  const char *notes;   /* printed after the properties: an example; may be NULL */
  const solid_property *properties;
  size_t count;
  int takes_kafka; /* 1 = kafka.<property> is accepted */
  unsigned exits;  /* HAS_EXIT bits: exit codes beside 0, 1 and 2 (examples/common/exit.h) */
} solid_program;

#endif
