/* The memory store's calls about users. */
#include "solid/base/clock.h"
#include "solid/extend.h"
#include "store/memory/memory_parts.h"
#include "store/record/head.h"
#include "store/record/port.h"
#include <string.h>

static void read_params_stamp(const sol_user *user, solid_window *window) {
  window->params_generation = user->generation;
  window->params_seq = user->params_seq;
  window->params_ms = user->made_ms;
}

/* What was ever taken and is not among the newest `count` steps that are given. */
static void read_seen(const sol_memory *mem, const sol_user *user, solid_window *window) {
  const sol_history *history = user ? user->history : NULL;
  uint64_t items[SOL_TAIL_MAX + SOLID_PAGE_STEPS];
  window->seen_since = history ? history->seen_since : 0;
  if (user && !mem->users.tail) window->seen_since = user->seq - user->count;
  if (history && history->n_seen) window->take_seen(window->seen_user, history->seen, history->n_seen);
  size_t n = user && mem->users.tail && user->count > window->count ? user->count - window->count : 0;
  for (size_t i = 0; i < n; i++) items[i] = user->steps[i].item;
  if (n) window->take_seen(window->seen_user, items, n);
}

static void read_window(const sol_memory *mem, const sol_user *user, solid_window *window) {
  solid_window asked = *window;
  uint32_t most = asked.most ? asked.most : mem->users.window;
  *window = (solid_window){.steps = asked.steps,
                           .dislikes = asked.dislikes,
                           .most = asked.most,
                           .take_seen = asked.take_seen,
                           .seen_user = asked.seen_user,
                           .state = asked.state};
  if (user) {
    window->count = sol_users_read(user, most, window->steps);
    window->seq = user->seq;
    window->birth = user->birth;
    window->life = user->life;
    window->n_dislikes = window->dislikes ? user->n_dislikes : 0;
    if (user->record) read_params_stamp(user, window);
  }
  if (window->n_dislikes) memcpy(window->dislikes, user->dislikes, sizeof *user->dislikes * user->n_dislikes);
  if (window->take_seen) read_seen(mem, user, window);
  if (window->state) sol_history_read_state(user ? user->history : NULL, window->birth, window->seq, window->state);
}

/* The first failure of a user of a call is the call's; what one has no memory for may find room for another. */
static void note(solid_status *first, solid_status status) {
  if (!*first) *first = status;
}

/* ELOST if the memory has another era than the writer: everything that it wrote counts as empty by now. */
static solid_status check_era(sol_memory_store *store) {
  if (store->is_writer && store->era != store->mem->users.era)
    return solid_fail(SOLID_ELOST, "memory store: a new epoch was begun: what was written before it is gone");
  return SOLID_OK;
}

static solid_status advance_user(sol_memory *mem, const solid_append *append, int64_t now, solid_window *window,
                                 size_t *applied) {
  sol_user *user = sol_users_find(&mem->users, append->user, now);
  const sol_forgotten *gone = append->count ? sol_forgotten_find(&mem->forgotten, append->user) : NULL;
  solid_status status = SOLID_OK;
  *applied = 0;
  if (user && append->count) sol_users_renew(&mem->users, user);
  for (size_t i = 0; i < append->count && !status; i++) {
    const solid_position *position = &append->positions[i];
    int has_mark = user && sol_users_has_mark(user, position->stream);
    if (gone && !has_mark && sol_forgotten_covers(gone, position, append->steps[i].time_ms)) continue;
    if (!user) status = sol_users_add(&mem->users, append->user, now, &user);
    if (status) break;
    user->life = gone ? gone->times : 0;
    status = sol_users_append(&mem->users, user, &append->steps[i], append->dislikes && append->dislikes[i], position,
                              now, applied);
  }
  if (!status) read_window(mem, user && user->era == mem->users.era ? user : NULL, window);
  return status;
}

