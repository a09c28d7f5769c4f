/* What it takes to make users' parameters and attention states anew, which every new generation of a model makes
 * necessary. */
#ifndef EXAMPLES_PLAN_PLAN_STATE_H
#define EXAMPLES_PLAN_PLAN_STATE_H

#include "solid/model.h"
#include <stdint.h>

/* Prints the hours of one core of this machine: a question to users of `history` drawn events whose state is missing is
 * timed, as solid_serve answers it. Takes about a second. */
solid_status plan_rebuild(const solid_model *model, uint32_t history, int64_t users);

#endif
