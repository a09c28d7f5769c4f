#include "store/memory/user_table.h"
#include "solid/extend.h"
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { FIRST_SLOTS = 64 };

static char *user_id(const sol_user_table *table, sol_user *user) {
  return (char *)(user->steps + table->window);
}

static size_t user_size(const sol_user_table *table, size_t id_size) {
  return sizeof(sol_user) + sizeof(solid_step) * table->window + id_size;
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

solid_status sol_users_init(sol_user_table *table) {
  table->n_slots = table->n_users = 0;
  table->slots = calloc(FIRST_SLOTS, sizeof *table->slots);
  if (!table->slots) return solid_fail(SOLID_ENOMEM, "memory store: table of %d users", FIRST_SLOTS);
  table->n_slots = FIRST_SLOTS;
  table->bytes = sizeof *table->slots * FIRST_SLOTS;
  return SOLID_OK;
}

static void free_user(sol_user_table *table, sol_user *user) {
  table->bytes -= user_size(table, user->id_size) + sizeof *user->marks * user->n_marks;
  table->bytes -= user->record_size;
  free(user->record);
  free(user->marks);
  free(user);
}

void sol_users_clear(sol_user_table *table) {
  for (size_t i = 0; i < table->n_slots; i++)
    if (table->slots[i]) free_user(table, table->slots[i]);
  free(table->slots);
  table->slots = NULL;
  table->n_slots = table->n_users = 0;
}

/* Slot of the user, or the empty slot where they would go. */
static size_t find_slot(const sol_user_table *table, uint64_t hash, solid_bytes id) {
  size_t mask = table->n_slots - 1, i = (size_t)hash & mask;
  for (sol_user *user; (user = table->slots[i]); i = (i + 1) & mask)
    if (user->hash == hash && user->id_size == id.size && !memcmp(user_id(table, user), id.data, id.size)) break;
  return i;
}

/* Frees slot i and moves back those behind it that a probe would otherwise no longer reach. */
static void remove_slot(sol_user_table *table, size_t i) {
  size_t mask = table->n_slots - 1;
  free_user(table, table->slots[i]);
  table->slots[i] = NULL;
  table->n_users--;
  for (size_t j = (i + 1) & mask; table->slots[j]; j = (j + 1) & mask) {
    size_t home = (size_t)table->slots[j]->hash & mask;
    if (((j - home) & mask) < ((j - i) & mask)) continue;
    table->slots[i] = table->slots[j];
    table->slots[j] = NULL;
    i = j;
  }
}

/* Forgets everybody whose time is over. A removal can move a user into the slot just looked at: look again. */
static void sweep(sol_user_table *table, int64_t now_ms) {
  for (size_t i = 0; table->ttl_ms && i < table->n_slots;)
    if (table->slots[i] && is_expired(table, table->slots[i], now_ms))
      remove_slot(table, i);
    else
      i++;
}

sol_user *sol_users_find(sol_user_table *table, solid_bytes id, int64_t now_ms) {
  size_t i = find_slot(table, XXH3_64bits(id.data, id.size), id);
  sol_user *user = table->slots[i];
  if (user && is_expired(table, user, now_ms)) {
    remove_slot(table, i);
    return NULL;
  }
  if (user) user->expires_ms = now_ms + table->ttl_ms;
  return user;
}

static int is_crowded(const sol_user_table *table) {
  return table->n_users + 1 > table->n_slots / 4 * 3;
}

static solid_status grow(sol_user_table *table) {
  size_t n = table->n_slots * 2, more = sizeof *table->slots * table->n_slots;
  if (!has_room(table, more)) return full(table, more);
  sol_user **slots = calloc(n, sizeof *slots);
  if (!slots) return solid_fail(SOLID_ENOMEM, "memory store: table of %zu users", n);
  for (size_t i = 0; i < table->n_slots; i++) {
    if (!table->slots[i]) continue;
    size_t j = (size_t)table->slots[i]->hash & (n - 1);
    while (slots[j]) j = (j + 1) & (n - 1);
    slots[j] = table->slots[i];
  }
  free(table->slots);
  table->slots = slots;
  table->n_slots = n;
  table->bytes += more;
  return SOLID_OK;
}

solid_status sol_users_add(sol_user_table *table, solid_bytes id, int64_t now_ms, sol_user **out) {
  size_t size = user_size(table, id.size);
  if (is_crowded(table) || !has_room(table, size)) sweep(table, now_ms);
  solid_status status = is_crowded(table) ? grow(table) : SOLID_OK;
  if (status) return status;
  if (!has_room(table, size)) return full(table, size);
  sol_user *user = calloc(1, size);
  if (!user) return solid_fail(SOLID_ENOMEM, "memory store: user of %zu bytes", size);
  user->hash = XXH3_64bits(id.data, id.size);
  user->id_size = id.size;
  user->expires_ms = now_ms + table->ttl_ms;
  memcpy(user_id(table, user), id.data, id.size);
  table->slots[find_slot(table, user->hash, id)] = user;
  table->n_users++;
  table->bytes += size;
  *out = user;
  return SOLID_OK;
}

/* Room for `more` bytes of a user who is there: those whose time is over make way. */
static solid_status make_room(sol_user_table *table, size_t more, int64_t now_ms) {
  if (!has_room(table, more)) sweep(table, now_ms);
  return has_room(table, more) ? SOLID_OK : full(table, more);
}

/* *is_new = 1 and the mark moved, or 0 when the mark of the stream is not below the offset. */
static solid_status move_mark(sol_user_table *table, sol_user *user, const solid_position *position, int64_t now_ms,
                              int *is_new) {
  *is_new = 1;
  if (!position->stream) return SOLID_OK;
  for (size_t i = 0; i < user->n_marks; i++) {
    if (user->marks[i].stream != position->stream) continue;
    *is_new = position->offset > user->marks[i].offset;
    if (*is_new) user->marks[i] = *position;
    return SOLID_OK;
  }
  solid_status status = make_room(table, sizeof *user->marks, now_ms);
  if (status) return status;
  solid_position *marks = realloc(user->marks, sizeof *marks * (user->n_marks + 1));
  if (!marks) return solid_fail(SOLID_ENOMEM, "memory store: %zu marks", user->n_marks + 1);
  user->marks = marks;
  marks[user->n_marks++] = *position;
  table->bytes += sizeof *marks;
  return SOLID_OK;
}

solid_status sol_users_append(sol_user_table *table, sol_user *user, const solid_step *step,
                              const solid_position *position, int64_t now_ms, size_t *applied) {
  int is_new;
  solid_status status = move_mark(table, user, position, now_ms, &is_new);
  if (status || !is_new) return status;
  if (user->count == table->window) {
    user->count--;
    memmove(user->steps, user->steps + 1, sizeof *step * user->count);
  }
  user->steps[user->count++] = *step;
  user->seq++;
  (*applied)++;
  return SOLID_OK;
}

solid_status sol_users_size_record(sol_user_table *table, sol_user *user, uint32_t size, int64_t now_ms) {
  if (user->record && user->record_size == size) return SOLID_OK;
  solid_status status = size > user->record_size ? make_room(table, size - user->record_size, now_ms) : SOLID_OK;
  if (status) return status;
  uint8_t *record = realloc(user->record, (size_t)size + 1); /* never of size 0 */
  if (!record) return solid_fail(SOLID_ENOMEM, "memory store: params of %u bytes", size);
  table->bytes = table->bytes - user->record_size + size;
  user->record = record;
  user->record_size = size;
  return SOLID_OK;
}
