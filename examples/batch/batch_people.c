#include "examples/batch/batch_people.h"
#include "solid/extend.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static solid_status map_items(uint32_t **out, const solid_vocab *ids, const solid_model *model, uint32_t *unknown) {
  uint32_t *item = malloc(((size_t)ids->count + 1) * sizeof *item);
  if (!item) return solid_fail(SOLID_ENOMEM, "no memory for %u items", ids->count);
  for (uint32_t v = 0; v < ids->count; v++) {
    item[v] = solid_model_item_index(model, solid_vocab_id(ids, v));
    *unknown += item[v] == SOLID_NO_ITEM;
  }
  *out = item;
  return SOLID_OK;
}

static solid_status ask_everybody(batch_people *p) {
  p->asked = malloc(((size_t)p->steps.users + 1) * sizeof *p->asked);
  if (!p->asked) return solid_fail(SOLID_ENOMEM, "no memory for %u users", p->steps.users);
  for (uint32_t u = 0; u < p->steps.users; u++) p->asked[p->count++] = solid_vocab_id(&p->steps.user_ids, u);
  return SOLID_OK;
}

static solid_status read_all(char **out, size_t *size, const char *path) {
  FILE *file = fopen(path, "rb");
  size_t room = 0, n = 0;
  char *text = NULL;
  if (!file) return solid_fail(SOLID_EIO, "%s: %s", path, strerror(errno));
  do {
    if (n + 65536 > room) {
      char *more = realloc(text, room = 2 * room + 65536);
      if (!more) break;
      text = more;
    }
    n += fread(text + n, 1, 65536, file);
  } while (!feof(file) && !ferror(file));
  solid_status status = ferror(file)           ? solid_fail(SOLID_EIO, "%s: %s", path, strerror(errno))
                        : !text || !feof(file) ? solid_fail(SOLID_ENOMEM, "%s: no memory to read it", path)
                                               : SOLID_OK;
  fclose(file);
  *out = text;
  *size = n;
  return status;
}

/* An id a line; empty lines are passed over. */
static solid_status ask_list(batch_people *p, const char *path) {
  size_t size = 0, lines = 1, number = 1;
  solid_status status = read_all(&p->text, &size, path);
  if (status) return status;
  for (size_t i = 0; i < size; i++) lines += p->text[i] == '\n';
  p->asked = malloc(lines * sizeof *p->asked);
  if (!p->asked) return solid_fail(SOLID_ENOMEM, "no memory for %zu users", lines);
  size_t mark = size >= 3 && memcmp(p->text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0; /* an editor's byte order mark */
  for (const char *at = p->text + mark, *end = p->text + size; at < end; number++) {
    const char *stop = memchr(at, '\n', (size_t)(end - at));
    if (!stop) stop = end;
    solid_bytes id = {at, (size_t)(stop - at)};
    if (id.size && id.data[id.size - 1] == '\r') id.size--;
    if (id.size > SOLID_ID_MAX)
      return solid_fail(SOLID_EFORMAT, "%s:%zu: an id of %zu bytes, want at most %d", path, number, id.size,
                        SOLID_ID_MAX);
    if (id.size) {
      p->strangers += !p->steps.users || solid_vocab_find(&p->steps.user_ids, id) == SOLID_NO_ID;
      p->asked[p->count++] = id;
    }
    at = stop + 1;
  }
  return p->count ? SOLID_OK : solid_fail(SOLID_EFORMAT, "%s: no users", path);
}

solid_status batch_people_load(batch_people *people, const load_files *files, const char *users,
                               const solid_model *model) {
  load_files with = *files;
  uint32_t ignored = 0;
  with.dislikes = &people->dislikes;
  solid_status status = load_history(&people->steps, &with);
  if (!status) status = map_items(&people->item, &people->steps.item_ids, model, &people->unknown_items);
  if (!status) status = map_items(&people->disliked, &people->dislikes.item_ids, model, &ignored);
  if (!status) status = users ? ask_list(people, users) : ask_everybody(people);
  return status;
}

void batch_people_clear(batch_people *people) {
  solid_dataset_clear(&people->steps);
  solid_dataset_clear(&people->dislikes);
  free(people->item);
  free(people->disliked);
  free(people->asked);
  free(people->text);
  *people = (batch_people){0};
}

static solid_range events_of(const solid_dataset *dataset, solid_bytes user) {
  uint32_t u = dataset->users ? solid_vocab_find(&dataset->user_ids, user) : SOLID_NO_ID;
  return u == SOLID_NO_ID ? (solid_range){0, 0} : (solid_range){dataset->offsets[u], dataset->offsets[u + 1]};
}

size_t batch_people_window(const batch_people *people, solid_bytes user, uint32_t *items, size_t room) {
  solid_range events = events_of(&people->steps, user);
  size_t n = 0;
  for (size_t e = events.end; e-- > events.begin && n < room;) {
    uint32_t item = people->item[people->steps.sequence[e]];
    if (item != SOLID_NO_ITEM) items[n++] = item;
  }
  for (size_t i = 0; i < n / 2; i++) {
    uint32_t newer = items[i];
    items[i] = items[n - 1 - i];
    items[n - 1 - i] = newer;
  }
  return n;
}

/* 1 if the item was taken after the dislike. */
static int is_taken_later(const batch_people *p, solid_range taken, uint32_t item, int64_t disliked_ms) {
  for (size_t e = taken.begin; e < taken.end && p->steps.has_times; e++)
    if (p->item[p->steps.sequence[e]] == item && p->steps.times[e] > disliked_ms) return 1;
  return 0;
}

void batch_people_exclude(const batch_people *people, solid_bytes user, int seen,
                          void (*exclude)(void *to, uint32_t item), void *to) {
  solid_range taken = events_of(&people->steps, user), disliked = events_of(&people->dislikes, user);
  for (size_t e = taken.begin; e < taken.end && seen; e++) {
    uint32_t item = people->item[people->steps.sequence[e]];
    if (item != SOLID_NO_ITEM) exclude(to, item);
  }
  for (size_t e = disliked.begin; e < disliked.end; e++) {
    uint32_t item = people->disliked[people->dislikes.sequence[e]];
    if (item != SOLID_NO_ITEM && !is_taken_later(people, taken, item, people->dislikes.times[e])) exclude(to, item);
  }
}
