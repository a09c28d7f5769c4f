/* Tables whose lines are histories: RecBole's item_id_list and the item that came next.
 *
 * Such a file is made from whole histories, a line for each event, and may have lost something on the way:
 *
 *   as it is     a|b        a b|c        a b c|d             each line is the beginning of the next: the longest counts
 *   cut to 2     a|b        a b|c        b c|d               lists of the greatest length are the newest events alone
 *   filled       a 0 0|b    a b 0|c      a b c|d             lists of one length, zeros behind (or before) the items
 *
 * A user's lines are joined: each shorter list with its item must begin the history, each one of the greatest length
 * must be its last events, oldest line first or newest first. Lines that do not continue one another are several
 * histories of a user, or something else, and are refused. */
#include "ingest/data/file.h"
#include "solid/base/text.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct row {
  uint32_t *items; /* (count + 1): the list, then what came next */
  uint32_t count;  /* of the list */
  size_t line;
} row;

typedef struct person {
  row start; /* the longest line whose list is shorter than the longest of the file */
  row *rows; /* the others, in the file's order */
  size_t count, room;
} person;

/* Where zeros stand in the lists of the file. */
typedef struct zeros {
  size_t before, behind, all, within; /* lines */
  size_t as_item;
  uint32_t longest_run;
} zeros;

typedef struct lists {
  solid_data_file *file;
  person *users;
  size_t room, lines;
  uint32_t shortest, longest; /* lists of the file */
  uint32_t zero;              /* the item "0"; UINT32_MAX = not there */
  zeros zeros;
  row joined; /* of one user; count is that of all items here */
  size_t joined_room;
} lists;

static solid_status no_memory(const lists *l) {
  return solid_fail(SOLID_ENOMEM, "%s: no room for the histories of %u users", l->file->path,
                    l->file->timeline.users.count);
}

static solid_status apart(const lists *l, size_t user, size_t line) {
  solid_bytes id = sol_interner_text(&l->file->timeline.users, (uint32_t)user);
  return solid_fail(SOLID_EFORMAT,
                    "%s:%zu: the lists of user \"%s\" do not continue one another: several histories of one user, or "
                    "lines left out; give a line for each event, with times",
                    l->file->path, line, sol_show(id.data, id.size).text);
}

static solid_status room_for_user(lists *l, uint32_t index) {
  if (index < l->room) return SOLID_OK;
  size_t room = 2 * (size_t)index + 256;
  person *users = realloc(l->users, room * sizeof *users);
  if (!users) return no_memory(l);
  memset(users + l->room, 0, (room - l->room) * sizeof *users);
  l->users = users;
  l->room = room;
  return SOLID_OK;
}

static size_t count_words(solid_bytes text) {
  size_t words = 0;
  for (size_t i = 0; i < text.size; i++) words += text.data[i] != ' ' && (i == 0 || text.data[i - 1] == ' ');
  return words;
}

static solid_status take_word(lists *l, row *r, uint32_t at, solid_bytes word) {
  solid_status status = sol_check_id(&l->file->lines, "item", word);
  return status == SOLID_OK ? sol_interner_find(&l->file->timeline.items, word, &r->items[at]) : status;
}

/* The current line's list and item; r->items is new. */
static solid_status take_row(lists *l, row *r, solid_bytes list, solid_bytes item) {
  *r = (row){.count = (uint32_t)count_words(list), .line = l->file->lines.number};
  r->items = malloc(((size_t)r->count + 1) * sizeof *r->items);
  if (!r->items) return no_memory(l);
  solid_status status = SOLID_OK;
  uint32_t n = 0;
  for (size_t i = 0; i < list.size && status == SOLID_OK;) {
    if (list.data[i] == ' ') {
      i++;
      continue;
    }
    const char *stop = memchr(list.data + i, ' ', list.size - i);
    solid_bytes word = {list.data + i, stop ? (size_t)(stop - list.data) - i : list.size - i};
    status = take_word(l, r, n++, word);
    i += word.size;
  }
  if (status == SOLID_OK) status = take_word(l, r, n, item);
  if (status != SOLID_OK) free(r->items);
  return status;
}

