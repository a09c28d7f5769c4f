#include "solid/base/clock.h"
#include "solid/base/handshake.h"
#include "solid/extend.h"
#include "store/memory/memory_parts.h"
#include "store/record/port.h"
#include <stdlib.h>

static int64_t monotonic_ms(void *unused) {
  (void)unused;
  return sol_steady_ms();
}

static sol_memory *memory_of(solid_store *store) {
  return ((sol_memory_store *)store)->mem;
}

int64_t sol_memory_lock(sol_memory *mem) {
  pthread_mutex_lock(&mem->lock);
  return mem->options.clock(mem->options.clock_user);
}

static solid_status memory_epoch(solid_store *store, solid_store_epoch *out) {
  if (!out) return solid_fail(SOLID_EINVAL, "memory store: epoch into NULL");
  sol_memory *mem = memory_of(store);
  sol_memory_lock(mem);
  *out = mem->epoch;
  pthread_mutex_unlock(&mem->lock);
  return SOLID_OK;
}

static solid_status memory_epoch_begin(solid_store *store, int anew, solid_store_epoch *out) {
  if (!out) return solid_fail(SOLID_EINVAL, "memory store: epoch into NULL");
  sol_memory_store *self = (sol_memory_store *)store;
  sol_memory *mem = self->mem;
  solid_store_epoch drawn;
  solid_status status = anew ? sol_port_draw_epoch(&drawn) : SOLID_OK;
  if (status) return status;
  sol_memory_lock(mem);
  if (anew) {
    mem->epoch = drawn;
    mem->users.era++;
  }
  *out = mem->epoch;
  self->is_writer = 1;
  self->era = mem->users.era;
  pthread_mutex_unlock(&mem->lock);
  return SOLID_OK;
}

static solid_status memory_stream_load(solid_store *store, solid_bytes name, void *room, size_t *size) {
  sol_memory *mem = memory_of(store);
  solid_status status = sol_port_check_load(name, room, size);
  if (status) return status;
  sol_memory_lock(mem);
  status = sol_streams_load(&mem->streams, name, room, size);
  pthread_mutex_unlock(&mem->lock);
  return status;
}

static solid_status memory_stream_save(solid_store *store, solid_bytes name, solid_bytes seen, solid_bytes record,
                                       int *saved) {
  sol_memory *mem = memory_of(store);
  solid_status status = sol_port_check_save(name, seen, record, saved);
  if (status) return status;
  sol_memory_lock(mem);
  status = sol_streams_save(&mem->streams, name, seen, record, saved);
  pthread_mutex_unlock(&mem->lock);
  return status;
}

static solid_status memory_items_read(solid_store *store, uint64_t from, size_t most, solid_item_fn take,
                                      void *take_user, solid_items_version *now) {
  sol_memory *mem = memory_of(store);
  solid_status status = sol_port_check_items_read(most, take, now);
  if (status) return status;
  sol_memory_lock(mem);
  status = sol_item_log_read(&mem->items, from, most, take, take_user);
  *now = store->items = mem->items.version;
  pthread_mutex_unlock(&mem->lock);
  return status;
}

static solid_status memory_items_append(solid_store *store, const solid_items_version *seen,
                                        const solid_item_entry *entries, size_t n, solid_items_version *now,
                                        int *appended) {
  sol_memory *mem = memory_of(store);
  solid_status status = sol_port_check_items_append(seen, entries, n, now, appended);
  if (status) return status;
  sol_item_frame frame;
  *appended = 0;
  pthread_mutex_lock(&mem->writing);
  sol_memory_lock(mem);
  status = sol_item_log_begin(&mem->items, seen, entries, n, &frame);
  pthread_mutex_unlock(&mem->lock);
  if (!status && frame.bytes) status = sol_item_log_write(&mem->items, &frame); /* others may read meanwhile */
  sol_memory_lock(mem);
  if (!status && frame.bytes) *appended = sol_item_log_end(&mem->items, &frame);
  *now = store->items = mem->items.version;
  pthread_mutex_unlock(&mem->lock);
  pthread_mutex_unlock(&mem->writing);
  free(frame.bytes);
  return status;
}

/* The log is made anew beside the one that is read, which only who holds `writing` changes. */
static solid_status memory_items_drop(solid_store *store, const solid_items_version *seen, const uint64_t *numbers,
                                      size_t n, int *dropped) {
  sol_memory *mem = memory_of(store);
  sol_item_rest rest;
  solid_status status = sol_port_check_items_drop(seen, numbers, n, dropped);
  if (status) return status;
  pthread_mutex_lock(&mem->writing);
  status = sol_item_log_drop_begin(&mem->items, seen, numbers, n, &rest);
  int is_there = !status && rest.count;
  if (is_there) status = sol_item_log_drop_write(&mem->items, &rest);
  if (is_there && !status) {
    sol_memory_lock(mem);
    sol_item_log_drop_end(&mem->items, &rest);
    pthread_mutex_unlock(&mem->lock);
  } else {
    free(rest.bytes);
    free(rest.ends);
  }
  pthread_mutex_unlock(&mem->writing);
  if (!status) *dropped = is_there;
  return status;
}

