/* A tiny trained-looking model with a store of its sizes: what the tests of worker, pipeline and recommender stand on,
 * and the naive ranking that judges them. */
#ifndef TESTS_SUPPORT_SERVING_H
#define TESTS_SUPPORT_SERVING_H

#include "solid/solid.h"

typedef struct serving {
  solid_context *ctx;
  solid_model *model;
  solid_model_info info;
  solid_store *store; /* memory */
} serving;

serving serving_open(solid_head head, uint64_t seed);
serving serving_open_ranked(solid_head head, uint32_t rank, uint64_t seed);
/* A context of "cpu", of a GPU, or of the CPU as "recording" (recording_backend.h). NULL where the GPU is absent, which
 * is said, or fails the test if SOLID_REQUIRE names it. */
solid_context *serving_context_on(const char *device);

/* On a device; `s->ctx` is NULL where this machine does not have it and SOLID_REQUIRE does not name it. */
serving serving_open_on(const char *device, solid_head head, uint32_t rank, uint64_t seed);
/* The same of head solid with a decoder of slates: 12 rows, near-to-far or raster. */
serving serving_open_slates(const char *device, int near, uint64_t seed);
/* The same of head solid with sparse attention over windows of 512 and more, in chunks of 64, and a store with pages.
 * Device "recording" is the CPU with memory apart. */
serving serving_open_long(const char *device, uint32_t window, uint64_t seed);
void serving_close(serving *s);

/* An empty memory store for windows of the model. */
solid_store *serving_store(const serving *s);

solid_bytes serving_text(const char *text);
/* At an offset of stream 1, or wherever it is. */
solid_event serving_event(const serving *s, const char *user, uint32_t item, uint64_t offset);
solid_event serving_event_at(const serving *s, const char *user, uint32_t item, solid_position position);

/* Appends items to the stored window without making parameters; returns the window's seq. */
uint64_t serving_append(const serving *s, solid_store *store, const char *user, const uint32_t *items, size_t n);

/* The k best items by u . e_v in double, those with skip[v] left out (NULL: none); fills out, returns how many. */
size_t serving_rank(const serving *s, const float *u, const uint8_t *skip, size_t k, solid_scored *out);

/* u of one window under the parameters of another one, straight from a worker. h and params receive what was used. */
void serving_vector(const serving *s, const uint32_t *window, size_t n, const uint32_t *of, size_t n_of, float *u);

/* The same items with the same scores up to rounding: where the order differs, the scores must be as good as equal. */
void serving_same(const char *what, const solid_scored *got, const solid_scored *want, size_t n);

#endif
