#include "examples/batch/batch.h"
#include "solid/extend.h"
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { SLICE_LEAST = 512 }; /* users that are worth a thread */

struct batch_lines {
  int form;
  uint32_t items;
  growing text;  /* of all items, one behind the other */
  size_t *begin; /* (items + 1) */
  size_t *title; /* csv: where an item's title begins */
};

/* A field in quotes where it needs them (RFC 4180). */
static void csv_field(growing *text, solid_bytes field) {
  int plain = 1;
  for (size_t i = 0; i < field.size; i++) plain &= !strchr("\",\r\n", field.data[i]);
  if (plain) {
    growing_bytes(text, field.data, field.size);
    return;
  }
  growing_text(text, "\"");
  for (size_t i = 0; i < field.size; i++)
    growing_bytes(text, field.data[i] == '"' ? "\"\"" : field.data + i, field.data[i] == '"' ? 2 : 1);
  growing_text(text, "\"");
}

static void add_item(batch_lines *l, solid_bytes id, solid_bytes title, size_t *title_begin) {
  growing *text = &l->text;
  if (l->form == BATCH_CSV) {
    csv_field(text, id);
    *title_begin = text->size;
    csv_field(text, title);
    return;
  }
  growing_text(text, "{\"item\":");
  growing_json(text, id.data, id.size);
  if (title.size) {
    growing_text(text, ",\"title\":");
    growing_json(text, title.data, title.size);
  }
  growing_text(text, ",\"score\":");
}

solid_status batch_lines_new(batch_lines **out, const solid_model *model, int form) {
  solid_model_info info = {.struct_size = sizeof info};
  solid_status status = solid_model_get_info(model, &info);
  if (status) return status;
  batch_lines *l = calloc(1, sizeof *l);
  if (l) {
    *l = (batch_lines){.form = form, .items = info.items};
    l->begin = calloc((size_t)info.items + 1, sizeof *l->begin);
    l->title = calloc((size_t)info.items + 1, sizeof *l->title);
  }
  for (uint32_t v = 0; l && l->begin && l->title && v < info.items; v++) {
    l->begin[v] = l->text.size;
    add_item(l, solid_model_item_id(model, v), solid_model_item_title(model, v), &l->title[v]);
    l->begin[v + 1] = l->text.size;
  }
  if (l && l->begin && l->title && !l->text.is_broken) {
    *out = l;
    return SOLID_OK;
  }
  batch_lines_free(l);
  return solid_fail(SOLID_ENOMEM, "no memory for the texts of %u items", info.items);
}

void batch_lines_free(batch_lines *lines) {
  if (!lines) return;
  growing_clear(&lines->text);
  free(lines->begin);
  free(lines->title);
  free(lines);
}

/* Six decimals, without the zeros at their end; printf would take most of the time of a million users. */
static void add_score(growing *text, double score) {
  char digits[32];
  size_t at = sizeof digits;
  if (!(fabs(score) < 1e12)) {
    growing_number(text, score);
    return;
  }
  long long value = llround(score * 1e6);
  unsigned long long left = value < 0 ? 0ULL - (unsigned long long)value : (unsigned long long)value;
  int shown = 0;
  for (int i = 0; i < 6; i++, left /= 10) {
    shown |= left % 10 != 0;
    if (shown) digits[--at] = (char)('0' + left % 10);
  }
  if (shown) digits[--at] = '.';
  do digits[--at] = (char)('0' + left % 10);
  while (left /= 10);
  if (value < 0) digits[--at] = '-';
  growing_bytes(text, digits + at, sizeof digits - at);
}

void batch_lines_head(const batch_lines *lines, growing *text) {
  if (lines->form == BATCH_CSV) growing_text(text, "user,rank,item,score,source,title\n");
}

static void add_rows(const batch_lines *l, solid_bytes user, const batch_list *list, growing *text) {
  const char *source = solid_source_name(list->source);
  for (size_t i = 0; i < list->count; i++) {
    uint32_t item = list->items[i].item;
    csv_field(text, user);
    growing_add(text, ",%zu,", i + 1);
    growing_bytes(text, l->text.bytes + l->begin[item], l->title[item] - l->begin[item]);
    growing_text(text, ",");
    add_score(text, (double)list->items[i].score);
    growing_text(text, ",");
    growing_text(text, source);
    growing_text(text, ",");
    growing_bytes(text, l->text.bytes + l->title[item], l->begin[item + 1] - l->title[item]);
    growing_text(text, "\n");
  }
}

static void add_lines(const batch_lines *lines, solid_bytes user, const batch_list *list, growing *text) {
  if (lines->form == BATCH_CSV) {
    add_rows(lines, user, list, text);
    return;
  }
  growing_text(text, "{\"user\":");
  growing_json(text, user.data, user.size);
  growing_text(text, ",\"source\":\"");
  growing_text(text, solid_source_name(list->source));
  growing_text(text, "\",\"items\":[");
  for (size_t i = 0; i < list->count; i++) {
    uint32_t item = list->items[i].item;
    if (i) growing_text(text, ",");
    growing_bytes(text, lines->text.bytes + lines->begin[item], lines->begin[item + 1] - lines->begin[item]);
    add_score(text, (double)list->items[i].score);
    growing_text(text, "}");
  }
  growing_text(text, "]}\n");
}

/* What one thread writes. */
typedef struct slice {
  const batch_lines *lines;
  const solid_bytes *asked;
  const batch_list *lists;
  size_t n;
  growing *text;
} slice;

static void *write_slice(void *argument) {
  const slice *s = argument;
  growing_reset(s->text);
  for (size_t i = 0; i < s->n; i++) add_lines(s->lines, s->asked[i], &s->lists[i], s->text);
  return NULL;
}

size_t batch_lines_write(const batch_lines *lines, const solid_bytes *asked, const batch_list *lists, size_t n,
                         growing texts[BATCH_TEXTS], size_t users[BATCH_TEXTS]) {
  pthread_t thread[BATCH_TEXTS];
  slice slices[BATCH_TEXTS];
  int runs[BATCH_TEXTS] = {0};
  size_t count = n / SLICE_LEAST < 1 ? 1 : n / SLICE_LEAST > BATCH_TEXTS ? BATCH_TEXTS : n / SLICE_LEAST;
  for (size_t t = 0; t < count; t++) {
    size_t begin = n * t / count, end = n * (t + 1) / count;
    users[t] = end - begin;
    slices[t] = (slice){lines, asked + begin, lists + begin, end - begin, &texts[t]};
    runs[t] = t && pthread_create(&thread[t], NULL, write_slice, &slices[t]) == 0;
  }
  for (size_t t = 0; t < count; t++)
    if (runs[t])
      pthread_join(thread[t], NULL);
    else
      write_slice(&slices[t]); /* the first, and those for which there was no thread */
  return count;
}
