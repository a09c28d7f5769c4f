/* A device that is lost under way: the service ends with what happened and what to do, and nothing that was not stored
 * counts as done. */
#include "ingest/file_source.h"
#include "solid/model/model_parts.h"
#include "tests/ingest/fake_streams.h"
#include "tests/support/fault_backend.h"
#include "tests/support/serving.h"
#ifdef SOLID_WITH_KAFKA
#include "ingest/consumer.h"
#include "tests/ingest/kafka/mock_kafka.h"
#endif
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { EVENTS = 12, BATCH = 4, GOOD_BATCHES = 2 };

static const char lost[] = "cuda sync: cudaErrorECCUncorrectable: uncorrectable ECC error encountered; the card's "
                           "memory is damaged; reset or replace the card, then start again";

/* A pipeline whose worker loses its device after GOOD_BATCHES batches. Its own opening syncs, too. */
static solid_pipeline *pipeline_on_faulty(serving *s) {
  struct solid_context *ctx = (struct solid_context *)s->ctx;
  static fault_plan plan = {.syncs_left = 1 << 20, .status = SOLID_EDEVICE, .text = lost};
  ctx->ops = fault_backend(ctx->ops, &plan);
  solid_pipeline *pipeline = NULL;
  cr_assert_eq(solid_pipeline_new(&pipeline, s->model, s->store, NULL), SOLID_OK, "%s", solid_last_error());
  plan.syncs_left = GOOD_BATCHES;
  return pipeline;
}

/* Whose parameters the store holds, of users "u0", "u1", ... */
static int stored(const serving *s) {
  int n = 0;
  float h[64], values[4096];
  cr_assert(s->info.width <= 64 && s->info.params <= 4096);
  for (int i = 0; i < EVENTS; i++) {
    char name[16];
    snprintf(name, sizeof name, "u%d", i);
    solid_bytes user = serving_text(name);
    solid_step steps[64];
    solid_window window = {.steps = steps};
    solid_params params = {.h = h, .values = values, .width = s->info.width, .count = s->info.params};
    uint8_t found = 0;
    solid_status of_user;
    cr_assert_eq(s->store->ops->get(s->store, &user, 1, s->info.generation, &window, &params, &found, &of_user),
                 SOLID_OK, "%s", solid_last_error());
    n += found;
  }
  return n;
}

static void judge(const serving *s, solid_status status, const solid_ingest_stats *stats) {
  cr_expect_eq(status, SOLID_EDEVICE, "%s", solid_status_name(status));
  cr_expect(strstr(solid_last_error(), lost), "\"%s\"", solid_last_error());
  cr_expect_eq(solid_status_is_retriable(status), 0, "a lost device does not come back");
  cr_expect_eq(stats->batches, GOOD_BATCHES);
  cr_expect_eq(stored(s), GOOD_BATCHES * BATCH);
}

static solid_ingest_stats last;

static void remember(void *user, const solid_ingest_stats *stats) {
  (void)user;
  last = *stats;
}

static char path[] = "/tmp/solid-lost-XXXXXX";

static void write_events(void) {
  int fd = mkstemp(path);
  cr_assert_geq(fd, 0);
  for (int i = 0; i < EVENTS; i++) {
    char line[96];
    int size =
        snprintf(line, sizeof line, "{\"user\":\"u%d\",\"item\":\"item-%d\",\"event\":\"view\",\"ts\":160000000%d}\n",
                 i, i, 1000 + i);
    cr_assert_eq(write(fd, line, (size_t)size), (ssize_t)size);
  }
  close(fd);
}

Test(lost_device, ends_a_replay, .timeout = 600) {
  serving s = serving_open(SOLID_HEAD_SOLID, 3);
  solid_pipeline *pipeline = pipeline_on_faulty(&s);
  write_events();
  static fake_streams kept;
  solid_streams streams = fake_streams_of(&kept);
  solid_file_source_options options = SOLID_FILE_SOURCE_OPTIONS_INIT;
  options.path = path;
  options.batch_size = BATCH;
  options.sink = solid_pipeline_push;
  options.sink_user = pipeline;
  options.on_stats = remember;
  options.streams = &streams;
  solid_file_source *replay = NULL;
  cr_assert_eq(solid_file_source_open(&replay, &options), SOLID_OK, "%s", solid_last_error());
  solid_status status = solid_file_source_run(replay);
  unlink(path);
  judge(&s, status, &last);
  solid_file_source_close(replay);
  solid_pipeline_free(pipeline);
  serving_close(&s);
}

/* The real thing: a wild address is an error that stays. */
Test(lost_device, names_the_error_of_a_gpu, .timeout = 600) {
  serving s = serving_open_on("cuda", SOLID_HEAD_SOLID, 0, 3);
  if (!s.ctx) return;
  struct solid_model *model = (struct solid_model *)s.model;
  solid_worker *worker = NULL;
  model->catalogue.vectors = (float *)(uintptr_t)64;
  for (int i = 0; i < 2; i++) {
    cr_expect_eq(solid_worker_new(&worker, s.model, 4), SOLID_EDEVICE);
    cr_expect(strstr(solid_last_error(), "cudaErrorIllegalAddress"), "\"%s\"", solid_last_error());
    cr_expect(strstr(solid_last_error(), "start it again"), "\"%s\"", solid_last_error());
  }
  serving_close(&s);
}

#ifdef SOLID_WITH_KAFKA
Test(lost_device, leaves_offsets_uncommitted, .timeout = 600) {
  static const solid_setting quick = {"session.timeout.ms", "3000"};
  serving s = serving_open(SOLID_HEAD_SOLID, 3);
  solid_pipeline *pipeline = pipeline_on_faulty(&s);
  static fake_streams kept;
  solid_streams streams = fake_streams_of(&kept);
  mock_kafka kafka = mock_kafka_start();
  mock_kafka_create(&kafka, "events", 1);
  for (int i = 0; i < EVENTS; i++) {
    char name[16], event[96];
    snprintf(name, sizeof name, "u%d", i);
    snprintf(event, sizeof event, "{\"user\":\"u%d\",\"item\":\"item-%d\",\"event\":\"view\",\"ts\":160000000%d}", i, i,
             1000 + i);
    mock_kafka_put(&kafka, "events", 0, name, event);
  }
  solid_consumer_options options = SOLID_CONSUMER_OPTIONS_INIT;
  options.brokers = kafka.brokers;
  options.topic = "events";
  options.group = "group";
  options.batch_size = BATCH;
  options.batch_ms = 5000;
  options.sink = solid_pipeline_push;
  options.sink_user = pipeline;
  options.settings = &quick;
  options.n_settings = 1;
  options.on_stats = remember;
  options.streams = &streams;
  solid_consumer *consumer = NULL;
  cr_assert_eq(solid_consumer_open(&consumer, &options), SOLID_OK, "%s", solid_last_error());
  judge(&s, solid_consumer_run(consumer), &last);
  solid_consumer_close(consumer);
  cr_expect_eq(mock_kafka_committed(&kafka, "events", "group", 1), GOOD_BATCHES * BATCH);
  mock_kafka_stop(&kafka);
  solid_pipeline_free(pipeline);
  serving_close(&s);
}
#endif
