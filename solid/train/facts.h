/* What the choice of training options looks at: numbers that say of which kind a data set is. They are of the training
 * events alone, as everything that is fitted. */
#ifndef SOLID_TRAIN_FACTS_H
#define SOLID_TRAIN_FACTS_H

#include "solid/train/dataset.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct solid_data_facts {
  uint32_t users;           /* that are trained on: with two training events and more */
  uint32_t items;           /* of the catalogue */
  uint64_t events;          /* training events of these users */
  uint32_t median, longest; /* training events of such a user */
  uint64_t repeats;         /* of these events, those of an item that the user took before */
  uint32_t attributes;      /* different ones */
  uint32_t described;       /* items with an attribute or a vector */
  uint32_t taken;           /* items of these events */
} solid_data_facts;

/* Counts them; the dataset may be split (solid/train/split.h), else it is leave-one-out. ENOMEM. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_data_facts_of(solid_data_facts *out, const solid_dataset *dataset);

#ifdef __cplusplus
}
#endif
#endif
