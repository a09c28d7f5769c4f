/* Bytes from a pipe: as getc gives them, and whether a whole line is there already, so that nobody who has lines in
 * hand waits for more of them than he wants to. */
#ifndef INGEST_INTAKE_PIPED_H
#define INGEST_INTAKE_PIPED_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum { SOL_PIPED_ROOM = 1 << 17 };

/* All zero but `fd` and `stopped` is one that nothing has been read from. */
typedef struct sol_piped {
  int fd;
  const atomic_int *stopped; /* where it is not 0, a signal that interrupts a read ends the input */
  int has_ended, read_errno; /* 0 = the input's own end */
  size_t from, to;
  char bytes[SOL_PIPED_ROOM];
} sol_piped;

/* The next byte, or EOF. Waits for it. */
int sol_piped_next(sol_piped *piped);

/* Up to `size` bytes, waiting for them; fewer: the input's end, or a stop. */
size_t sol_piped_take(sol_piped *piped, void *room, size_t size);

/* 1 if the next line can be read without a wait: its end is there, or the input's, or there are more bytes than a line
 * may have. Waits for that until deadline_ms (steady). */
int sol_piped_has_line(sol_piped *piped, int64_t deadline_ms);

#endif
