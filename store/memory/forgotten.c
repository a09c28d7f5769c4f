#include "store/memory/forgotten.h"
#include "solid/extend.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <xxhash.h>

static void name_user(const sol_forgotten_list *list, solid_bytes user, uint64_t name[2]) {
  XXH128_hash_t hash = XXH3_128bits_withSecret(user.data, user.size, list->secret, sizeof list->secret);
  name[0] = hash.low64;
  name[1] = hash.high64;
}

static int same_name(const void *owner, uint32_t number, const void *key) {
  const sol_forgotten_list *list = owner;
  return memcmp(list->all[number]->name, key, sizeof list->all[number]->name) == 0;
}

void sol_forgotten_clear(sol_forgotten_list *list) {
  for (size_t i = 0; i < list->count; i++) free(list->all[i]);
  free(list->all);
  sol_table_clear(&list->by_name);
  memset(list, 0, sizeof *list);
}

sol_forgotten *sol_forgotten_find(const sol_forgotten_list *list, solid_bytes user) {
  uint64_t name[2];
  if (!list->count) return NULL;
  name_user(list, user, name);
  uint32_t at = sol_table_find(&list->by_name, name[0], same_name, list, name);
  return at == SOL_NO_NUMBER ? NULL : list->all[at];
}

static solid_status make_room(sol_forgotten_list *list) {
  size_t room = list->room ? 2 * list->room : 16;
  if (list->count < list->room) return SOLID_OK;
  sol_forgotten **all = realloc(list->all, room * sizeof(sol_forgotten *));
  if (all) list->all = all;
  if (!all || !sol_table_reserve(&list->by_name, room))
    return solid_fail(SOLID_ENOMEM, "memory store: list of %zu forgotten users", room);
  list->room = room;
  return SOLID_OK;
}

solid_status sol_forgotten_add(sol_forgotten_list *list, solid_bytes user, sol_forgotten **out) {
  *out = sol_forgotten_find(list, user);
  if (*out) return SOLID_OK;
  solid_status status = make_room(list);
  if (status) return status;
  if (!list->count && getrandom(list->secret, sizeof list->secret, 0) != (ssize_t)sizeof list->secret)
    return solid_fail(SOLID_EIO, "memory store: no random bits for the list of forgotten users: %s", strerror(errno));
  sol_forgotten *one = calloc(1, sizeof *one);
  if (!one) return solid_fail(SOLID_ENOMEM, "memory store: a forgotten user");
  name_user(list, user, one->name);
  one->time_ms = INT64_MIN;
  sol_table_add(&list->by_name, one->name[0], (uint32_t)list->count);
  list->all[list->count++] = one;
  *out = one;
  return SOLID_OK;
}

static size_t find_mark(const sol_forgotten *one, uint64_t stream) {
  size_t i = 0;
  while (i < one->n_marks && one->marks[i].stream != stream) i++;
  return i;
}

void sol_forgotten_mark(sol_forgotten *one, const solid_position *position) {
  size_t at = find_mark(one, position->stream);
  if (at < one->n_marks) {
    if (position->offset > one->marks[at].offset) one->marks[at].offset = position->offset;
    return;
  }
  if (one->n_marks == SOL_FORGOTTEN_MARKS) memmove(one->marks, one->marks + 1, sizeof *one->marks * --one->n_marks);
  one->marks[one->n_marks++] = *position;
}

int sol_forgotten_has_met(const sol_forgotten *one, const solid_position *position) {
  size_t at = find_mark(one, position->stream);
  return at < one->n_marks && one->marks[at].offset >= position->offset;
}

int sol_forgotten_covers(const sol_forgotten *one, const solid_position *position, int64_t time_ms) {
  size_t at = find_mark(one, position->stream);
  if (!position->stream) return 0; /* happens now */
  return at < one->n_marks ? position->offset <= one->marks[at].offset : time_ms <= one->time_ms;
}
