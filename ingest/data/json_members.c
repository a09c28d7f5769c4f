#include "ingest/data/json_members.h"
#include "ingest/data/events.h"
#include <stdlib.h>
#include <string.h>

#define CHUNK ((size_t)256 * 1024)
#define MOST  ((size_t)64 * 1024 * 1024)

typedef struct reader {
  sol_lines *lines;
  char *bytes;
  size_t begin, end, room; /* bytes that are not read yet; there is room before them for one brace */
  size_t line;             /* of bytes[begin], from 1 */
  int at_end;
  sol_interner keys;
} reader;

static solid_status fail(const reader *r, size_t line, const char *what) {
  return solid_fail(SOLID_EFORMAT, "%s:%zu: %s", r->lines->path, line, what);
}

/* Reads on; what is not read yet moves to the front. */
static solid_status read_more(reader *r) {
  size_t left = r->end - r->begin, got = 0;
  if (left > MOST) return solid_fail(SOLID_EFORMAT, "%s:%zu: a member over %zu bytes", r->lines->path, r->line, MOST);
  if (r->room < left + CHUNK + 1) {
    size_t room = 2 * left + CHUNK + 1;
    char *bytes = realloc(r->bytes, room);
    if (!bytes) return solid_fail(SOLID_ENOMEM, "%s: no room for a member of %zu bytes", r->lines->path, left);
    r->bytes = bytes;
    r->room = room;
  }
  if (left > 0) memmove(r->bytes + 1, r->bytes + r->begin, left);
  r->begin = 1;
  r->end = 1 + left;
  solid_status status = sol_bytes_read(r->lines, r->bytes + r->end, CHUNK, &got);
  r->end += got;
  r->at_end = got == 0;
  return status;
}

/* The next byte that is no blank stays to be read: *out, 0 at the end. */
static solid_status look(reader *r, char *out) {
  solid_status status = SOLID_OK;
  for (*out = 0; status == SOLID_OK;) {
    if (r->begin == r->end && (r->at_end || (status = read_more(r)) != SOLID_OK || r->at_end)) break;
    *out = r->bytes[r->begin];
    if (!strchr(" \t\r\n", *out) || !*out) break;
    r->line += *out == '\n';
    r->begin++;
    *out = 0;
  }
  return status;
}

/* What a byte means for where a member ends. */
typedef struct depth {
  int open, in_text, is_escaped;
} depth;

static int ends_member(depth *d, char c) {
  if (d->in_text) {
    int ends = c == '"' && !d->is_escaped;
    d->is_escaped = c == '\\' && !d->is_escaped;
    d->in_text = !ends;
    return 0;
  }
  if (c == '"') d->in_text = 1;
  if (c == '{' || c == '[') d->open++;
  if (d->open == 0) return c == ',' || c == '}';
  if (c == '}' || c == ']') d->open--;
  return 0;
}

/* Bytes up to the comma or brace behind the next member; one that is missing is as good as there, as jansson will say
 * what is wrong before it. */
static solid_status measure(reader *r, size_t *size) {
  depth d = {0};
  for (*size = 0;; ++*size) {
    if (r->begin + *size == r->end) {
      solid_status status = r->at_end ? SOLID_OK : read_more(r);
      if (status != SOLID_OK) return status;
      if (r->at_end) return fail(r, r->line, "the file ends within the object");
    }
    if (ends_member(&d, r->bytes[r->begin + *size])) return SOLID_OK;
  }
}

static solid_status take_member(reader *r, json_t *tree, sol_member_fn member, void *context) {
  void *at = json_object_iter(tree);
  const char *key = at ? json_object_iter_key(at) : "";
  uint32_t known = r->keys.count, index;
  if (!at) return fail(r, r->line, "a comma without a member");
  solid_status status = sol_interner_find(&r->keys, (solid_bytes){key, strlen(key)}, &index);
  if (status == SOLID_OK && index < known) return fail(r, r->line, "a name of the object is there twice");
  return status == SOLID_OK ? member(context, key, json_object_iter_value(at)) : status;
}

/* The member of `size` bytes, in the braces of an object of its own. */
static solid_status read_member(reader *r, size_t size, sol_member_fn member, void *context) {
  char *object = r->bytes + r->begin - 1, stop = object[size + 1];
  json_error_t error;
  object[0] = '{', object[size + 1] = '}';
  json_t *tree = json_loadb(object, size + 2, JSON_REJECT_DUPLICATES, &error);
  object[size + 1] = stop;
  solid_status status = tree ? take_member(r, tree, member, context)
                             : fail(r, r->line + (size_t)(error.line > 0 ? error.line - 1 : 0), error.text);
  json_decref(tree);
  for (size_t i = 0; i < size; i++) r->line += r->bytes[r->begin + i] == '\n';
  r->begin += size;
  return status;
}

static solid_status read_object(reader *r, sol_member_fn member, void *context) {
  char next = 0;
  size_t size = 0;
  solid_status status = look(r, &next);
  if (status == SOLID_OK && next != '{') return fail(r, r->line, "not a JSON object");
  for (int is_first = 1; status == SOLID_OK; is_first = 0) {
    r->begin++; /* the brace or a comma */
    status = look(r, &next);
    if (status == SOLID_OK && is_first && next == '}') break;
    if (status == SOLID_OK) status = measure(r, &size);
    if (status == SOLID_OK) status = read_member(r, size, member, context);
    if (status == SOLID_OK && r->bytes[r->begin] == '}') break;
  }
  if (status != SOLID_OK) return status;
  r->begin++;
  status = look(r, &next);
  return status == SOLID_OK && r->begin < r->end ? fail(r, r->line, "bytes behind the end of the object") : status;
}

solid_status sol_json_members(sol_lines *lines, sol_member_fn member, void *context) {
  reader r = {.lines = lines, .line = 1};
  solid_status status = read_object(&r, member, context);
  sol_interner_free(&r.keys);
  free(r.bytes);
  return status;
}
