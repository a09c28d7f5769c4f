#include "solid/train/fit/checkpoint_file.h"
#include "solid/extend.h"
#include <string.h>

solid_status sol_checkpoint_check_text(const sol_safetensors *st, const char *path, const char *key, const char *now) {
  const char *then = sol_safetensors_metadata(st, key);
  if (then == NULL) return solid_fail(SOLID_EFORMAT, "%s: no %s", path, key);
  if (strcmp(then, now) == 0) return SOLID_OK;
  size_t at = 0;
  while (then[at] != '\0' && then[at] == now[at]) at++;
  if (then[at] != '\0' && now[at] != '\0') /* otherwise one text is the beginning of the other */
    while (at > 0 && then[at - 1] != ' ') at--;
  const char *a = then + at + (then[at] == ' '), *b = now + at + (now[at] == ' ');
  if (*a == '\0') a = "nothing";
  if (*b == '\0') b = "nothing";
  return solid_fail(SOLID_EMISMATCH, "%s: made with %s %.*s, this run has %.*s", path, key, (int)strcspn(a, " "), a,
                    (int)strcspn(b, " "), b);
}

solid_status sol_checkpoint_read(const sol_safetensors *st, const char *path, const char *name, sol_dtype dtype,
                                 uint64_t n, void *data) {
  const sol_tensor_entry *tensor = sol_safetensors_find(st, name);
  if (tensor == NULL) return solid_fail(SOLID_EFORMAT, "%s: no tensor %s", path, name);
  solid_status status = sol_safetensors_expect(st, tensor, dtype, 1, &n);
  return status == SOLID_OK ? sol_safetensors_read(st, tensor, data) : status;
}

solid_status sol_checkpoint_check_sum(const sol_safetensors *st, const char *path, const char *key, const char *now) {
  const char *then = sol_safetensors_metadata(st, key);
  if (then != NULL && strcmp(then, now) == 0) return SOLID_OK;
  return solid_fail(SOLID_EFORMAT, "%s: damaged: its %s is %s, what it holds has %s: remove it, or start --fresh", path,
                    key, then != NULL ? then : "missing", now);
}
