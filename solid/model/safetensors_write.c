#include "solid/base/beside.h"
#include "solid/extend.h"
#include "solid/model/safetensors.h"
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "safetensors are little-endian, and so must this machine be"
#endif

#define DATA_ALIGN 64 /* the header is padded with spaces so that the data begin at a multiple */

size_t sol_dtype_size(sol_dtype dtype) {
  switch (dtype) {
#define SIZE_CASE(name, bytes, text)                                                                                   \
  case SOL_##name:                                                                                                     \
    return bytes;
    SOL_DTYPE_MAP(SIZE_CASE)
#undef SIZE_CASE
  }
  return 0;
}

const char *sol_dtype_name(sol_dtype dtype) {
  switch (dtype) {
#define NAME_CASE(name, bytes, text)                                                                                   \
  case SOL_##name:                                                                                                     \
    return text;
    SOL_DTYPE_MAP(NAME_CASE)
#undef NAME_CASE
  }
  return "?";
}

const char *sol_errno_text(int error, char *room, size_t size) {
  if (strerror_r(error, room, size)) snprintf(room, size, "error %d", error);
  return room;
}

static solid_status fail_io(const char *path, const char *what, int error) {
  char text[96];
  return solid_fail(sol_write_status(error), "%s: %s: %s", path, what, sol_errno_text(error, text, sizeof text));
}

static uint64_t bytes_of(const sol_tensor_source *tensor) {
  uint64_t bytes = sol_dtype_size(tensor->dtype);
  for (uint32_t i = 0; i < tensor->n_dims; i++) bytes *= tensor->dims[i];
  return bytes;
}

/* Adds one tensor to the header; takes its place at *end. */
static int add_entry(json_t *header, const sol_tensor_source *tensor, uint64_t *end) {
  uint64_t begin = *end;
  *end += bytes_of(tensor);
  json_t *shape = json_array();
  for (uint32_t i = 0; i < tensor->n_dims; i++)
    if (json_array_append_new(shape, json_integer((json_int_t)tensor->dims[i]))) {
      json_decref(shape);
      return -1;
    }
  json_t *entry = json_pack("{s:s, s:o, s:[I, I]}", "dtype", sol_dtype_name(tensor->dtype), "shape", shape,
                            "data_offsets", (json_int_t)begin, (json_int_t)*end);
  return json_object_set_new(header, tensor->name, entry);
}

/* Widest types first, so that every tensor is aligned though nothing stands between them. */
static const size_t widths[] = {8, 4, 2, 1};
#define WIDTHS (sizeof widths / sizeof *widths)

static char *header_text(const sol_tensor_source *tensors, size_t n, const sol_metadata *metadata, size_t n_metadata) {
  json_t *header = json_object(), *texts = json_object();
  int failed = !header || !texts;
  for (size_t i = 0; i < n_metadata && !failed; i++)
    failed = json_object_set_new(texts, metadata[i].key, json_string(metadata[i].value));
  if (n_metadata && !failed) failed = json_object_set(header, "__metadata__", texts);
  uint64_t end = 0;
  for (size_t w = 0; w < WIDTHS; w++)
    for (size_t i = 0; i < n && !failed; i++)
      if (sol_dtype_size(tensors[i].dtype) == widths[w]) failed = add_entry(header, &tensors[i], &end);
  char *text = failed ? NULL : json_dumps(header, JSON_COMPACT | JSON_PRESERVE_ORDER);
  json_decref(texts);
  json_decref(header);
  return text;
}

static int write_all(int fd, const void *data, uint64_t size) {
  const char *at = data;
  while (size) {
    ssize_t n = write(fd, at, size < (1U << 30) ? (size_t)size : 1U << 30);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno;
    at += n;
    size -= (uint64_t)n;
  }
  return 0;
}

static int write_header(int fd, const char *text) {
  static const char spaces[DATA_ALIGN + 1] = "                                                                ";
  uint64_t size = strlen(text), padding = (DATA_ALIGN - (sizeof size + size) % DATA_ALIGN) % DATA_ALIGN;
  uint64_t padded = size + padding;
  int error = write_all(fd, &padded, sizeof padded);
  if (!error) error = write_all(fd, text, size);
  return error ? error : write_all(fd, spaces, padding);
}

static int write_file(int fd, const char *text, const sol_tensor_source *tensors, size_t n) {
  int error = write_header(fd, text);
  for (size_t w = 0; w < WIDTHS; w++)
    for (size_t i = 0; i < n && !error; i++)
      if (sol_dtype_size(tensors[i].dtype) == widths[w]) error = write_all(fd, tensors[i].data, bytes_of(&tensors[i]));
  return error;
}

solid_status sol_safetensors_write(const char *path, const sol_tensor_source *tensors, size_t n,
                                   const sol_metadata *metadata, size_t n_metadata) {
  sol_beside file;
  char *text = header_text(tensors, n, metadata, n_metadata);
  if (!text) return solid_fail(SOLID_ENOMEM, "%s: out of memory for the header (or metadata that is not UTF-8)", path);
  solid_status status = sol_beside_open(&file, path, 0);
  if (!status) {
    int error = write_file(file.fd, text, tensors, n);
    if (error) {
      status = fail_io(path, "cannot be written", error);
      sol_beside_abandon(&file);
    } else {
      status = sol_beside_commit(&file);
    }
  }
  free(text);
  return status;
}
