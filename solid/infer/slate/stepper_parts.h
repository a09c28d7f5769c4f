/* What a stepper holds, for its two files: steps of a grid, and steps without one. */
#ifndef SOLID_INFER_SLATE_STEPPER_PARTS_H
#define SOLID_INFER_SLATE_STEPPER_PARTS_H

#include "solid/infer/slate/decoder.h"

typedef struct sol_stepper sol_stepper;

typedef struct stepper_memory {
  int32_t *lists; /* key offsets (T + 1), then the ranges */
  int32_t *ints;  /* of a step */
  float *user;    /* h (B, d), u (B, d) */
  float *state;   /* sol_decoder_bind */
  float *out;     /* (heads, slots, B, d) */
  float *y;       /* (cells, B, heads, d) */
  float *logits;  /* (cells, B * widest): a cell's rows are as long as its column has codes */
} stepper_memory;

struct sol_stepper {
  sk_backend *be;
  const sol_config *config;
  const sol_decoder_weights *weights;
  size_t max_windows, n;
  size_t slots, cells, kept, widest, heads; /* of a step at most; of a grid at most; codes of a column at most */
  size_t tail;                              /* inputs at most of a user's step without a grid */
  const sol_grid *grid;
  stepper_memory device, host; /* the host has lists, ints, user and logits */
  void *device_base, *host_base;
  sol_decoder_state state;
};

/* int32s of a step without a grid: codes, rows, columns and sources of n inputs, and their keys, one range each. */
static inline size_t sol_tail_ints(size_t n) {
  return 7 * n + 1;
}

/* Waits, whatever happened before. */
solid_status sol_stepper_finish(sol_stepper *s, solid_status status);

#endif
