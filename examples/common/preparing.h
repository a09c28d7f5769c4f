/* Shows how far reading and preparation have come, on stderr: a line that is rewritten on a terminal, whole lines every
 * ten seconds elsewhere. Work of less than some seconds says nothing. */
#ifndef EXAMPLES_COMMON_PREPARING_H
#define EXAMPLES_COMMON_PREPARING_H

#include "solid/context.h"
#include <stdint.h>

typedef struct preparing_read {
  const char *path;
  double began; /* seconds; 0 = now */
} preparing_read;

/* A solid_data_progress; `user` is a preparing_read. */
void preparing_read_on(void *user, uint64_t bytes, uint64_t all);

/* A line of the context's log: those at DEBUG are shown, before others the rewritten line is taken away. 1 if the line
 * was one at DEBUG. */
int preparing_log(solid_log_level level, const char *line);

/* Takes the rewritten line away. */
void preparing_end(void);

#endif
