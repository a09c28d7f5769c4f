/* A result file that is there in full or not at all: written beside its name as PATH.tmp, and renamed once it is whole.
 *
 * PATH.tmp is made anew (O_EXCL), never through a link (O_NOFOLLOW), and locked while it is written. One that is there
 * and locked is another program's, which is said; one that nobody holds is what a killed program left, and is removed.
 */
#ifndef SOLID_BASE_BESIDE_H
#define SOLID_BASE_BESIDE_H

#include "solid/status.h"

/* A zeroed struct is closed. */
typedef struct sol_beside {
  int fd;          /* to write to; -1 after the end */
  char *path;      /* owned, as is `temporary` */
  char *temporary; /* NULL = `path` is written itself, a device or a pipe */
} sol_beside;

/* What lies at PATH may be a regular file, or nothing. A device or a pipe is written through (`special` 1), or refused,
 * since a rename would put a file in its place. EIO names the file and why; ENOMEM. */
solid_status sol_beside_open(sol_beside *file, const char *path, int special);

/* All is written: it takes its name, for good, also after a crash of the machine. On failure the old file stays. */
solid_status sol_beside_commit(sol_beside *file);

/* It was not: the old file stays. After a commit, or for a zeroed struct, nothing happens. */
void sol_beside_abandon(sol_beside *file);

/* What an errno of writing a file means: EFULL for a full disk, a quota or a limit on the size of files, else EIO. */
solid_status sol_write_status(int error);

#endif
