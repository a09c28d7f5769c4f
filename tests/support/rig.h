/* A back end under test with guarded device buffers, so that one test body serves every device.
 *
 * Round every buffer stand 64 bytes of sentinel; outputs are filled with poison (a NaN) first, and inputs must be
 * unchanged afterwards. Everything that a rig handed out lives until rig_reset or rig_close. */
#ifndef TESTS_SUPPORT_RIG_H
#define TESTS_SUPPORT_RIG_H

#include "kernels/backend.h"
#include "tests/support/seed.h"
#include <stddef.h>
#include <stdint.h>

typedef struct rig rig;

/* Runs `body` for every name of sk_backend_names, on an open back end. A back end that is absent is reported as
 * "[SKIP] <name>: <why>", or fails the test when SOLID_REQUIRE names it; SOLID_ONLY names the only one to run. The body
 * must draw the same random numbers every time: on "cpu" it runs once with each of 1, 2 and 3 threads, where everything
 * that it reads back must be bitwise equal, and once on every lower instruction level; on a device twice, where the
 * same holds, but once under SOLID_ONLY, for tools that are slow. */
void rig_each(void (*body)(rig *r));

/* One rig on a table; options may be NULL (one thread). Fails the test when it does not open. */
rig *rig_open(const sk_backend_ops *ops, const sk_options *options);
rig *rig_open_beside(rig *r, const sk_options *options); /* for a body of rig_each: its table, inputs and references */
void rig_close(rig *r);

/* Whether shapes that only a GPU's thresholds tell from others are to be run: not on "cpu". */
int rig_is_gpu(const rig *r);

/* Frees every buffer and array: once a case. */
void rig_reset(rig *r);

sk_backend *rig_backend(rig *r);
const sk_backend_ops *rig_ops(rig *r);

/* Device buffers. n = 0 gives a pointer that may not be touched. A NULL host array gives NULL: an absent argument. */
const float *rig_in(rig *r, const float *host, size_t n);
const int32_t *rig_in_int(rig *r, const int32_t *host, size_t n);
const void *rig_in_bytes(rig *r, const void *host, size_t bytes);
float *rig_out(rig *r, size_t n);                      /* poisoned */
int32_t *rig_out_int(rig *r, size_t n);                /* poisoned */
float *rig_inout(rig *r, const float *host, size_t n); /* uploaded, may change */

/* Fails the test unless `status` is SOLID_OK; then syncs and checks every sentinel and every input of the rig. */
void rig_check(rig *r, const char *what, solid_status status);

/* The answer of a reference, which is the same in every run of a body of rig_each, so that only the first pays for it:
 *
 *   if (!rig_recall(r, want, n)) {
 *     ref_apply(&a, x, w, want);
 *     rig_keep(r, want, n);
 *   } */
int rig_recall(rig *r, double *x, size_t n); /* 1: x holds what the first run kept at this place */
void rig_keep(rig *r, const double *x, size_t n);

/* Host arrays of the rig: random, widened to double, zeroed. */
float *rig_normal(rig *r, seed_rng *rng, size_t n, float scale);
double *rig_widen(rig *r, const float *x, size_t n);
double *rig_zeros(rig *r, size_t n);

/* The values of a buffer, in host memory of the rig. Syncs. */
const float *rig_read(rig *r, const float *device, size_t n);
const int32_t *rig_read_int(rig *r, const int32_t *device, size_t n);

#endif
