#include "solid/model/safetensors.h"
#include "solid/extend.h"
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_HEADER (16U << 20)

static solid_status no_memory(const char *path) {
  return solid_fail(SOLID_ENOMEM, "%s: out of memory for the header", path);
}

static int find_dtype(const char *text, sol_dtype *dtype) {
  static const struct {
    const char *text;
    sol_dtype dtype;
  } all[] = {
#define DTYPE_ROW(name, bytes, text) {text, SOL_##name},
      SOL_DTYPE_MAP(DTYPE_ROW)
#undef DTYPE_ROW
  };
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    if (strcmp(text, all[i].text) == 0) {
      *dtype = all[i].dtype;
      return 1;
    }
  return 0;
}

static int natural(const json_t *value, uint64_t *out) {
  if (!json_is_integer(value) || json_integer_value(value) < 0) return 0;
  *out = (uint64_t)json_integer_value(value);
  return 1;
}

static solid_status read_shape(sol_tensor_entry *tensor, const json_t *shape, const char *path) {
  size_t n = json_array_size(shape);
  if (!json_is_array(shape) || n > SOL_SAFETENSORS_DIMS)
    return solid_fail(SOLID_EFORMAT, "%s: tensor %.64s: shape must be a list of at most %d sizes", path, tensor->name,
                      SOL_SAFETENSORS_DIMS);
  uint64_t bytes = sol_dtype_size(tensor->dtype);
  tensor->n_dims = (uint32_t)n;
  for (size_t i = 0; i < n; i++) {
    uint64_t dim = 0;
    if (!natural(json_array_get(shape, i), &dim) || (dim && bytes > INT64_MAX / dim))
      return solid_fail(SOLID_EFORMAT, "%s: tensor %.64s: size %zu is negative or too large", path, tensor->name, i);
    tensor->dims[i] = dim;
    bytes *= dim;
  }
  tensor->bytes = bytes;
  return SOLID_OK;
}

static solid_status read_entry(sol_tensor_entry *tensor, const json_t *entry, const char *path, uint64_t data_size) {
  const char *dtype = json_string_value(json_object_get(entry, "dtype"));
  const json_t *offsets = json_object_get(entry, "data_offsets");
  uint64_t end = 0;
  if (!dtype || !find_dtype(dtype, &tensor->dtype))
    return solid_fail(SOLID_EFORMAT, "%s: tensor %.64s: type %.16s is none of this reader's", path, tensor->name,
                      dtype ? dtype : "(none)");
  if (json_object_size(entry) != 3)
    return solid_fail(SOLID_EFORMAT, "%s: tensor %.64s: has %zu fields, must be dtype, shape and data_offsets", path,
                      tensor->name, json_object_size(entry));
  solid_status status = read_shape(tensor, json_object_get(entry, "shape"), path);
  if (status) return status;
  if (json_array_size(offsets) != 2 || !natural(json_array_get(offsets, 0), &tensor->begin) ||
      !natural(json_array_get(offsets, 1), &end))
    return solid_fail(SOLID_EFORMAT, "%s: tensor %.64s: data_offsets must be two sizes", path, tensor->name);
  if (tensor->begin <= end && end > data_size)
    return solid_fail(SOLID_EFORMAT, "%s: cut off: tensor %.64s is at %llu to %llu of %llu bytes of data", path,
                      tensor->name, (unsigned long long)tensor->begin, (unsigned long long)end,
                      (unsigned long long)data_size);
  if (tensor->begin > end)
    return solid_fail(SOLID_EFORMAT, "%s: tensor %.64s: is at %llu to %llu of %llu bytes of data", path, tensor->name,
                      (unsigned long long)tensor->begin, (unsigned long long)end, (unsigned long long)data_size);
  if (end - tensor->begin != tensor->bytes)
    return solid_fail(SOLID_EFORMAT, "%s: tensor %.64s: has %llu bytes, its shape asks for %llu", path, tensor->name,
                      (unsigned long long)(end - tensor->begin), (unsigned long long)tensor->bytes);
  if (tensor->begin % sol_dtype_size(tensor->dtype))
    return solid_fail(SOLID_EFORMAT, "%s: tensor %.64s: is at %llu, not a multiple of %zu", path, tensor->name,
                      (unsigned long long)tensor->begin, sol_dtype_size(tensor->dtype));
  return SOLID_OK;
}

