/* Checkpoints of the training of a decoder: what a later process needs to continue as if this one had not ended. */
#ifndef SOLID_TRAIN_SLATE_SLATE_CHECKPOINT_H
#define SOLID_TRAIN_SLATE_SLATE_CHECKPOINT_H

#include "solid/model.h"
#include "solid/train/slate/slate_data.h"
#include "solid/train/slate/slate_options.h"
#include "solid/train/slate/slate_step.h"

/* Where a training stands: whole epochs alone are kept. */
typedef struct sol_slate_progress {
  uint32_t epochs; /* that have ended */
  uint64_t steps;
} sol_slate_progress;

#define SOL_SLATE_IDENTITY 1024

/* What a training depends on, as `name=value` words: the ranker, the options, the data. */
void sol_slate_identify(const solid_model *model, const sol_slate_data *data, const sol_slate_options *options,
                        const char *device, char text[SOL_SLATE_IDENTITY]);

/* Written beside its name and renamed. */
solid_status sol_slate_save(const char *path, const char *identity, sol_slate_step *step,
                            const sol_slate_progress *progress);

/* ENOTFOUND: there is none. EMISMATCH: of another ranker, other options or data; the text names what differs. EFORMAT:
 * damaged. The step changes only when everything has been read and is whole. */
solid_status sol_slate_restore(const char *path, const char *identity, sol_slate_step *step,
                               sol_slate_progress *progress);

#endif
