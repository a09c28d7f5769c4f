#include "store/record/port.h"
#include "solid/base/text.h"
#include "solid/extend.h"
#include "store/record/codec.h"
#include <errno.h>
#include <string.h>
#include <sys/random.h>

static solid_status check_user(solid_bytes user) {
  if (!user.data || user.size < 1 || user.size > SOLID_ID_MAX)
    return solid_fail(SOLID_ERANGE, "user id of %zu bytes: 1 to %d are allowed", user.size, SOLID_ID_MAX);
  return SOLID_OK;
}

solid_status sol_port_check_window(uint32_t window) {
  if (window < 1 || window > SOL_PORT_MAX_WINDOW)
    return solid_fail(SOLID_EINVAL, "store: window of %u steps: 1 to %d are allowed", window, SOL_PORT_MAX_WINDOW);
  return SOLID_OK;
}

solid_status sol_port_window(uint32_t *window, const solid_model *model) {
  solid_model_info info = {.struct_size = sizeof info};
  if (*window) return sol_port_check_window(*window);
  if (!model) return solid_fail(SOLID_EINVAL, "store: neither a model nor options.window says how long a window is");
  solid_status status = solid_model_get_info(model, &info);
  if (status) return status;
  *window = info.window;
  return sol_port_check_window(*window);
}

solid_status sol_port_history(uint32_t *history, uint32_t window) {
  if (!*history) *history = window;
  if (*history < window || *history > SOLID_HISTORY_MAX)
    return solid_fail(SOLID_EINVAL, "store: history of %u steps: from the window's %u to %d are allowed", *history,
                      window, SOLID_HISTORY_MAX);
  return SOLID_OK;
}

solid_status sol_port_check_record(uint32_t width, uint32_t count, uint32_t element) {
  if (width > SOL_PORT_MAX_WIDTH)
    return solid_fail(SOLID_EINVAL, "store: width %u, at most %d", width, SOL_PORT_MAX_WIDTH);
  if (count > SOL_PORT_MAX_PARAMS)
    return solid_fail(SOLID_EINVAL, "store: %u params a user, at most %d", count, SOL_PORT_MAX_PARAMS);
  if (element > SOLID_I8) return solid_fail(SOLID_EINVAL, "store: element type %u is none of f32, f16, i8", element);
  return SOLID_OK;
}

static solid_status check_asked(const solid_state *state, size_t i) {
  if ((state->count && !state->parts) || (state->room_size && !state->room))
    return solid_fail(SOLID_EINVAL, "store: state %zu without room for its parts", i);
  if (state->count > SOLID_STATE_PARTS || state->first > SOLID_STATE_PARTS)
    return solid_fail(SOLID_ERANGE, "store: state %zu: parts %u and %u more: a state has at most %d", i, state->first,
                      state->count, SOLID_STATE_PARTS);
  return SOLID_OK;
}

/* What is asked for with a window, of user i. */
static solid_status check_window(const solid_store *store, const solid_window *window, size_t i) {
  if (!window->steps) return solid_fail(SOLID_EINVAL, "store: window %zu without room for its steps", i);
  if (window->most > store->history)
    return solid_fail(SOLID_EINVAL, "store: window %zu of %u steps: %u are kept", i, window->most, store->history);
  return window->state ? check_asked(window->state, i) : SOLID_OK;
}

static void all_well(solid_status *statuses, size_t n) {
  for (size_t i = 0; i < n; i++) statuses[i] = SOLID_OK;
}

solid_status sol_port_check_appends(const solid_store *store, const solid_append *appends, size_t n,
                                    const solid_window *windows, solid_status *statuses) {
  if (n && (!appends || !windows || !statuses))
    return solid_fail(SOLID_EINVAL, "store: advance of %zu users without arrays", n);
  for (size_t i = 0; i < n; i++) {
    solid_status status = check_user(appends[i].user);
    if (!status) status = check_window(store, &windows[i], i);
    if (status) return status;
    if (appends[i].count && (!appends[i].steps || !appends[i].positions))
      return solid_fail(SOLID_EINVAL, "store: append %zu without steps or positions", i);
    if (appends[i].count > SOL_APPEND_MAX)
      return solid_fail(SOLID_ERANGE, "store: %zu events of one user at once: %d are allowed", appends[i].count,
                        SOL_APPEND_MAX);
  }
  all_well(statuses, n);
  return SOLID_OK;
}

