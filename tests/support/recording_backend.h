/* The table "cpu" with `records` and without `unified`: replay keeps every operation with its arguments and calls those
 * again, without the body, as a CUDA graph does. What a caller changes between two batches of one size therefore shows,
 * on any machine. */
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
