/* What one user of the table has: marks, dislikes, steps and pages, parameters, state. */
#include "solid/extend.h"
#include "store/memory/user_table.h"
#include "store/record/head.h"
#include "store/record/port.h"
#include <stdlib.h>
#include <string.h>

/* Place of the stream's mark, n_marks where it has none. */
static size_t find_mark(const sol_user *user, uint64_t stream) {
  size_t i = 0;
  while (i < user->n_marks && user->marks[i].stream != stream) i++;
  return i;
}

int sol_users_has_mark(const sol_user *user, uint64_t stream) {
  return find_mark(user, stream) < user->n_marks;
}

int sol_users_has_passed(const sol_user_table *table, solid_bytes id, const solid_position *position) {
  const sol_user *user = sol_users_look(table, id);
  size_t mark = user && user->era == table->era ? find_mark(user, position->stream) : 0;
  return user && user->era == table->era && mark < user->n_marks && user->marks[mark].offset >= position->offset;
}

static solid_status reserve_mark(sol_user_table *table, sol_user *user, int64_t now_ms) {
  solid_status status = sol_users_make_room(table, sizeof *user->marks, now_ms);
  if (status) return status;
  solid_position *marks = realloc(user->marks, sizeof *marks * (user->n_marks + 1));
  if (!marks) return solid_fail(SOLID_ENOMEM, "memory store: %zu marks", user->n_marks + 1);
  user->marks = marks;
  return SOLID_OK;
}

static solid_status reserve_dislike(sol_user_table *table, sol_user *user, int64_t now_ms) {
  solid_status status = sol_users_make_room(table, sizeof *user->dislikes, now_ms);
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
  solid_status status = sol_users_make_room(table, sizeof *user->history, now_ms);
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
  if (!status) status = sol_users_make_room(table, sol_history_more(user->history), now_ms);
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
  solid_status status = sol_users_make_room(table, more, now_ms);
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
  solid_status status =
      size > user->record_size ? sol_users_make_room(table, size - user->record_size, now_ms) : SOLID_OK;
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
  if (n) memcpy(out + older, user->steps + user->count - n, sizeof *out * n); /* before the first there is no array */
  return older + n;
}

solid_status sol_users_put_state(sol_user_table *table, sol_user *user, const solid_state_put *put, int64_t now_ms,
                                 uint8_t *stored) {
  size_t size = 0, before;
  *stored = 0;
  if (!user || !user->birth || user->birth != put->stamp.birth) return SOLID_OK;
  for (size_t i = 0; i < put->n; i++) size += put->parts[i].size + sizeof(sol_kept_part);
  solid_status status = make_history(table, user, now_ms);
  if (!status) status = sol_users_make_room(table, size, now_ms);
  if (status) return status;
  before = sol_history_bytes(user->history);
  status = sol_history_put_state(user->history, put, stored);
  table->bytes = table->bytes - before + sol_history_bytes(user->history);
  return status;
}
