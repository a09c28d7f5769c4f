#include "store/memory/user_table.h"
#include "solid/extend.h"
#include <stdlib.h>
#include <string.h>

enum { FIRST_ROOM = 32 }; /* and twice as much each time: always what a table of 64, 128, ... slots holds */

/* The block is head, steps unless they have one of their own, id. */
static size_t inner_steps(const sol_user_table *table) {
  return table->tail ? 0 : sizeof(solid_step) * table->window;
}

static char *user_id(const sol_user_table *table, sol_user *user) {
  return (char *)(user + 1) + inner_steps(table);
}

static size_t user_size(const sol_user_table *table, size_t id_size) {
  return sizeof(sol_user) + inner_steps(table) + id_size;
}

/* What a user takes up beside the block. */
static size_t outer_size(const sol_user_table *table, const sol_user *user) {
  return user->record_size + sizeof *user->marks * user->n_marks + sizeof *user->dislikes * user->n_dislikes +
         (table->tail ? sizeof *user->steps * user->steps_room : 0) + sol_history_bytes(user->history);
}

static int has_room(const sol_user_table *table, size_t more) {
  return !table->max_bytes || (table->bytes <= table->max_bytes && more <= table->max_bytes - table->bytes);
}

static solid_status full(const sol_user_table *table, size_t more) {
  return solid_fail(SOLID_EFULL, "memory store: %zu bytes used, %zu more needed, %llu allowed", table->bytes, more,
                    (unsigned long long)table->max_bytes);
}

static int is_expired(const sol_user_table *table, const sol_user *user, int64_t now_ms) {
  return table->ttl_ms && user->expires_ms <= now_ms;
}

solid_bytes sol_users_id(const sol_user_table *table, size_t place, int64_t now_ms) {
  sol_user *user = table->users[place];
  return is_expired(table, user, now_ms) ? (solid_bytes){NULL, 0} : (solid_bytes){user_id(table, user), user->id_size};
}

/* Bytes of table and list with room for so many users. */
static size_t room_bytes(size_t users) {
  return sol_table_bytes(users) + users * sizeof(sol_user *);
}

static solid_status make_places(sol_user_table *table, size_t room) {
  sol_user **users = realloc(table->users, room * sizeof *users);
  if (users) table->users = users;
  if (!users || !sol_table_reserve(&table->by_id, room))
    return solid_fail(SOLID_ENOMEM, "memory store: table of %zu users", room);
  table->bytes += room_bytes(room) - room_bytes(table->room);
  table->room = room;
  return SOLID_OK;
}

solid_status sol_users_init(sol_user_table *table) {
  table->users = NULL;
  table->by_id = (sol_table){0};
  table->n_users = table->room = table->bytes = 0;
  solid_status status = make_places(table, FIRST_ROOM);
  if (status) sol_users_clear(table);
  return status;
}

/* Frees all but the block. */
static void free_outer(sol_user_table *table, sol_user *user) {
  table->bytes -= outer_size(table, user);
  free(user->record);
  free(user->marks);
  free(user->dislikes);
  sol_history_free(user->history);
  if (table->tail) free(user->steps);
}

static void free_user(sol_user_table *table, sol_user *user) {
  free_outer(table, user);
  table->bytes -= user_size(table, user->id_size);
  free(user);
}

void sol_users_clear(sol_user_table *table) {
  for (size_t i = 0; i < table->n_users; i++) free_user(table, table->users[i]);
  free(table->users);
  sol_table_clear(&table->by_id);
  table->users = NULL;
  table->n_users = table->room = 0;
}

static int same_id(const void *owner, uint32_t place, const void *key) {
  const sol_user_table *table = owner;
  const solid_bytes *id = key;
  sol_user *user = table->users[place];
  return user->id_size == id->size && memcmp(user_id(table, user), id->data, id->size) == 0;
}

