#include "store/record/head.h"
#include <assert.h>
#include <string.h>

static const uint8_t no_params[SOL_PARAMS_HEAD];

static uint8_t *put_history(const sol_head *head, uint8_t *out) {
  const uint64_t words[] = {head->birth, head->renewed_ms, head->begun};
  memcpy(out, words, sizeof words);
  return out + sizeof words;
}

size_t sol_head_encode(const sol_head *head, uint8_t out[SOL_HEAD_MAX]) {
  assert(head->n_marks <= SOL_MARKS_MAX);
  const uint8_t begin[4] = {'S', 'U', head->birth ? SOL_HEAD_WITH_HISTORY : SOL_HEAD_PLAIN,
                            (uint8_t)(head->n_marks + (head->has_dislikes ? 128 : 0))};
  memcpy(out, begin, 4);
  memcpy(out + 4, head->epoch.bytes, sizeof head->epoch.bytes);
  memcpy(out + 20, &head->seq, 8);
  memcpy(out + SOL_HEAD_PARAMS, head->has_params ? head->params : no_params, SOL_PARAMS_HEAD);
  memcpy(out + SOL_HEAD_SIZE, head->marks, SOL_POSITION_SIZE * head->n_marks);
  uint8_t *end = out + SOL_HEAD_SIZE + SOL_POSITION_SIZE * head->n_marks;
  if (head->birth) end = put_history(head, end);
  return (size_t)(end - out);
}

int sol_head_decode(const uint8_t *data, size_t size, sol_head *head) {
  if (size < SOL_HEAD_SIZE || data[0] != 'S' || data[1] != 'U' || data[2] < 1 || data[2] > SOL_HEAD_VERSION) return 0;
  int has_history = data[2] == SOL_HEAD_OLD_HISTORY || data[2] == SOL_HEAD_WITH_HISTORY;
  size_t marks = data[3] & 127, history = has_history ? SOL_HEAD_HISTORY : 0;
  if (marks > SOL_MARKS_MAX || size != SOL_HEAD_SIZE + SOL_POSITION_SIZE * marks + history) return 0;
  memcpy(head->epoch.bytes, data + 4, sizeof head->epoch.bytes);
  memcpy(&head->seq, data + 20, 8);
  if (head->seq >> SOL_SEQ_BITS) return 0;
  memcpy(head->params, data + SOL_HEAD_PARAMS, SOL_PARAMS_HEAD);
  memcpy(head->marks, data + SOL_HEAD_SIZE, SOL_POSITION_SIZE * marks);
  head->has_params = memcmp(head->params, no_params, SOL_PARAMS_HEAD) != 0;
  head->has_dislikes = data[3] >> 7;
  head->n_marks = marks;
  head->life = 0;
  for (size_t i = 0; i < marks; i++)
    if (!head->marks[i].stream) head->life = head->marks[i].offset;
  uint64_t words[3] = {0};
  memcpy(words, data + size - history, history);
  head->birth = words[0], head->renewed_ms = words[1], head->begun = words[2];
  return !history || (words[0] && words[2] <= head->seq);
}
