/* Decodes the bytes of one event into a solid_event, or gives the reason why not.
 *
 *   {"user": "u1", "item": "i7", "event": "view", "ts": 1690000000000}
 *
 * user, item: strings of 1 .. 255 bytes, or integers, which stand for their decimal text. ts: integer milliseconds
 * since 1970-01-01 UTC, of the years 1980 to 2099. event: string of up to 255 bytes, may be absent. rating: a number,
 * may be absent, and is read only if the rule uses ratings. {"user": ..., "forget": true, "ts": ...}, without an item,
 * asks to forget the user. Other fields are ignored, but the whole object must be valid: UTF-8, no U+0000, no key twice
 * (it would be unclear which one is meant), no integer beyond 64 bits, at most 64 KiB. The clock is an argument. */
#ifndef SOLID_INGEST_DECODE_H
#define SOLID_INGEST_DECODE_H

#include "ingest/worth.h"
#include "solid/status.h"
#include "solid/types.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SOLID_PAYLOAD_MAX ((size_t)64 * 1024)

/* Why an event was not taken. The name is the reason code in the dead-letter topic and in statistics. The last
 * three are a sink's verdicts. */
/*        name            code               meaning */
#define SOLID_REJECT_MAP(X)                                                                                            \
  X(NONE, "none", "the event was accepted")                                                                            \
  X(EMPTY, "empty", "no payload")                                                                                      \
  X(TOO_LARGE, "too_large", "payload over 64 KiB")                                                                     \
  X(BAD_UTF8, "bad_utf8", "not valid UTF-8")                                                                           \
  X(NOT_JSON, "not_json", "not one JSON value")                                                                        \
  X(NOT_OBJECT, "not_object", "JSON, but not an object")                                                               \
  X(DUPLICATE_KEY, "duplicate_key", "a key occurs twice")                                                              \
  X(NUL_CHARACTER, "nul_character", "a string contains U+0000")                                                        \
  X(BIG_NUMBER, "big_number", "a number does not fit in 64 bits")                                                      \
  X(NO_USER, "no_user", "no field user")                                                                               \
  X(BAD_USER, "bad_user", "user is not a string of 1 .. 255 bytes or an integer")                                      \
  X(NO_ITEM, "no_item", "no field item")                                                                               \
  X(BAD_ITEM, "bad_item", "item is not a string of 1 .. 255 bytes or an integer")                                      \
  X(BAD_FORGET, "bad_forget", "forget is true beside an item")                                                         \
  X(BAD_KIND, "bad_event", "event is not a string of up to 255 bytes")                                                 \
  X(NO_TS, "no_ts", "no field ts")                                                                                     \
  X(BAD_TS, "bad_ts", "ts is not a whole number of milliseconds since 1970")                                           \
  X(IMPLAUSIBLE_TS, "implausible_ts", "ts is before 1980 or after 2100: is it in milliseconds?")                       \
  X(FUTURE, "future", "ts is further ahead of the clock than allowed")                                                 \
  X(BAD_RATING, "bad_rating", "rating is not a number")                                                                \
  X(UNKNOWN_KIND, "unknown_event", "the rule of kinds does not list this event")                                       \
  X(UNKNOWN_ITEM, "unknown_item", "the model does not know the item")                                                  \
  X(REFUSED, "refused", "the event was refused after decoding")                                                        \
  X(USER_SET_ASIDE, "user_set_aside", "what the store has under the user's name is no record of ours")

typedef enum solid_reject {
#define SOLID_REJECT_ENUM(name, code, meaning) SOLID_REJECT_##name,
  SOLID_REJECT_MAP(SOLID_REJECT_ENUM)
#undef SOLID_REJECT_ENUM
      SOLID_REJECT_COUNT
} solid_reject;

/* "bad_user" and its meaning; "unknown" for any other number. Never NULL. */
SOLID_API const char *solid_reject_code(solid_reject reject);
SOLID_API const char *solid_reject_meaning(solid_reject reject);

/* Holds the strings of decoded events. One thread at a time. */
typedef struct solid_decoder solid_decoder;

/* Value of max_future_ms: accept any time, also implausible ones. For files that are read again or passed on, not for a
 * stream. */
#define SOLID_ANY_TIME INT64_MIN

/* max_future_ms: how far ahead of the clock an event may be; negative = any distance. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_decoder_new(solid_decoder **out, int64_t max_future_ms);

/* Sets the rule for ev->worth from now on; borrowed; NULL = each event is a step. */
SOLID_API void solid_decoder_set_worth(solid_decoder *decoder, const solid_worth_rule *rule);

/* Rating of the event decoded last; NAN if it had none. */
SOLID_API double solid_decoder_get_rating(const solid_decoder *decoder);

/* NULL is a no-op. */
SOLID_API void solid_decoder_free(solid_decoder *decoder);

/* Decodes one payload into *ev; its position is left alone. The strings of *ev are borrowed from the decoder until
 * solid_decoder_reset, so that a whole batch can be alive at once.
 * EFORMAT: *reject has the reason, solid_last_error() the details. ENOMEM. Otherwise *reject is SOLID_REJECT_NONE. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_decoder_decode(solid_decoder *decoder, const void *payload, size_t size,
                                                               int64_t now_ms, solid_event *ev, solid_reject *reject);

/* Invalidates all strings of decoded events; the memory is kept for the next ones. */
SOLID_API void solid_decoder_reset(solid_decoder *decoder);

#ifdef __cplusplus
}
#endif
#endif
