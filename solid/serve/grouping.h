/* What pipeline and recommender share: events grouped by user, stored steps as dense items, checks at the border. */
#ifndef SOLID_SERVE_GROUPING_H
#define SOLID_SERVE_GROUPING_H

#include "solid/base/table.h"
#include "solid/model.h"
#include "solid/store.h"

/* Events grouped by user: groups in order of first appearance, members in order of the stream. The arrays grow with
 * the largest batch seen and are kept between calls. A zeroed struct is empty. */
typedef struct sol_groups {
  size_t count;
  solid_bytes *users; /* (count) borrowed from the events */
  size_t *offsets;    /* (count + 1) group g has members offsets[g] .. offsets[g+1] */
  size_t *members;    /* event numbers */
  size_t capacity;    /* events that the arrays have room for */
  size_t *group_of;   /* (capacity) scratch */
  sol_table table;    /* user -> group */
} sol_groups;

/* Groups the events whose keep[i] is 1. ENOMEM leaves `groups` usable. */
solid_status sol_groups_make(sol_groups *groups, const solid_event *events, const uint8_t *keep, size_t n);

/* Frees the arrays; a zeroed struct is a no-op. */
void sol_groups_clear(sol_groups *groups);

/* Dense items of the newest `most` steps of a stored window, oldest first; steps whose hash this model does not know
 * are left out. Returns how many. */
size_t sol_known_items(const solid_model *model, const solid_window *window, size_t most, uint32_t *items);

/* 1 if among the window's steps up to the seq-th there is an item that joined later than the first `items` entries of
 * the item log (their lower 24 bits): who knew no more read over it, or as it was described before. */
int sol_has_later_items(const solid_model *model, const solid_window *window, uint64_t seq, uint32_t items);

/* Checks an id: EINVAL for a size without bytes, ERANGE for 0 or more than 255 bytes. Sets no error text. */
solid_status sol_id_check(solid_bytes id);

/* EMISMATCH, naming the two numbers, when the store keeps fewer steps of a user than the model reads. */
solid_status sol_store_check(const solid_store *store, const solid_model_info *info);

#endif
