#include "solid/train/fit/checkpoint_file.h"
#include "solid/base/number.h"
#include "solid/extend.h"
#include "solid/train/trainer.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

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

/* Where the value of a word `name=value` begins in the text, or NULL. */
static const char *value_in(const char *text, const char *name) {
  size_t size = strlen(name);
  for (const char *at = text; at != NULL && *at != '\0'; at += strcspn(at, " "), at += *at == ' ')
    if (strncmp(at, name, size) == 0 && at[size] == '=') return at + size + 1;
  return NULL;
}

solid_status solid_checkpoint_option(const char *path, const solid_option_row *row, double *value) {
  if (path == NULL || row == NULL || value == NULL) return solid_fail(SOLID_EINVAL, "checkpoint: NULL argument");
  if (access(path, F_OK) != 0 && errno == ENOENT) return solid_fail(SOLID_ENOTFOUND, "%s: no checkpoint", path);
  sol_safetensors st;
  solid_status status = sol_safetensors_open(&st, path);
  if (status != SOLID_OK) return status;
  const char *text = value_in(sol_safetensors_metadata(&st, "options"), row->name);
  if (text == NULL) text = value_in(sol_safetensors_metadata(&st, "config"), row->name);
  if (text == NULL || !sol_number_double(text, strcspn(text, " "), value))
    status = solid_fail(SOLID_ENOTFOUND, "%s: no number for %s", path, row->name);
  sol_safetensors_close(&st);
  return status;
}