static void note_zeros(lists *l, const row *r) {
  uint32_t before = 0, behind = 0, count = 0, n = r->count;
  while (before < n && r->items[before] == l->zero) before++;
  while (behind < n && r->items[n - 1 - behind] == l->zero) behind++;
  for (uint32_t i = 0; i < n; i++) count += r->items[i] == l->zero;
  l->zeros.as_item += r->items[n] == l->zero;
  if (!count) return;
  l->zeros.all += before == n;
  if (before < n)
    l->zeros.before += before > 0, l->zeros.behind += behind > 0, l->zeros.within += count > before + behind;
  if (before > l->zeros.longest_run) l->zeros.longest_run = before;
  if (behind > l->zeros.longest_run) l->zeros.longest_run = behind;
}

/* 1 when the shorter of two begins the longer; *start becomes the longer, the other is freed. */
static int fold(row *start, row *r) {
  row *shorter = start->count < r->count ? start : r, *longer = shorter == start ? r : start;
  if (start->items && memcmp(shorter->items, longer->items, ((size_t)shorter->count + 1) * sizeof *r->items) != 0)
    return 0;
  if (!start->items || longer == r) {
    row old = *start;
    *start = *r;
    *r = old;
  }
  free(r->items);
  r->items = NULL;
  return 1;
}

/* Lines of a user whose lists are not the longest, now that a longer one was seen. */
static solid_status fold_short(lists *l, size_t index) {
  person *u = &l->users[index];
  size_t kept = 0;
  for (size_t i = 0; i < u->count; i++) {
    row r = u->rows[i];
    if (r.count < l->longest && !fold(&u->start, &r)) return apart(l, index, r.line);
    if (r.items && r.count == l->longest) u->rows[kept++] = r;
    u->rows[i].items = i < kept ? u->rows[i].items : NULL;
  }
  u->count = kept;
  return SOLID_OK;
}

static solid_status keep_row(lists *l, uint32_t index, row *r) {
  solid_status status = room_for_user(l, index);
  person *u = &l->users[index];
  if (status == SOLID_OK && u->count == u->room) {
    size_t room = 2 * u->room + 4;
    row *rows = realloc(u->rows, room * sizeof *rows);
    if (!rows) status = no_memory(l);
    if (rows) u->rows = rows, u->room = room;
  }
  if (status != SOLID_OK) {
    free(r->items);
    return status;
  }
  if (!l->lines++ || r->count < l->shortest) l->shortest = r->count;
  if (r->count > l->longest) l->longest = r->count;
  u->rows[u->count++] = *r;
  return l->shortest < l->longest ? fold_short(l, index) : SOLID_OK;
}

static solid_status read_line(lists *l) {
  solid_data_file *file = l->file;
  solid_bytes user, item;
  uint32_t index = 0;
  row r = {0};
  solid_status status = sol_fields_split(&file->fields, &file->lines, &file->separator);
  if (status == SOLID_OK && file->fields.count > file->columns)
    status = sol_lines_fail(&file->lines, "%zu fields, and there are %zu columns", file->fields.count, file->columns);
  if (status == SOLID_OK && file->at[SOL_LIST] >= file->fields.count)
    status = sol_lines_fail(&file->lines, "%zu fields, item_id_list is number %zu", file->fields.count,
                            file->at[SOL_LIST] + 1);
  if (status == SOLID_OK) status = sol_table_ids(file, &user, &item);
  if (status == SOLID_OK) status = take_row(l, &r, file->fields.at[file->at[SOL_LIST]], item);
  if (status != SOLID_OK) return sol_bad_line(file, status);
  note_zeros(l, &r);
  status = sol_interner_find(&file->timeline.users, user, &index);
  if (status == SOLID_OK) return keep_row(l, index, &r);
  free(r.items);
  return status;
}

/* Whether zeros fill the lists up, all being of one length. */
static solid_status judge_zeros(const lists *l, int *are_filled) {
  const zeros *z = &l->zeros;
  *are_filled = 0;
  if (!(z->before || z->behind || z->all) || l->shortest != l->longest || l->longest < 2) return SOLID_OK;
  *are_filled = !z->as_item && !z->within && !(z->before && z->behind) && (l->lines > 1 || z->longest_run > 1);
  if (*are_filled || z->longest_run < 2) return SOLID_OK;
  return solid_fail(SOLID_EFORMAT,
                    "%s: every item_id_list has %u items, and 0 among them: lists that are filled with zeros, or an "
                    "item 0? give a line for each event, with times",
                    l->file->path, l->longest);
}

