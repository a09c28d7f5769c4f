/* A backend is a device and one ordered queue, behind one table of functions. No slot is optional: a test walks the
 * table. Compute slots, upload and download enqueue; the host may read after `sync`. One backend per thread; a buffer
 * may be read by any backend on the same device. Pointers in args structs are device pointers unless they say "host".
 *
 * Every operation is `status (*op)(sk_backend *, const sk_<op>_args *)`, its args struct declared beside its formula in
 * kernels/<op>.h, passed by value to CUDA kernels. n = 0 is legal everywhere and does nothing. All floats are fp32,
 * row-major, densely packed unless a stride is named. Results do not depend on the number of threads: work is cut into
 * blocks of fixed size and every output element has one writer and one order of summation.
 *
 * A failing slot returns a status and leaves one line in `err`. */
#ifndef SK_BACKEND_H
#define SK_BACKEND_H

#include "kernels/activate.h"
#include "kernels/adamw.h"
#include "kernels/adamw_rows.h"
#include "kernels/apply.h"
#include "kernels/attend.h"
#include "kernels/attend_ranges.h"
#include "kernels/bce.h"
#include "kernels/blend.h"
#include "kernels/dropout.h"
#include "kernels/embed.h"
#include "kernels/generate.h"
#include "kernels/generate_apply.h"
#include "kernels/gru.h"
#include "kernels/layer_norm.h"
#include "kernels/linear.h"
#include "kernels/place.h"
#include "kernels/planes.h"
#include "kernels/quantize.h"
#include "kernels/reduce.h"
#include "kernels/rotate.h"
#include "kernels/select.h"
#include "kernels/slate.h"
#include "kernels/topk.h"
#include "kernels/xent.h"
#include "solid/status.h"
#include <stddef.h>
#include <stdint.h>

typedef struct sk_backend sk_backend;
typedef struct sk_graph sk_graph;

typedef struct sk_options {
  int32_t threads; /* CPU: pool size, at least 1 */
  int32_t device;  /* CUDA: ordinal */
  int32_t tf32;    /* CUDA: 1 = products may round their factors to TF32; sums stay FP32. The CPU ignores it */
  char *why;       /* receives one line if open fails; may be NULL */
  size_t why_size;
} sk_options;

/* Work for a queue: it enqueues and returns, and reads nothing that the device computes. */
typedef solid_status (*sk_body)(void *user);

/* The operations of a table, in one list: table, walk test and error texts are made from it. */
// clang-format off
#define SK_OPS(X)                                                                                                      \
  X(embed) X(embed_backward)                                                                                           \
  X(linear) X(linear_backward)                                                                                         \
  X(layer_norm) X(layer_norm_backward)                                                                                 \
  X(activate) X(activate_backward)                                                                                     \
  X(dropout)                                                                                                           \
  X(attend) X(attend_backward)                                                                                         \
  X(attend_ranges) X(attend_ranges_backward)                                                                           \
  X(place)                                                                                                             \
  X(rotate)                                                                                                            \
  X(select)                                                                                                            \
  X(gru) X(gru_backward)                                                                                               \
  X(generate) X(generate_backward)                                                                                     \
  X(apply) X(apply_backward)                                                                                           \
  X(generate_apply)                                                                                                    \
  X(xent)                                                                                                              \
  X(bce)                                                                                                               \
  X(quantize)                                                                                                          \
  X(planes)                                                                                                            \
  X(topk)                                                                                                              \
  X(slate)                                                                                                             \
  X(adamw)                                                                                                             \
  X(adamw_rows)                                                                                                        \
  X(reduce)                                                                                                            \
  X(blend)
// clang-format on

#define SK_LANES 4

typedef struct sk_backend_ops {
  const char *name;  /* "cpu", "cuda" */
  int32_t tile_rows; /* rows to process at a time where each row has kilobytes of intermediate results */
  int records;       /* 1: `replay` keeps recordings, so that callers do well to ask for few different sizes */
  int unified;       /* 1: the host's memory is the device's: a pointer of either serves both, after `sync` */

  /* OK when the device is usable on this machine; `text` (may be NULL) gets one line: what was found, or why not. */
  solid_status (*probe)(char *text, size_t size);
  solid_status (*open)(sk_backend **out, const sk_options *options);
  void (*close)(sk_backend *be);

  solid_status (*alloc)(sk_backend *be, void **out,
                        size_t bytes); /* 64-byte aligned, contents undefined; 0 bytes gives NULL */
  void (*free)(sk_backend *be, void *device);
  solid_status (*upload)(sk_backend *be, void *device, const void *host, size_t bytes);
  solid_status (*download)(sk_backend *be, void *host, const void *device, size_t bytes);
  solid_status (*copy)(sk_backend *be, void *device_to, const void *device_from, size_t bytes);
  solid_status (*zero)(sk_backend *be, void *device, size_t bytes);
  solid_status (*sync)(sk_backend *be);

  /* Memory of the host that upload and download reach without a copy in between, so that they need not wait for the
   * queue; contents undefined; 0 bytes gives NULL. Operations may read and write it in place of memory of the device,
   * at the speed of the bus. */
  solid_status (*alloc_host)(sk_backend *be, void **out, size_t bytes);
  void (*free_host)(sk_backend *be, void *host);
  solid_status (*memory)(sk_backend *be, size_t *free, size_t *total); /* bytes of the whole device */

  /* Lanes are queues beside the queue, which is lane 0, for work that does not depend on one another until they are
   * joined. After `lane(be, k)`, k < SK_LANES, everything is enqueued on lane k, which, entered for the first time
   * since the last join, begins behind what lane 0 was given before. `join` goes back to lane 0, which then waits for
   * the others; transfers and sync do so after it. Recordings keep lanes. A device may also have one queue only. */
  solid_status (*lane)(sk_backend *be, int lane);
  solid_status (*join)(sk_backend *be);

  /* Enqueues what `body` enqueues. Where the table records, *graph (NULL at first) keeps it: later calls enqueue the
   * same operations with the same arguments as one unit, without asking body. `forget` ends a recording. */
  solid_status (*replay)(sk_backend *be, sk_graph **graph, sk_body body, void *user);
  void (*forget)(sk_backend *be, sk_graph *graph);

#define SK_SLOT(op) solid_status (*op)(sk_backend * be, const sk_##op##_args *a);
  SK_OPS(SK_SLOT)
#undef SK_SLOT
} sk_backend_ops;

/* A backend's own struct begins with this. */
struct sk_backend {
  const sk_backend_ops *ops;
  uint64_t allocations; /* of device or pinned memory so far, recordings included: the steady state makes none */
  uint64_t bytes;       /* of device memory: what alloc was asked for so far, and the queue's own scratch */
  int rounds;           /* 1 = products may round their factors (sk_options.tf32), and BF16 is there */
  char err[256];
};

/* The table called `name` ("cpu", "cuda"), or NULL when it is not compiled in. */
const sk_backend_ops *sk_backend_find(const char *name);

/* "x86-64-v3", "baseline", ...: the instruction level of the table "cpu" on this machine. Never NULL. */
const char *sk_cpu_level(void);

/* For the implementations: leaves one line in be->err and returns `status`. */
solid_status sk_fail(sk_backend *be, solid_status status, const char *format, ...) SOLID_PRINTF(3, 4);

/* Names of all tables known to the source tree, compiled in or not, NULL-terminated: the tests' parameter list. */
extern const char *const sk_backend_names[];

#endif
