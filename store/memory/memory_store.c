#include "store/memory_store.h"
#include "solid/base/clock.h"
#include "solid/base/handshake.h"
#include "solid/extend.h"
#include "store/memory/streams.h"
#include "store/memory/user_table.h"
#include "store/record/codec.h"
#include "store/record/port.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* What the handles of one memory share; `lock` guards handles and users. */
typedef struct memory {
  pthread_mutex_t lock;
  size_t handles;
  solid_memory_store_options options;
  sol_user_table users;
  sol_streams streams;
  solid_store_epoch epoch;
} memory;

typedef struct memory_store {
  solid_store base;
  memory *mem;
} memory_store;

static int64_t monotonic_ms(void *unused) {
  (void)unused;
  return sol_steady_ms();
}

static memory *memory_of(solid_store *store) {
  return ((memory_store *)store)->mem;
}

/* Begins a call: the lock is held until pthread_mutex_unlock. */
static int64_t lock_now(memory *mem) {
  pthread_mutex_lock(&mem->lock);
  return mem->options.clock(mem->options.clock_user);
}

static void read_window(const sol_user *user, solid_window *window) {
  window->count = user ? user->count : 0;
  window->seq = user ? user->seq : 0;
  int has = user && user->record;
  window->params_generation = has ? user->generation : 0;
  window->params_seq = has ? user->params_seq : 0;
  window->params_ms = has ? user->made_ms : 0;
  if (user) memcpy(window->steps, user->steps, sizeof *user->steps * user->count);
}

static solid_status advance_user(memory *mem, const solid_append *append, int64_t now, solid_window *window,
                                 size_t *applied) {
  sol_user *user = sol_users_find(&mem->users, append->user, now);
  solid_status status = SOLID_OK;
  *applied = 0;
  if (!user && append->count) status = sol_users_add(&mem->users, append->user, now, &user);
  for (size_t i = 0; i < append->count && !status; i++)
    status = sol_users_append(&mem->users, user, &append->steps[i], &append->positions[i], now, applied);
  if (!status) read_window(user, window);
  return status;
}

static solid_status memory_advance(solid_store *store, const solid_append *appends, size_t n, solid_window *windows,
                                   size_t *applied, solid_status *statuses) {
  memory *mem = memory_of(store);
  solid_status status = sol_port_check_appends(appends, n, windows, statuses);
  if (status) return status;
  int64_t now = lock_now(mem);
  for (size_t i = 0; i < n && !status; i++) {
    size_t fresh;
    status = advance_user(mem, &appends[i], now, &windows[i], &fresh);
    if (applied) applied[i] = fresh;
  }
  pthread_mutex_unlock(&mem->lock);
  return status;
}

static solid_status put_user(memory *mem, solid_bytes id, const solid_params *params, int64_t now) {
  sol_user *user = sol_users_find(&mem->users, id, now);
  solid_status status = user ? SOLID_OK : sol_users_add(&mem->users, id, now, &user);
  if (status) return status;
  const solid_params stored = {
      .seq = user->params_seq, .generation = user->generation, .width = user->width, .count = user->params};
  if (user->record && sol_port_keeps(user->seq, &stored, params)) return SOLID_OK;
  size_t h_size = sizeof(float) * params->width;
  size_t size = h_size + sol_values_size((solid_element)params->element, params->count);
  status = sol_users_size_record(&mem->users, user, (uint32_t)size, now);
  if (status) return status;
  sol_values_pack(SOLID_F32, params->h, params->width, user->record);
  sol_params_pack(params, user->record + h_size);
  user->params_seq = params->seq;
  user->generation = params->generation;
  user->made_ms = params->made_ms ? params->made_ms : sol_wall_ms();
  user->width = params->width;
  user->params = params->count;
  user->element = params->element;
  return SOLID_OK;
}

static solid_status memory_put_params(solid_store *store, const solid_bytes *users, const solid_params *params,
                                      size_t n, solid_status *statuses) {
  memory *mem = memory_of(store);
  solid_status status = sol_port_check_params(users, params, n, statuses);
  if (status) return status;
  int64_t now = lock_now(mem);
  for (size_t i = 0; i < n && !status; i++) status = put_user(mem, users[i], &params[i], now);
  pthread_mutex_unlock(&mem->lock);
  return status;
}

static int read_params(const sol_user *user, uint64_t generation, solid_params *params) {
  if (!user || !user->record || user->generation != generation) return 0;
  if (user->width != params->width || user->params != params->count) return 0;
  const uint8_t *values = user->record + sizeof(float) * user->width;
  sol_values_unpack(SOLID_F32, user->record, user->width, params->h);
  sol_values_unpack((solid_element)user->element, values, user->params, params->values);
  params->seq = user->params_seq;
  params->generation = generation;
  params->made_ms = user->made_ms;
  params->element = user->element;
  return 1;
}

static solid_status memory_get(solid_store *store, const solid_bytes *users, size_t n, uint64_t generation,
                               solid_window *windows, solid_params *params, uint8_t *found, solid_status *statuses) {
  memory *mem = memory_of(store);
  solid_status status = sol_port_check_get(users, n, windows, params, found, statuses);
  if (status) return status;
  int64_t now = lock_now(mem);
  for (size_t i = 0; i < n; i++) {
    const sol_user *user = sol_users_find(&mem->users, users[i], now);
    read_window(user, &windows[i]);
    found[i] = (uint8_t)read_params(user, generation, &params[i]);
  }
  pthread_mutex_unlock(&mem->lock);
  return SOLID_OK;
}

