/* Checkpoints: a fit that ends with one process and continues in another. */
#ifndef SOLID_TRAIN_FIT_CHECKPOINT_H
#define SOLID_TRAIN_FIT_CHECKPOINT_H

#include "solid/status.h"

typedef struct sol_fit sol_fit;

/* Writes everything that a later process needs to continue as if this one had not ended. The file is written beside its
 * name and renamed. */
solid_status sol_fit_save(const sol_fit *fit, const char *path);

/* Continues from a checkpoint. ENOTFOUND: there is none. EMISMATCH: it was made with other config, options, data or
 * codes; the text names what differs. */
solid_status sol_fit_load(sol_fit *fit, const char *path);

#endif
