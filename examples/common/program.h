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

/* Reads the options into the struct at `values` (zeroed before), then answers --help or --version, or calls run(user).
 * Answers the exit code (examples/common/exit.h): DONE, USAGE (EINVAL of the options or of `run`), FAILED otherwise;
 * the text of a failure stands on stderr. */
int program_run(const solid_program *program, int argc, char **argv, void *values, solid_status (*run)(void *user),
                void *user);

#endif
