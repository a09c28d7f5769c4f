/* What every program does at its beginning and end: options, --help, --version, the line of the error, the exit code.
 */
#ifndef EXAMPLES_COMMON_PROGRAM_H
#define EXAMPLES_COMMON_PROGRAM_H

#include "examples/common/config.h"
#include <stdio.h>

/* Flushes standard output before a program reports success. EIO: not everything was written, for example because the
 * disk is full. */
solid_status program_flush(void);

/* Prints bytes of unknown origin, for example an item id, in full, with everything that could control a terminal
 * escaped as by sol_show. */
void program_show(FILE *stream, const void *data, size_t size);

/* Sets the exit code of failures from here on (examples/common/exit.h). Before the first call it is EXIT_FAILED. */
void program_step(int code);

/* Exit code of a failure in the current step. EINVAL is always wrong usage; out of memory is always EXIT_FAILED,
 * because it is no fault of the data. */
int program_exit_of(solid_status status);

/* Reads the options into the struct at `values` (zeroed before), then answers --help or --version, or calls run(user).
 * Returns the exit code (examples/common/exit.h): DONE, USAGE (EINVAL of the options or of `run`), otherwise that of
 * the step; the text of a failure goes to stderr. */
int program_run(const solid_program *program, int argc, char **argv, void *values, solid_status (*run)(void *user),
                void *user);

/* The same for programs with exit codes of their own: run(user, config) returns the code, and has said why if it is not
 * DONE. */
int program_main(const solid_program *program, int argc, char **argv, void *values,
                 int (*run)(void *user, const solid_config *config), void *user);

#endif
