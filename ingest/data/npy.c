/*  bytes   what                                               magic  "\x93NUMPY"
 *  0..5    magic                                              header a Python dict in ASCII, padded with blanks:
 *  6, 7    major, minor version                                      {'descr': '<f4', 'fortran_order': False, 'shape':
 * (20, 32), } 8..9    size of the header (version 1), 8..11 (2 and 3) then    header, then the values */
#include "ingest/data/npy.h"
#include <stdlib.h>
#include <string.h>

#define MAGIC "\x93NUMPY"
enum { HEADER_MOST = 64 * 1024 };

int sol_npy_is(const char *bytes, size_t size) {
  return size >= 6 && memcmp(bytes, MAGIC, 6) == 0;
}

/* Where the value of 'key' begins, or NULL. */
static const char *value_of(const char *header, const char *key) {
  const char *at = strstr(header, key);
  if (!at) return NULL;
  at += strlen(key);
  at += strspn(at, " ");
  if (*at++ != ':') return NULL;
  return at + strspn(at, " ");
}

static solid_status take_descr(sol_npy *out, const char *header, const char *path) {
  const char *descr = value_of(header, "'descr'");
  if (descr && strncmp(descr, "'<f4'", 5) == 0) return out->element = 4, SOLID_OK;
  if (descr && strncmp(descr, "'<f8'", 5) == 0) return out->element = 8, SOLID_OK;
  int size = descr ? (int)strcspn(descr, ",}") : 0;
  return solid_fail(SOLID_EFORMAT, "%s: a NumPy array of %.*s: want '<f4' or '<f8' (array.astype('<f4'))", path,
                    size < 40 ? size : 40, descr ? descr : "");
}

static solid_status take_shape(sol_npy *out, const char *header, const char *path) {
  const char *shape = value_of(header, "'shape'");
  int size = shape ? (int)strcspn(shape, ")") + 1 : 0;
  char *end = NULL;
  int is_right = shape && *shape == '(' && shape[1] >= '0' && shape[1] <= '9';
  if (is_right) out->rows = strtoull(shape + 1, &end, 10);
  is_right = is_right && *end == ',' && end[1 + strspn(end + 1, " ")] >= '0' && end[1 + strspn(end + 1, " ")] <= '9';
  if (is_right) out->width = (size_t)strtoull(end + 1, &end, 10);
  if (is_right && *end == ',') end++;
  if (is_right && *end == ')') return SOLID_OK;
  return solid_fail(SOLID_EFORMAT, "%s: a NumPy array of shape %.*s: want two dimensions, (items, floats)", path,
                    size < 60 ? size : 60, shape ? shape : "");
}

static solid_status read_header(char **out, sol_lines *file) {
  unsigned char start[12];
  size_t got = 0, more = 0;
  solid_status status = sol_bytes_read(file, start, 10, &got);
  if (status == SOLID_OK && got == 10 && start[6] > 1) status = sol_bytes_read(file, start + 10, 2, &more);
  if (status != SOLID_OK) return status;
  size_t size = start[8] | (size_t)start[9] << 8;
  if (start[6] > 1) size |= (size_t)start[10] << 16 | (size_t)start[11] << 24;
  if (got < 10 || start[6] < 1 || start[6] > 3 || (start[6] > 1 && more < 2) || size > HEADER_MOST)
    return solid_fail(SOLID_EFORMAT, "%s: the header of a NumPy array (.npy) that is cut or of a version above 3",
                      file->path);
  char *header = calloc(size + 1, 1);
  if (!header) return solid_fail(SOLID_ENOMEM, "%s: no room for a header of %zu bytes", file->path, size);
  status = sol_bytes_read(file, header, size, &got);
  if (status == SOLID_OK && got < size)
    status =
        solid_fail(SOLID_EFORMAT, "%s: %zu bytes of a header of %zu: the NumPy array is cut", file->path, got, size);
  if (status != SOLID_OK) {
    free(header);
    return status;
  }
  *out = header;
  return SOLID_OK;
}

solid_status sol_npy_read(sol_npy *out, sol_lines *file) {
  char *header = NULL;
  *out = (sol_npy){0};
  solid_status status = read_header(&header, file);
  if (status != SOLID_OK) return status;
  status = take_descr(out, header, file->path);
  const char *order = value_of(header, "'fortran_order'");
  if (status == SOLID_OK && (!order || strncmp(order, "False", 5) != 0))
    status = solid_fail(SOLID_EFORMAT, "%s: a NumPy array in columns: want rows (numpy.ascontiguousarray)", file->path);
  if (status == SOLID_OK) status = take_shape(out, header, file->path);
  free(header);
  return status;
}
