/* Runs a model's decoder step by step over a cache: what is known of the cells goes in, the logits of the step's cells
 * come out. One upload, one download, one sync a step. Memory is taken once; one stepper a thread. */
#ifndef SOLID_INFER_SLATE_STEPPER_H
#define SOLID_INFER_SLATE_STEPPER_H

#include "solid/infer/slate/decoder.h"
#include <stddef.h>

typedef struct sol_stepper sol_stepper;

/* For slates of up to `windows` users at a time, of as many rows as the config says. `be`, `config` and `weights`
 * (device) are borrowed. ENOMEM names bytes needed and free. */
solid_status sol_stepper_open(sol_stepper **out, sk_backend *be, const sol_config *config,
                              const sol_decoder_weights *weights, size_t windows);
void sol_stepper_close(sol_stepper *stepper);

/* Begins slates of n users on a grid, borrowed until the last step: h, u (n, d) host. ERANGE: more rows or users than
 * it was made for. */
solid_status sol_stepper_begin(sol_stepper *stepper, const sol_grid *grid, size_t n, const float *h, const float *u);

/* Step t, from 0, in turn. codes (n, cells) host, by raster number; those of steps before are read. *logits, the
 * stepper's memory on the host: those of the step's cell i begin at i * n * stride, (n, codes of its column). */
solid_status sol_stepper_step(sol_stepper *stepper, int32_t t, const uint32_t *codes, const float **logits,
                              size_t *stride);

/* ---- Without a grid: one user, in raster order, inputs as often as one likes ---- */

/* Place 0 of a row is its token, place p its code p - 1. */
typedef struct sol_tail_input {
  int32_t row, place;
  uint32_t code;
} sol_tail_input;

/* Inputs at most: all of a row, of one more row all but one, and so on down to a token. */
size_t sol_tail_most(const sol_config *config);

/* Begins with h, u (d) host. */
solid_status sol_stepper_begin_tail(sol_stepper *stepper, const float *h, const float *u);

/* n inputs of a decoder in raster order go in behind `before` that have gone in and stay (what stood behind those is
 * forgotten); each sees what stands before it. logits[i], the stepper's memory on the host: of the code behind input
 * i, NULL behind a row's last one. */
solid_status sol_stepper_tail(sol_stepper *stepper, uint32_t before, const sol_tail_input *inputs, uint32_t n,
                              const float **logits);

#endif
