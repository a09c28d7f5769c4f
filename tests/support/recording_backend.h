/* The table "cpu" as beside a GPU, so that what a caller does wrong with one shows on any machine:
 *
 *   - `records`: replay keeps every operation with its arguments and calls those again, without the body.
 *   - Not `unified`: device memory is apart (apart_memory.h). A host that touches it is killed there.
 *   - A queue that nobody waits for does nothing: operations, and transfers from and to pinned memory, happen at the
 * next sync (or when memory is freed, or at a download to other memory), and read what is there then.
 *
 * Of one thread. */
#ifndef TESTS_SUPPORT_RECORDING_BACKEND_H
#define TESTS_SUPPORT_RECORDING_BACKEND_H

#include "kernels/backend.h"

const sk_backend_ops *recording_backend(void);

/* Over all back ends of this table: bodies asked, recordings replayed, transfers to the host. */
typedef struct recording_counts {
  int recorded, replayed, downloads;
} recording_counts;

recording_counts recording_backend_counts(void);

#endif
