/* What the programs begin and end with: options, --help, --version, the error's line, the exit code. */
#ifndef EXAMPLES_COMMON_PROGRAM_H
#define EXAMPLES_COMMON_PROGRAM_H

#include "examples/common/config.h"

/* What was printed has reached standard output. EIO: it has not, say of a full disk. Before a program says it is done.
 */
solid_status program_flush(void);

/* Reads the options into the struct at `values` (zeroed before), then answers --help or --version, or calls run(user).
 * Answers the exit code (examples/common/exit.h): DONE, USAGE (EINVAL of the options or of `run`), FAILED otherwise;
 * the text of a failure stands on stderr. */
int program_run(const solid_program *program, int argc, char **argv, void *values, solid_status (*run)(void *user),
                void *user);

#endif
