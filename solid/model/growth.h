/* Items that join and leave a model while it is in use. The model has spare rows behind those that it was trained on;
 * an item that joins gets the next one. Readers take no lock: everything of a row is written before its number can be
 * found, and never changes afterwards. An item that joins again, described differently, gets another row, and its
 * former row is closed for ever.
 *
 *   e_v = s_v = sum_c M_c[code_c(v)] + sum_a T[a]        E[v] = 0
 *
 * Codes are those of its content (content.h); attributes those of its own that some trained item has, others having
 * learnt nothing. The sum is made on the host in the order in which a device sums a trained item's, to the same bits.
 */
#ifndef SOLID_MODEL_GROWTH_H
#define SOLID_MODEL_GROWTH_H

#include "solid/model/model_arrays.h"
#include "solid/model/tensors.h"
#include <pthread.h>
#include <stdatomic.h>

/* An item that joined: what its row says to people and to filters. */
typedef struct sol_joined {
  uint64_t hash;
  uint64_t number;     /* of the entry that described it */
  atomic_int is_gone;  /* removed, or described anew */
  uint32_t categories; /* known attributes, ascending */
  solid_bytes id, title;
  uint32_t *category; /* (categories) */
  uint32_t *next;     /* (categories) 1 + the spare row that joined the category before */
  float *vector;      /* (d) */
} sol_joined;

typedef struct sol_growth {
  pthread_mutex_t lock; /* of those who write */
  uint32_t trained, rows, words;
  atomic_uint count;         /* rows in use */
  sol_joined **joined;       /* (rows - trained) */
  atomic_uint *slots;        /* 1 + spare row, by hash; 0 = empty */
  uint32_t slots_mask;       /* slots - 1 */
  _Atomic uint64_t *closed;  /* (words) rows that are not recommended */
  _Atomic uint64_t *removed; /* (words) trained items that are as if they had never been */
  atomic_uint *newest;       /* (categories) 1 + the spare row that joined it last */

  uint8_t log[16];          /* which item log it follows, under `lock` */
  _Atomic uint64_t applied; /* entries of it that it has */

  float *metacodes, *attributes; /* M and T on the host */
  uint8_t *learned;              /* (A) 1 = an attribute of a trained item */
} sol_growth;

/* For a model whose config.items is `rows` by now and whose weights are on the host. ENOMEM. */
solid_status sol_growth_new(sol_growth **out, const sol_model_file *file, uint32_t trained);
void sol_growth_free(sol_growth *growth);

/* The calls below change the model and hold growth->lock. */

/* Whether the row is recommended. */
void sol_growth_close(sol_growth *growth, uint32_t item, int is_closed);
/* Whether a trained item is as if it had never been. */
void sol_growth_remove(sol_growth *growth, uint32_t item, int is_removed);
/* The row of an item that joined and is there; SOLID_NO_ITEM: none. By any thread. */
uint32_t sol_growth_find(const sol_growth *growth, uint64_t hash);
int sol_growth_is_removed(const sol_growth *growth, uint32_t item);
int sol_growth_is_closed(const sol_growth *growth, uint32_t item);
static inline sol_joined *sol_growth_joined(const sol_growth *growth, uint32_t item) {
  return item < atomic_load_explicit(&growth->count, memory_order_acquire) ? growth->joined[item - growth->trained]
                                                                           : NULL;
}

/* The item of a row that joined is removed: it can no longer be found. */
void sol_growth_leave(sol_growth *growth, uint32_t item);

/* Everything that joined goes; nothing is hidden or removed. Its rows are not used again. */
void sol_growth_reset(sol_growth *growth);

/* The rows that joined a category, the newest first; SOLID_NO_ITEM behind the last. Rows that are gone are among them.
 */
uint32_t sol_growth_newest_of(const sol_growth *growth, uint32_t category);
uint32_t sol_growth_older_of(const sol_growth *growth, uint32_t category, uint32_t item);

/* The next row is the item's: from here on it can be found, and is closed. The growth owns it. */
void sol_growth_publish(sol_growth *growth, sol_joined *item);

void sol_joined_free(sol_joined *item);

#endif
