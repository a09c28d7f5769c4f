/* A batch on its way to the device. */
#ifndef SOLID_TRAIN_FIT_STEP_BATCH_H
#define SOLID_TRAIN_FIT_STEP_BATCH_H

#include "kernels/ops.h"
#include "solid/train/fit/step.h"

/* A batch on the device. */
typedef struct sol_brought {
  sol_batch batch;
  const int32_t *target; /* (rows) */
  const int32_t *left;   /* (V here) with item dropout: the item's own number, -1 when it is dropped */
  const float *offset;   /* (V here) of the items that were drawn; NULL without negatives */
} sol_brought;

/* Ints of a batch at most. */
size_t sol_step_batch_ints(const sol_step *step, const solid_train_options *options);

/* Packs and uploads; with negatives it draws them, too. */
solid_status sol_step_bring(sol_step *step, const solid_train_options *options, uint64_t seed,
                            const solid_windows *inputs, const int32_t *targets, sol_brought *out);

/* ---- The part of the catalogue that a step touches: step_part.h ---- */

static inline int sol_step_has_part(const sol_step *step) {
  return step->part.sampler.draws > 0;
}

/* Items that a step touches at most. */
uint32_t sol_step_part_most(const sol_step *step, const solid_train_options *options);

/* Device floats, and their places in `base`. */
size_t sol_step_part_bind(sol_step *step, float *base);

/* Host memory and tables that do not change; the device's memory is there. */
solid_status sol_step_part_open(sol_step *step, const solid_train_options *options);
void sol_step_part_close(sol_step *step);

/* All rows count as up to date. */
void sol_step_part_begin(sol_run *run, sol_step *step);

/* Numbers the items of inputs (into part.inputs) and targets (`numbers`), and draws those beside them. */
void sol_step_part_take(sol_step *step, uint64_t seed, const solid_windows *inputs, const int32_t *targets,
                        int32_t *numbers);

/* Writes what the device must know of these items to `host`, which will stand at `device`; returns the ints. At most
 * sol_step_part_ints. */
size_t sol_step_part_ints(const sol_step *step);
size_t sol_step_part_pack(sol_step *step, int32_t *host, int32_t *device, sol_brought *out);

/* Brings the touched rows of E up to date and gathers them. */
float *sol_step_part_items(sol_run *run, sol_step *step);

/* The step's own update of these rows. */
void sol_step_part_update(sol_run *run, sol_step *step, const solid_train_options *options, uint64_t number);

#endif
