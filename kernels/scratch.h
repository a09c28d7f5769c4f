/* Helpers with which an operation states its scratch. A device may take scratch of its own for an operation, one buffer
 * of the queue for all: sk_<op>_scratch(args), beside the operation, says how many bytes CUDA takes at most, for its
 * request and for whoever plans memory. The CPU takes none. */
#ifndef SK_SCRATCH_H
#define SK_SCRATCH_H

#include <stdint.h>

#define SK_TILE_FLOATS ((uint64_t)1 << 26) /* of logits or generated layers that exist at once */

#define SK_NO_SCRATCH(op)                                                                                              \
  static inline uint64_t sk_##op##_scratch(const sk_##op##_args *a) {                                                  \
    (void)a;                                                                                                           \
    return 0;                                                                                                          \
  }

static inline uint64_t sk_least(uint64_t a, uint64_t b) {
  return a < b ? a : b;
}

static inline uint64_t sk_most(uint64_t a, uint64_t b) {
  return a > b ? a : b;
}

/* Pieces of `size` that n is cut into. */
static inline uint64_t sk_pieces(uint64_t n, uint64_t size) {
  return (n + size - 1) / size;
}

/* n up to the next multiple. */
static inline uint64_t sk_whole(uint64_t n, uint64_t multiple) {
  return sk_pieces(n, multiple) * multiple;
}

#endif
