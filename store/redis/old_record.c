#include "store/redis/old_record.h"
#include "solid/extend.h"
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { OLD_HEADER = 32, OLD_TAIL = 4 };

void sol_old_clear(sol_old_record *old) {
  free(old->steps);
  free(old->body);
  *old = (sol_old_record){.steps = NULL};
}

static uint8_t *copy_of(const void *data, size_t size) {
  uint8_t *copy = malloc(size + 1); /* never of size 0 */
  if (copy && size) memcpy(copy, data, size);
  return copy;
}

static int is_digits(const redisReply *text, uint64_t *number) {
  char *end;
  if (text->len < 1 || strspn(text->str, "0123456789") != (size_t)text->len) return 0;
  *number = strtoull(text->str, &end, 10);
  return 1;
}

/* The mark that a field is, as far as it is one. */
static solid_position mark_of(const redisReply *field, const redisReply *value, solid_redis_stream_fn stream_of,
                              void *user) {
  solid_position mark = {0, 0};
  if (field->len == 9 && value->len == 8) {
    memcpy(&mark.stream, field->str + 1, 8);
    memcpy(&mark.offset, value->str, 8);
  } else if (is_digits(value, &mark.offset) && field->len > 1) {
    mark.stream = stream_of(user, (uint32_t)strtoul(field->str + 1, NULL, 10));
  }
  return mark;
}

solid_status sol_old_window(sol_old_record *old, const redisReply *reply, solid_redis_stream_fn stream_of, void *user) {
  if (reply->type != REDIS_REPLY_ARRAY) return SOLID_OK;
  for (size_t i = 0; i + 1 < reply->elements; i += 2) {
    const redisReply *field = reply->element[i], *value = reply->element[i + 1];
    if (field->type != REDIS_REPLY_STRING || value->type != REDIS_REPLY_STRING || !field->len) continue;
    if (field->len == 1 && field->str[0] == 'n')
      old->is_sound = is_digits(value, &old->head.seq) && old->head.seq >> SOL_SEQ_BITS == 0;
    if (field->len == 1 && field->str[0] == 's' && value->len % SOL_STEP_SIZE == 0 && !old->steps) {
      old->steps_size = (size_t)value->len;
      old->steps = copy_of(value->str, old->steps_size);
      if (!old->steps) return solid_fail(SOLID_ENOMEM, "redis store: steps of %zu bytes", old->steps_size);
    }
    if (field->str[0] != 'm' || old->head.n_marks == SOL_MARKS_MAX) continue;
    solid_position mark = mark_of(field, value, stream_of, user);
    if (mark.stream) old->head.marks[old->head.n_marks++] = mark;
  }
  if (!old->steps) old->is_sound = 0;
  return SOLID_OK;
}

solid_status sol_old_params(sol_old_record *old, const redisReply *reply) {
  static const uint8_t begin[5] = {'S', 'L', 'D', 'P', 1};
  if (reply->type != REDIS_REPLY_STRING || (size_t)reply->len < OLD_HEADER + OLD_TAIL) return SOLID_OK;
  const uint8_t *data = (const uint8_t *)reply->str;
  size_t size = (size_t)reply->len - OLD_TAIL;
  uint32_t crc;
  memcpy(&crc, data + size, sizeof crc);
  if (memcmp(data, begin, sizeof begin) || crc != (uint32_t)crc32_z(0, data, size)) return SOLID_OK;
  old->body_size = size - OLD_HEADER;
  old->body = copy_of(data + OLD_HEADER, old->body_size);
  if (!old->body) return solid_fail(SOLID_ENOMEM, "redis store: params of %zu bytes", old->body_size);
  uint8_t *head = old->head.params;
  memcpy(head, data + 8, 8);        /* seq; when they were made is not known: 0 */
  memcpy(head + 16, data + 16, 16); /* generation, d, P */
  head[32] = data[5];
  sol_params_seal(head, old->body, old->body_size);
  old->head.has_params = 1;
  return SOLID_OK;
}
