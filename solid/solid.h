/* solid: recommendations from per-user model weights.
 *
 * How an event passes:  Kafka bytes -> solid_event (ingest/decode) -> solid_pipeline_push: group by user, append to
 * the window in the store, generate the user's layers from the new window, store them -> commit the offsets.
 *
 * How a question is answered:  solid_recommend: one round trip brings window and parameters -> encoder state (stored,
 * or run now when the window is newer) -> generated layers -> scores of the whole catalogue -> filters -> top k.
 *
 * Shared by threads: solid_context, solid_model (immutable), solid_slot (locked). One per thread: worker, store,
 * pipeline, recommender. */
#ifndef SOLID_SOLID_H
#define SOLID_SOLID_H

#include "solid/codebook.h"
#include "solid/context.h"
#include "solid/export.h"
#include "solid/generate.h"
#include "solid/item_log.h"
#include "solid/items.h"
#include "solid/live.h"
#include "solid/model.h"
#include "solid/neighbours.h"
#include "solid/pipeline.h"
#include "solid/recommender.h"
#include "solid/slate.h"
#include "solid/slot.h"
#include "solid/status.h"
#include "solid/store.h"
#include "solid/types.h"
#include "solid/version.h"
#include "solid/worker.h"

#endif