static void drop_zeros(const lists *l, row *r) {
  uint32_t kept = 0;
  for (uint32_t i = 0; i < r->count; i++)
    if (r->items[i] != l->zero) r->items[kept++] = r->items[i];
  r->items[kept] = r->items[r->count];
  r->count = kept;
}

static solid_status append(lists *l, const uint32_t *items, size_t count) {
  if (l->joined.count + count > l->joined_room) {
    size_t room = 2 * (l->joined.count + count) + 64;
    uint32_t *larger = realloc(l->joined.items, room * sizeof *larger);
    if (!larger) return no_memory(l);
    l->joined.items = larger;
    l->joined_room = room;
  }
  memcpy(l->joined.items + l->joined.count, items, count * sizeof *items);
  l->joined.count += (uint32_t)count;
  return SOLID_OK;
}

/* Joins one user's lines, the longest lists from first to last or the other way; *line = the first that does not fit,
 * 0 when all do. */
static solid_status join(lists *l, const person *u, int is_backwards, size_t *line) {
  solid_status status = SOLID_OK;
  l->joined.count = 0;
  *line = 0;
  if (u->start.items) status = append(l, u->start.items, (size_t)u->start.count + 1);
  for (size_t i = 0; i < u->count && status == SOLID_OK; i++) {
    const row *r = &u->rows[is_backwards ? u->count - 1 - i : i];
    size_t known = l->joined.count < r->count ? l->joined.count : r->count; /* of the history that the list repeats */
    if (known > 0 && memcmp(l->joined.items + (l->joined.count - known), r->items, known * sizeof *r->items) != 0)
      return *line = r->line, SOLID_OK;
    status = append(l, r->items + known, (size_t)r->count + 1 - known);
  }
  return status;
}

static solid_status send_user(lists *l, uint32_t index) {
  solid_data_file *file = l->file;
  size_t line = 0, unused = 0;
  solid_status status = join(l, &l->users[index], 0, &line);
  if (status == SOLID_OK && line) status = join(l, &l->users[index], 1, &unused);
  if (status == SOLID_OK && line && unused) return apart(l, index, line);
  for (uint32_t i = 0; i < l->joined.count && status == SOLID_OK; i++) {
    solid_event event = {.user = sol_interner_text(&file->timeline.users, index),
                         .item = sol_interner_text(&file->timeline.items, l->joined.items[i]),
                         .time_ms = sol_event_batch_count(file->batch)};
    status = sol_event_batch_add(file->batch, &event, NAN);
  }
  return status;
}

static solid_status send_all(lists *l) {
  int are_filled = 0;
  solid_status status = judge_zeros(l, &are_filled);
  uint32_t users = l->file->timeline.users.count;
  for (uint32_t u = 0; u < users && are_filled && status == SOLID_OK; u++)
    for (size_t i = 0; i < l->users[u].count; i++) drop_zeros(l, &l->users[u].rows[i]);
  for (uint32_t u = 0; u < users && status == SOLID_OK; u++) {
    status = fold_short(l, u);
    if (status == SOLID_OK) status = send_user(l, u);
  }
  return status;
}

solid_status sol_read_lists(solid_data_file *file) {
  lists l = {.file = file};
  int more = 1;
  solid_status status = sol_interner_find(&file->timeline.items, (solid_bytes){"0", 1}, &l.zero);
  while (status == SOLID_OK) {
    status = sol_lines_next(&file->lines, &more);
    if (status != SOLID_OK || !more) break;
    status = read_line(&l);
  }
  if (status == SOLID_OK) status = send_all(&l);
  for (size_t u = 0; u < l.room; u++) {
    for (size_t i = 0; i < l.users[u].count; i++) free(l.users[u].rows[i].items);
    free(l.users[u].rows);
    free(l.users[u].start.items);
  }
  free(l.users);
  free(l.joined.items);
  return status;
}
