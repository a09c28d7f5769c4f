/* What programs take of the ground floor, which is no installed header: clocks, texts, random numbers, and files that
 * are there in full or not at all. Beside this file they see installed headers alone. */
#ifndef EXAMPLES_COMMON_GROUND_H
#define EXAMPLES_COMMON_GROUND_H

#include "solid/base/beside.h"
#include "solid/base/clock.h"
#include "solid/base/random.h"
#include "solid/base/text.h"

#endif
