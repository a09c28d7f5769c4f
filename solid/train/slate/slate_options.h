/* How a decoder of slates is trained. */
#ifndef SOLID_TRAIN_SLATE_SLATE_OPTIONS_H
#define SOLID_TRAIN_SLATE_SLATE_OPTIONS_H

#include <stdint.h>

typedef struct sol_slate_options {
  uint32_t rows;   /* K */
  uint32_t blocks; /* beside the one more that near-to-far has */
  int near;        /* near-to-far; 0 = raster, which serves ZipAR too */
  uint32_t epochs, batch;
  float rate, decay, dropout, smoothing;
  uint64_t seed;
} sol_slate_options;

#define SOL_SLATE_OPTIONS_INIT                                                                                         \
  { 10, 2, 0, 20, 128, 1e-3f, 0.01f, 0.1f, 0.0f, 0 }

#endif
