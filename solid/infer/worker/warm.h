/* Runs everything that a worker may be asked once, while it is made. */
#ifndef SOLID_INFER_WORKER_WARM_H
#define SOLID_INFER_WORKER_WARM_H

#include "solid/infer/worker/memory.h"

/* Lets the kernels take all the scratch that they will ever need, and records every size of batch and answer. */
solid_status sol_worker_warm_up(solid_worker *worker);

#endif
