#include "examples/common/titles.h"
#include "ingest/data_file.h"
#include "solid/extend.h"
#include "solid/model.h"
#include <stdlib.h>
#include <string.h>

typedef struct title_list {
  solid_title *at; /* the texts of each are in one block, behind `item` */
  size_t count, room;
} title_list;

static solid_status take_title(void *context, solid_bytes item, solid_bytes title) {
  title_list *list = context;
  if (list->count == list->room) {
    size_t room = 2 * list->room + 1024;
    solid_title *at = realloc(list->at, room * sizeof *at);
    if (!at) return solid_fail(SOLID_ENOMEM, "out of memory: %zu titles", room);
    list->at = at, list->room = room;
  }
  char *text = malloc(item.size + title.size + 1);
  if (!text) return solid_fail(SOLID_ENOMEM, "out of memory: titles");
  memcpy(text, item.data, item.size);
  memcpy(text + item.size, title.data, title.size);
  list->at[list->count++] = (solid_title){{text, item.size}, {text + item.size, title.size}};
  return SOLID_OK;
}

solid_status titles_set(const char *model, const char *path, size_t *kept) {
  title_list list = {0};
  *kept = 0;
  solid_status status = solid_data_read_titles(path, take_title, &list);
  if (!status) status = solid_model_file_set_titles(model, list.at, list.count, kept);
  for (size_t i = 0; i < list.count; i++) free((void *)(uintptr_t)list.at[i].item.data);
  free(list.at);
  return status;
}
