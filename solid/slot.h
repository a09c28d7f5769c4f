/* Models that change while a service runs. A slot holds the generations that are live, and for each of them what every
 * thread (a seat) works with: a recommender and, where asked for, a pipeline over the seat's store. All of it is built
 * by solid_slot_add, off the way of requests, and goes with its last reference.
 *
 *   solid_model_load -> solid_slot_add -> solid_slot_switch: the store's record, then this process
 *   elsewhere:          solid_slot_add -> solid_slot_follow: what the store's record says by now
 *
 * Which generation a user has is a function of the record and the id (solid_live_generation), so that all processes of
 * one store agree. Any thread may call; the seats' recommenders belong to one thread at a time, as ever. */
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

/* What one thread works with, of one generation. */
typedef struct solid_seat {
  const solid_model *model;
  solid_recommender *recommender;
  solid_pipeline *pipeline;           /* NULL in a slot without pipelines */
  const solid_neighbours *neighbours; /* shared by all seats; NULL in a slot without */
  uint64_t generation;
} solid_seat;

typedef struct solid_slot_options {
  uint32_t struct_size;                         /* set by SOLID_SLOT_OPTIONS_INIT */
  uint32_t seats;                               /* threads */
  solid_store *const *stores;                   /* (seats) a store each; borrowed */
  const solid_recommender_options *recommender; /* NULL = defaults; read in solid_slot_new */
  const solid_pipeline_options *pipeline;       /* NULL = no pipelines; read in solid_slot_new */
  int32_t neighbours;                           /* 1 = each generation has solid_neighbours; default 0 */
} solid_slot_options;

#define SOLID_SLOT_OPTIONS_INIT                                                                                        \
  { sizeof(solid_slot_options), 0, NULL, NULL, NULL, 0 }

/* The same for callers who cannot use macros. */
SOLID_API solid_slot_options solid_slot_options_default(void);

/* An empty slot. *out is owned by the caller: solid_slot_free. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_slot_new(solid_slot **out, const solid_slot_options *options);

/* NULL is a no-op. No seat may be taken. */
SOLID_API void solid_slot_free(solid_slot *slot);

/* Builds every seat of the model's generation, asks one a question, and holds it ready; the slot owns the model from
 * then on, and frees it at once where the generation is held already. On failure the model stays the caller's.
 * EMISMATCH: a store keeps shorter windows than the model reads, and must be rebuilt with longer ones; ERANGE: answers
 * that are no numbers. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_slot_add(solid_slot *slot, solid_model *model);

/* 1 if the generation is held. */
SOLID_API int solid_slot_holds(solid_slot *slot, uint64_t generation);

/* Serves what the record says from now on. Generations that it does not name go when their seats are given back.
 * ENOTFOUND: it names one that was not added, and nothing has changed. EINVAL: version 0 is no record. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_slot_follow(solid_slot *slot, const solid_live *live);

/* Makes `generation`, which must be held, the current one for `share` of the users (1/SOLID_SHARES) and what was
 * current until now the previous one, in the record of the store and then here. Tries again where another process
 * changes the record meanwhile, and follows where it has made the same change. With the previous generation as argument
 * it is the way back. ENOTFOUND: the generation, or the one that is to be the previous one while users keep it, is not
 * held. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_slot_switch(solid_slot *slot, solid_store *store, uint64_t generation,
                                                            uint32_t share);

/* What is followed; all zero at first. */
SOLID_API solid_live solid_slot_get_live(solid_slot *slot);

/* The seat of this user's generation, with a reference: solid_slot_give. ENOTFOUND: nothing is followed yet. EINVAL: no
 * such seat. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_slot_take(solid_slot *slot, uint32_t seat, solid_bytes user,
                                                          const solid_seat **out);

/* NULL is a no-op. */
SOLID_API void solid_slot_give(solid_slot *slot, const solid_seat *seat);

/* Generations that are in memory, those included that only wait for their last seat. */
SOLID_API size_t solid_slot_count(solid_slot *slot);

#ifdef __cplusplus
}
#endif
#endif
