#include "ingest/decode.h"
#include <criterion/criterion.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOW  INT64_C(1700000000000)
#define SKEW INT64_C(1000)

static solid_decoder *decoder;

static void open_decoder(void) {
  cr_assert_eq(solid_decoder_new(&decoder, SKEW), SOLID_OK);
}

static void close_decoder(void) {
  solid_decoder_free(decoder);
}

TestSuite(decode, .init = open_decoder, .fini = close_decoder);

static void same(solid_bytes bytes, const char *text) {
  cr_assert_eq(bytes.size, strlen(text), "%.*s instead of %s", (int)bytes.size, bytes.data, text);
  cr_assert_eq(memcmp(bytes.data, text, bytes.size), 0, "%.*s instead of %s", (int)bytes.size, bytes.data, text);
}

static solid_event taken(const char *text) {
  solid_event ev = {.position = {42, 43}};
  solid_reject reject = SOLID_REJECT_COUNT;
  /* Exactly as long as the text, so that a read beyond the end is seen by the sanitizer. */
  char *payload = malloc(strlen(text));
  memcpy(payload, text, strlen(text));
  solid_status status = solid_decoder_decode(decoder, payload, strlen(text), NOW, &ev, &reject);
  free(payload);
  cr_assert_eq(status, SOLID_OK, "%s: %s", text, solid_last_error());
  cr_assert_eq(reject, SOLID_REJECT_NONE);
  cr_assert(ev.position.stream == 42 && ev.position.offset == 43);
  return ev;
}

static void refused_bytes(solid_reject why, const char *payload, size_t size) {
  solid_event ev = {.time_ms = 7};
  solid_reject reject = SOLID_REJECT_COUNT;
  solid_status status = solid_decoder_decode(decoder, payload, size, NOW, &ev, &reject);
  cr_assert_eq(status, SOLID_EFORMAT, "%.60s: %s", payload ? payload : "(null)", solid_status_name(status));
  cr_assert_eq(reject, why, "%.60s: %s instead of %s", payload ? payload : "(null)", solid_reject_code(reject),
               solid_reject_code(why));
  cr_assert_eq(ev.time_ms, 7, "the event was written to");
}

static void refused(solid_reject why, const char *text) {
  refused_bytes(why, text, strlen(text));
}

Test(decode, takes_an_event) {
  solid_event ev = taken("{\"user\":\"u1\",\"item\":\"i7\",\"event\":\"view\",\"ts\":1699000000000}");
  same(ev.user, "u1");
  same(ev.item, "i7");
  same(ev.kind, "view");
  cr_assert_eq(ev.time_ms, 1699000000000);
  cr_assert_eq(ev.worth, SOLID_WORTH_STEP);
}

Test(decode, ignores_other_fields_and_order) {
  solid_event ev =
      taken(" {\"x\":{\"user\":[1,2.5,null]},\"ts\":315532800000,\"item\":-5,\"user\":9223372036854775807}\n");
  same(ev.user, "9223372036854775807");
  same(ev.item, "-5");
  same(ev.kind, "");
  cr_assert_eq(ev.time_ms, 315532800000);
}

Test(decode, takes_the_longest_ids_and_utf8) {
  char text[1024], id[SOLID_ID_MAX + 2];
  memset(id, 'a', sizeof id);
  id[SOLID_ID_MAX] = 0;
  snprintf(text, sizeof text, "{\"user\":\"%s\",\"item\":\"\\u00e9\xc3\xa9\",\"ts\":1600000000000}", id);
  solid_event ev = taken(text);
  same(ev.user, id);
  same(ev.item, "\xc3\xa9\xc3\xa9");
  id[SOLID_ID_MAX] = 'a';
  id[SOLID_ID_MAX + 1] = 0;
  snprintf(text, sizeof text, "{\"user\":\"%s\",\"item\":\"i\",\"ts\":1600000000000}", id);
  refused(SOLID_REJECT_BAD_USER, text);
  snprintf(text, sizeof text, "{\"user\":\"u\",\"item\":\"%s\",\"ts\":1600000000000}", id);
  refused(SOLID_REJECT_BAD_ITEM, text);
  snprintf(text, sizeof text, "{\"user\":\"u\",\"item\":\"i\",\"event\":\"%s\",\"ts\":1600000000000}", id);
  refused(SOLID_REJECT_BAD_KIND, text);
}

