/* The writing side: events in, windows and fresh parameters in the store. One pipeline per thread, over one shared
 * model and a store of its own. A pipeline is the `solid_sink_fn` of an event source. */
#ifndef SOLID_PIPELINE_H
#define SOLID_PIPELINE_H

#include "solid/generate.h"
#include "solid/item_log.h"
#include "solid/model.h"
#include "solid/store.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct solid_pipeline solid_pipeline;

/* Takes n events in stream order, borrowed for the call. `verdicts` (n) receives for each event SOLID_OK,
 * SOLID_ENOTFOUND (item neither in the vocabulary nor in the item log), SOLID_ERANGE or SOLID_EINVAL (bad length of an
 * id, a worth that is none), SOLID_EDUPLICATE (its position says that it was applied before), or the store's status for
 * this user alone: SOLID_EFORMAT if the user's key holds something that is not a record, SOLID_EUNSUPPORTED if the
 * record is of a later version. If the status is retriable, call again with the same events; their positions make that
 * harmless, and what the failed call had applied is no duplicate then. EUNSUPPORTED: only events of users with a record
 * of a later version were not stored; whoever commits behind the batch must not, and stops. ELOST: the store lost its
 * contents; nothing may be committed any more. EREWIND: nothing was written, since the store may lack what was written
 * last: go back to what was committed.
 *
 * The verdicts count whatever the call returns, for those whose events have no positions: OK, it was applied, with
 * parameters that may have to be made yet; SOLID_EUNKNOWN, the store was asked and it is not known whether it did; the
 * status of the call, or another one of the store's, it was not applied. What stands before an event to forget has the
 * verdict of that event. */
typedef solid_status (*solid_sink_fn)(void *sink_user, const solid_event *events, size_t n, solid_status *verdicts);

typedef struct solid_pipeline_options {
  uint32_t struct_size;
  uint32_t max_batch;      /* users generated for at once; default 256 */
  uint32_t element;        /* solid_element: how parameters are kept; default f16 */
  solid_generate generate; /* when parameters are made; default eager */
  uint64_t state_cache;    /* bytes for attention states that stay in memory, where the model has sparse attention and
                              the store histories; default 64 MiB, a few users' at least */
  solid_item_log *items;   /* followed when the store's log has grown, and read again before an item is called unknown;
                              borrowed; NULL = the model's items stay */
} solid_pipeline_options;

#define SOLID_PIPELINE_OPTIONS_INIT                                                                                    \
  { sizeof(solid_pipeline_options), 256, SOLID_F16, {SOLID_GENERATE_EAGER, 0}, UINT64_C(64) << 20, NULL }

/* The same for callers who cannot use macros. */
SOLID_API solid_pipeline_options solid_pipeline_options_default(void);

typedef struct solid_pipeline_stats {
  uint32_t struct_size; /* set by the caller to sizeof(solid_pipeline_stats) */
  uint64_t events;      /* received, replays included */
  uint64_t applied;     /* appended to a window */
  uint64_t duplicates;  /* skipped because of their position; a retry after a failed call counts none */
  uint64_t unknown_items;
  uint64_t invalid;
  uint64_t generated;         /* user parameters written */
  uint64_t set_aside;         /* events of users whose record the store could not use */
  uint64_t advances, puts;    /* calls to the store that went well */
  int64_t advance_ns, put_ns; /* spent in them */
  int64_t generate_ns;        /* spent making parameters, between the two */
  uint64_t forgotten;         /* events that asked to forget their user, replays included */
  solid_state_stats states;   /* zero where windows are encoded */
} solid_pipeline_stats;

/* `options` NULL = the defaults. *out is owned by the caller: solid_pipeline_free; model and store are borrowed and
 * must outlive it. EMISMATCH: the store keeps shorter windows than the model reads. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_pipeline_new(solid_pipeline **out, const solid_model *model,
                                                             solid_store *store, const solid_pipeline_options *options);

/* Goes on with another copy of the same generation (solid_model_grow), between pushes; the one before is no longer
 * used. EMISMATCH: it is of another generation. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_pipeline_switch(solid_pipeline *pipeline, const solid_model *model);

/* NULL is a no-op. */
SOLID_API void solid_pipeline_free(solid_pipeline *pipeline);

/* A solid_sink_fn whose first argument is the pipeline: groups by user, appends (one round trip a sub-batch; a dislike
 * goes into the user's record, and answers leave its item out), generates and stores the parameters of the users
 * who are due (`generate`). A replayed batch makes what is missing and changes nothing else. An event that asks to
 * forget its user (one round trip each) leaves nothing of what the user did before it. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_pipeline_push(void *pipeline, const solid_event *events, size_t n,
                                                              solid_status *verdicts);

/* Another rule from the next push on; between pushes, on the pipeline's thread. */
SOLID_API void solid_pipeline_set_generate(solid_pipeline *pipeline, const solid_generate *generate);

/* Fills the fields that fit in stats->struct_size. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_pipeline_get_stats(const solid_pipeline *pipeline,
                                                                   solid_pipeline_stats *stats);

#ifdef __cplusplus
}
#endif
#endif
