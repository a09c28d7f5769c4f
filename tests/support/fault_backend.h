/* A back end around another one that loses its device: from one sync on, every sync fails with the same text, as a CUDA
 * error that stays does. */
#ifndef TESTS_SUPPORT_FAULT_BACKEND_H
#define TESTS_SUPPORT_FAULT_BACKEND_H

#include "kernels/backend.h"

typedef struct fault_plan {
  int syncs_left;      /* that succeed */
  solid_status status; /* with which later ones fail */
  const char *text;
} fault_plan;

/* The table `ops` (one wrapped at a time) with syncs that follow the plan, which is borrowed and counts down. */
const sk_backend_ops *fault_backend(const sk_backend_ops *ops, fault_plan *plan);

#endif