Test(decode, names_what_is_wrong_with_the_whole) {
  refused_bytes(SOLID_REJECT_EMPTY, NULL, 0);
  refused_bytes(SOLID_REJECT_EMPTY, "x", 0);
  refused(SOLID_REJECT_NOT_JSON, " ");
  refused(SOLID_REJECT_NOT_JSON, "{\"user\":");
  refused(SOLID_REJECT_NOT_JSON, "hello");
  refused(SOLID_REJECT_NOT_JSON, "{\"user\":\"u\",\"item\":\"i\",\"ts\":1600000000000} {}");
  refused_bytes(SOLID_REJECT_NOT_JSON, "{}\0", 3);
  refused(SOLID_REJECT_NOT_OBJECT, "[1]");
  refused(SOLID_REJECT_NOT_OBJECT, "17");
  refused(SOLID_REJECT_BAD_UTF8, "{\"user\":\"\xff\",\"item\":\"i\",\"ts\":1600000000000}");
  refused(SOLID_REJECT_BAD_UTF8, "{\"user\":\"u\",\"item\":\"i\",\"ts\":1,\"other\":\"\xc3\"}");
  refused(SOLID_REJECT_DUPLICATE_KEY, "{\"user\":\"u\",\"user\":\"v\",\"item\":\"i\",\"ts\":1600000000000}");
  refused(SOLID_REJECT_NUL_CHARACTER, "{\"user\":\"a\\u0000b\",\"item\":\"i\",\"ts\":1600000000000}");
  refused(SOLID_REJECT_NUL_CHARACTER, "{\"user\":\"u\",\"item\":\"i\",\"ts\":1,\"a\\u0000b\":1}");
  refused(SOLID_REJECT_BIG_NUMBER, "{\"user\":\"u\",\"item\":\"i\",\"ts\":9223372036854775808}");
  refused(SOLID_REJECT_BIG_NUMBER, "{\"user\":\"u\",\"item\":-9223372036854775809,\"ts\":1600000000000}");
}

Test(decode, names_what_is_wrong_with_a_field) {
  refused(SOLID_REJECT_NO_USER, "{}");
  refused(SOLID_REJECT_NO_USER, "{\"item\":\"i\",\"ts\":1600000000000}");
  refused(SOLID_REJECT_BAD_USER, "{\"user\":\"\",\"item\":\"i\",\"ts\":1600000000000}");
  refused(SOLID_REJECT_BAD_USER, "{\"user\":null,\"item\":\"i\",\"ts\":1600000000000}");
  refused(SOLID_REJECT_BAD_USER, "{\"user\":1.5,\"item\":\"i\",\"ts\":1600000000000}");
  refused(SOLID_REJECT_NO_ITEM, "{\"user\":\"u\",\"ts\":1600000000000}");
  refused(SOLID_REJECT_BAD_ITEM, "{\"user\":\"u\",\"item\":\"\",\"ts\":1600000000000}");
  refused(SOLID_REJECT_BAD_ITEM, "{\"user\":\"u\",\"item\":[\"i\"],\"ts\":1600000000000}");
  refused(SOLID_REJECT_BAD_KIND, "{\"user\":\"u\",\"item\":\"i\",\"event\":3,\"ts\":1600000000000}");
  refused(SOLID_REJECT_NO_TS, "{\"user\":\"u\",\"item\":\"i\"}");
  refused(SOLID_REJECT_BAD_TS, "{\"user\":\"u\",\"item\":\"i\",\"ts\":-1}");
  refused(SOLID_REJECT_BAD_TS, "{\"user\":\"u\",\"item\":\"i\",\"ts\":1.0}");
  refused(SOLID_REJECT_BAD_TS, "{\"user\":\"u\",\"item\":\"i\",\"ts\":\"1\"}");
}

