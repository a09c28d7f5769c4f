/* What the files of the slot share: slot.c holds generations, slot_items.c brings them up to the item log. */
#ifndef SOLID_SERVE_SLOT_PARTS_H
#define SOLID_SERVE_SLOT_PARTS_H

#include "solid/slot.h"
#include <pthread.h>

typedef struct sol_generation sol_generation;

typedef struct sol_slot_seat {
  solid_seat seat; /* first, because solid_slot_give gets a pointer to it */
  sol_generation *of;
} sol_slot_seat;

struct sol_generation {
  sol_generation *next;
  solid_model *model;
  solid_neighbours *neighbours;
  uint64_t id;
  size_t references; /* under the slot's lock, as is_new */
  int is_new;        /* added and not live yet: a record that does not name it is older than it */
  uint32_t n_seats;
  sol_slot_seat seats[];
};

struct solid_slot {
  pthread_mutex_t lock;
  sol_generation *list;
  solid_live live;
  size_t count; /* in memory */
  uint32_t n_seats;
  solid_store **stores;
  solid_recommender_options recommender;
  solid_pipeline_options pipeline;
  solid_item_log *items; /* may be NULL */
  int has_pipelines, has_neighbours;
};

/* A generation of this model, with a recommender (and pipeline) a seat and one reference; it owns the model once it is
 * in the list. */
solid_status sol_generation_new(solid_slot *slot, solid_model *model, uint64_t id, sol_generation **out);

/* Frees it with its model. NULL is a no-op. */
void sol_generation_end(sol_generation *made);

/* Drops one reference, under the lock; the caller ends what it returns outside of it. */
sol_generation *sol_slot_drop(solid_slot *slot, sol_generation *made);

/* Another model of the same generation in the place of `old`, unless that has left the list meanwhile. */
void sol_slot_replace(solid_slot *slot, sol_generation *old, sol_generation *made);

/* Brings the model up to the item log; where it has too few spare rows *model becomes a larger copy, which the caller
 * owns beside the other. A model that nothing joins stays as it is. */
solid_status sol_slot_bring(solid_slot *slot, solid_model **model);

/* Asks one question that needs no store: if the vector that the model makes of an item is not finite, every user would
 * get such an answer. ERANGE. */
solid_status sol_slot_try(solid_recommender *recommender, const solid_model *model);

#endif
