#include "solid/serve/grouping.h"
#include "solid/extend.h"
#include "solid/model/model_parts.h"
#include "solid/serve/follow.h"
#include <stdlib.h>
#include <string.h>

void sol_groups_clear(sol_groups *groups) {
  free(groups->users);
  free(groups->offsets);
  free(groups->members);
  free(groups->group_of);
  sol_table_clear(&groups->table);
  *groups = (sol_groups){0};
}

static solid_status groups_reserve(sol_groups *groups, size_t n) {
  if (n <= groups->capacity) return SOLID_OK;
  size_t capacity = groups->capacity ? groups->capacity : 64;
  while (capacity < n && capacity < SIZE_MAX / 64) capacity *= 2;
  if (capacity < n) return solid_fail(SOLID_ENOMEM, "out of memory: batch of %zu events", n);
  sol_groups made = {.capacity = capacity};
  made.users = malloc(capacity * sizeof *made.users);
  made.offsets = malloc((capacity + 1) * sizeof *made.offsets);
  made.members = malloc(capacity * sizeof *made.members);
  made.group_of = malloc(capacity * sizeof *made.group_of);
  if (!made.users || !made.offsets || !made.members || !made.group_of || !sol_table_reserve(&made.table, capacity)) {
    sol_groups_clear(&made);
    return solid_fail(SOLID_ENOMEM, "out of memory: batch of %zu events", n);
  }
  sol_groups_clear(groups);
  *groups = made;
  return SOLID_OK;
}

static int same_user(const void *owner, uint32_t group, const void *key) {
  const sol_groups *groups = owner;
  const solid_bytes *known = &groups->users[group], *user = key;
  return known->size == user->size && memcmp(known->data, user->data, user->size) == 0;
}

/* Number of the user's group; a new group if the user has none yet. */
static size_t group_find(sol_groups *groups, solid_bytes user) {
  uint64_t hash = sol_table_hash(user.data, user.size);
  uint32_t group = sol_table_find(&groups->table, hash, same_user, groups, &user);
  if (group != SOL_NO_NUMBER) return group;
  groups->users[groups->count] = user;
  sol_table_add(&groups->table, hash, (uint32_t)groups->count);
  return groups->count++;
}

solid_status sol_groups_make(sol_groups *groups, const solid_event *events, const uint8_t *keep, size_t n) {
  groups->count = 0;
  solid_status status = groups_reserve(groups, n ? n : 1);
  if (status) return status;
  sol_table_empty(&groups->table);
  memset(groups->offsets, 0, (n + 1) * sizeof *groups->offsets);

  for (size_t i = 0; i < n; i++) {
    if (!keep[i]) continue;
    groups->group_of[i] = group_find(groups, events[i].user);
    groups->offsets[groups->group_of[i] + 1]++;
  }
  for (size_t g = 0; g < groups->count; g++) groups->offsets[g + 1] += groups->offsets[g];
  /* Filling moves each group's start to its end, so the entries are shifted back by one afterwards. */
  for (size_t i = 0; i < n; i++)
    if (keep[i]) groups->members[groups->offsets[groups->group_of[i]]++] = i;
  for (size_t g = groups->count; g > 0; g--) groups->offsets[g] = groups->offsets[g - 1];
  groups->offsets[0] = 0;
  return SOLID_OK;
}

int sol_has_later_items(const solid_model *model, const solid_window *window, uint64_t seq, uint32_t items) {
  uint64_t newer = window->seq > seq ? window->seq - seq : 0;
  for (size_t i = 0; model->growth && i + newer < window->count; i++) {
    uint32_t item = solid_model_item_by_hash(model, window->steps[i].item);
    const sol_joined *joined = item == SOLID_NO_ITEM ? NULL : sol_model_joined(model, item);
    if (joined && sol_is_later(joined->number, items)) return 1;
  }
  return 0;
}

size_t sol_known_items(const solid_model *model, const solid_window *window, size_t most, uint32_t *items) {
  size_t n = 0;
  for (size_t i = window->count > most ? window->count - most : 0; i < window->count; i++) {
    uint32_t item = solid_model_item_by_hash(model, window->steps[i].item);
    if (item != SOLID_NO_ITEM) items[n++] = item;
  }
  return n;
}

solid_status sol_id_check(solid_bytes id) {
  if (id.size == 0 || id.size > SOLID_ID_MAX) return SOLID_ERANGE;
  return id.data ? SOLID_OK : SOLID_EINVAL;
}

solid_status sol_store_check(const solid_store *store, const solid_model_info *info) {
  if (store->window < info->window)
    return solid_fail(SOLID_EMISMATCH, "store keeps windows of %u steps, the model reads %u", store->window,
                      info->window);
  return SOLID_OK;
}
