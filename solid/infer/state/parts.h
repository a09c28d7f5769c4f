/* What the files of this folder share: the memory of a pool. C rows a chunk, K kept at most, R = K + C rows a slot, P
 * probes a chunk, H heads. */
#ifndef SOLID_INFER_STATE_PARTS_H
#define SOLID_INFER_STATE_PARTS_H

#include "solid/infer/block.h"
#include "solid/infer/state/states.h"
#include "solid/model/model_parts.h"

/* Chunks that are closed at once. */
#define SOL_CLOSED_AT_ONCE ((size_t)32)

/* What the host knows of a slot. The events that are kept are all older than the open chunk. */
typedef struct sol_slot {
  uint64_t events, base;
  uint32_t open, items, origin; /* see sol_states_know, sol_states_begin */
  uint32_t kept[SOL_MAX_BLOCKS];
} sol_slot;

/* Scratch of a step, and of closing. */
typedef struct sol_states_scratch {
  float *x, *norm, *qkv, *attended, *wide;                             /* (rows, d), 3d, d, 4d */
  float *newest_x, *newest_norm, *newest_q, *newest_out, *newest_wide; /* (slots, d), the last 4d */
  float *q;                                                            /* (closed, C, d) */
  float *rows;                                                         /* (closed, K, 2d) */
} sol_states_scratch;

struct sol_states {
  const solid_model *model;
  const sol_config *config;
  sk_backend *be;
  sk_select_rule rule;
  size_t slots, rows, C, K, R, P, H, d;
  uint64_t rebase;
  sol_slot *slot;
  uint32_t *numbers;             /* (slots, blocks, H, K) events that are kept */
  uint32_t *kept_items;          /* (slots, H, K) of block 0 */
  uint32_t *open_items;          /* (slots, C) */
  int32_t *of_slot;              /* (slots) which of the appends is its, -1 */
  size_t *taken;                 /* (slots) events of an append that are in the state */
  struct sol_stretch *stretches; /* (slots) of the step at hand */
  size_t *full;                  /* (slots) whose chunks are */
  float *kv[SOL_MAX_BLOCKS];     /* (slots * R, 2d): a row has keys of all heads, then values */
  float *probes[SOL_MAX_BLOCKS]; /* (slots * P, d) */
  float *last, *h;               /* (slots, d) at the newest event of each slot; as the last append gave them */
  sol_states_scratch scratch;
  int32_t *ints, *host_ints; /* of a step, of closing, or of restoring */
  float *host_kv[SOL_MAX_BLOCKS],
      *host_probes[SOL_MAX_BLOCKS]; /* (R, 2d), (P, d): of one slot, where memory is apart */
  float *host_last;                 /* (d) likewise */
  uint32_t *merged;                 /* (H K) events, as many items, and bits of each head: lists of block 0 */
  size_t *merged_of;                /* (H) entries that a head's list has of them so far */
  size_t n_ints;
  void *memory, *device_base, *host_base;
};

static inline size_t sol_least_size(size_t a, size_t b) {
  return a < b ? a : b;
}
static inline size_t sol_most_size(size_t a, size_t b) {
  return a > b ? a : b;
}
static inline uint32_t *sol_states_numbers(const sol_states *s, size_t slot, size_t block, size_t head) {
  return s->numbers + ((slot * s->config->blocks + block) * s->H + head) * s->K;
}
static inline uint32_t *sol_states_kept_items(const sol_states *s, size_t slot, size_t head) {
  return s->kept_items + (slot * s->H + head) * s->K;
}

/* Everything that follows from these; no memory is taken. */
void sol_states_set_sizes(sol_states *s, const solid_model *model, size_t slots, size_t rows);

/* One append as far as a step takes it. */
typedef struct sol_stretch {
  size_t slot;
  const uint32_t *items;
  size_t n;
  int last; /* 1: it ends here, and has its h */
} sol_stretch;

/* Place of row `i` of a chunk among its probes, -1 if it is none. */
int32_t sol_probe_of(const sk_select_rule *rule, int32_t i);

/* Items into keys and values of block 0, or queries, turned by their positions: scratch.qkv (n, 2 d) or (n, d). */
void sol_states_first_kv(sol_run *run, const sol_states *s, int32_t n, const int32_t *items, const int32_t *positions);
void sol_states_first_q(sol_run *run, const sol_states *s, int32_t n, const int32_t *items, const int32_t *positions);

/* int32s of a step over so many slots and rows, and of closing and restoring. */
size_t sol_step_ints(const sol_states *s);
size_t sol_close_ints(const sol_states *s);
size_t sol_restore_ints(const sol_states *s);

/* Enqueues rows of n states, in order of their slots, none of which goes beyond its open chunk. */
solid_status sol_states_step(sol_states *s, const sol_stretch *of, size_t n, size_t rows);

/* Closes the chunks of n slots, which are full. */
solid_status sol_states_close(sol_states *s, const size_t *slots, size_t n);

/* Counts from the slot's newest event on. */
solid_status sol_states_rebase(sol_states *s, size_t slot);

/* Brings what was written into host_ints to the device. */
solid_status sol_states_send(sol_states *s, size_t ints);

#endif
