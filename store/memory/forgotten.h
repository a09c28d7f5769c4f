/* Who was forgotten by the memory store, and up to where: by a keyed hash of the id, so that the list names nobody. Not
 * locked: the store does that. */
#ifndef STORE_MEMORY_FORGOTTEN_H
#define STORE_MEMORY_FORGOTTEN_H

#include "solid/base/table.h"
#include "solid/store.h"

enum { SOL_FORGOTTEN_SECRET = 192, SOL_FORGOTTEN_MARKS = 32 };

typedef struct sol_forgotten {
  uint64_t name[2]; /* the hash */
  int64_t time_ms;  /* of the forgetting */
  uint64_t times;   /* how often: the life that begins afterwards */
  size_t n_marks;
  solid_position marks[SOL_FORGOTTEN_MARKS]; /* of its streams, the one that came last at the end */
} sol_forgotten;

/* A zeroed struct is empty. */
typedef struct sol_forgotten_list {
  uint8_t secret[SOL_FORGOTTEN_SECRET]; /* drawn with the first one */
  sol_table by_name;
  sol_forgotten **all;
  size_t count, room;
} sol_forgotten_list;

void sol_forgotten_clear(sol_forgotten_list *list);

/* NULL: was never forgotten. */
sol_forgotten *sol_forgotten_find(const sol_forgotten_list *list, solid_bytes user);

/* The same, begun where there is none, at no time and without marks. EIO (no random bits), ENOMEM. */
solid_status sol_forgotten_add(sol_forgotten_list *list, solid_bytes user, sol_forgotten **out);

/* The mark of the stream becomes `position`, unless it is further already. */
void sol_forgotten_mark(sol_forgotten *one, const solid_position *position);

/* 1 if there is a mark of the stream that is at `position` or further. */
int sol_forgotten_has_met(const sol_forgotten *one, const solid_position *position);

/* 1 if an event was there before its user was forgotten: where the stream has a mark, that says so, else time. */
int sol_forgotten_covers(const sol_forgotten *one, const solid_position *position, int64_t time_ms);

#endif
