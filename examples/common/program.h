/* What the programs begin and end with: options, --help, --version, the error's line, the exit code. */
#ifndef EXAMPLES_COMMON_PROGRAM_H
#define EXAMPLES_COMMON_PROGRAM_H

#include "examples/common/config.h"
#include <stdio.h>

/* What was printed has reached standard output. EIO: it has not, say of a full disk. Before a program says it is done.
 */
solid_status program_flush(void);

/* Bytes of unknown origin, an item's id say, with what could speak to a terminal escaped as sol_show does, and uncut.
 */
void program_show(FILE *stream, const void *data, size_t size);

/* What a failure from here on means (examples/common/exit.h): EXIT_FAILED until this says otherwise. */
void program_step(int code);

/* The code of a failure of the present step: wrong usage (EINVAL) is wrong usage in each, and a lack of memory no fault
 * of what was read. */
int program_exit_of(solid_status status);

/* Reads the options into the struct at `values` (zeroed before), then answers --help or --version, or calls run(user).
 * Answers the exit code (examples/common/exit.h): DONE, USAGE (EINVAL of the options or of `run`), else that of the
 * step; the text of a failure stands on stderr. */
int program_run(const solid_program *program, int argc, char **argv, void *values, solid_status (*run)(void *user),
                void *user);

#endif
