/* The memory store's table: users in the order of their places, found by id. A user is one block (head, window, id)
 * plus the packed params, the marks, the dislikes and the history, which are allocated when first needed; with a
 * history the newest steps are a block of their own, which grows. All of it is counted against one limit. Not locked:
 * the store does that. */
#ifndef STORE_MEMORY_USER_TABLE_H
#define STORE_MEMORY_USER_TABLE_H

#include "solid/base/table.h"
#include "solid/store.h"
#include "store/memory/history.h"

typedef struct sol_user {
  uint64_t hash;
  int64_t expires_ms;
  uint64_t seq;        /* of the window */
  uint64_t params_seq; /* seq, generation and sizes of `record` */
  uint64_t generation;
  uint32_t width, params, element;
  uint32_t record_size;  /* bytes */
  uint8_t *record;       /* width floats of h, packed values; NULL = no params */
  int64_t made_ms;       /* of the params */
  uint32_t items;        /* likewise */
  solid_position *marks; /* newest applied offset, one a stream; the stream that moved last at the end */
  uint64_t *dislikes;    /* oldest first */
  size_t n_marks, n_dislikes;
  size_t count;         /* steps in the window, or of those that are in no page */
  solid_step *steps;    /* room for `steps_room`: behind the id, or a block of its own where there are pages */
  uint64_t birth;       /* of the history; 0 = none was begun */
  uint64_t life;        /* how often the user had been forgotten when this began */
  sol_history *history; /* NULL = no page is full, and there is no state */
  uint32_t id_size, place;
  uint32_t era; /* of the table when it was last begun */
  uint32_t steps_room;
} sol_user;

typedef struct sol_user_table {
  uint32_t window;    /* L */
  uint32_t history;   /* steps kept of a user: L, or with pages more */
  uint32_t tail;      /* with pages: steps that are in none, at least; 0 = without */
  int64_t ttl_ms;     /* 0 = never */
  uint64_t max_bytes; /* 0 = no limit */
  uint32_t era;       /* counts epochs: the first append empties a user of an earlier one */
  sol_table by_id;    /* id -> place */
  sol_user **users;   /* by place; the last one moves to where one was removed */
  size_t n_users, room, bytes;
  uint64_t births;  /* of histories, counted */
  uint64_t dropped; /* steps that left histories longer than is kept */
} sol_user_table;

/* The first five fields are set by the caller. ENOMEM. */
solid_status sol_users_init(sol_user_table *table);
void sol_users_clear(sol_user_table *table);

/* The user, their time renewed; NULL if unknown or expired at now_ms. */
sol_user *sol_users_find(sol_user_table *table, solid_bytes id, int64_t now_ms);

/* The same of whoever is there, expired or not, whose time is not renewed. */
sol_user *sol_users_look(const sol_user_table *table, solid_bytes id);

/* Makes sure of `more` bytes for a user who is there, if need be by removing others who have expired. EFULL. */
solid_status sol_users_make_room(sol_user_table *table, size_t more, int64_t now_ms);

/* A new user with an empty window. EFULL, ENOMEM. */
solid_status sol_users_add(sol_user_table *table, solid_bytes id, int64_t now_ms, sol_user **out);

/* Removes the user, expired or not; 0 = there was none. `marks` (SOL_MARKS_MAX) receives the n_marks that there were.
 */
int sol_users_forget(sol_user_table *table, solid_bytes id, solid_position *marks, size_t *n_marks);

/* The id of user number `place`; empty if the user has expired. */
solid_bytes sol_users_id(const sol_user_table *table, size_t place, int64_t now_ms);

/* Empties a user of an earlier era. */
void sol_users_renew(sol_user_table *table, sol_user *user);

/* ---- user.c ---- */

/* 1 if the user has, in the present era, a mark of the stream that is at `position` or further. */
int sol_users_has_passed(const sol_user_table *table, solid_bytes id, const solid_position *position);

/* 1 if the user has a mark of the stream. */
int sol_users_has_mark(const sol_user *user, uint64_t stream);

/* Appends a step (or a dislike of its item) unless the mark of its stream says that it was applied before. EFULL,
 * ENOMEM. */
solid_status sol_users_append(sol_user_table *table, sol_user *user, const solid_step *step, int is_dislike,
                              const solid_position *position, int64_t now_ms, size_t *applied);

/* The newest `most` steps into `out`, oldest first. Returns how many there are. */
size_t sol_users_read(const sol_user *user, size_t most, solid_step *out);

/* Stores a state as solid_store_ops.put_states says. EFULL, ENOMEM: nothing changes. */
solid_status sol_users_put_state(sol_user_table *table, sol_user *user, const solid_state_put *put, int64_t now_ms,
                                 uint8_t *stored);

/* Resizes user->record to `size` bytes; new bytes are undefined. EFULL, ENOMEM: nothing changes. */
solid_status sol_users_size_record(sol_user_table *table, sol_user *user, uint32_t size, int64_t now_ms);

#endif
