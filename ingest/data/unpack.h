/* The bytes of a file, unpacked where they are gzip. */
#ifndef INGEST_DATA_UNPACK_H
#define INGEST_DATA_UNPACK_H

#include "solid/extend.h"
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct sol_unpack sol_unpack;

/* *all becomes the size of a regular file. `path` is borrowed. EIO, ENOMEM. */
solid_status sol_unpack_open(sol_unpack **out, const char *path, uint64_t *all);

/* The same of a file that is open, which is taken over in any case and named `path` in messages. */
solid_status sol_unpack_take(sol_unpack **out, int fd, const char *path, uint64_t *all);

/* NULL is a no-op. */
void sol_unpack_close(sol_unpack *file);

/* Reads `size` bytes, or all that are left: *got. EIO: reading fails, a signal ends it, or the gzip is damaged, cut, or
 * followed by bytes that are none. Zeros behind it are padding. */
solid_status sol_unpack_read(sol_unpack *file, void *buffer, size_t size, size_t *got);

/* How many bytes of the file itself were used. */
uint64_t sol_unpack_used(const sol_unpack *file);

#ifdef __cplusplus
}
#endif
#endif