/* Frees what the memory holds. */
static void clear(sol_memory *mem) {
  sol_users_clear(&mem->users);
  sol_streams_clear(&mem->streams);
  sol_forgotten_clear(&mem->forgotten);
  sol_item_log_close(&mem->items);
  pthread_mutex_destroy(&mem->writing);
  pthread_mutex_destroy(&mem->lock);
  free(mem);
}

static void memory_close(solid_store *store) {
  if (!store) return;
  sol_memory *mem = memory_of(store);
  pthread_mutex_lock(&mem->lock);
  size_t left = --mem->handles;
  pthread_mutex_unlock(&mem->lock);
  free(store);
  if (!left) clear(mem);
}

/* There is no server that could be lost without the process. */
static solid_status memory_safe_age(solid_store *store, int64_t *age_ms) {
  (void)store;
  if (!age_ms) return solid_fail(SOLID_EINVAL, "memory store: age into NULL");
  *age_ms = 0;
  return SOLID_OK;
}

static const solid_store_ops memory_ops = {
    .name = "memory",
    .advance = sol_memory_advance,
    .put_params = sol_memory_put_params,
    .get = sol_memory_get,
    .epoch = memory_epoch,
    .epoch_begin = memory_epoch_begin,
    .stream_load = memory_stream_load,
    .stream_save = memory_stream_save,
    .list = sol_memory_list,
    .close = memory_close,
    .safe_age = memory_safe_age,
    .put_states = sol_memory_put_states,
    .get_states = sol_memory_get_states,
    .forget = sol_memory_forget,
    .items_read = memory_items_read,
    .items_append = memory_items_append,
    .items_drop = memory_items_drop,
};

static solid_status new_handle(solid_store **out, sol_memory *mem) {
  sol_memory_store *store = calloc(1, sizeof *store);
  if (!store) return solid_fail(SOLID_ENOMEM, "memory store: handle");
  store->base = (solid_store){
      .ops = &memory_ops, .window = mem->options.window, .history = mem->options.history, .items = mem->items.version};
  store->mem = mem;
  *out = &store->base;
  return SOLID_OK;
}

static solid_status new_memory(sol_memory **out, const solid_memory_store_options *options) {
  sol_memory *mem = calloc(1, sizeof *mem);
  if (!mem) return solid_fail(SOLID_ENOMEM, "memory store");
  mem->options = *options;
  mem->handles = 1;
  mem->users.window = options->window;
  mem->users.history = options->history;
  if (sol_port_has_pages(options->history))
    mem->users.tail = options->window < SOL_TAIL_MAX ? options->window : SOL_TAIL_MAX;
  mem->users.ttl_ms = options->ttl_ms;
  mem->users.max_bytes = options->max_bytes;
  if (pthread_mutex_init(&mem->lock, NULL) || pthread_mutex_init(&mem->writing, NULL)) {
    free(mem);
    return solid_fail(SOLID_ENOMEM, "memory store: mutex");
  }
  mem->items.fd = -1;
  solid_status status = sol_port_draw_epoch(&mem->epoch);
  if (!status) status = sol_users_init(&mem->users);
  if (!status) status = sol_item_log_open(&mem->items, options->items_path, options->log, options->log_user);
  if (status)
    clear(mem);
  else
    *out = mem;
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
  if (!status) status = sol_port_history(&o.history, o.window);
  if (status) return status;
  if (o.ttl_ms < 0) return solid_fail(SOLID_EINVAL, "memory store: ttl_ms %lld is negative", (long long)o.ttl_ms);
  if (!o.clock) o.clock = monotonic_ms;
  sol_memory *mem = NULL;
  status = new_memory(&mem, &o);
  if (status) return status;
  status = new_handle(out, mem);
  if (status) clear(mem);
  return status;
}

solid_status solid_memory_store_share(solid_store **out, solid_store *store) {
  if (!out || !store || store->ops != &memory_ops)
    return solid_fail(SOLID_EINVAL, "memory store: share of something else than a memory store");
  sol_memory *mem = memory_of(store);
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
  sol_memory *mem = memory_of(store);
  pthread_mutex_lock(&mem->lock);
  if (users) *users = mem->users.n_users;
  if (bytes) *bytes = mem->users.bytes;
  pthread_mutex_unlock(&mem->lock);
  return SOLID_OK;
}
