/* A fit that ends with one process and goes on in another. */
#ifndef SOLID_TRAIN_FIT_CHECKPOINT_H
#define SOLID_TRAIN_FIT_CHECKPOINT_H

#include "solid/status.h"

typedef struct sol_fit sol_fit;

/* Everything a later process needs to go on as if this one had not ended. Written beside and renamed. */
solid_status sol_fit_save(const sol_fit *fit, const char *path);

/* Goes on from a checkpoint. ENOTFOUND: there is none. EMISMATCH: it was made with other config, options, data or
 * codes; the text names what differs. */
solid_status sol_fit_load(sol_fit *fit, const char *path);

#endif
