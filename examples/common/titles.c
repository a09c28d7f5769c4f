#include "examples/common/titles.h"
#include "examples/common/preparing.h"
#include "ingest/data_file.h"
#include "solid/extend.h"
#include "solid/model.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct titles {
  const char *path; /* borrowed */
  solid_title *at;  /* the texts of each are in one block, behind `item` */
  size_t count, room;
};

static solid_status take_title(void *context, solid_bytes item, solid_bytes title) {
  titles *list = context;
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

/* A pipe gives its bytes once, and the attributes are in it. */
static int is_file(const char *path) {
  struct stat about;
  return stat(path, &about) != 0 || S_ISREG(about.st_mode);
}

solid_status titles_read(titles **out, const char *path, const items_options *items) {
  solid_attributes_options options = SOLID_ATTRIBUTES_OPTIONS_INIT;
  options.item_column = items->item_column;
  *out = NULL;
  if (!path) options.separator = items->separator;
  if (!path && !items->attributes) return SOLID_OK;
  if (!path && !is_file(items->attributes)) {
    fprintf(stderr, "%s: no file but a pipe, and read for attributes alone: titles in it are not kept (--titles)\n",
            items->attributes);
    return SOLID_OK;
  }
  titles *list = calloc(1, sizeof *list);
  if (!list) return solid_fail(SOLID_ENOMEM, "out of memory: titles");
  list->path = path ? path : items->attributes;
  preparing_read shown = {.path = list->path};
  options.progress = preparing_read_on, options.progress_user = &shown;
  solid_status status = solid_data_read_titles(list->path, &options, take_title, list);
  preparing_end();
  if (!status) {
    *out = list;
    return SOLID_OK;
  }
  titles_free(list);
  return status == SOLID_ENOTFOUND && !path ? SOLID_OK : status;
}

solid_status titles_of_model(titles **out, const char *path, const solid_model *model) {
  solid_model_info info = {.struct_size = sizeof info};
  titles *list = calloc(1, sizeof *list);
  *out = NULL;
  if (!list) return solid_fail(SOLID_ENOMEM, "out of memory: titles");
  list->path = path;
  solid_status status = solid_model_get_info(model, &info);
  for (uint32_t item = 0; item < info.items && !status; item++) {
    solid_bytes title = solid_model_item_title(model, item);
    if (title.size) status = take_title(list, solid_model_item_id(model, item), title);
  }
  if (!status && list->count)
    *out = list;
  else
    titles_free(list);
  return status;
}

solid_status titles_set(const titles *list, const char *model, size_t *kept) {
  *kept = 0;
  return solid_model_file_set_titles(model, list->at, list->count, kept);
}

const char *titles_path(const titles *list) {
  return list->path;
}

void titles_free(titles *list) {
  if (!list) return;
  for (size_t i = 0; i < list->count; i++) free((void *)(uintptr_t)list->at[i].item.data);
  free(list->at);
  free(list);
}
