/* What makes items alike, of each kind: by the training events, for who makes lists, and by the judges, for who judges
 * them. A kind that nothing is known about is left empty, and everything is alike by 0. */
#ifndef SOLID_TRAIN_SLATE_ALIKE_H
#define SOLID_TRAIN_SLATE_ALIKE_H

#include "solid/train/slate/likeness.h"
#include "solid/train/slate_evaluate.h"

/* The model's item of each of the dataset's, SOLID_NO_ITEM where it has none; the caller frees. NULL: no memory. */
uint32_t *sol_alike_map_items(const solid_model *model, const solid_dataset *dataset);

/* `content` may be NULL. ENOMEM; ENOTFOUND: content without any. On failure the caller closes what was opened. */
solid_status sol_alike_of_training(sol_likeness alike[SOLID_ALIKES], const solid_model *model,
                                   const solid_dataset *dataset, const solid_dataset *content);

/* `judges` NULL: by takers of what was not trained on. */
solid_status sol_alike_of_judges(sol_likeness alike[SOLID_ALIKES], const solid_model *model,
                                 const solid_dataset *dataset, const solid_dataset *judges,
                                 const solid_dataset *content);

#endif
