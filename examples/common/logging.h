/* Log lines of a service, for people or for machines: time, level, program, text. Each line is one write, also into
 * pipes. Any thread. */
#ifndef EXAMPLES_COMMON_LOGGING_H
#define EXAMPLES_COMMON_LOGGING_H

#include "solid/context.h"

enum { LOGGING_TEXT = 0, LOGGING_JSON = 1 }; /* as --log-format has them */

#define LOGGING_PROPERTIES(struct_)                                                                                    \
  {.name = "log-format",                                                                                               \
   .type = SOLID_PROPERTY_CHOICE,                                                                                      \
   .preset = "text",                                                                                                   \
   .choices = "text|json",                                                                                             \
   .meaning = "format of the lines on stderr",                                                                         \
   .offset = offsetof(struct_, log_format)},                                                                           \
  {                                                                                                                    \
    .name = "verbose", .type = SOLID_PROPERTY_BOOL, .preset = "false", .meaning = "more lines on stderr",              \
    .offset = offsetof(struct_, verbose)                                                                               \
  }

/* To be called once, before other threads start: the program's name, and whether debug and info lines of the library
 * are wanted. */
void logging_begin(const char *program, int format, int verbose);

/* A solid_log_fn: writes the library's warnings and errors; all lines if verbose. Its first argument is NULL, or
 * logging_store(number) of the store that logs; stores count from 1. */
void logging_line(void *store, solid_log_level level, const char *line);
void *logging_store(unsigned number);

/* The same for a context, whose lines at DEBUG say how far long work has come: one of them every ten seconds, the first
 * after so long; all if verbose. */
void logging_work(void *unused, solid_log_level level, const char *line);

/* What the program itself has to say: "2026-01-02T03:04:05.678Z warning solid_serve[4711]: text" (4711 is the thread,
 * as top and gdb have it; a store's line goes on " store 2"), or {"time": ..., "level": ..., "program": ..., "thread":
 * ..., "store": ..., "text": ...}. */
void logging_say(solid_log_level level, const char *format, ...) SOLID_PRINTF(2, 3);

#endif
