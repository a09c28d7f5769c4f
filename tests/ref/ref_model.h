/* The whole model again, naive and in double: the loss of a training batch with its dropout, and the user vector of a
 * window. It judges the forward pass, and by differences the backward pass. */
#ifndef TESTS_REF_REF_MODEL_H
#define TESTS_REF_REF_MODEL_H

#include "solid/infer/forward.h"

typedef struct ref_model {
  const sol_config *config;
  const double *values;       /* (sol_tensors_total) all weights */
  const uint16_t *codes;      /* (V, C) */
  const uint32_t *attributes; /* (V, S); NULL without */
} ref_model;

/* Mean loss over the rows of a batch. Windows are at most L long, targets (rows). */
double ref_model_loss(const ref_model *model, const solid_windows *inputs, const int32_t *targets,
                      const sol_dropout *drop, double smoothing);

/* Inference on one window (its newest L items): h (d), params (P, may be NULL), u (d). An empty window has h = 0. */
void ref_model_user(const ref_model *model, const uint32_t *items, size_t length, double *h, double *params, double *u);

/* u (d) = h + y(h) under params (P); u = h without a generator. */
void ref_model_apply(const ref_model *model, const double *h, const double *params, double *u);

#endif
