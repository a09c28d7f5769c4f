/* What is stored and not safe yet is not committed; what may be lost is read again, before anything else is stored. */
#include "ingest/consumer.h"
#include "ingest/kafka/consumer_parts.h"
#include "ingest/kafka/stamp.h"
#include "solid/base/clock.h"
#include "solid/extend.h"
#include "tests/ingest/kafka/consuming.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

TestSuite(consumer_safety, .init = consuming_start, .fini = consuming_stop, .timeout = 600);

enum { N = 40, BATCH = 10 };

/* A store on a server that is replaced: `safe` of the events that it took would be there afterwards. */
static fake_sink kept;
static int64_t age_ms, late_ms; /* late_ms: how long after it was told the first age comes */
static int asked, lose_at, is_changed, lost_from;
static int is_heard_in_rebalance; /* else the sink says it */

static solid_status safe_age(void *user, int64_t *out) {
  (void)user;
  asked++;
  *out = age_ms;
  if (!late_ms || !kept.stored) return SOLID_OK;
  sol_sleep_ms(late_ms);
  late_ms = 0;
  age_ms = 3600000;
  return SOLID_OK;
}

static solid_status take(void *user, const solid_event *events, size_t n, solid_status *verdicts) {
  if (lose_at && kept.stored >= lose_at) { /* the server is another one, which has the first events alone */
    lose_at = 0;
    is_changed = 1;
    for (int i = lost_from; i < N; i++) {
      kept.stored -= kept.times[i];
      kept.times[i] = 0;
    }
    if (!is_heard_in_rebalance) return solid_fail(SOLID_EREWIND, "another server");
    kept.consumer->must_rewind = 1; /* as where a partition is revoked while the store is waited for */
    return solid_fail(SOLID_EIO, "away");
  }
  if (is_changed) cr_assert_leq(events[0].position.offset, (uint64_t)lost_from, "stored before what was lost");
  is_changed = 0;
  /* as marks do it */
  for (size_t i = 0; i < n; i++) {
    int at = (int)events[i].position.offset;
    verdicts[i] = kept.times[at] ? SOLID_EDUPLICATE : SOLID_OK;
    if (kept.times[at]) continue;
    kept.times[at]++;
    kept.stored++;
  }
  if (kept.stop_at && kept.stored >= kept.stop_at) solid_consumer_stop(kept.consumer);
  (void)user;
  return SOLID_OK;
}

static solid_consumer_options options_for(const solid_streams *streams, const char *group) {
  solid_consumer_options options = consuming_options(&kept);
  options.group = group;
  options.sink = take;
  options.batch_size = BATCH;
  options.streams = streams;
  return options;
}

static void fill(void) {
  mock_kafka_create(&consuming_kafka, "events", 1);
  mock_kafka_put_events(&consuming_kafka, "events", 1, 0, N);
}

static void expect_read_again(void) {
  solid_streams streams = fake_streams_of(&consuming_kept);
  streams.safe_age = safe_age;
  fill();
  age_ms = 3600000; /* nothing is ever safe: nothing is committed */
  lose_at = 30;
  lost_from = 5;
  kept.stop_at = N;
  solid_consumer_options options = options_for(&streams, "group");
  options.drain_ms = 300;
  cr_assert_eq(consuming_run(&kept, &options), SOLID_OK, "%s", solid_last_error());
  cr_assert_gt(asked, 0);
  cr_assert_eq(consuming_last.commits, 0, "%lu commits", (unsigned long)consuming_last.commits);
  for (int i = 0; i < N; i++) cr_assert_eq(kept.times[i], 1, "event %d is there %d times", i, kept.times[i]);
  cr_assert_eq(consuming_last.duplicates, 5, "%lu duplicates", (unsigned long)consuming_last.duplicates);
}

Test(consumer_safety, what_may_be_lost_is_read_again) {
  expect_read_again();
}

/* Who hears of it beside the sink stores nothing newer before, either. */
Test(consumer_safety, what_may_be_lost_is_read_again_after_a_rebalance) {
  is_heard_in_rebalance = 1;
  expect_read_again();
}

/* What is old enough is committed, the rest when the consumer ends and waits for it. */
Test(consumer_safety, what_is_safe_is_committed) {
  solid_streams streams = fake_streams_of(&consuming_kept);
  streams.safe_age = safe_age;
  fill();
  age_ms = 400;
  kept.stop_at = N;
  solid_consumer_options options = options_for(&streams, "group");
  cr_assert_eq(consuming_run(&kept, &options), SOLID_OK, "%s", solid_last_error());
  cr_assert_geq(consuming_last.commits, 0);
  /* another member of the group has nothing left to read */
  mock_kafka_put_events(&consuming_kafka, "events", 1, N, 1);
  kept.stop_at = N + 1;
  options = options_for(&streams, "group");
  cr_assert_eq(consuming_run(&kept, &options), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(consuming_last.events, 1, "%lu events", (unsigned long)consuming_last.events);
  for (int i = 0; i <= N; i++) cr_assert_eq(kept.times[i], 1, "event %d", i);
}

/* The age is that of the moment when the store told it: what was stored just before it is not older because the answer
 * took its time. */
Test(consumer_safety, a_late_answer_makes_nothing_safe) {
  solid_streams streams = fake_streams_of(&consuming_kept);
  streams.safe_age = safe_age;
  fill();
  age_ms = 1000;
  late_ms = 1200;
  kept.stop_at = N;
  solid_consumer_options options = options_for(&streams, "group");
  options.drain_ms = 300;
  cr_assert_eq(consuming_run(&kept, &options), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(late_ms, 0, "it was asked");
  cr_assert_eq(consuming_last.commits, 0, "%lu commits", (unsigned long)consuming_last.commits);
}
