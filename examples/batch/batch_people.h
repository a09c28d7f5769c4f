/* Who is asked, and what the data file says of them. */
#ifndef EXAMPLES_BATCH_BATCH_PEOPLE_H
#define EXAMPLES_BATCH_BATCH_PEOPLE_H

#include "examples/common/load.h"
#include "solid/model.h"
#include "solid/train/dataset.h"

typedef struct batch_people {
  solid_dataset steps, dislikes; /* histories, oldest first; no users = nothing was disliked */
  uint32_t *item, *disliked;     /* (items of steps), (of dislikes) as items of the model, or SOLID_NO_ITEM */
  solid_bytes *asked;            /* (count) in the order of the file, or of --users */
  size_t count;
  uint32_t unknown_items; /* items of the data that the model does not know */
  size_t strangers;       /* asked, without events in the data */
  char *text;             /* of --users */
} batch_people;

/* `users` = a file with one id a line, or NULL for everybody in the data. EFORMAT names the line. */
solid_status batch_people_load(batch_people *people, const load_files *files, const char *users,
                               const solid_model *model);
void batch_people_clear(batch_people *people);

/* The newest items of a user that the model knows, at most `room` of them, oldest first; returns how many. */
size_t batch_people_window(const batch_people *people, solid_bytes user, uint32_t *items, size_t room);

/* Calls exclude(to, item) for all that the user took (if `seen`) and does not want. A dislike counts until the item is
 * taken later. */
void batch_people_exclude(const batch_people *people, solid_bytes user, int seen,
                          void (*exclude)(void *to, uint32_t item), void *to);

#endif