static solid_status memory_epoch(solid_store *store, solid_store_epoch *out) {
  if (!out) return solid_fail(SOLID_EINVAL, "memory store: epoch into NULL");
  memory *mem = memory_of(store);
  lock_now(mem);
  *out = mem->epoch;
  pthread_mutex_unlock(&mem->lock);
  return SOLID_OK;
}

static solid_status memory_epoch_begin(solid_store *store, int anew, solid_store_epoch *out) {
  if (!out) return solid_fail(SOLID_EINVAL, "memory store: epoch into NULL");
  memory *mem = memory_of(store);
  solid_store_epoch drawn;
  solid_status status = anew ? sol_port_draw_epoch(&drawn) : SOLID_OK;
  if (status) return status;
  lock_now(mem);
  if (anew) mem->epoch = drawn;
  *out = mem->epoch;
  pthread_mutex_unlock(&mem->lock);
  return SOLID_OK;
}

static solid_status memory_stream_load(solid_store *store, solid_bytes name, void *room, size_t *size) {
  memory *mem = memory_of(store);
  solid_status status = sol_port_check_load(name, room, size);
  if (status) return status;
  lock_now(mem);
  status = sol_streams_load(&mem->streams, name, room, size);
  pthread_mutex_unlock(&mem->lock);
  return status;
}

static solid_status memory_stream_save(solid_store *store, solid_bytes name, solid_bytes seen, solid_bytes record,
                                       int *saved) {
  memory *mem = memory_of(store);
  solid_status status = sol_port_check_save(name, seen, record, saved);
  if (status) return status;
  lock_now(mem);
  status = sol_streams_save(&mem->streams, name, seen, record, saved);
  pthread_mutex_unlock(&mem->lock);
  return status;
}

static void memory_close(solid_store *store) {
  if (!store) return;
  memory *mem = memory_of(store);
  pthread_mutex_lock(&mem->lock);
  size_t left = --mem->handles;
  pthread_mutex_unlock(&mem->lock);
  free(store);
  if (left) return;
  sol_users_clear(&mem->users);
  sol_streams_clear(&mem->streams);
  pthread_mutex_destroy(&mem->lock);
  free(mem);
}

static const solid_store_ops memory_ops = {
    .name = "memory",
    .advance = memory_advance,
    .put_params = memory_put_params,
    .get = memory_get,
    .epoch = memory_epoch,
    .epoch_begin = memory_epoch_begin,
    .stream_load = memory_stream_load,
    .stream_save = memory_stream_save,
    .close = memory_close,
};

static solid_status new_handle(solid_store **out, memory *mem) {
  memory_store *store = malloc(sizeof *store);
  if (!store) return solid_fail(SOLID_ENOMEM, "memory store: handle");
  store->base = (solid_store){&memory_ops, mem->options.window};
  store->mem = mem;
  *out = &store->base;
  return SOLID_OK;
}

static solid_status new_memory(memory **out, const solid_memory_store_options *options) {
  memory *mem = calloc(1, sizeof *mem);
  if (!mem) return solid_fail(SOLID_ENOMEM, "memory store");
  mem->options = *options;
  mem->handles = 1;
  mem->users.window = options->window;
  mem->users.ttl_ms = options->ttl_ms;
  mem->users.max_bytes = options->max_bytes;
  solid_status status = sol_port_draw_epoch(&mem->epoch);
  if (!status) status = sol_users_init(&mem->users);
  if (status) goto fail;
  if (pthread_mutex_init(&mem->lock, NULL)) {
    status = solid_fail(SOLID_ENOMEM, "memory store: mutex");
    goto fail;
  }
  *out = mem;
  return SOLID_OK;
fail:
  sol_users_clear(&mem->users);
  free(mem);
  return status;
}

solid_memory_store_options solid_memory_store_options_default(void) {
  return (solid_memory_store_options)SOLID_MEMORY_STORE_OPTIONS_INIT;
}

solid_status solid_store_open_memory(solid_store **out, const solid_model *model,
                                     const solid_memory_store_options *options) {
  solid_memory_store_options o = SOLID_MEMORY_STORE_OPTIONS_INIT;
  if (!out) return solid_fail(SOLID_EINVAL, "memory store: out is NULL");
  solid_status status = sol_struct_take(&o, sizeof o, options, "memory store options");
  if (!status) status = sol_port_window(&o.window, model);
  if (status) return status;
  if (o.ttl_ms < 0) return solid_fail(SOLID_EINVAL, "memory store: ttl_ms %lld is negative", (long long)o.ttl_ms);
  if (!o.clock) o.clock = monotonic_ms;
  memory *mem = NULL;
  status = new_memory(&mem, &o);
  if (status) return status;
  status = new_handle(out, mem);
  if (!status) return SOLID_OK;
  sol_users_clear(&mem->users);
  pthread_mutex_destroy(&mem->lock);
  free(mem);
  return status;
}

solid_status solid_memory_store_share(solid_store **out, solid_store *store) {
  if (!out || !store || store->ops != &memory_ops)
    return solid_fail(SOLID_EINVAL, "memory store: share of something else than a memory store");
  memory *mem = memory_of(store);
  solid_status status = new_handle(out, mem);
  if (status) return status;
  pthread_mutex_lock(&mem->lock);
  mem->handles++;
  pthread_mutex_unlock(&mem->lock);
  return SOLID_OK;
}

solid_status solid_memory_store_usage(solid_store *store, size_t *users, size_t *bytes) {
  if (!store || store->ops != &memory_ops)
    return solid_fail(SOLID_EINVAL, "memory store: usage of something else than a memory store");
  memory *mem = memory_of(store);
  pthread_mutex_lock(&mem->lock);
  if (users) *users = mem->users.n_users;
  if (bytes) *bytes = mem->users.bytes;
  pthread_mutex_unlock(&mem->lock);
  return SOLID_OK;
}
