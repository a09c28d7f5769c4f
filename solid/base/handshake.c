#include "solid/base/handshake.h"
#include "solid/extend.h"
#include <stdint.h>
#include <string.h>

static uint32_t size_of(const void *theirs) {
  uint32_t size;
  memcpy(&size, theirs, sizeof size);
  return size;
}

solid_status sol_struct_check(const void *theirs, size_t known, const char *what) {
  uint32_t size = size_of(theirs);
  if (size >= sizeof size && size <= known) return SOLID_OK;
  return solid_fail(SOLID_EINVAL, "%s: struct_size %u, this library knows %zu", what, size, known);
}

solid_status sol_struct_take(void *ours, size_t known, const void *theirs, const char *what) {
  if (!theirs) return SOLID_OK;
  solid_status status = sol_struct_check(theirs, known, what);
  if (status == SOLID_OK) memcpy(ours, theirs, size_of(theirs));
  return status;
}

solid_status sol_struct_give(void *theirs, const void *ours, size_t known, const char *what) {
  solid_status status = sol_struct_check(theirs, known, what);
  if (status) return status;
  const size_t head = sizeof(uint32_t);
  memcpy((char *)theirs + head, (const char *)ours + head, size_of(theirs) - head);
  return SOLID_OK;
}