Test(decode, measures_the_future_against_the_clock) {
  char text[128];
  snprintf(text, sizeof text, "{\"user\":\"u\",\"item\":\"i\",\"ts\":%" PRId64 "}", NOW + SKEW);
  cr_assert_eq(taken(text).time_ms, NOW + SKEW);
  snprintf(text, sizeof text, "{\"user\":\"u\",\"item\":\"i\",\"ts\":%" PRId64 "}", NOW + SKEW + 1);
  refused(SOLID_REJECT_FUTURE, text);
  refused(SOLID_REJECT_FUTURE, "{\"user\":\"u\",\"item\":\"i\",\"ts\":4102444799999}");
  close_decoder();
  cr_assert_eq(solid_decoder_new(&decoder, -1), SOLID_OK);
  cr_assert_eq(taken("{\"user\":\"u\",\"item\":\"i\",\"ts\":4102444799999}").time_ms, 4102444799999);
}

/* Seconds and microseconds are no milliseconds, whatever the clock says. */
Test(decode, refuses_implausible_times) {
  static const char *const times[] = {
      "0", "1", "1690000000", "315532799999", "4102444800000", "1690000000000000", "9223372036854775807"};
  char text[128];
  for (int any = 0; any < 2; any++) {
    close_decoder();
    cr_assert_eq(solid_decoder_new(&decoder, any ? -1 : SKEW), SOLID_OK);
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
      snprintf(text, sizeof text, "{\"user\":\"u\",\"item\":\"i\",\"ts\":%s}", times[i]);
      refused(SOLID_REJECT_IMPLAUSIBLE_TS, text);
    }
  }
  close_decoder();
  cr_assert_eq(solid_decoder_new(&decoder, SOLID_ANY_TIME), SOLID_OK);
  cr_assert_eq(taken("{\"user\":\"u\",\"item\":\"i\",\"ts\":9223372036854775807}").time_ms, INT64_MAX);
  cr_assert_eq(taken("{\"user\":\"u\",\"item\":\"i\",\"ts\":0}").time_ms, 0);
}

#define RATED(kind, rating) "{\"user\":\"u\",\"item\":\"i\",\"event\":\"" kind "\",\"ts\":1600000000000" rating "}"

Test(decode, says_what_an_event_is_worth) {
  solid_worth_rule rule;
  cr_assert_eq(taken(RATED("x", ",\"rating\":\"bad\"")).worth, SOLID_WORTH_STEP);
  cr_assert_eq(solid_worth_rule_read(&rule, "view=1,hate=0,login=skip", "3.5"), SOLID_OK);
  solid_decoder_set_worth(decoder, &rule);
  cr_assert_eq(taken(RATED("view", "")).worth, SOLID_WORTH_STEP);
  cr_assert_eq(taken(RATED("view", ",\"rating\":4")).worth, SOLID_WORTH_STEP);
  cr_assert_float_eq(solid_decoder_get_rating(decoder), 4, 0);
  cr_assert_eq(taken(RATED("view", ",\"rating\":3.4")).worth, SOLID_WORTH_DISLIKE);
  cr_assert_eq(taken(RATED("hate", ",\"rating\":5")).worth, SOLID_WORTH_DISLIKE);
  cr_assert_eq(taken(RATED("login", "")).worth, SOLID_WORTH_NOTHING);
  cr_assert(isnan(solid_decoder_get_rating(decoder)));
  refused(SOLID_REJECT_UNKNOWN_KIND, RATED("buy", ""));
  refused(SOLID_REJECT_UNKNOWN_KIND, "{\"user\":\"u\",\"item\":\"i\",\"ts\":1600000000000}");
  refused(SOLID_REJECT_BAD_RATING, RATED("view", ",\"rating\":\"good\""));
  solid_decoder_set_worth(decoder, NULL);
  cr_assert_eq(taken(RATED("buy", "")).worth, SOLID_WORTH_STEP);
}

