#include "examples/common/manifest.h"
#include "examples/common/ground.h"
#include "solid/extend.h"
#include "solid/train/split.h"
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The words of "a|b|c" are counted from 0. */
static json_t *choice_of(const char *choices, int index) {
  for (; index > 0 && strchr(choices, '|'); index--) choices = strchr(choices, '|') + 1;
  return json_stringn(choices, strcspn(choices, "|"));
}

static json_t *value_of(const solid_property *property, const void *values) {
  const char *at = (const char *)values + property->offset;
  const char *text;
  int64_t whole;
  double real;
  int flag;
  switch (property->type) {
  case SOLID_PROPERTY_STRING:
    memcpy(&text, at, sizeof text);
    if (text && strrchr(text, '/')) text = strrchr(text, '/') + 1; /* only the name of a file, not its folder */
    return text ? json_string(text) : json_null();
  case SOLID_PROPERTY_INT:
    memcpy(&whole, at, sizeof whole);
    return json_integer((json_int_t)whole);
  case SOLID_PROPERTY_FLOAT:
    memcpy(&real, at, sizeof real);
    return json_real(real);
  case SOLID_PROPERTY_BOOL:
    memcpy(&flag, at, sizeof flag);
    return json_boolean(flag);
  case SOLID_PROPERTY_CHOICE:
    memcpy(&flag, at, sizeof flag);
    return choice_of(property->choices, flag);
  }
  return NULL;
}

json_t *manifest_options(const solid_program *program, const void *values, const char *const *without) {
  json_t *object = json_object();
  for (size_t i = 0; i < program->count && object; i++) {
    const solid_property *property = &program->properties[i];
    const char *const *name = without;
    while (*name && strcmp(*name, property->name) != 0) name++;
    if (*name) continue;
    if (json_object_set_new(object, property->name, value_of(property, values)) == 0) continue;
    json_decref(object);
    object = NULL;
  }
  return object;
}

json_t *manifest_split(const solid_dataset *dataset) {
  static const char *const kinds[] = {"leave-one-out", "global-time", "per-user-ratio", "given"};
  const solid_split *split = &dataset->split;
  char text[SOLID_SPLIT_TEXT];
  solid_split_describe(dataset, text);
  json_t *object = json_pack("{s:s, s:s}", "kind", kinds[split->kind], "text", text);
  if (split->train > 0) json_object_set_new(object, "shares", json_pack("[f, f]", split->train, split->valid));
  if (split->kind == SOLID_GLOBAL_TIME)
    json_object_set_new(object, "boundaries_ms",
                        json_pack("[I, I]", (json_int_t)split->valid_from, (json_int_t)split->test_from));
  if (split->kind == SOLID_GLOBAL_TIME) json_object_set_new(object, "untimed_users", json_integer(split->untimed));
  json_object_set_new(object, "ties", json_string(split->shuffled ? "shuffle" : "file"));
  if (split->shuffled) json_object_set_new(object, "tie_seed", json_integer((json_int_t)split->tie_seed));
  return object;
}

json_t *manifest_hash(const solid_dataset *dataset) {
  return json_sprintf("%016" PRIx64, solid_dataset_hash(dataset));
}

solid_status manifest_check(const char *path) {
  const char *slash = strrchr(path, '/');
  size_t length = slash == path ? 1 : slash ? (size_t)(slash - path) : 0;
  char folder[PATH_MAX];
  snprintf(folder, sizeof folder, "%.*s", length ? (int)length : 1, length ? path : ".");
  struct stat about;
  int there = stat(path, &about) == 0, wrong = 0;
  if (there && S_ISDIR(about.st_mode))
    wrong = EISDIR;
  else if (access(there ? path : folder, there ? W_OK : W_OK | X_OK) != 0)
    wrong = errno;
  return wrong ? solid_fail(SOLID_EIO, "%s: cannot be written: %s", path, strerror(wrong)) : SOLID_OK;
}

/* A full disk takes a part of what it is given first, without an errno. */
static int put(const char *bytes, size_t size, void *file) {
  while (size > 0) {
    ssize_t n = write(((const sol_beside *)file)->fd, bytes, size);
    if (n < 0 && errno != EINTR) return -1;
    if (n > 0) bytes += n, size -= (size_t)n;
  }
  return 0;
}

solid_status manifest_write(json_t *root, const char *path) {
  if (!root) return solid_fail(SOLID_ENOMEM, "%s: no memory for the results, or a name in them is not UTF-8", path);
  sol_beside file;
  solid_status status = sol_beside_open(&file, path, 1);
  errno = 0;
  if (status == SOLID_OK && json_dump_callback(root, put, &file, JSON_INDENT(2) | JSON_REAL_PRECISION(9))) {
    status = errno ? solid_fail(sol_write_status(errno), "%s: cannot be written: %s", path, strerror(errno))
                   : solid_fail(SOLID_ENOMEM, "%s: no memory for the results", path);
    sol_beside_abandon(&file);
  } else if (status == SOLID_OK) {
    status = sol_beside_commit(&file);
  }
  json_decref(root);
  return status;
}
