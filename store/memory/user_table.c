#include "store/memory/user_table.h"
#include "solid/extend.h"
#include "store/record/head.h"
#include "store/record/port.h"
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

/* Makes room for `more` bytes of an existing user, if need be by removing expired users. */
static solid_status make_room(sol_user_table *table, size_t more, int64_t now_ms) {
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

/* Place of the stream's mark, n_marks where it has none. */
static size_t find_mark(const sol_user *user, uint64_t stream) {
  size_t i = 0;
  while (i < user->n_marks && user->marks[i].stream != stream) i++;
  return i;
}

static solid_status reserve_mark(sol_user_table *table, sol_user *user, int64_t now_ms) {
  solid_status status = make_room(table, sizeof *user->marks, now_ms);
  if (status) return status;
  solid_position *marks = realloc(user->marks, sizeof *marks * (user->n_marks + 1));
  if (!marks) return solid_fail(SOLID_ENOMEM, "memory store: %zu marks", user->n_marks + 1);
  user->marks = marks;
  return SOLID_OK;
}

static solid_status reserve_dislike(sol_user_table *table, sol_user *user, int64_t now_ms) {
  solid_status status = make_room(table, sizeof *user->dislikes, now_ms);
  if (status) return status;
  uint64_t *dislikes = realloc(user->dislikes, sizeof *dislikes * (user->n_dislikes + 1));
  if (!dislikes) return solid_fail(SOLID_ENOMEM, "memory store: %zu dislikes", user->n_dislikes + 1);
  user->dislikes = dislikes;
  return SOLID_OK;
}

/* The mark of the stream, which lies at `i`, becomes the newest; there is room for one more where there is none. */
static void move_mark(sol_user_table *table, sol_user *user, size_t i, const solid_position *position) {
  if (i == user->n_marks && i < SOL_MARKS_MAX) {
    user->n_marks++;
    table->bytes += sizeof *user->marks;
  } else {
    if (i == user->n_marks) i = 0; /* the stream that has not moved for longest */
    memmove(user->marks + i, user->marks + i + 1, sizeof *user->marks * (user->n_marks - i - 1));
  }
  user->marks[user->n_marks - 1] = *position;
}

static void forget_dislike(sol_user_table *table, sol_user *user, uint64_t item) {
  for (size_t i = 0; i < user->n_dislikes; i++) {
    if (user->dislikes[i] != item) continue;
    user->n_dislikes--;
    table->bytes -= sizeof *user->dislikes;
    memmove(user->dislikes + i, user->dislikes + i + 1, sizeof *user->dislikes * (user->n_dislikes - i));
    return;
  }
}

/* There is room for one more. */
static void add_dislike(sol_user_table *table, sol_user *user, uint64_t item) {
  if (user->n_dislikes == SOLID_DISLIKES_MAX) forget_dislike(table, user, user->dislikes[0]);
  user->dislikes[user->n_dislikes++] = item;
  table->bytes += sizeof *user->dislikes;
}

static void drop_params(sol_user_table *table, sol_user *user) {
  table->bytes -= user->record_size;
  free(user->record);
  user->record = NULL;
  user->record_size = 0;
}

static solid_status make_history(sol_user_table *table, sol_user *user, int64_t now_ms) {
  if (user->history) return SOLID_OK;
  solid_status status = make_room(table, sizeof *user->history, now_ms);
  if (status) return status;
  user->history = calloc(1, sizeof *user->history);
  if (!user->history) return solid_fail(SOLID_ENOMEM, "memory store: history");
  table->bytes += sizeof *user->history;
  return SOLID_OK;
}

/* The oldest steps become a page. */
static solid_status fill_page(sol_user_table *table, sol_user *user, int64_t now_ms) {
  size_t dropped, before;
  solid_status status = make_history(table, user, now_ms);
  if (!status) status = make_room(table, sol_history_more(user->history), now_ms);
  if (status) return status;
  before = sol_history_bytes(user->history);
  status = sol_history_add(user->history, user->steps, user->seq, table->history, &dropped);
  table->bytes = table->bytes - before + sol_history_bytes(user->history);
  table->dropped += dropped;
  if (status) return status;
  user->count -= SOLID_PAGE_STEPS;
  memmove(user->steps, user->steps + SOLID_PAGE_STEPS, sizeof *user->steps * user->count);
  return SOLID_OK;
}

/* Room for one step more, where there are pages. */
static solid_status reserve_step(sol_user_table *table, sol_user *user, int64_t now_ms) {
  if (user->count < user->steps_room) return SOLID_OK;
  size_t most = table->tail + SOLID_PAGE_STEPS, room = 2 * (size_t)user->steps_room;
  if (user->count == most) return fill_page(table, user, now_ms);
  room = room < 8 ? 8 : room < most ? room : most;
  size_t more = sizeof *user->steps * (room - user->steps_room);
  solid_status status = make_room(table, more, now_ms);
  if (status) return status;
  solid_step *steps = realloc(user->steps, sizeof *steps * room);
  if (!steps) return solid_fail(SOLID_ENOMEM, "memory store: %zu steps", room);
  user->steps = steps;
  user->steps_room = (uint32_t)room;
  table->bytes += more;
  return SOLID_OK;
}

static void add_step(sol_user_table *table, sol_user *user, const solid_step *step) {
  if (!table->tail && user->count == table->window) {
    user->count--;
    memmove(user->steps, user->steps + 1, sizeof *step * user->count);
  }
  if (table->tail && !user->birth) user->birth = ++table->births;
  user->steps[user->count++] = *step;
  user->seq++;
}

solid_status sol_users_append(sol_user_table *table, sol_user *user, const solid_step *step, int is_dislike,
                              const solid_position *position, int64_t now_ms, size_t *applied) {
  size_t mark = position->stream ? find_mark(user, position->stream) : 0;
  int is_known = position->stream && mark < user->n_marks;
  if (is_known && position->offset <= user->marks[mark].offset) return SOLID_OK;
  solid_status status = SOLID_OK;
  if (position->stream && !is_known && mark < SOL_MARKS_MAX) status = reserve_mark(table, user, now_ms);
  if (!status && is_dislike) status = reserve_dislike(table, user, now_ms);
  if (!status && !is_dislike && table->tail) status = reserve_step(table, user, now_ms);
  if (status) return status;
  if (!user->seq) drop_params(table, user); /* their seq does not belong to the new window */
  if (position->stream) move_mark(table, user, mark, position);
  forget_dislike(table, user, step->item);
  if (is_dislike)
    add_dislike(table, user, step->item);
  else
    add_step(table, user, step);
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

size_t sol_users_read(const sol_user *user, size_t most, solid_step *out) {
  const sol_history *history = user->history;
  size_t n = user->count < most ? user->count : most, older = most - n;
  size_t paged = history ? SOLID_PAGE_STEPS * history->n_pages : 0;
  if (older > paged) older = paged;
  uint64_t first = user->seq - user->count; /* of those that are in no page */
  if (older) sol_history_read(history, first - older, first, out);
  memcpy(out + older, user->steps + user->count - n, sizeof *out * n);
  return older + n;
}

solid_status sol_users_put_state(sol_user_table *table, sol_user *user, const solid_state_put *put, int64_t now_ms,
                                 uint8_t *stored) {
  size_t size = 0, before;
  *stored = 0;
  if (!user || !user->birth || user->birth != put->stamp.birth) return SOLID_OK;
  for (size_t i = 0; i < put->n; i++) size += put->parts[i].size + sizeof(sol_kept_part);
  solid_status status = make_history(table, user, now_ms);
  if (!status) status = make_room(table, size, now_ms);
  if (status) return status;
  before = sol_history_bytes(user->history);
  status = sol_history_put_state(user->history, put, stored);
  table->bytes = table->bytes - before + sol_history_bytes(user->history);
  return status;
}