solid_status sol_memory_advance(solid_store *store, const solid_append *appends, size_t n, solid_window *windows,
                                size_t *applied, solid_status *statuses) {
  sol_memory_store *self = (sol_memory_store *)store;
  sol_memory *mem = self->mem;
  solid_status status = sol_port_check_appends(store, appends, n, windows, statuses);
  if (status) return status;
  int64_t now = sol_memory_lock(mem);
  solid_status lost = check_era(self);
  status = lost;
  if (!lost && n && !self->is_writer) self->is_writer = 1, self->era = mem->users.era;
  for (size_t i = 0; i < n; i++) {
    size_t fresh = 0;
    statuses[i] = lost ? lost : advance_user(mem, &appends[i], now, &windows[i], &fresh);
    note(&status, statuses[i]);
    if (statuses[i] && fresh) statuses[i] = SOLID_EUNKNOWN; /* some of his events */
    if (applied) applied[i] = fresh;
  }
  store->items = mem->items.version;
  pthread_mutex_unlock(&mem->lock);
  return status;
}

static solid_status put_user(sol_memory *mem, solid_bytes id, const solid_params *params, int64_t now,
                             int64_t wall_ms) {
  sol_user *user = sol_users_find(&mem->users, id, now);
  if (!user && sol_forgotten_find(&mem->forgotten, id)) return SOLID_OK; /* while they were made */
  solid_status status = user ? SOLID_OK : sol_users_add(&mem->users, id, now, &user);
  if (status) return status;
  if (user->life != params->life) return SOLID_OK; /* made before the user was forgotten, and began anew */
  solid_params stored = {.seq = 0};
  if (user->record)
    stored = (solid_params){
        .seq = user->params_seq, .generation = user->generation, .width = user->width, .count = user->params};
  if (sol_port_keeps(user->seq, &stored, params)) return SOLID_OK;
  size_t h_size = sizeof(float) * params->width;
  size_t size = h_size + sol_values_size((solid_element)params->element, params->count);
  status = sol_users_size_record(&mem->users, user, (uint32_t)size, now);
  if (status) return status;
  sol_values_pack(SOLID_F32, params->h, params->width, user->record);
  sol_params_pack(params, user->record + h_size);
  user->params_seq = params->seq;
  user->generation = params->generation;
  user->width = params->width;
  user->params = params->count;
  user->element = params->element;
  user->made_ms = params->made_ms ? params->made_ms : wall_ms;
  user->items = params->items & 0xffffff;
  return SOLID_OK;
}

solid_status sol_memory_put_params(solid_store *store, const solid_bytes *users, const solid_params *params, size_t n,
                                   solid_status *statuses) {
  sol_memory *mem = ((sol_memory_store *)store)->mem;
  solid_status status = sol_port_check_params(users, params, n, statuses);
  if (status) return status;
  int64_t now = sol_memory_lock(mem), wall_ms = sol_wall_ms();
  status = check_era((sol_memory_store *)store);
  for (size_t i = 0; i < n && !status; i++) status = put_user(mem, users[i], &params[i], now, wall_ms);
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
  params->element = user->element;
  params->made_ms = user->made_ms;
  params->items = user->items;
  return 1;
}

solid_status sol_memory_get(solid_store *store, const solid_bytes *users, size_t n, uint64_t generation,
                            solid_window *windows, solid_params *params, uint8_t *found, solid_status *statuses) {
  sol_memory *mem = ((sol_memory_store *)store)->mem;
  solid_status status = sol_port_check_get(store, users, n, windows, params, found, statuses);
  if (status) return status;
  int64_t now = sol_memory_lock(mem);
  for (size_t i = 0; i < n; i++) {
    const sol_user *user = sol_users_find(&mem->users, users[i], now);
    read_window(mem, user, &windows[i]);
    found[i] = (uint8_t)read_params(user, generation, &params[i]);
  }
  store->items = mem->items.version;
  pthread_mutex_unlock(&mem->lock);
  return SOLID_OK;
}

