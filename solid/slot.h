/* Changing the model while a service runs. A slot holds the live generations of the model. For each generation and each
 * thread (a seat) it has a recommender and, if asked for, a pipeline over the seat's store. solid_slot_add builds them
 * outside of requests; they are freed with their last reference.
 *
 *   one process:   solid_model_load -> solid_slot_add -> solid_slot_switch   writes the store's record, then follows it
 *   the others:    solid_model_load -> solid_slot_add -> solid_slot_follow   follow the record
 *
 * The generation of a user is a function of the record and the id (solid_live_generation), so all processes of one
 * store agree. Any thread may call; a seat's recommender belongs to one thread at a time. */
#ifndef SOLID_SLOT_H
#define SOLID_SLOT_H

#include "solid/live.h"
#include "solid/neighbours.h"
#include "solid/pipeline.h"
#include "solid/recommender.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct solid_slot solid_slot;

/* What one thread uses of one generation. */
typedef struct solid_seat {
  const solid_model *model;
  solid_recommender *recommender;
  solid_pipeline *pipeline;           /* NULL in a slot without pipelines */
  const solid_neighbours *neighbours; /* shared by all seats; NULL if the slot has none */
  uint64_t generation;
} solid_seat;

typedef struct solid_slot_options {
  uint32_t struct_size;                         /* set by SOLID_SLOT_OPTIONS_INIT */
  uint32_t seats;                               /* threads */
  solid_store *const *stores;                   /* (seats) a store each; borrowed */
  const solid_recommender_options *recommender; /* NULL = defaults; read in solid_slot_new */
  const solid_pipeline_options *pipeline;       /* NULL = no pipelines; read in solid_slot_new */
  int32_t neighbours;                           /* 1 = build solid_neighbours for each generation; default 0 */
  solid_item_log
      *items; /* that its models follow; borrowed; NULL = their items stay. solid_slot_tend is to be called */
} solid_slot_options;

#define SOLID_SLOT_OPTIONS_INIT                                                                                        \
  { sizeof(solid_slot_options), 0, NULL, NULL, NULL, 0, NULL }

/* The same for callers who cannot use macros. */
SOLID_API solid_slot_options solid_slot_options_default(void);

/* An empty slot. *out is owned by the caller: solid_slot_free. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_slot_new(solid_slot **out, const solid_slot_options *options);

/* NULL is a no-op. No seat may be taken. */
SOLID_API void solid_slot_free(solid_slot *slot);

/* Builds every seat of the model's generation and asks one of them a question. The slot then owns the model; if it
 * already holds the generation, it frees the model at once. On failure the model stays the caller's. EMISMATCH: a store
 * keeps shorter windows than the model reads and must be opened with longer ones. ERANGE: the model's scores are not
 * finite. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_slot_add(solid_slot *slot, solid_model *model);

/* 1 if the generation is held. */
SOLID_API int solid_slot_holds(solid_slot *slot, uint64_t generation);

/* Follows the record from now on. Generations that it does not name are freed when their seats are given back.
 * ENOTFOUND: it names a generation that was not added; nothing changed. EINVAL: version 0 is no record. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_slot_follow(solid_slot *slot, const solid_live *live);

/* Makes `generation`, which must be held, the current one for `share` of the users (1/SOLID_SHARES) and what was
 * current until now the previous one, in the record of the store and then here. Tries again where another process
 * changes the record meanwhile, and follows where it has made the same change. With the previous generation as argument
 * it is the way back. ENOTFOUND: the generation, or the one that is to be the previous one while users keep it, is not
 * held. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_slot_switch(solid_slot *slot, solid_store *store, uint64_t generation,
                                                            uint32_t share);

/* The record that is followed; all zero at first. */
SOLID_API solid_live solid_slot_get_live(solid_slot *slot);

/* The seat of this user's generation, with a reference: solid_slot_give. ENOTFOUND: nothing is followed yet. EINVAL: no
 * such seat. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_slot_take(solid_slot *slot, uint32_t seat, solid_bytes user,
                                                          const solid_seat **out);

/* NULL is a no-op. */
SOLID_API void solid_slot_give(solid_slot *slot, const solid_seat *seat);

/* Follows the item log, for those who ask nothing, and gives every model what it lacks. A model that has no spare row
 * left is replaced by a larger copy with seats of its own, and freed when its last seat is given back. To be called now
 * and then, by one thread at a time with a store of its own. Without a log it does nothing. Retriable: the store is
 * away. ENOMEM, EDEVICE: the copy could not be made; the models go on as they are. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_slot_tend(solid_slot *slot, solid_store *store);

/* Generations in memory, including those that only wait for their last seat to be given back. */
SOLID_API size_t solid_slot_count(solid_slot *slot);

#ifdef __cplusplus
}
#endif
#endif
