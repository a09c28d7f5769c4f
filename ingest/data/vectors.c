/* Vectors of items: a row an item. */
#include "ingest/data/events.h"
#include "ingest/data/npy.h"
#include "ingest/data/text.h"
#include "ingest/data_file.h"
#include "solid/base/handshake.h"
#include "solid/base/text.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WIDTH_MOST ((size_t)1 << 20)

typedef struct reader {
  sol_lines file, ids;
  int is_npy, has_ids;
  sol_npy shape;     /* rows and width; of a raw file, rows = 0 */
  sol_interner seen; /* ids so far */
  unsigned char *bytes;
  float *vector;
  solid_vectors_report report;
} reader;

static uint64_t decode(const unsigned char *bytes, size_t size) {
  uint64_t bits = 0;
  for (size_t i = 0; i < size; i++) bits |= (uint64_t)bytes[i] << 8 * i;
  return bits;
}

static float decode_float(const unsigned char *bytes, size_t size) {
  if (size == 4) {
    uint32_t bits = (uint32_t)decode(bytes, 4);
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
  }
  uint64_t bits = decode(bytes, 8);
  double value;
  memcpy(&value, &bits, sizeof value);
  return (float)value;
}

/* The item of the row: the next line of the ids, or the row's number. */
static solid_status find_item(reader *r, char number[32], solid_bytes *out) {
  uint64_t row = r->report.rows;
  uint32_t index = 0;
  int more = 0;
  if (!r->has_ids) {
    int size = snprintf(number, 32, "%" PRIu64, row);
    *out = (solid_bytes){number, (size_t)size};
    return SOLID_OK;
  }
  solid_status status = sol_lines_next(&r->ids, &more);
  if (status != SOLID_OK) return status;
  if (!more)
    return solid_fail(SOLID_EFORMAT, "%s has %" PRIu64 " ids, and %s has more vectors", r->ids.path, row, r->file.path);
  *out = (solid_bytes){r->ids.line, r->ids.size};
  if (memchr(out->data, '\t', out->size))
    return sol_lines_fail(&r->ids, "a tab: want one id a line, in the rows' order");
  status = sol_check_id(&r->ids, "item", *out);
  if (status == SOLID_OK) status = sol_interner_find(&r->seen, *out, &index);
  if (status == SOLID_OK && index != row)
    return sol_lines_fail(&r->ids, "item \"%s\" for the second time", sol_show(out->data, out->size).text);
  return status;
}

static solid_status send_row(reader *r, solid_vector_sink sink, void *context) {
  char number[32];
  solid_bytes item;
  int is_zero = 1;
  solid_status status = find_item(r, number, &item);
  if (status != SOLID_OK) return status;
  for (size_t i = 0; i < r->shape.width; i++) {
    r->vector[i] = decode_float(r->bytes + i * r->shape.element, r->shape.element);
    if (!isfinite(r->vector[i]))
      return solid_fail(SOLID_EFORMAT, "%s: row %" PRIu64 ": value %zu is not finite%s", r->file.path, r->report.rows,
                        i, r->shape.element > sizeof *r->vector ? " as a float of 32 bits" : "");
    is_zero = is_zero && r->vector[i] == 0;
  }
  if (is_zero && !r->report.zero_rows++) r->report.first_zero = r->report.rows;
  r->report.rows++;
  return sink(context, item, r->vector, r->shape.width);
}

static solid_status check_end(reader *r) {
  int more = 0;
  const char *path = r->file.path;
  uint64_t rows = r->report.rows;
  if (rows == 0) return solid_fail(SOLID_EFORMAT, "%s: no vectors", path);
  if (r->is_npy && rows != r->shape.rows)
    return solid_fail(SOLID_EFORMAT, "%s: %" PRIu64 " rows, where its header says %" PRIu64, path, rows, r->shape.rows);
  if (r->report.zero_rows == rows) return solid_fail(SOLID_EFORMAT, "%s: all %" PRIu64 " vectors are zero", path, rows);
  solid_status status = r->has_ids ? sol_lines_next(&r->ids, &more) : SOLID_OK;
  if (status == SOLID_OK && more)
    return solid_fail(SOLID_EFORMAT, "%s has more ids than the %" PRIu64 " vectors of %s", r->ids.path, rows, path);
  return status;
}

