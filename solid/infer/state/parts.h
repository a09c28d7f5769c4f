/* What the files of this folder share: the memory of a pool. C rows a chunk, K kept at most, R = K + C rows a slot, P
 * probes a chunk, H heads. */
#ifndef SOLID_INFER_STATE_PARTS_H
#define SOLID_INFER_STATE_PARTS_H

#include "solid/infer/block.h"
#include "solid/infer/state/states.h"
#include "solid/model/model_parts.h"

/* Chunks that are closed at once; slots that whole chunks are appended to at once. */
#define SOL_CLOSED_AT_ONCE    ((size_t)32)
#define SOL_PREFILLED_AT_ONCE ((size_t)8)

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
  float *table;                                                        /* (sol_prefill_rows, 2d) */
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

/* int32s of a step over so many slots and rows, and of closing, restoring and prefilling. */
size_t sol_step_ints(const sol_states *s);
size_t sol_close_ints(const sol_states *s);
size_t sol_restore_ints(const sol_states *s);
size_t sol_prefill_ints(const sol_states *s);

/* Rows of keys and values that a prefill works with. */
size_t sol_prefill_rows(const sol_states *s);

/* The parts of a step that others are made of. x are rows of items, then a block's output; qkv what a block makes of x,
 * turned (n, 3d); last: keys and values of the block are all that is wanted. */
void sol_states_read_items(sol_run *run, const sol_states *s, int32_t n, const int32_t *items);
void sol_states_project(sol_run *run, const sol_states *s, uint32_t b, int32_t n, const int32_t *positions);
void sol_states_feed(sol_run *run, const sol_states *s, uint32_t b, int32_t n);

/* Rows of keys and values. */
typedef struct sol_kv_rows {
  const float *at; /* (rows, 2d) */
  size_t rows;
} sol_kv_rows;

/* A slot whose list was made, of what it kept before and `fresh` rows behind that. */
typedef struct sol_closing {
  size_t slot, base, fresh;    /* base: the first row in the table */
  uint64_t event;              /* number of the first fresh row's event */
  const uint32_t *items;       /* (fresh) */
  const int32_t *list, *count; /* of head 0; the next heads' are so far behind: */
  size_t list_stride, count_stride;
} sol_closing;

/* Brings what n slots keep of block b to their fronts, and to the host's knowledge. `moved` and, on the device,
 * `moved_at`: (n, K, 2, H). */
solid_status sol_states_keep(sol_states *s, uint32_t b, const sol_closing *of, size_t n, sol_kv_rows kv, int32_t *moved,
                             int32_t *moved_at);

/* Enqueues rows of n states, in order of their slots, none of which goes beyond its open chunk. */
solid_status sol_states_step(sol_states *s, const sol_stretch *of, size_t n, size_t rows);

/* Whole chunks, at least one each, of n slots of which no chunk is open: at most sol_prefill_rows has room for. */
solid_status sol_states_prefill(sol_states *s, const sol_stretch *of, size_t n);

/* Closes the chunks of n slots, which are full. */
solid_status sol_states_close(sol_states *s, const size_t *slots, size_t n);

/* Counts from the slot's newest event on. */
solid_status sol_states_rebase(sol_states *s, size_t slot);

/* Brings what was written into host_ints to the device. */
solid_status sol_states_send(sol_states *s, size_t ints);

#endif
