/* Options of slates that programs share. */
#ifndef EXAMPLES_COMMON_SLATE_OPTIONS_H
#define EXAMPLES_COMMON_SLATE_OPTIONS_H

#include "examples/common/config.h"
#include "examples/common/slate_order.h"

typedef struct slate_options {
  int64_t rows; /* 0 = no slate */
  const char *order;
  double guide, temperature, top_p;
  int64_t seed;
} slate_options;

/* `struct_` is the program's struct, whose slate_options is called `slate`. */
#define SLATE_PROPERTIES(struct_)                                                                                      \
  {.name = "slate",                                                                                                    \
   .type = SOLID_PROPERTY_INT,                                                                                         \
   .preset = "0",                                                                                                      \
   .min = 0,                                                                                                           \
   .max = 1000,                                                                                                        \
   .meaning = "print a slate of this many items, decoded together; 0 = a ranking",                                     \
   .offset = offsetof(struct_, slate.rows)},                                                                           \
      {.name = "order",                                                                                                \
       .type = SOLID_PROPERTY_STRING,                                                                                  \
       .preset = "trained",                                                                                            \
       .meaning = "order of decoding: trained, raster, zipar:S, zipar:adaptive:S, near-to-far",                        \
       .offset = offsetof(struct_, slate.order)},                                                                      \
      {.name = "guide",                                                                                                \
       .type = SOLID_PROPERTY_FLOAT,                                                                                   \
       .preset = "0.9",                                                                                                \
       .min = 0,                                                                                                       \
       .max = 1,                                                                                                       \
       .meaning = "weight of the ranker in a slate: 1 = its own list, 0 = the decoder alone",                          \
       .offset = offsetof(struct_, slate.guide)},                                                                      \
      {.name = "temperature",                                                                                          \
       .type = SOLID_PROPERTY_FLOAT,                                                                                   \
       .preset = "0",                                                                                                  \
       .min = 0,                                                                                                       \
       .max = 100,                                                                                                     \
       .meaning = "temperature of drawing a slate; 0 = take the best codes",                                           \
       .offset = offsetof(struct_, slate.temperature)},                                                                \
      {.name = "top-p",                                                                                                \
       .type = SOLID_PROPERTY_FLOAT,                                                                                   \
       .preset = "1",                                                                                                  \
       .min = 1e-6,                                                                                                    \
       .max = 1,                                                                                                       \
       .meaning = "draw from the most likely codes that have this share together",                                     \
       .offset = offsetof(struct_, slate.top_p)},                                                                      \
  {                                                                                                                    \
    .name = "slate-seed", .type = SOLID_PROPERTY_INT, .preset = "0", .min = 0, .max = 9e15,                            \
    .meaning = "seed of drawing a slate", .offset = offsetof(struct_, slate.seed)                                      \
  }

/* For the table of needs of a program that also has "k". */
#define SLATE_NEEDS                                                                                                    \
  {"order guide temperature", "slate"}, {"top-p slate-seed", "temperature"}, {                                         \
    "k", "!slate"                                                                                                      \
  }

/* EINVAL: not an order. */
solid_status slate_options_read(const slate_options *options, const char *name, solid_slate_options *out);

#endif
