#include "examples/eval/eval_ranks.h"
#include "solid/extend.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

solid_status eval_result_read(json_t **out, const char *path) {
  json_error_t error;
  errno = 0;
  *out = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
  if (*out) return SOLID_OK;
  if (error.line <= 0 || errno == EISDIR) return solid_fail(SOLID_EIO, "%s: %s", path, strerror(errno));
  return solid_fail(SOLID_EFORMAT, "%s:%d: %s: not a result of solid_eval --json", path, error.line, error.text);
}

json_t *eval_ranks_write(const uint32_t *ranks, size_t n) {
  char *text = malloc(n + 1);
  if (!text) return NULL;
  for (size_t i = 0; i < n; i++) text[i] = ranks[i] < SOLID_RANK_DEPTH ? (char)('a' + ranks[i]) : '.';
  json_t *value = json_stringn(text, n);
  free(text);
  return value;
}

uint32_t *eval_ranks_read(const json_t *value, size_t n) {
  const char *text = json_string_value(value);
  uint32_t *ranks = text && json_string_length(value) == n ? malloc((n + 1) * sizeof *ranks) : NULL;
  for (size_t i = 0; i < n && ranks; i++) {
    int letter = text[i] >= 'a' && text[i] < 'a' + SOLID_RANK_DEPTH;
    ranks[i] = letter ? (uint32_t)(text[i] - 'a') : SOLID_RANK_BEYOND;
    if (letter || text[i] == '.') continue;
    free(ranks);
    ranks = NULL;
  }
  return ranks;
}