Test(decode, measures_the_payload) {
  static const char start[] = "{\"user\":\"u\",\"item\":\"i\",\"ts\":1600000000000}";
  char *payload = malloc(SOLID_PAYLOAD_MAX + 1);
  memset(payload, ' ', SOLID_PAYLOAD_MAX + 1);
  memcpy(payload, start, sizeof start - 1);
  solid_event ev = {0};
  solid_reject reject;
  cr_assert_eq(solid_decoder_decode(decoder, payload, SOLID_PAYLOAD_MAX, NOW, &ev, &reject), SOLID_OK);
  refused_bytes(SOLID_REJECT_TOO_LARGE, payload, SOLID_PAYLOAD_MAX + 1);
  free(payload);
}

/* Nesting must not eat the stack. */
Test(decode, survives_depth) {
  char *payload = malloc(SOLID_PAYLOAD_MAX);
  memset(payload, '[', SOLID_PAYLOAD_MAX);
  refused_bytes(SOLID_REJECT_NOT_JSON, payload, SOLID_PAYLOAD_MAX);
  free(payload);
}

Test(decode, keeps_a_batch_alive_until_the_reset) {
  enum { N = 2000 };
  static solid_event events[N];
  char text[400], id[300];
  for (int round = 0; round < 2; round++) {
    for (int i = 0; i < N; i++) {
      snprintf(text, sizeof text, "{\"user\":\"%0200d\",\"item\":%d,\"ts\":1600000000000}", i, i);
      events[i] = taken(text);
    }
    for (int i = 0; i < N; i++) {
      snprintf(id, sizeof id, "%0200d", i);
      same(events[i].user, id);
      snprintf(id, sizeof id, "%d", i);
      same(events[i].item, id);
    }
    solid_decoder_reset(decoder);
  }
}

Test(decode, checks_arguments) {
  solid_event ev;
  solid_reject reject;
  cr_assert_eq(solid_decoder_new(NULL, 0), SOLID_EINVAL);
  cr_assert_eq(solid_decoder_decode(NULL, "{}", 2, NOW, &ev, &reject), SOLID_EINVAL);
  cr_assert_eq(solid_decoder_decode(decoder, "{}", 2, NOW, NULL, &reject), SOLID_EINVAL);
  cr_assert_eq(solid_decoder_decode(decoder, "{}", 2, NOW, &ev, NULL), SOLID_EINVAL);
  solid_decoder_free(NULL);
  solid_decoder_reset(NULL);
}

Test(decode, every_reason_has_its_own_code) {
  for (int i = 0; i < SOLID_REJECT_COUNT; i++) {
    cr_assert_str_neq(solid_reject_code((solid_reject)i), "unknown");
    for (int j = 0; j < i; j++)
      cr_assert_str_neq(solid_reject_code((solid_reject)i), solid_reject_code((solid_reject)j));
  }
  cr_assert_str_eq(solid_reject_code(SOLID_REJECT_COUNT), "unknown");
  cr_assert_str_eq(solid_reject_meaning(SOLID_REJECT_COUNT), "unknown");
}

Test(decode, takes_the_wish_to_forget) {
  solid_event ev = taken("{\"user\":\"u1\",\"forget\":true,\"ts\":1699000000000}");
  same(ev.user, "u1");
  same(ev.item, "");
  cr_assert(ev.worth == SOLID_WORTH_FORGET && ev.time_ms == INT64_C(1699000000000));
  ev = taken("{\"user\":\"u1\",\"item\":\"i7\",\"forget\":false,\"ts\":1699000000000}");
  cr_assert_eq(ev.worth, SOLID_WORTH_STEP, "it is asked by true alone");
  refused(SOLID_REJECT_BAD_FORGET, "{\"user\":\"u1\",\"item\":\"i7\",\"forget\":true,\"ts\":1699000000000}");
  refused(SOLID_REJECT_NO_ITEM, "{\"user\":\"u1\",\"forget\":\"true\",\"ts\":1699000000000}");
  refused(SOLID_REJECT_NO_USER, "{\"forget\":true,\"ts\":1699000000000}");
  refused(SOLID_REJECT_NO_TS, "{\"user\":\"u1\",\"forget\":true}");
}