static solid_status read_rows(reader *r, solid_vector_sink sink, void *context) {
  const size_t row_bytes = r->shape.width * r->shape.element;
  for (;;) {
    size_t got = 0;
    solid_status status = sol_bytes_read(&r->file, r->bytes, row_bytes, &got);
    if (status != SOLID_OK) return status;
    if (got == 0) return check_end(r);
    if (got != row_bytes)
      return solid_fail(SOLID_EFORMAT, "%s: row %" PRIu64 " has %zu bytes, %zu floats have %zu: another width?",
                        r->file.path, r->report.rows, got, r->shape.width, row_bytes);
    status = send_row(r, sink, context);
    if (status != SOLID_OK) return status;
  }
}

/* Opens, and finds the shape of the rows: by the header, or by the width that was given. */
static solid_status open_files(reader *r, const char *path, const solid_vectors_options *o) {
  solid_status status = sol_bytes_open(&r->file, path);
  if (status != SOLID_OK) return status;
  r->is_npy = sol_npy_is(r->file.buffer, r->file.end);
  if (r->is_npy) status = sol_npy_read(&r->shape, &r->file);
  if (!r->is_npy) {
    r->shape = (sol_npy){.width = o->width, .element = 4};
    status = sol_check_magic(path, r->file.buffer, r->file.end);
    if (status == SOLID_OK && !r->file.end) status = solid_fail(SOLID_EFORMAT, "%s: the file is empty", path);
    if (status == SOLID_OK && !o->width)
      status = solid_fail(SOLID_EINVAL, "%s: raw vectors, and their width is not given (--vector-width)", path);
  }
  if (status == SOLID_OK && r->is_npy && o->width)
    status = solid_fail(SOLID_EINVAL,
                        "%s: a NumPy array (.npy), whose header says %zu floats a row: a width of %u is for raw files, "
                        "leave it out (--vector-width)",
                        path, r->shape.width, o->width);
  if (status == SOLID_OK && (r->shape.width < 1 || r->shape.width > WIDTH_MOST))
    status = solid_fail(SOLID_EINVAL, "%s: width %zu, want 1 to %zu", path, r->shape.width, WIDTH_MOST);
  r->has_ids = o->ids != NULL;
  return status == SOLID_OK && o->ids ? sol_lines_open(&r->ids, o->ids) : status;
}

solid_vectors_options solid_vectors_options_default(void) {
  return (solid_vectors_options)SOLID_VECTORS_OPTIONS_INIT;
}

solid_status solid_data_read_vectors(const char *path, const solid_vectors_options *options, solid_vector_sink sink,
                                     void *context, solid_vectors_report *report) {
  solid_vectors_options o = SOLID_VECTORS_OPTIONS_INIT;
  reader r = {.report = SOLID_VECTORS_REPORT_INIT};
  if (!path || !sink) return solid_fail(SOLID_EINVAL, "read vectors: NULL argument");
  solid_status status = sol_struct_take(&o, sizeof o, options, "vectors options");
  if (status == SOLID_OK) status = open_files(&r, path, &o);
  r.file.progress = o.progress, r.file.progress_user = o.progress_user;
  if (status == SOLID_OK) {
    r.report.width = (uint32_t)r.shape.width;
    r.bytes = malloc(r.shape.width * r.shape.element);
    r.vector = malloc(r.shape.width * sizeof *r.vector);
    status = r.bytes && r.vector ? read_rows(&r, sink, context)
                                 : solid_fail(SOLID_ENOMEM, "%s: no room for %zu floats", path, r.shape.width);
  }
  if (status == SOLID_OK && report) status = sol_struct_give(report, &r.report, sizeof r.report, "vectors report");
  free(r.bytes);
  free(r.vector);
  sol_interner_free(&r.seen);
  sol_lines_close(&r.file);
  sol_lines_close(&r.ids);
  return status;
}