/* Nothing is removed before all that is needed to remember it is there. */
static solid_status forget_user(sol_memory_store *store, const solid_forgetting *asked, int64_t wall_ms, uint8_t *had) {
  sol_memory *mem = store->mem;
  const solid_position *position = &asked->position;
  solid_position marks[SOL_MARKS_MAX];
  sol_forgotten *one;
  size_t n_marks;
  solid_status status = sol_forgotten_add(&mem->forgotten, asked->user, &one);
  if (status) return status;
  int is_known = position->stream &&
                 (sol_forgotten_has_met(one, position) || sol_users_has_passed(&mem->users, asked->user, position));
  if (is_known) return SOLID_OK;
  *had = (uint8_t)sol_users_forget(&mem->users, asked->user, marks, &n_marks);
  for (size_t i = 0; i < n_marks; i++) sol_forgotten_mark(one, &marks[i]);
  if (position->stream) sol_forgotten_mark(one, position);
  int64_t time_ms = asked->time_ms ? asked->time_ms : wall_ms;
  if (time_ms > one->time_ms) one->time_ms = time_ms;
  one->times++;
  return SOLID_OK;
}

solid_status sol_memory_forget(solid_store *store, const solid_forgetting *forgettings, size_t n, uint8_t *had,
                               solid_status *statuses) {
  sol_memory_store *self = (sol_memory_store *)store;
  solid_status status = sol_port_check_forget(forgettings, n, statuses);
  if (status) return status;
  int64_t wall_ms = sol_wall_ms();
  sol_memory_lock(self->mem);
  for (size_t i = 0; i < n; i++) {
    uint8_t was_there = 0;
    statuses[i] = forget_user(self, &forgettings[i], wall_ms, &was_there);
    note(&status, statuses[i]);
    if (had) had[i] = was_there;
  }
  pthread_mutex_unlock(&self->mem->lock);
  return status;
}

/* From the last place to the first: the last user moves to the place of one who goes, which only names him again. */
solid_status sol_memory_list(solid_store *store, size_t most, uint64_t *cursor, solid_user_fn take, void *take_user) {
  sol_memory *mem = ((sol_memory_store *)store)->mem;
  solid_status status = sol_port_check_list(most, cursor, take);
  if (status) return status;
  int64_t now = sol_memory_lock(mem);
  size_t left = !*cursor || *cursor > mem->users.n_users ? mem->users.n_users : (size_t)*cursor;
  for (size_t n = 0; n < most && left; n++) {
    solid_bytes id = sol_users_id(&mem->users, --left, now);
    if (id.size) take(take_user, id);
  }
  *cursor = left;
  pthread_mutex_unlock(&mem->lock);
  return SOLID_OK;
}

solid_status sol_memory_put_states(solid_store *store, const solid_state_put *puts, size_t n, uint8_t *stored,
                                   solid_status *statuses) {
  sol_memory *mem = ((sol_memory_store *)store)->mem;
  solid_status status = sol_port_check_puts(puts, n, stored, statuses);
  if (status) return status;
  int64_t now = sol_memory_lock(mem);
  status = check_era((sol_memory_store *)store);
  for (size_t i = 0; i < n && !status; i++)
    status =
        sol_users_put_state(&mem->users, sol_users_find(&mem->users, puts[i].user, now), &puts[i], now, &stored[i]);
  pthread_mutex_unlock(&mem->lock);
  return status;
}

solid_status sol_memory_get_states(solid_store *store, const solid_bytes *users, const uint64_t *births, size_t n,
                                   solid_state *states, solid_status *statuses) {
  sol_memory *mem = ((sol_memory_store *)store)->mem;
  solid_status status = sol_port_check_states(users, births, n, states, statuses);
  if (status) return status;
  int64_t now = sol_memory_lock(mem);
  for (size_t i = 0; i < n; i++) {
    const sol_user *user = sol_users_find(&mem->users, users[i], now);
    sol_history_read_state(user ? user->history : NULL, births[i], user ? user->seq : 0, &states[i]);
  }
  pthread_mutex_unlock(&mem->lock);
  return SOLID_OK;
}
