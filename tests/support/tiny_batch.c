#include "tests/support/tiny_batch.h"
#include <stdlib.h>

#define TINY(head_, levels_, rank_, blocks_, heads_)                                                                   \
  {                                                                                                                    \
    .items = 11, .width = 8, .window = 5, .blocks = (blocks_), .heads = (heads_), .levels = (levels_), .codes = 4,     \
    .rank = (rank_), .head = (head_), .clip = 0.25f                                                                    \
  }

#define TINY_ATTRIBUTES(head_)                                                                                         \
  {                                                                                                                    \
    .items = 11, .width = 8, .window = 5, .blocks = 1, .heads = 2, .levels = 2, .codes = 4, .attributes = 6,           \
    .slots = 3, .head = (head_), .clip = 0.2f                                                                          \
  }

#define TINY_POSITIONS(positions_, blocks_)                                                                            \
  {                                                                                                                    \
    .items = 11, .width = 8, .window = 5, .blocks = (blocks_), .heads = 2, .positions = (positions_),                  \
    .head = SOLID_HEAD_STATIC                                                                                          \
  }

#define TINY_GENERATOR(head_, generator_window_)                                                                       \
  {                                                                                                                    \
    .items = 11, .width = 8, .window = 5, .blocks = 1, .heads = 2, .levels = 2, .codes = 4, .head = (head_),           \
    .generator_window = (generator_window_), .clip = 0.25f                                                             \
  }

/* Lists of chunks of two that keep everything. */
#define TINY_SPARSE(head_, levels_, positions_, generator_window_, blocks_)                                            \
  {                                                                                                                    \
    .items = 11, .width = 8, .window = 5, .blocks = (blocks_), .heads = 2, .levels = (levels_), .codes = 4,            \
    .positions = (positions_), .generator_window = (generator_window_), .attention = SOL_ATTENTION_SPARSE,             \
    .select_chunk = 2, .select_recent = 1, .select_stride = 1, .select_budget = 9, .select_mass = 1000,                \
    .head = (head_), .clip = 0.25f                                                                                     \
  }

const tiny_case tiny_cases[] = {
    {"static without codes", TINY(SOLID_HEAD_STATIC, 0, 0, 2, 2)},
    {"static", TINY(SOLID_HEAD_STATIC, 2, 0, 1, 1)},
    {"duet without codes", TINY(SOLID_HEAD_DUET, 0, 0, 1, 2)},
    {"duet", TINY(SOLID_HEAD_DUET, 2, 0, 1, 4)},
    {"semantic", TINY(SOLID_HEAD_SEMANTIC, 3, 0, 1, 1)},
    {"solid", TINY(SOLID_HEAD_SOLID, 2, 0, 2, 2)},
    {"duet with attributes", TINY_ATTRIBUTES(SOLID_HEAD_DUET)},
    {"solid with attributes", TINY_ATTRIBUTES(SOLID_HEAD_SOLID)},
    {"static, rotary", TINY_POSITIONS(SOL_POSITIONS_ROTARY, 2)},
    {"static, by distance", TINY_POSITIONS(SOL_POSITIONS_DISTANCE, 2)},
    {"static, rotary, one block", TINY_POSITIONS(SOL_POSITIONS_ROTARY, 1)},
    {"static, by distance, one block", TINY_POSITIONS(SOL_POSITIONS_DISTANCE, 1)},
    {"solid, whose generator reads two events", TINY_GENERATOR(SOLID_HEAD_SOLID, 2)},
    {"duet, whose generator reads three events", TINY_GENERATOR(SOLID_HEAD_DUET, 3)},
    {"static, rotary, lists", TINY_SPARSE(SOLID_HEAD_STATIC, 0, SOL_POSITIONS_ROTARY, 0, 2)},
    {"static, by distance, lists", TINY_SPARSE(SOLID_HEAD_STATIC, 0, SOL_POSITIONS_DISTANCE, 0, 2)},
    {"solid, lists", TINY_SPARSE(SOLID_HEAD_SOLID, 2, SOL_POSITIONS_ROTARY, 2, 1)},
    {"static, rotary in half of a head",
     {.items = 11,
      .width = 8,
      .window = 5,
      .blocks = 2,
      .heads = 2,
      .positions = SOL_POSITIONS_ROTARY,
      .turned = 2,
      .head = SOLID_HEAD_STATIC}},
    {"solid of rank 3", TINY(SOLID_HEAD_SOLID, 2, 3, 1, 2)},
};
const size_t tiny_case_count = sizeof tiny_cases / sizeof *tiny_cases;

static void draw_weights(const sol_config *config, seed_rng *rng, float *weights) {
  sol_tensor tensors[SOL_MAX_TENSORS];
  size_t n = sol_tensors_list(config, tensors);
  for (size_t t = 0; t < n; t++)
    for (size_t i = 0; i < tensors[t].count; i++)
      weights[tensors[t].offset + i] = (tensors[t].init == SOL_INIT_ONE ? 1.0f : 0.0f) + 0.3f * seed_normal(rng);
}

void tiny_batch_make(tiny_batch *batch, const sol_config *config, seed_rng *rng, size_t n, int ragged) {
  size_t most = n * (config->window + 3) + 1, row = 0;
  *batch = (tiny_batch){.weights = calloc(sol_tensors_total(config), sizeof(float)),
                        .codes = calloc((size_t)config->items * config->levels + 1, sizeof(uint16_t)),
                        .attributes = calloc((size_t)config->items * config->slots + 1, sizeof(uint32_t)),
                        .offsets = calloc(n + 1, sizeof(uint32_t)),
                        .items = calloc(most, sizeof(uint32_t)),
                        .targets = calloc(most, sizeof(int32_t))};
  draw_weights(config, rng, batch->weights);
  for (size_t i = 0; i < (size_t)config->items * config->levels; i++)
    batch->codes[i] = (uint16_t)seed_below(rng, (int32_t)config->codes);
  for (size_t i = 0; i < (size_t)config->items * config->slots; i++) {
    batch->attributes[i] = (uint32_t)seed_below(rng, (int32_t)config->attributes + 1);
    if (batch->attributes[i] == config->attributes) batch->attributes[i] = SOL_NO_ATTRIBUTE;
  }
  for (size_t w = 0; w < n; w++) {
    int32_t span = (int32_t)config->window;
    size_t length = (size_t)(ragged ? seed_below(rng, span + 4) : 1 + seed_below(rng, span));
    if (ragged && w == 0) length = 0;
    for (size_t i = 0; i < length; i++, row++) {
      batch->items[row] = (uint32_t)seed_below(rng, (int32_t)config->items);
      batch->targets[row] = seed_below(rng, (int32_t)config->items);
    }
    batch->offsets[w + 1] = (uint32_t)row;
  }
  batch->rows = row;
  batch->windows = (solid_windows){.n = n, .offsets = batch->offsets, .items = batch->items};
}

void tiny_batch_free(tiny_batch *batch) {
  free(batch->weights);
  free(batch->codes);
  free(batch->attributes);
  free(batch->offsets);
  free(batch->items);
  free(batch->targets);
  *batch = (tiny_batch){0};
}
