/* Shared by the files of the memory store: memory_store.c makes it, memory_users.c has the calls about users. */
#ifndef STORE_MEMORY_MEMORY_PARTS_H
#define STORE_MEMORY_MEMORY_PARTS_H

#include "store/memory/forgotten.h"
#include "store/memory/item_log.h"
#include "store/memory/streams.h"
#include "store/memory/user_table.h"
#include "store/memory_store.h"
#include <pthread.h>

/* The memory that several handles share; `lock` guards `handles` and every member after it. Who changes the item log
 * holds `writing` before and for as long as that takes, `lock` only while it changes what is read. */
typedef struct sol_memory {
  pthread_mutex_t writing, lock;
  size_t handles;
  solid_memory_store_options options;
  sol_user_table users;
  sol_streams streams;
  sol_forgotten_list forgotten;
  sol_item_log items;
  solid_store_epoch epoch;
} sol_memory;

typedef struct sol_memory_store {
  solid_store base;
  sol_memory *mem;
  int is_writer; /* 1 = writes under `era`, and fails once the memory has another */
  uint32_t era;
} sol_memory_store;

/* Begins a call: the lock is held until pthread_mutex_unlock. */
int64_t sol_memory_lock(sol_memory *mem);

/* memory_users.c: slots of solid_store_ops. */
solid_status sol_memory_advance(solid_store *store, const solid_append *appends, size_t n, solid_window *windows,
                                size_t *applied, solid_status *statuses);
solid_status sol_memory_put_params(solid_store *store, const solid_bytes *users, const solid_params *params, size_t n,
                                   solid_status *statuses);
solid_status sol_memory_get(solid_store *store, const solid_bytes *users, size_t n, uint64_t generation,
                            solid_window *windows, solid_params *params, uint8_t *found, solid_status *statuses);
solid_status sol_memory_put_states(solid_store *store, const solid_state_put *puts, size_t n, uint8_t *stored,
                                   solid_status *statuses);
solid_status sol_memory_get_states(solid_store *store, const solid_bytes *users, const uint64_t *births, size_t n,
                                   solid_state *states, solid_status *statuses);
solid_status sol_memory_forget(solid_store *store, const solid_forgetting *forgettings, size_t n, uint8_t *had,
                               solid_status *statuses);
solid_status sol_memory_list(solid_store *store, size_t most, uint64_t *cursor, solid_user_fn take, void *take_user);

#endif
