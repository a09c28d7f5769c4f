#include "ingest/decode.h"
#include "ingest/data/times.h"
#include "ingest/flat_json.h"
#include "solid/extend.h"
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Strings are packed into blocks that never move; a block outlives resets. */
typedef struct text_block {
  struct text_block *next;
  size_t used;
  char bytes[SOLID_PAYLOAD_MAX];
} text_block;

struct solid_decoder {
  int64_t max_future_ms;
  const solid_worth_rule *worth; /* borrowed; NULL = every event is a step */
  double rating;                 /* of the last event */
  text_block *first, *current;
};

const char *solid_reject_code(solid_reject reject) {
  switch (reject) {
#define CODE_CASE(name, code, meaning)                                                                                 \
  case SOLID_REJECT_##name:                                                                                            \
    return code;
    SOLID_REJECT_MAP(CODE_CASE)
#undef CODE_CASE
  case SOLID_REJECT_COUNT:
    break;
  }
  return "unknown";
}

const char *solid_reject_meaning(solid_reject reject) {
  switch (reject) {
#define MEANING_CASE(name, code, meaning)                                                                              \
  case SOLID_REJECT_##name:                                                                                            \
    return meaning;
    SOLID_REJECT_MAP(MEANING_CASE)
#undef MEANING_CASE
  case SOLID_REJECT_COUNT:
    break;
  }
  return "unknown";
}

solid_status solid_decoder_new(solid_decoder **out, int64_t max_future_ms) {
  if (!out) return solid_fail(SOLID_EINVAL, "decoder: out is NULL");
  solid_decoder *decoder = calloc(1, sizeof *decoder);
  if (!decoder) return solid_fail(SOLID_ENOMEM, "decoder: out of memory");
  decoder->max_future_ms = max_future_ms;
  *out = decoder;
  return SOLID_OK;
}

void solid_decoder_set_worth(solid_decoder *decoder, const solid_worth_rule *rule) {
  if (decoder) decoder->worth = rule;
}

double solid_decoder_get_rating(const solid_decoder *decoder) {
  return decoder ? decoder->rating : (double)NAN;
}

void solid_decoder_free(solid_decoder *decoder) {
  if (!decoder) return;
  for (text_block *block = decoder->first, *next; block; block = next) {
    next = block->next;
    free(block);
  }
  free(decoder);
}

void solid_decoder_reset(solid_decoder *decoder) {
  if (!decoder) return;
  for (text_block *block = decoder->first; block; block = block->next) block->used = 0;
  decoder->current = decoder->first;
}

/* Copies `text` (size <= SOLID_ID_MAX, far below a block) into memory that lasts until the reset. */
static const char *keep(solid_decoder *decoder, const char *text, size_t size) {
  text_block *block = decoder->current;
  if (!block || sizeof block->bytes - block->used < size) {
    text_block *next = block ? block->next : decoder->first;
    if (!next) {
      next = malloc(sizeof *next);
      if (!next) return NULL;
      next->next = NULL;
      next->used = 0;
      if (block)
        block->next = next;
      else
        decoder->first = next;
    }
    decoder->current = block = next;
  }
  char *kept = block->bytes + block->used;
  memcpy(kept, text, size);
  block->used += size;
  return kept;
}

static solid_status rejected(solid_reject *reject, solid_reject why) {
  *reject = why;
  return solid_fail(SOLID_EFORMAT, "event: %s", solid_reject_meaning(why));
}

static solid_status keep_bytes(solid_decoder *decoder, const char *text, size_t size, solid_bytes *out) {
  const char *kept = keep(decoder, text, size);
  if (!kept) return solid_fail(SOLID_ENOMEM, "decoder: out of memory");
  *out = (solid_bytes){kept, size};
  return SOLID_OK;
}

/* The members of an event. */
enum { USER, ITEM, KIND, TIME, RATING, FORGET, MEMBERS };
static const char *const members[MEMBERS] = {"user", "item", "event", "ts", "rating", "forget"};

