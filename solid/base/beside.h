/* A result file that exists in full or not at all: it is written beside its name as PATH.tmp, and renamed once it is
 * complete.
 *
 * PATH.tmp is created (O_EXCL), never opened through a link (O_NOFOLLOW), and locked while it is written. If it exists
 * and is locked, another program is writing it, and the call fails with that reason; if nobody holds it, a killed
 * program left it behind, and it is removed. */
#ifndef SOLID_BASE_BESIDE_H
#define SOLID_BASE_BESIDE_H

#include "solid/status.h"

/* A zeroed struct is closed. */
typedef struct sol_beside {
  int fd;          /* to write to; -1 after the end */
  char *path;      /* owned, as is `temporary` */
  char *temporary; /* NULL = `path` is written itself, a device or a pipe */
} sol_beside;

/* PATH may name a regular file or nothing. A device or a pipe is written directly (`special` 1) or refused, since a
 * rename would put a file in its place. EIO names the file and why; ENOMEM. */
solid_status sol_beside_open(sol_beside *file, const char *path, int special);

/* Everything is written: the file takes its name, and keeps it after a crash of the machine. On failure the old file
 * stays. */
solid_status sol_beside_commit(sol_beside *file);

/* Not everything was written: the new file is removed and the old one stays. Does nothing after a commit, or for a
 * zeroed struct. */
void sol_beside_abandon(sol_beside *file);

/* What an errno of writing a file means: EFULL for a full disk, a quota or a limit on the size of files, else EIO. */
solid_status sol_write_status(int error);

#endif
