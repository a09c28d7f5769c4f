/* A question from what is known of its rows to their items, in one go. */
#ifndef SOLID_INFER_WORKER_ANSWER_H
#define SOLID_INFER_WORKER_ANSWER_H

#include "solid/infer/worker/memory.h"

/* Records every size of answer that is recorded. */
solid_status sol_worker_record_answers(solid_worker *worker);

#endif