static sol_json_value value_of(const json_t *value) {
  if (!value) return (sol_json_value){.kind = SOL_JSON_ABSENT};
  if (json_is_string(value))
    return (sol_json_value){.kind = SOL_JSON_TEXT, .text = {json_string_value(value), json_string_length(value)}};
  if (json_is_integer(value))
    return (sol_json_value){
        .kind = SOL_JSON_WHOLE, .whole = json_integer_value(value), .real = json_number_value(value)};
  if (json_is_real(value)) return (sol_json_value){.kind = SOL_JSON_REAL, .real = json_real_value(value)};
  return (sol_json_value){.kind = json_is_true(value) ? SOL_JSON_TRUE : SOL_JSON_OTHER};
}

static int is_number(const sol_json_value *value) {
  return value->kind == SOL_JSON_WHOLE || value->kind == SOL_JSON_REAL;
}

static solid_status take_id(solid_decoder *decoder, const sol_json_value *value, solid_reject absent, solid_reject bad,
                            solid_bytes *out, solid_reject *reject) {
  if (value->kind == SOL_JSON_ABSENT) return rejected(reject, absent);
  if (value->kind == SOL_JSON_WHOLE) {
    char text[24];
    int size = snprintf(text, sizeof text, "%" PRId64, value->whole);
    return keep_bytes(decoder, text, (size_t)size, out);
  }
  if (value->kind != SOL_JSON_TEXT || value->text.size < 1 || value->text.size > SOLID_ID_MAX)
    return rejected(reject, bad);
  return keep_bytes(decoder, value->text.data, value->text.size, out);
}

static solid_status take_kind(solid_decoder *decoder, const sol_json_value *value, solid_bytes *out,
                              solid_reject *reject) {
  *out = (solid_bytes){"", 0};
  if (value->kind == SOL_JSON_ABSENT) return SOLID_OK;
  if (value->kind != SOL_JSON_TEXT || value->text.size > SOLID_ID_MAX) return rejected(reject, SOLID_REJECT_BAD_KIND);
  return keep_bytes(decoder, value->text.data, value->text.size, out);
}

static solid_status take_time(const solid_decoder *decoder, const sol_json_value *value, int64_t now_ms, int64_t *out,
                              solid_reject *reject) {
  if (value->kind == SOL_JSON_ABSENT) return rejected(reject, SOLID_REJECT_NO_TS);
  if (value->kind != SOL_JSON_WHOLE || value->whole < 0) return rejected(reject, SOLID_REJECT_BAD_TS);
  int64_t ts = value->whole;
  if (decoder->max_future_ms != SOLID_ANY_TIME && !sol_time_is_plausible(ts)) {
    *reject = SOLID_REJECT_IMPLAUSIBLE_TS;
    return solid_fail(SOLID_EFORMAT, "event: ts %" PRId64 " is before 1980 or after 2100: is it in milliseconds?", ts);
  }
  if (decoder->max_future_ms >= 0 && ts > now_ms && ts - now_ms > decoder->max_future_ms) {
    *reject = SOLID_REJECT_FUTURE;
    return solid_fail(SOLID_EFORMAT, "event: ts %" PRId64 " is %" PRId64 " ms ahead of the clock, allowed are %" PRId64,
                      ts, ts - now_ms, decoder->max_future_ms);
  }
  *out = ts;
  return SOLID_OK;
}

/* Sets the worth, once the kind is known. The rating is ignored if the rule does not use it. */
static solid_status take_worth(solid_decoder *decoder, const sol_json_value *rating, solid_event *ev,
                               solid_reject *reject) {
  decoder->rating = is_number(rating) ? rating->real : (double)NAN;
  ev->worth = SOLID_WORTH_STEP;
  if (rating->kind != SOL_JSON_ABSENT && !is_number(rating) && solid_worth_rule_needs_ratings(decoder->worth))
    return rejected(reject, SOLID_REJECT_BAD_RATING);
  solid_status status = solid_worth_of(decoder->worth, ev->kind, decoder->rating, &ev->worth);
  if (status == SOLID_EFORMAT) *reject = SOLID_REJECT_UNKNOWN_KIND;
  return status;
}

