/* The options for reading and splitting data, as rows of a program's property table. `struct_` is the program's struct;
 * its reading_options is called `reading`, its load_split `order`. */
#ifndef EXAMPLES_COMMON_LOAD_OPTIONS_H
#define EXAMPLES_COMMON_LOAD_OPTIONS_H

#include "examples/common/config.h"
#include "examples/common/load.h"
#include <stddef.h>

#define LOAD_READING_PROPERTIES(struct_) READING_PROPERTIES(struct_, reading), WORTH_PROPERTIES(struct_, reading)

/* Of a struct whose items_options is called `items`. */
#define LOAD_ITEMS_PROPERTIES(struct_) ITEMS_PROPERTIES(struct_, items)

#define LOAD_SPLIT_PROPERTIES(struct_)                                                                                 \
  {.name = "split",                                                                                                    \
   .type = SOLID_PROPERTY_CHOICE,                                                                                      \
   .preset = "leave-one-out",                                                                                          \
   .choices = "leave-one-out|global-time|per-user-ratio",                                                              \
   .meaning = "which events train and which are targets",                                                              \
   .offset = offsetof(struct_, order.kind)},                                                                           \
      {.name = "valid-data",                                                                                           \
       .type = SOLID_PROPERTY_STRING,                                                                                  \
       .meaning = "file of the validation events, if they are not in --data; needs --test-data",                       \
       .offset = offsetof(struct_, order.valid_data)},                                                                 \
      {.name = "test-data",                                                                                            \
       .type = SOLID_PROPERTY_STRING,                                                                                  \
       .meaning = "file of the test events; needs --valid-data",                                                       \
       .offset = offsetof(struct_, order.test_data)},                                                                  \
      {.name = "train-share",                                                                                          \
       .type = SOLID_PROPERTY_FLOAT,                                                                                   \
       .preset = "0.8",                                                                                                \
       .min = 0,                                                                                                       \
       .max = 1,                                                                                                       \
       .meaning = "share of the events that train (global-time: of all, by time; per-user-ratio: of each user's)",     \
       .offset = offsetof(struct_, order.train)},                                                                      \
      {.name = "valid-share",                                                                                          \
       .type = SOLID_PROPERTY_FLOAT,                                                                                   \
       .preset = "0.1",                                                                                                \
       .min = 0,                                                                                                       \
       .max = 1,                                                                                                       \
       .meaning = "share of the events for validation; the rest is for the test",                                      \
       .offset = offsetof(struct_, order.valid)},                                                                      \
      {.name = "valid-from",                                                                                           \
       .type = SOLID_PROPERTY_INT,                                                                                     \
       .preset = "0",                                                                                                  \
       .min = -9e12,                                                                                                   \
       .max = 9e12,                                                                                                    \
       .meaning = "global-time: time at which validation begins, in seconds; replaces the shares",                     \
       .offset = offsetof(struct_, order.valid_from)},                                                                 \
      {.name = "test-from",                                                                                            \
       .type = SOLID_PROPERTY_INT,                                                                                     \
       .preset = "0",                                                                                                  \
       .min = -9e12,                                                                                                   \
       .max = 9e12,                                                                                                    \
       .meaning = "global-time: time at which the test begins, in seconds",                                            \
       .offset = offsetof(struct_, order.test_from)},                                                                  \
      {.name = "times",                                                                                                \
       .type = SOLID_PROPERTY_STRING,                                                                                  \
       .meaning = "file of `user seconds seconds ...`: times of the events, in the same order",                        \
       .offset = offsetof(struct_, order.times)},                                                                      \
      {.name = "ties",                                                                                                 \
       .type = SOLID_PROPERTY_CHOICE,                                                                                  \
       .preset = "file",                                                                                               \
       .choices = "file|shuffle",                                                                                      \
       .meaning = "order of a user's events with equal times: as in the file, or random",                              \
       .offset = offsetof(struct_, order.ties)},                                                                       \
      {.name = "min-user",                                                                                             \
       .type = SOLID_PROPERTY_INT,                                                                                     \
       .preset = "0",                                                                                                  \
       .min = 0,                                                                                                       \
       .max = 1000000000,                                                                                              \
       .meaning = "leave out users with fewer training events",                                                        \
       .offset = offsetof(struct_, order.min_user)},                                                                   \
      {.name = "min-item",                                                                                             \
       .type = SOLID_PROPERTY_INT,                                                                                     \
       .preset = "0",                                                                                                  \
       .min = 0,                                                                                                       \
       .max = 1000000000,                                                                                              \
       .meaning = "leave out items with fewer training events; repeated with --min-user until all have enough",        \
       .offset = offsetof(struct_, order.min_item)},                                                                   \
  {                                                                                                                    \
    .name = "tie-seed", .type = SOLID_PROPERTY_INT, .preset = "0", .min = 0, .max = 9007199254740992.0,                \
    .meaning = "seed of --ties shuffle", .offset = offsetof(struct_, order.tie_seed)                                   \
  }

/* For the program's table of needs. */
#define LOAD_SPLIT_NEEDS                                                                                               \
  {"train-share valid-share", "split=global-time split=per-user-ratio"},                                               \
      {"valid-from test-from", "split=global-time"}, {                                                                 \
    "tie-seed", "ties=shuffle"                                                                                         \
  }
#define LOAD_ITEMS_NEEDS                                                                                               \
  {"attribute-columns attribute-separator attribute-no-header", "attributes"}, {                                       \
    "vector-ids vector-width", "vectors"                                                                               \
  }

#endif