static void remove_user(sol_user_table *table, sol_user *user) {
  sol_user *last = table->users[--table->n_users];
  sol_table_remove(&table->by_id, user->hash, user->place);
  if (last != user) {
    sol_table_remove(&table->by_id, last->hash, last->place);
    last->place = user->place;
    table->users[last->place] = last;
    sol_table_add(&table->by_id, last->hash, last->place);
  }
  free_user(table, user);
}

/* Removes every expired user. A removal moves the last user to the freed place, so the place is checked again. */
static void sweep(sol_user_table *table, int64_t now_ms) {
  for (size_t i = 0; table->ttl_ms && i < table->n_users;)
    if (is_expired(table, table->users[i], now_ms))
      remove_user(table, table->users[i]);
    else
      i++;
}

sol_user *sol_users_find(sol_user_table *table, solid_bytes id, int64_t now_ms) {
  uint32_t place = sol_table_find(&table->by_id, sol_table_hash(id.data, id.size), same_id, table, &id);
  if (place == SOL_NO_NUMBER) return NULL;
  sol_user *user = table->users[place];
  if (is_expired(table, user, now_ms)) {
    remove_user(table, user);
    return NULL;
  }
  user->expires_ms = now_ms + table->ttl_ms;
  return user;
}

static solid_status grow(sol_user_table *table) {
  size_t more = room_bytes(2 * table->room) - room_bytes(table->room);
  return has_room(table, more) ? make_places(table, 2 * table->room) : full(table, more);
}

solid_status sol_users_add(sol_user_table *table, solid_bytes id, int64_t now_ms, sol_user **out) {
  size_t size = user_size(table, id.size);
  if (table->n_users == table->room || !has_room(table, size)) sweep(table, now_ms);
  solid_status status = table->n_users == table->room ? grow(table) : SOLID_OK;
  if (status) return status;
  if (!has_room(table, size)) return full(table, size);
  sol_user *user = calloc(1, size);
  if (!user) return solid_fail(SOLID_ENOMEM, "memory store: user of %zu bytes", size);
  user->hash = sol_table_hash(id.data, id.size);
  user->id_size = (uint32_t)id.size;
  user->place = (uint32_t)table->n_users;
  user->expires_ms = now_ms + table->ttl_ms;
  user->era = table->era;
  if (!table->tail) user->steps = (solid_step *)(user + 1), user->steps_room = table->window;
  memcpy(user_id(table, user), id.data, id.size);
  table->users[table->n_users++] = user;
  sol_table_add(&table->by_id, user->hash, user->place);
  table->bytes += size;
  *out = user;
  return SOLID_OK;
}

sol_user *sol_users_look(const sol_user_table *table, solid_bytes id) {
  uint32_t place = sol_table_find(&table->by_id, sol_table_hash(id.data, id.size), same_id, table, &id);
  return place == SOL_NO_NUMBER ? NULL : table->users[place];
}

int sol_users_forget(sol_user_table *table, solid_bytes id, solid_position *marks, size_t *n_marks) {
  sol_user *user = sol_users_look(table, id);
  *n_marks = user ? user->n_marks : 0;
  if (*n_marks) memcpy(marks, user->marks, sizeof *marks * *n_marks);
  if (user) remove_user(table, user);
  return user != NULL;
}

solid_status sol_users_make_room(sol_user_table *table, size_t more, int64_t now_ms) {
  if (!has_room(table, more)) sweep(table, now_ms);
  return has_room(table, more) ? SOLID_OK : full(table, more);
}

void sol_users_renew(sol_user_table *table, sol_user *user) {
  if (user->era == table->era) return;
  free_outer(table, user);
  user->record = NULL, user->marks = NULL, user->dislikes = NULL, user->history = NULL;
  if (table->tail) user->steps = NULL, user->steps_room = 0;
  user->birth = 0;
  user->n_marks = user->n_dislikes = user->count = 0;
  user->record_size = 0;
  user->seq = user->params_seq = 0;
  user->era = table->era;
}