/* The user is known by now. */
static solid_status take_forget(solid_decoder *decoder, const sol_json_value *of, int64_t now_ms, solid_event *ev,
                                solid_reject *reject) {
  if (of[ITEM].kind != SOL_JSON_ABSENT) return rejected(reject, SOLID_REJECT_BAD_FORGET);
  decoder->rating = (double)NAN;
  ev->item = ev->kind = (solid_bytes){"", 0};
  ev->worth = SOLID_WORTH_FORGET;
  return take_time(decoder, &of[TIME], now_ms, &ev->time_ms, reject);
}

static solid_status take_members(solid_decoder *decoder, const sol_json_value *of, int64_t now_ms, solid_event *ev,
                                 solid_reject *reject) {
  solid_status status = take_id(decoder, &of[USER], SOLID_REJECT_NO_USER, SOLID_REJECT_BAD_USER, &ev->user, reject);
  if (status == SOLID_OK && of[FORGET].kind == SOL_JSON_TRUE) return take_forget(decoder, of, now_ms, ev, reject);
  if (status == SOLID_OK)
    status = take_id(decoder, &of[ITEM], SOLID_REJECT_NO_ITEM, SOLID_REJECT_BAD_ITEM, &ev->item, reject);
  if (status == SOLID_OK) status = take_kind(decoder, &of[KIND], &ev->kind, reject);
  if (status == SOLID_OK) status = take_time(decoder, &of[TIME], now_ms, &ev->time_ms, reject);
  if (status == SOLID_OK) status = take_worth(decoder, &of[RATING], ev, reject);
  return status;
}

static solid_status not_loaded(const json_error_t *error, solid_reject *reject) {
  solid_reject why = SOLID_REJECT_NOT_JSON;
  switch (json_error_code(error)) {
  case json_error_out_of_memory:
    return solid_fail(SOLID_ENOMEM, "decoder: out of memory");
  case json_error_invalid_utf8:
    why = SOLID_REJECT_BAD_UTF8;
    break;
  case json_error_duplicate_key:
    why = SOLID_REJECT_DUPLICATE_KEY;
    break;
  case json_error_null_character:
  case json_error_null_byte_in_key:
    why = SOLID_REJECT_NUL_CHARACTER;
    break;
  case json_error_numeric_overflow:
    why = SOLID_REJECT_BIG_NUMBER;
    break;
  default:
    break;
  }
  *reject = why;
  const char *text = why == SOLID_REJECT_NOT_JSON ? error->text : solid_reject_meaning(why);
  return solid_fail(SOLID_EFORMAT, "event: byte %d: %s", error->position, text);
}

/* Any JSON, through jansson. */
static solid_status decode_tree(solid_decoder *decoder, const void *payload, size_t size, int64_t now_ms,
                                solid_event *ev, solid_reject *reject) {
  json_error_t error;
  sol_json_value of[MEMBERS];
  json_t *tree = json_loadb(payload, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
  if (!tree) return not_loaded(&error, reject);
  solid_event decoded = *ev;
  for (int i = 0; i < MEMBERS; i++) of[i] = value_of(json_object_get(tree, members[i]));
  solid_status status = json_is_object(tree) ? take_members(decoder, of, now_ms, &decoded, reject)
                                             : rejected(reject, SOLID_REJECT_NOT_OBJECT);
  json_decref(tree);
  if (status == SOLID_OK) *ev = decoded;
  return status;
}

solid_status solid_decoder_decode(solid_decoder *decoder, const void *payload, size_t size, int64_t now_ms,
                                  solid_event *ev, solid_reject *reject) {
  if (!decoder || !ev || !reject) return solid_fail(SOLID_EINVAL, "decoder: an argument is NULL");
  *reject = SOLID_REJECT_NONE;
  if (!payload || !size) return rejected(reject, SOLID_REJECT_EMPTY);
  if (size > SOLID_PAYLOAD_MAX) {
    *reject = SOLID_REJECT_TOO_LARGE;
    return solid_fail(SOLID_EFORMAT, "event: payload of %zu bytes, at most %zu", size, SOLID_PAYLOAD_MAX);
  }
  sol_json_value of[MEMBERS];
  solid_event decoded = *ev;
  if (!sol_flat_json(payload, size, members, MEMBERS, of))
    return decode_tree(decoder, payload, size, now_ms, ev, reject);
  solid_status status = take_members(decoder, of, now_ms, &decoded, reject);
  if (status == SOLID_OK) *ev = decoded;
  return status;
}
