/* What a collector holds, and how it becomes a dataset. */
#ifndef SOLID_TRAIN_DATA_COLLECTOR_H
#define SOLID_TRAIN_DATA_COLLECTOR_H

#include "solid/train/data/vocab.h"

typedef struct sol_collected {
  int64_t time_ms;
  uint32_t user, item;
} sol_collected;

typedef struct sol_labelled {
  uint32_t item, attribute; /* item: index in side_items */
} sol_labelled;

struct solid_collector {
  solid_collector_options options;
  solid_vocab users, items;
  sol_collected *events;
  size_t n_events, event_capacity;

  solid_vocab side_items; /* items that attributes and vectors were given for */
  solid_vocab attributes;
  sol_labelled *labels;
  size_t n_labels, label_capacity;
  uint32_t width;
  float *vectors; /* (vector_rows, width), row = index in side_items */
  uint32_t vector_rows;
  size_t vector_capacity;
  uint32_t *side_index; /* (side_items) in `items`, or SOLID_NO_ID: while finishing */
};

/* Sequences, attributes and vectors of `dataset`, which is zeroed. A failure leaves parts of them in it. */
solid_status sol_collector_build(solid_collector *collector, solid_dataset *dataset);

#endif
