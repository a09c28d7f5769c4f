#include "store/record/port.h"
#include "solid/extend.h"
#include "store/record/codec.h"

static solid_status check_user(solid_bytes user) {
  if (!user.data || user.size < 1 || user.size > SOLID_ID_MAX)
    return solid_fail(SOLID_ERANGE, "user id of %zu bytes: 1 to %d are allowed", user.size, SOLID_ID_MAX);
  return SOLID_OK;
}

solid_status sol_port_check_sizes(uint32_t window, uint32_t width, uint32_t params, solid_element element) {
  if (window < 1 || window > SOL_PORT_MAX_WINDOW)
    return solid_fail(SOLID_EINVAL, "store: window of %u steps: 1 to %d are allowed", window, SOL_PORT_MAX_WINDOW);
  if (width > SOL_PORT_MAX_WIDTH)
    return solid_fail(SOLID_EINVAL, "store: width %u, at most %d", width, SOL_PORT_MAX_WIDTH);
  if (params > SOL_PORT_MAX_PARAMS)
    return solid_fail(SOLID_EINVAL, "store: %u params a user, at most %d", params, SOL_PORT_MAX_PARAMS);
  if ((int)element < SOLID_F32 || (int)element > SOLID_I8)
    return solid_fail(SOLID_EINVAL, "store: element type %d is none of f32, f16, i8", (int)element);
  return SOLID_OK;
}

solid_status sol_port_check_appends(const solid_append *appends, size_t n, const solid_window *windows) {
  if (n && (!appends || !windows)) return solid_fail(SOLID_EINVAL, "store: advance of %zu users without arrays", n);
  for (size_t i = 0; i < n; i++) {
    solid_status status = check_user(appends[i].user);
    if (status) return status;
    if (!windows[i].steps || (appends[i].count && (!appends[i].steps || !appends[i].positions)))
      return solid_fail(SOLID_EINVAL, "store: append %zu without steps, positions or room for its window", i);
  }
  return SOLID_OK;
}

solid_status sol_port_check_get(const solid_bytes *users, size_t n, const solid_window *windows,
                                const solid_params *params, const uint8_t *found) {
  if (n && (!users || !windows || !params || !found))
    return solid_fail(SOLID_EINVAL, "store: get of %zu users without arrays", n);
  for (size_t i = 0; i < n; i++) {
    solid_status status = check_user(users[i]);
    if (status) return status;
    if (!windows[i].steps) return solid_fail(SOLID_EINVAL, "store: window %zu without room for its steps", i);
  }
  return SOLID_OK;
}

solid_status sol_port_check_params(const solid_store *store, const solid_bytes *users, const solid_params *params,
                                   size_t n) {
  if (n && (!users || !params)) return solid_fail(SOLID_EINVAL, "store: put of %zu users without arrays", n);
  for (size_t i = 0; i < n; i++) {
    solid_status status = check_user(users[i]);
    if (status) return status;
    if ((store->width && !params[i].h) || (store->params && !params[i].values && !params[i].halves))
      return solid_fail(SOLID_EINVAL, "store: params %zu without h or values", i);
    if (params[i].halves && store->element != SOLID_F16)
      return solid_fail(SOLID_EINVAL, "store: params %zu are halves, the store keeps element type %d", i,
                        (int)store->element);
    if (!sol_values_finite(params[i].h, store->width) ||
        !(params[i].halves ? sol_halves_finite(params[i].halves, store->params)
                           : sol_values_finite(params[i].values, store->params)))
      return solid_fail(SOLID_ERANGE, "store: params of user %.*s hold a value that is not finite",
                        (int)(users[i].size < 64 ? users[i].size : 64), users[i].data);
  }
  return SOLID_OK;
}

int sol_port_keeps(uint64_t window_seq, uint64_t generation, uint64_t seq, const solid_params *params) {
  if (window_seq && seq > window_seq) return 0;
  return generation == params->generation && seq > params->seq;
}
