#include "examples/batch/batch_people.h"
#include "examples/common/ground.h"
#include "examples/common/growing.h"
#include "ingest/data_file.h"
#include "solid/extend.h"
#include <inttypes.h>
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

typedef struct id_reader {
  batch_people *people;
  const char *path;
  growing text; /* the ids without anything between */
  size_t room;
} id_reader;

static int is_blank(char c) {
  return c == ' ' || c == '\t';
}

/* What is wrong with an id, or NULL. An id of the data is one, blanks round it or not. */
static const char *fault_of(solid_bytes id, int is_stranger) {
  if (id.size > SOLID_ID_MAX) return "is longer than 255 bytes";
  if (!sol_is_utf8(id.data, id.size)) return "is not UTF-8: write the file as UTF-8 (iconv -f LATIN1 -t UTF-8)";
  if (!is_stranger) return NULL;
  if (memchr(id.data, '\r', id.size)) return "has a carriage return in it: want one id a line";
  return is_blank(id.data[0]) || is_blank(id.data[id.size - 1])
             ? "begins or ends with a blank, and the data has no such user: take the blank away"
             : NULL;
}

static solid_status take_id(void *context, solid_bytes id, uint64_t number) {
  id_reader *r = context;
  batch_people *p = r->people;
  int is_stranger = !p->steps.users || solid_vocab_find(&p->steps.user_ids, id) == SOLID_NO_ID;
  const char *fault = fault_of(id, is_stranger);
  if (fault)
    return solid_fail(SOLID_EFORMAT, "%s:%" PRIu64 ": user \"%s\" %s", r->path, number, sol_show(id.data, id.size).text,
                      fault);
  if (p->count == r->room) {
    size_t room = 2 * r->room + 1024;
    solid_bytes *asked = realloc(p->asked, room * sizeof *asked);
    if (!asked) return solid_fail(SOLID_ENOMEM, "no memory for %zu users", room);
    p->asked = asked, r->room = room;
  }
  growing_bytes(&r->text, id.data, id.size);
  p->asked[p->count++].size = id.size;
  p->strangers += (size_t)is_stranger;
  return SOLID_OK;
}

/* An id a line. */
static solid_status ask_list(batch_people *p, const char *path) {
  id_reader r = {.people = p, .path = path};
  solid_status status = solid_data_read_lines(path, take_id, &r);
  p->text = r.text.bytes;
  if (status) return status;
  if (r.text.is_broken) return solid_fail(SOLID_ENOMEM, "no memory for the ids of %zu users", p->count);
  const char *at = p->text;
  for (size_t i = 0; i < p->count; at += p->asked[i++].size) p->asked[i].data = at;
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