static solid_status read_metadata(sol_safetensors *st, json_t *texts) {
  const char *key;
  json_t *value;
  if (!json_is_object(texts)) return solid_fail(SOLID_EFORMAT, "%s: __metadata__ is no object", st->path);
  st->metadata = calloc(json_object_size(texts) + 1, sizeof *st->metadata);
  if (!st->metadata) return no_memory(st->path);
  json_object_foreach(texts, key, value) {
    if (!json_is_string(value)) return solid_fail(SOLID_EFORMAT, "%s: metadata %.64s: is no text", st->path, key);
    sol_text_pair *pair = &st->metadata[st->n_metadata++];
    pair->key = strdup(key);
    pair->value = strdup(json_string_value(value));
    if (!pair->key || !pair->value) return no_memory(st->path);
  }
  return SOLID_OK;
}

static int by_place(const void *a, const void *b) {
  const sol_tensor_entry *x = a, *y = b;
  if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
  return (x->bytes > y->bytes) - (x->bytes < y->bytes);
}

/* Together the tensors cover the data exactly: no overlap, no hidden bytes. */
static solid_status check_places(sol_safetensors *st, uint64_t data_size) {
  uint64_t end = 0;
  if (st->count) qsort(st->tensors, st->count, sizeof *st->tensors, by_place);
  for (size_t i = 0; i < st->count; i++) {
    if (st->tensors[i].begin != end)
      return solid_fail(SOLID_EFORMAT, "%s: tensor %.64s: begins at %llu, the one before ends at %llu", st->path,
                        st->tensors[i].name, (unsigned long long)st->tensors[i].begin, (unsigned long long)end);
    end += st->tensors[i].bytes;
  }
  if (end == data_size) return SOLID_OK;
  return solid_fail(SOLID_EFORMAT, "%s: tensors end at %llu, the data at %llu", st->path, (unsigned long long)end,
                    (unsigned long long)data_size);
}

static solid_status read_header(sol_safetensors *st, json_t *header, uint64_t data_size) {
  const char *name;
  json_t *entry;
  if (!json_is_object(header)) return solid_fail(SOLID_EFORMAT, "%s: the header is no object", st->path);
  st->tensors = calloc(json_object_size(header) + 1, sizeof *st->tensors);
  if (!st->tensors) return no_memory(st->path);
  json_object_foreach(header, name, entry) {
    solid_status status;
    if (strcmp(name, "__metadata__") == 0) {
      status = read_metadata(st, entry);
    } else {
      sol_tensor_entry *tensor = &st->tensors[st->count];
      tensor->name = strdup(name);
      if (!tensor->name) return no_memory(st->path);
      st->count++;
      status = read_entry(tensor, entry, st->path, data_size);
    }
    if (status) return status;
  }
  return check_places(st, data_size);
}

solid_status sol_safetensors_parse(sol_safetensors *st, const char *path, const char *header, size_t header_size,
                                   uint64_t data_size) {
  json_error_t error;
  memset(st, 0, sizeof *st);
  st->fd = -1;
  st->data_start = 8 + (uint64_t)header_size;
  st->path = strdup(path);
  if (!st->path) return no_memory(path);
  solid_status status;
  json_t *root = json_loadb(header, header_size, JSON_REJECT_DUPLICATES, &error);
  if (root) {
    status = read_header(st, root, data_size);
  } else if (error.text[0] == '\0' ||
             json_error_code(&error) == json_error_out_of_memory) { /* jansson has no text then */
    status = no_memory(path);
  } else {
    status = solid_fail(SOLID_EFORMAT, "%s: header: %.120s at byte %d", path, error.text, error.position);
  }
  json_decref(root);
  if (status) sol_safetensors_close(st);
  return status;
}

/* Reads exactly `size` bytes at `at`. */
static solid_status read_at(int fd, const char *path, void *data, uint64_t size, uint64_t at) {
  char *to = data;
  while (size) {
    ssize_t n = pread(fd, to, size < (1U << 30) ? (size_t)size : 1U << 30, (off_t)at);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      char text[96];
      return solid_fail(SOLID_EIO, "%s: cannot be read: %s", path, sol_errno_text(errno, text, sizeof text));
    }
    if (n == 0) return solid_fail(SOLID_EFORMAT, "%s: ends at byte %llu", path, (unsigned long long)at);
    to += n;
    at += (uint64_t)n;
    size -= (uint64_t)n;
  }
  return SOLID_OK;
}