solid_status sol_port_check_get(const solid_store *store, const solid_bytes *users, size_t n,
                                const solid_window *windows, const solid_params *params, const uint8_t *found,
                                solid_status *statuses) {
  if (n && (!users || !windows || !params || !found || !statuses))
    return solid_fail(SOLID_EINVAL, "store: get of %zu users without arrays", n);
  for (size_t i = 0; i < n; i++) {
    solid_status status = check_user(users[i]);
    if (!status) status = check_window(store, &windows[i], i);
    if (status) return status;
    if ((params[i].width && !params[i].h) || (params[i].count && !params[i].values))
      return solid_fail(SOLID_EINVAL, "store: get %zu without room for h or values", i);
  }
  all_well(statuses, n);
  return SOLID_OK;
}

static solid_status check_params(solid_bytes user, const solid_params *params, size_t i) {
  solid_status status = check_user(user);
  if (!status) status = sol_port_check_record(params->width, params->count, params->element);
  if (status) return status;
  if ((params->width && !params->h) || (params->count && !params->values && !params->halves))
    return solid_fail(SOLID_EINVAL, "store: params %zu without h or values", i);
  if (params->halves && params->element != SOLID_F16)
    return solid_fail(SOLID_EINVAL, "store: params %zu are halves, to be kept as element type %u", i, params->element);
  if (!sol_values_finite(params->h, params->width) ||
      !(params->halves ? sol_halves_finite(params->halves, params->count)
                       : sol_values_finite(params->values, params->count)))
    return solid_fail(SOLID_ERANGE, "store: params of user %s hold a value that is not finite",
                      sol_show(user.data, user.size).text);
  return SOLID_OK;
}

solid_status sol_port_check_params(const solid_bytes *users, const solid_params *params, size_t n,
                                   solid_status *statuses) {
  if (n && (!users || !params || !statuses))
    return solid_fail(SOLID_EINVAL, "store: put of %zu users without arrays", n);
  for (size_t i = 0; i < n; i++) {
    solid_status status = check_params(users[i], &params[i], i);
    if (status) return status;
  }
  all_well(statuses, n);
  return SOLID_OK;
}

static solid_status check_put(const solid_state_put *put, size_t i) {
  const solid_state_stamp *stamp = &put->stamp;
  size_t size = 0;
  if (!put->parts || put->n < 1 || put->n > SOLID_STATE_PARTS)
    return solid_fail(SOLID_EINVAL, "store: state %zu of %zu parts: 1 to %d are allowed", i, put->n, SOLID_STATE_PARTS);
  if (!stamp->birth || !stamp->seq || stamp->events > stamp->seq || put->after > stamp->seq)
    return solid_fail(SOLID_EINVAL, "store: state %zu of no history, or with %llu events and after %llu of %llu", i,
                      (unsigned long long)stamp->events, (unsigned long long)put->after,
                      (unsigned long long)stamp->seq);
  for (size_t k = 0; k < put->n; k++) {
    const solid_state_part *part = &put->parts[k];
    int is_next = !put->after ? part->number == k : !k || part->number > put->parts[k - 1].number;
    if (!is_next || part->number >= SOLID_STATE_PARTS || (part->size && !part->data))
      return solid_fail(SOLID_EINVAL, "store: state %zu: part %u of %u bytes in place %zu", i, part->number, part->size,
                        k);
    size += part->size;
    if (size > SOLID_STATE_MAX)
      return solid_fail(SOLID_ERANGE, "store: state %zu of more than %d bytes", i, SOLID_STATE_MAX);
  }
  return SOLID_OK;
}

solid_status sol_port_check_puts(const solid_state_put *puts, size_t n, const uint8_t *stored, solid_status *statuses) {
  if (n && (!puts || !stored || !statuses))
    return solid_fail(SOLID_EINVAL, "store: put of %zu states without arrays", n);
  for (size_t i = 0; i < n; i++) {
    solid_status status = check_user(puts[i].user);
    if (!status) status = check_put(&puts[i], i);
    if (status) return status;
  }
  all_well(statuses, n);
  return SOLID_OK;
}

solid_status sol_port_check_states(const solid_bytes *users, const uint64_t *births, size_t n,
                                   const solid_state *states, solid_status *statuses) {
  if (n && (!users || !births || !states || !statuses))
    return solid_fail(SOLID_EINVAL, "store: get of %zu states without arrays", n);
  for (size_t i = 0; i < n; i++) {
    solid_status status = check_user(users[i]);
    if (!status) status = check_asked(&states[i], i);
    if (status) return status;
  }
  all_well(statuses, n);
  return SOLID_OK;
}

solid_status sol_port_check_forget(const solid_forgetting *forgettings, size_t n, solid_status *statuses) {
  if (n && (!forgettings || !statuses)) return solid_fail(SOLID_EINVAL, "store: forget of %zu users without arrays", n);
  for (size_t i = 0; i < n; i++) {
    solid_status status = check_user(forgettings[i].user);
    if (status) return status;
    if (forgettings[i].time_ms < 0) return solid_fail(SOLID_EINVAL, "store: forgetting %zu before 1970", i);
  }
  all_well(statuses, n);
  return SOLID_OK;
}

