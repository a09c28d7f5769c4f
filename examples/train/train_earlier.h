/* Earlier models that have a say in a training of solid_train: teachers, and the one whose vectors go into the codes.
 */
#ifndef EXAMPLES_TRAIN_TRAIN_EARLIER_H
#define EXAMPLES_TRAIN_TRAIN_EARLIER_H

#include "examples/train/train_options.h"
#include "solid/train/fit/teacher.h"

#define TRAIN_TEACHERS_MAX 8

typedef struct train_earlier {
  solid_model *learned; /* --codes-from, or NULL */
  solid_model *teachers[TRAIN_TEACHERS_MAX];
  uint32_t count; /* of teachers */
} train_earlier;

/* Loads what --codes-from and --teachers name and refuses what may not be learned from (sol_evaluate_check_source).
 * A zeroed struct may be closed. */
solid_status train_earlier_open(train_earlier *earlier, const solid_context *ctx, const train_arguments *a,
                                const sol_history *history);
void train_earlier_close(train_earlier *earlier);

#endif
