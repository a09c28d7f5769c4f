/* A folder of a test's own under TMPDIR or /tmp, and whole files in it. Failures end the running test. */
#ifndef TESTS_SUPPORT_SCRATCH_H
#define TESTS_SUPPORT_SCRATCH_H

#include <stddef.h>

#define SCRATCH_PATH 256

/* The path of a file in this process' folder, which the first call makes. */
void scratch_path(char path[SCRATCH_PATH], const char *name);

/* Removes the folder and what is in it, folders one level deep included. */
void scratch_remove(void);

void scratch_write(const char *path, const void *data, size_t size);
char *scratch_read(const char *path, size_t *size); /* the caller frees */

#endif