static solid_status check_name(solid_bytes name) {
  if (!name.data || name.size < 1 || name.size > SOLID_ID_MAX)
    return solid_fail(SOLID_ERANGE, "store: name of a stream of %zu bytes: 1 to %d are allowed", name.size,
                      SOLID_ID_MAX);
  return SOLID_OK;
}

solid_status sol_port_check_load(solid_bytes name, const void *room, const size_t *size) {
  if (!size || (*size && !room)) return solid_fail(SOLID_EINVAL, "store: record of a stream into NULL");
  return check_name(name);
}

solid_status sol_port_check_save(solid_bytes name, solid_bytes seen, solid_bytes record, const int *saved) {
  if (!saved || (seen.size && !seen.data) || (record.size && !record.data))
    return solid_fail(SOLID_EINVAL, "store: save of a stream's record from or into NULL");
  if (record.size < 1 || record.size > SOLID_STREAM_RECORD_MAX)
    return solid_fail(SOLID_ERANGE, "store: record of a stream of %zu bytes: 1 to %d are allowed", record.size,
                      SOLID_STREAM_RECORD_MAX);
  return check_name(name);
}

solid_status sol_port_check_list(size_t most, const uint64_t *cursor, solid_user_fn take) {
  if (most && cursor && take) return SOLID_OK;
  return solid_fail(SOLID_EINVAL, "store: list of %zu users%s", most, cursor && take ? "" : " from or into NULL");
}

solid_status sol_port_check_items_read(size_t most, solid_item_fn take, const solid_items_version *now) {
  if (most && take && now) return SOLID_OK;
  return solid_fail(SOLID_EINVAL, "store: %zu entries of the item log%s", most, take && now ? "" : " into NULL");
}

solid_status sol_port_check_items_append(const solid_items_version *seen, const solid_item_entry *entries, size_t n,
                                         const solid_items_version *now, const int *appended) {
  if (!seen || !entries || !now || !appended)
    return solid_fail(SOLID_EINVAL, "store: append to the item log from or into NULL");
  if (n < 1 || n > SOLID_ITEMS_AT_ONCE)
    return solid_fail(SOLID_ERANGE, "store: %zu entries of the item log, 1 to %d are taken at once", n,
                      SOLID_ITEMS_AT_ONCE);
  solid_status status = SOLID_OK;
  for (size_t i = 0; i < n && !status; i++) status = solid_item_check(&entries[i]);
  return status;
}

solid_status sol_port_check_items_drop(const solid_items_version *seen, const uint64_t *numbers, size_t n,
                                       const int *dropped) {
  if (!seen || !dropped || (n && !numbers)) return solid_fail(SOLID_EINVAL, "item log: an argument is NULL");
  for (size_t i = 0; i < n; i++)
    if (numbers[i] <= (i ? numbers[i - 1] : 0) || numbers[i] >= seen->count)
      return solid_fail(SOLID_ERANGE, "item log: entry %llu cannot be dropped of %llu, the newest stays, numbers rise",
                        (unsigned long long)numbers[i], (unsigned long long)seen->count);
  return SOLID_OK;
}

solid_status sol_port_next_version(const solid_items_version *seen, size_t n, solid_items_version *next) {
  solid_store_epoch name;
  *next = *seen;
  next->count += n;
  if (seen->count) return SOLID_OK;
  solid_status status = sol_port_draw_epoch(&name);
  if (!status) memcpy(next->log, name.bytes, sizeof next->log);
  return status;
}

solid_status sol_port_give_record(const void *record, size_t found, void *room, size_t *size) {
  size_t has = *size;
  if (found > has)
    return solid_fail(SOLID_ERANGE, "store: record of a stream of %zu bytes into room for %zu", found, has);
  if (found) memcpy(room, record, found);
  *size = found;
  return SOLID_OK;
}

solid_status sol_port_draw_epoch(solid_store_epoch *epoch) {
  ssize_t n = getrandom(epoch->bytes, sizeof epoch->bytes, 0);
  if (n == (ssize_t)sizeof epoch->bytes) return SOLID_OK;
  return solid_fail(SOLID_EIO, "store: no random bits for an epoch: %s", n < 0 ? strerror(errno) : "too few");
}

int sol_port_keeps(uint64_t window_seq, const solid_params *stored, const solid_params *params) {
  if (window_seq && params->seq > window_seq) return 1;
  if (window_seq && stored->seq > window_seq) return 0;
  return stored->generation == params->generation && stored->width == params->width && stored->count == params->count &&
         stored->seq > params->seq;
}
