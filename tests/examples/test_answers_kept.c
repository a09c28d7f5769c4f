/* Idempotency-Keys: whose answer is kept for whom. */
#include "examples/serve/keys.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static keys_verdict begin(serve_keys *keys, const char *key, uint64_t hash, uint8_t **done) {
  int status = 0;
  growing body = {0};
  keys_verdict verdict = keys_begin(keys, key, hash, &status, &body, done);
  growing_clear(&body);
  return verdict;
}

static void answer_many(serve_keys *keys, int from, int n) {
  growing body = {0};
  growing_text(&body, "{}");
  for (int i = from; i < from + n; i++) {
    char key[32];
    uint8_t *done = NULL;
    snprintf(key, sizeof key, "key-%d", i);
    cr_assert_eq(begin(keys, key, 1, &done), KEYS_NEW);
    cr_assert_null(done);
    keys_end(keys, key, 200, &body);
  }
  growing_clear(&body);
}

/* Newer keys drive out older ones, but none that is at work: its answer would be kept for another request. */
Test(keys, a_request_at_work_keeps_its_key) {
  serve_keys *keys = keys_open();
  uint8_t *done = NULL;
  cr_assert_eq(begin(keys, "slow", 7, &done), KEYS_NEW);
  for (int turn = 0; turn < 3; turn++) {
    answer_many(keys, turn * KEYS_MOST, KEYS_MOST);
    cr_expect_eq(begin(keys, "slow", 7, &done), KEYS_BUSY);
    cr_expect_eq(begin(keys, "slow", 8, &done), KEYS_OTHER);
  }
  uint8_t *left = calloc(2, 1);
  cr_assert_not_null(left);
  left[1] = 1;
  keys_pause(keys, "slow", left);
  cr_assert_eq(begin(keys, "slow", 7, &done), KEYS_NEW);
  cr_expect_eq(done, left);
  keys_pause(keys, "slow", done);
  answer_many(keys, 3 * KEYS_MOST, KEYS_MOST);
  done = NULL;
  cr_expect_eq(begin(keys, "slow", 8, &done), KEYS_NEW, "an old key that is not at work is driven out");
  cr_expect_null(done);
  keys_close(keys);
}
