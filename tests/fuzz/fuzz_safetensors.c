/* Any bytes as a safetensors file: the header is parsed, and what it promises must hold. */
#include "solid/extend.h"
#include "solid/model/safetensors.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void must(int holds) {
  if (!holds) abort();
}

/* Tensors in order, adjoining, aligned, inside the data and as large as their shapes. */
static void check_promises(const sol_safetensors *st, uint64_t data_size) {
  uint64_t end = 0;
  for (size_t i = 0; i < st->count; i++) {
    const sol_tensor_entry *tensor = &st->tensors[i];
    uint64_t elements = 1;
    must(tensor->n_dims <= SOL_SAFETENSORS_DIMS);
    for (uint32_t k = 0; k < tensor->n_dims; k++) elements *= tensor->dims[k];
    must(tensor->begin == end);
    must(tensor->bytes == elements * sol_dtype_size(tensor->dtype));
    must(tensor->begin % sol_dtype_size(tensor->dtype) == 0);
    must(sol_safetensors_find(st, tensor->name) == tensor);
    end += tensor->bytes;
    must(end <= data_size);
  }
  must(end == data_size);
  for (size_t i = 0; i < st->n_metadata; i++)
    must(sol_safetensors_metadata(st, st->metadata[i].key) == st->metadata[i].value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  uint64_t header_size = 0;
  sol_safetensors st;
  if (size < sizeof header_size) return 0;
  memcpy(&header_size, data, sizeof header_size);
  size -= sizeof header_size;
  if (header_size > size) header_size = size;
  uint64_t data_size = size - header_size;
  (void)solid_fail(SOLID_EINVAL, "%s", ""); /* no text is left of the call before */
  if (sol_safetensors_parse(&st, "fuzz", (const char *)data + 8, (size_t)header_size, data_size) != SOLID_OK) {
    must(*solid_last_error() != 0);
    return 0;
  }
  check_promises(&st, data_size);
  sol_safetensors_close(&st);
  return 0;
}
