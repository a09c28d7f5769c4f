/* One training step on a device: a batch in, better weights out. All memory is planned when it is opened. */
#ifndef SOLID_TRAIN_FIT_STEP_H
#define SOLID_TRAIN_FIT_STEP_H

#include "kernels/ops.h"
#include "solid/train/fit/backward.h"
#include "solid/train/fit/options.h"
#include "solid/train/fit/part.h"

/* Places in sol_step.values: arrays of `total` floats one after the other, but gradients of grad_total. */
typedef enum sol_array { SOL_WEIGHTS, SOL_GRADS, SOL_MOMENT1, SOL_MOMENT2, SOL_AVERAGE, SOL_ARRAYS } sol_array;

/* How many batches the host may be ahead of the device before it waits. */
#define SOL_BATCHES_AHEAD 16

typedef struct sol_step {
  sk_backend *be;
  sol_config config, here; /* here: of the items that tables and gradients are of: all, or those that a batch touches */
  size_t total, grad_total, rest; /* rest: floats behind E, the same of both */
  size_t max_windows, max_rows, batch_ints;

  const uint16_t *codes;      /* (V, C) host, borrowed */
  const uint32_t *attributes; /* (V, S) host, borrowed; NULL = all slots are empty */
  float *block;               /* device: everything of floats below */
  int32_t *ints;              /* device: codes and attributes of all items, batch, targets */
  int32_t *host;              /* SOL_BATCHES_AHEAD batches and targets on their way to the device */
  size_t brought;             /* batches so far */
  float *values[SOL_ARRAYS];  /* device (total); the average is NULL when there is none */
  float *loss_sum, *sumsq;    /* device (1): of all rows since sol_step_take_loss; of the last gradient */

  sol_weights weights, grads;
  sol_catalogue catalogue; /* of the items here */
  sol_catalogue_grads tables;
  sol_step_part part;
  sol_encoder_state encoder;
  sol_branch_state item, semantic;
  float *h, *dh, *dz_item, *dz_semantic, *loss, *head_work;
  sol_batch last; /* of the last gradients */
  float *shown;   /* (V, d) id embeddings that are left by item dropout; NULL without it */
} sol_step;

/* Memory for batches of so many windows and rows. `codes` (V, C) host, borrowed, NULL without codes. A zeroed struct
 * may be closed; after a failure nothing is left. `options` say which optional arrays there are. The contents of
 * `values` are undefined but for the moments, which are zero.
 */
solid_status sol_step_open(sol_step *step, sk_backend *be, const sol_config *config, const uint16_t *codes,
                           size_t windows, size_t rows, const solid_train_options *options);
void sol_step_close(sol_step *step);

/* Loss and gradients of a batch: `inputs` windows no longer than L and none empty, `targets` (rows) host, the item that
 * came after each. Leaves gradients in values[SOL_GRADS], the rows' losses in `loss`, and adds their sum to loss_sum.
 */
solid_status sol_step_gradients(sol_step *step, const solid_train_options *options, uint64_t seed,
                                const solid_windows *inputs, const int32_t *targets);

/* Item dropout: 1 if the id embedding of `item` is zero in the step of this seed, so that the item is represented by
 * its semantics alone, as input, target and alternative. The other embeddings are not scaled up. */
int sol_step_drops_item(uint64_t seed, float p, uint32_t item);

/* Ints of codes, and of codes and attributes, at the beginning of `ints`. */
size_t sol_step_code_ints(const sol_config *config);
size_t sol_step_semantic_ints(const sol_config *config);

/* The items' attributes, (V, S) on the host, borrowed; all slots are empty before, and with NULL. */
solid_status sol_step_set_attributes(sol_step *step, const uint32_t *attributes);

/* Replaces the codes: (V, C) host, borrowed. */
solid_status sol_step_recode(sol_step *step, const uint16_t *codes);

/* Codes and attributes of n items as catalogues have them, (C, n) and (S, n), on the host. */
void sol_step_pack_semantics(const sol_step *step, size_t n, const uint32_t *items, int32_t *host);

/* Training events of each item (V), by which negatives are drawn; before, the first items count as the most popular.
 * Nothing to do without negatives. */
solid_status sol_step_set_popularity(sol_step *step, const float *count);

/* AdamW with the gradients there are, once for each sol_step_gradients; `number` counts from 1. */
solid_status sol_step_update(sol_step *step, const solid_train_options *options, uint64_t number);

/* Brings all rows up to date, whatever is read of `values` next. Nothing to do without negatives. */
solid_status sol_step_settle(sol_step *step);

/* Gradients, moments and the sum of the losses become zero; all rows count as up to date. */
solid_status sol_step_clear(sol_step *step);

/* Of the last step: pairs (query, key) that were computed over all causal ones, of all heads and blocks; 1 with dense
 * attention. Waits for the device. */
solid_status sol_step_density(const sol_step *step, double *density);

/* Reads the sum of the losses and sets it to zero. */
solid_status sol_step_take_loss(sol_step *step, double *sum);

/* ---- Between the files of a step ---- */

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

/* ---- The part of the catalogue that a step touches: part.h ---- */

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
