/* Vectors of items: a row an item. */
#include "ingest/data/text.h"
#include "ingest/dataset.h"
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

static float decode_float(const unsigned char *bytes) {
  uint32_t bits = bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static solid_status send_vector(const char *path, size_t row, size_t width, const unsigned char *bytes, float *vector,
                                solid_vector_sink sink, void *context) {
  for (size_t i = 0; i < width; i++) {
    vector[i] = decode_float(bytes + 4 * i);
    if (!isfinite(vector[i])) return solid_fail(SOLID_EFORMAT, "%s: row %zu: value %zu is not finite", path, row, i);
  }
  char id[32];
  int size = snprintf(id, sizeof id, "%zu", row);
  return sink(context, (solid_bytes){id, (size_t)size}, vector, width);
}

static solid_status read_vectors(gzFile file, const char *path, size_t width, unsigned char *bytes, float *vector,
                                 solid_vector_sink sink, void *context) {
  const size_t row_bytes = width * sizeof(float);
  for (size_t row = 0;; row++) {
    int got = gzread(file, bytes, (unsigned)row_bytes);
    solid_status status = sol_gzip_status(file, path);
    if (status != SOLID_OK) return status;
    if (got == 0 && row == 0) return solid_fail(SOLID_EFORMAT, "%s: no vectors", path);
    if (got == 0) return SOLID_OK;
    if ((size_t)got != row_bytes)
      return solid_fail(SOLID_EFORMAT, "%s: row %zu has %d bytes, %zu floats have %zu: another width?", path, row, got,
                        width, row_bytes);
    status = send_vector(path, row, width, bytes, vector, sink, context);
    if (status != SOLID_OK) return status;
  }
}

solid_status solid_dataset_read_vectors(const char *path, size_t width, solid_vector_sink sink, void *context) {
  if (!path || !sink) return solid_fail(SOLID_EINVAL, "read vectors: NULL argument");
  if (width < 1 || width > (size_t)1 << 20)
    return solid_fail(SOLID_EINVAL, "%s: width %zu, want 1 to %d", path, width, 1 << 20);
  errno = 0;
  gzFile file = gzopen(path, "rbe");
  if (!file) return solid_fail(errno ? SOLID_EIO : SOLID_ENOMEM, "%s: %s", path, strerror(errno ? errno : ENOMEM));
  unsigned char *bytes = malloc(width * sizeof(float));
  float *vector = malloc(width * sizeof *vector);
  solid_status status = bytes && vector ? read_vectors(file, path, width, bytes, vector, sink, context)
                                        : solid_fail(SOLID_ENOMEM, "%s: no room for %zu floats", path, width);
  free(bytes);
  free(vector);
  gzclose(file);
  return status;
}
