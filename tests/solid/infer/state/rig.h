/* A model with sparse attention on a device, and a pool of states over it. */
#ifndef TESTS_SOLID_INFER_STATE_RIG_H
#define TESTS_SOLID_INFER_STATE_RIG_H

#include "solid/infer/state/image.h"
#include "solid/infer/state/states.h"
#include "solid/model/model_parts.h"
#include "tests/support/seed.h"

typedef struct state_rig {
  solid_context *ctx;
  solid_model *model;
  const sol_config *config;
  sk_backend *be;
  sol_states *states;
} state_rig;

/* Chunks of 16 events, of which few are kept; attention is sharp, so that lists are not decided by rounding. */
sol_config state_rig_config(uint32_t heads, uint32_t dh, uint32_t blocks);

/* "recording" is the CPU with memory apart. ctx is NULL where this machine does not have the device and SOLID_REQUIRE
 * does not name it. */
state_rig state_rig_open(const char *device, const sol_config *config, size_t slots, size_t rows);
void state_rig_close(state_rig *r);

/* n random items. */
uint32_t *state_rig_items(const state_rig *r, seed_rng *rng, size_t n);

/* Appends items to one slot, `step` at a time (0: all at once); h (d) is that of the last. */
void state_rig_append(const state_rig *r, size_t slot, const uint32_t *items, size_t n, size_t step, float *h);

/* Room for the image of any state, and the state of a slot in it, with a seq of three more than its events. */
sol_image state_rig_image(const state_rig *r);
void state_rig_image_free(sol_image *image);
void state_rig_pack(const state_rig *r, size_t slot, int element, uint64_t since, sol_image *image);

/* What sol_encode makes of the whole window: h (d). */
void state_rig_encode(const state_rig *r, const uint32_t *items, size_t n, float *h);

/* The lists of the window's last chunk as sol_encode_rows makes them: numbers of the events that head h of block b
 * keeps of older chunks are kept[b * heads + h]. Windows below the crossover have none, and keep all. */
typedef struct state_rig_list {
  size_t count;
  uint32_t events[1024];
} state_rig_list;
void state_rig_lists(const state_rig *r, const uint32_t *items, size_t n, state_rig_list *kept);

#endif
