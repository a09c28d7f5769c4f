#include "solid/model/config_json.h"
#include "solid/base/text.h"
#include "solid/extend.h"
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Every number of a config: its name in the text and its member. The ones that were added later are written only if
 * they are not 0, so that a model without them gives the same bytes as before. */
#define NUMBERS(X) X(items) X(width) X(window) X(blocks) X(heads) X(levels) X(codes) X(rank) X(content)
#define LATER(X)                                                                                                       \
  X(attributes)                                                                                                        \
  X(slots)                                                                                                             \
  X(content_attributes)                                                                                                \
  X(content_vectors)                                                                                                   \
  X(content_given)                                                                                                     \
  X(positions)                                                                                                         \
  X(turned)                                                                                                            \
  X(generator_window)                                                                                                  \
  X(attention)                                                                                                         \
  X(select_chunk)                                                                                                      \
  X(select_sink)                                                                                                       \
  X(select_window)                                                                                                     \
  X(select_recent)                                                                                                     \
  X(select_stride)                                                                                                     \
  X(select_budget)                                                                                                     \
  X(select_dense_below) X(select_mass) X(slate_rows) X(slate_blocks) X(slate_collisions) X(slate_near)

/* The clip is written with the nine digits that give a float back, and an infinite one ("no clip") as null, which JSON
 * has. Written by hand and not through a JSON library, so that the text, which is hashed, cannot change with it. */
solid_status sol_config_write(const sol_config *config, char *text) {
  char clip[32] = "null";
  if (isfinite(config->clip)) snprintf(clip, sizeof clip, "%.9g", (double)config->clip);
  sol_text line = sol_text_start(text, SOL_CONFIG_TEXT);
  sol_text_add(&line, "{\"head\":\"%s\",\"clip\":%s", solid_head_name(config->head), clip);
#define WRITE(name) sol_text_add(&line, ",\"%s\":%u", #name, config->name);
#define WRITE_LATER(name)                                                                                              \
  if (config->name) WRITE(name)
  NUMBERS(WRITE)
  LATER(WRITE_LATER)
#undef WRITE_LATER
#undef WRITE
  sol_text_add(&line, "}");
  return line.is_cut ? solid_fail(SOLID_EINTERNAL, "config: text of more than %d bytes", SOL_CONFIG_TEXT) : SOLID_OK;
}

static int read_number(const json_t *root, const char *name, uint32_t *number) {
  const json_t *value = json_object_get(root, name);
  json_int_t integer = json_integer_value(value);
  if (!json_is_integer(value) || integer < 0 || integer > UINT32_MAX) {
    (void)solid_fail(SOLID_EFORMAT, "config: %s is missing or no number from 0 to %u", name, UINT32_MAX);
    return 0;
  }
  *number = (uint32_t)integer;
  return 1;
}

static int read_head(const json_t *root, solid_head *head) {
  const char *name = json_string_value(json_object_get(root, "head"));
  for (int i = SOLID_HEAD_STATIC; name && i <= SOLID_HEAD_SOLID; i++)
    if (strcmp(name, solid_head_name((solid_head)i)) == 0) {
      *head = (solid_head)i;
      return 1;
    }
  (void)solid_fail(SOLID_EFORMAT, "config: head is \"%.32s\", must be static, duet, semantic or solid",
                   name ? name : "");
  return 0;
}

static int read_clip(const json_t *root, float *clip) {
  const json_t *value = json_object_get(root, "clip");
  if (!json_is_number(value) && !json_is_null(value)) {
    (void)solid_fail(SOLID_EFORMAT, "config: clip is missing or neither number nor null");
    return 0;
  }
  *clip = json_is_null(value) ? INFINITY : (float)json_number_value(value);
  return 1;
}

solid_status sol_config_read(sol_config *config, const char *text) {
  json_error_t error;
  sol_config read = {0};
  json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &error);
  if (!root)
    return error.text[0] == '\0' || json_error_code(&error) == json_error_out_of_memory /* no text then */
               ? solid_fail(SOLID_ENOMEM, "config: out of memory")
               : solid_fail(SOLID_EFORMAT, "config: %.120s at byte %d", error.text, error.position);
  int ok = read_head(root, &read.head) && read_clip(root, &read.clip);
#define READ(name) ok = ok && read_number(root, #name, &read.name);
#define READ_LATER(name)                                                                                               \
  if (json_object_get(root, #name)) READ(name)
  NUMBERS(READ)
  LATER(READ_LATER)
#undef READ_LATER
#undef READ
  json_decref(root);
  if (!ok) return SOLID_EFORMAT;
  solid_status status = sol_config_check(&read);
  if (status) return status;
  *config = read;
  return SOLID_OK;
}
