/* The part of the ground floor (solid/base/) that programs use: clocks, texts, random numbers, and result files that
 * exist in full or not at all. These headers are not installed; otherwise programs include installed headers only. */
#ifndef EXAMPLES_COMMON_GROUND_H
#define EXAMPLES_COMMON_GROUND_H

#include "solid/base/beside.h"
#include "solid/base/clock.h"
#include "solid/base/random.h"
#include "solid/base/text.h"

#endif
