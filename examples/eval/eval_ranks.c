#include "examples/eval/eval_ranks.h"
#include <stdlib.h>

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
