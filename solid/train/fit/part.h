/* The sampled side of a step, where options->negatives is not 0: tables and gradients of items exist for those alone
 * that the step touches, its batch's and the drawn ones. They are numbered anew in each step (touched.h), so that the
 * rest of the step sees a small catalogue. Their rows of E are brought up to date before they are read
 * (kernels/adamw_rows.h) and all rows when the step is settled. */
#ifndef SOLID_TRAIN_FIT_PART_H
#define SOLID_TRAIN_FIT_PART_H

#include "kernels/adamw_rows.h"
#include "solid/train/fit/sampler.h"
#include "solid/train/fit/touched.h"

#define SOL_ADAM_B1  0.9f
#define SOL_ADAM_B2  0.999f
#define SOL_ADAM_EPS 1e-8f

/* Steps between two times that all rows are brought up to date, at most. */
#define SOL_PART_STEPS 4096

typedef struct sol_step_part {
  sol_touched set;      /* of the last batch: its own items, then what was drawn beside them */
  float *offsets;       /* (most) kernels/xent.h */
  uint32_t *inputs;     /* (rows) items of the last batch by their numbers */
  sol_sampler sampler;  /* zeroed: the softmax is taken over the whole catalogue */
  float *items;         /* device (most, d): their rows of E */
  const int32_t *index; /* device (count): which they are */
  int32_t *taken;       /* device (V): as kernels/adamw_rows.h, as the next three */
  sk_adamw_past *past;
  sk_adamw_power *powers;
  sk_adamw_tail *tail;      /* in the last batch */
  sk_adamw_past *past_host; /* (SOL_PART_STEPS) as the device has it */
  double (*tail_host)[4];   /* (SOL_PART_STEPS + 1) */
  int32_t steps;            /* since all rows were up to date */
} sol_step_part;

#endif