static solid_status open_header(sol_safetensors *st, int fd, const char *path) {
  struct stat info;
  uint64_t header_size = 0;
  char text[96];
  if (fstat(fd, &info)) return solid_fail(SOLID_EIO, "%s: %s", path, sol_errno_text(errno, text, sizeof text));
  if (S_ISDIR(info.st_mode)) return solid_fail(SOLID_EIO, "%s: is a directory, and a model is one file", path);
  if (!S_ISREG(info.st_mode)) return solid_fail(SOLID_EIO, "%s: is no regular file", path);
  uint64_t size = (uint64_t)info.st_size;
  if (size < 8)
    return solid_fail(SOLID_EFORMAT, "%s: no safetensors file, as models are: it has %llu bytes", path,
                      (unsigned long long)size);
  solid_status status = read_at(fd, path, &header_size, sizeof header_size, 0);
  if (status) return status;
  if (header_size > MAX_HEADER)
    return solid_fail(SOLID_EFORMAT,
                      "%s: no safetensors file, as models are: its first 8 bytes announce a header of %llu bytes, and "
                      "the limit is %u",
                      path, (unsigned long long)header_size, MAX_HEADER);
  if (header_size > size - 8)
    return solid_fail(SOLID_EFORMAT,
                      "%s: cut off, or no safetensors file, as models are: a header of %llu bytes in %llu", path,
                      (unsigned long long)header_size, (unsigned long long)size);
  char *header = malloc(header_size + 1);
  if (!header) return no_memory(path);
  status = read_at(fd, path, header, header_size, 8);
  if (!status) status = sol_safetensors_parse(st, path, header, header_size, size - 8 - header_size);
  free(header);
  return status;
}

solid_status sol_safetensors_open(sol_safetensors *st, const char *path) {
  char text[96];
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe is refused below, and not waited for */
  if (fd < 0) return solid_fail(SOLID_EIO, "%s: cannot be opened: %s", path, sol_errno_text(errno, text, sizeof text));
  solid_status status = open_header(st, fd, path);
  if (status) {
    close(fd);
    return status;
  }
  st->fd = fd;
  return SOLID_OK;
}

void sol_safetensors_close(sol_safetensors *st) {
  if (st->fd >= 0) close(st->fd);
  for (size_t i = 0; i < st->count; i++) free(st->tensors[i].name);
  for (size_t i = 0; i < st->n_metadata; i++) {
    free(st->metadata[i].key);
    free(st->metadata[i].value);
  }
  free(st->tensors);
  free(st->metadata);
  free(st->path);
  memset(st, 0, sizeof *st);
  st->fd = -1;
}

const sol_tensor_entry *sol_safetensors_find(const sol_safetensors *st, const char *name) {
  for (size_t i = 0; i < st->count; i++)
    if (strcmp(st->tensors[i].name, name) == 0) return &st->tensors[i];
  return NULL;
}

const char *sol_safetensors_metadata(const sol_safetensors *st, const char *key) {
  for (size_t i = 0; i < st->n_metadata; i++)
    if (strcmp(st->metadata[i].key, key) == 0) return st->metadata[i].value;
  return NULL;
}

solid_status sol_safetensors_expect(const sol_safetensors *st, const sol_tensor_entry *tensor, sol_dtype dtype,
                                    uint32_t n_dims, const uint64_t *dims) {
  if (tensor->dtype != dtype)
    return solid_fail(SOLID_EFORMAT, "%s: tensor %.64s: type is %s, must be %s", st->path, tensor->name,
                      sol_dtype_name(tensor->dtype), sol_dtype_name(dtype));
  if (tensor->n_dims != n_dims)
    return solid_fail(SOLID_EFORMAT, "%s: tensor %.64s: has %u dimensions, must have %u", st->path, tensor->name,
                      tensor->n_dims, n_dims);
  for (uint32_t i = 0; i < n_dims; i++)
    if (tensor->dims[i] != dims[i])
      return solid_fail(SOLID_EFORMAT, "%s: tensor %.64s: dimension %u is %llu, the config asks for %llu", st->path,
                        tensor->name, i, (unsigned long long)tensor->dims[i], (unsigned long long)dims[i]);
  return SOLID_OK;
}

solid_status sol_safetensors_read(const sol_safetensors *st, const sol_tensor_entry *tensor, void *data) {
  return read_at(st->fd, st->path, data, tensor->bytes, st->data_start + tensor->begin);
}
