/* solid_ingestd: events from Kafka (or a file) -> solid_pipeline -> store. main connects these, and the source runs
 * them; solid_ingestd --help says the rest. */
#include "examples/common/address.h"
#include "examples/common/exit.h"
#include "examples/common/ground.h"
#include "examples/common/notify.h"
#include "examples/common/program.h"
#include "examples/ingestd/ingestd.h"
#include "examples/ingestd/ingestd_signals.h"
#include "examples/ingestd/ingestd_watch.h"
#include "ingest/file_source.h"
#include "store/memory_store.h"
#include <inttypes.h>
#include <string.h>
#ifdef SOLID_WITH_KAFKA
#include "ingest/consumer.h"
#endif

static int fail(int code) {
  ingestd_signals_stop(NULL, NULL); /* the exit code is known */
  logging_say(SOLID_LOG_ERROR, "%s", solid_last_error());
  return code;
}

/* The exit code of a run: the store's faults, final or too long for the drain, are told apart from the source's. */
static int fail_run(solid_status status, const ingestd_report *report) {
  if (status == SOLID_ELOST) {
    logging_say(SOLID_LOG_ERROR, "the store lost what was written: %s", solid_last_error());
    logging_say(SOLID_LOG_ERROR, "restore its data, or start with --rebuild: it reads all events again");
    return EXIT_STORE;
  }
  if (status == SOLID_EREWIND) {
    fprintf(stderr, "solid_ingestd: %s\n", solid_last_error());
    fprintf(stderr, "solid_ingestd: start it again with the same file: what was applied counts once\n");
    return EXIT_STORE;
  }
  if (status == SOLID_EREFUSED || status == SOLID_EUNSUPPORTED) return fail(EXIT_STORE);
  if (status == SOLID_ESTALE) return fail(EXIT_MODEL);
  if (solid_status_is_retriable(status) && report->was_store_away) return fail(EXIT_STORE);
  return fail(status == SOLID_EMISMATCH ? EXIT_SOURCE : EXIT_FAILED);
}

/* --stream as a choice; a name is not a choice. */
static solid_stream_choice choice_of(const ingestd_options *options) {
  if (options->stream && strcmp(options->stream, "same") == 0) return SOLID_STREAM_SAME;
  if (options->stream && strcmp(options->stream, "new") == 0) return SOLID_STREAM_NEW;
  return SOLID_STREAM_ASK;
}

/* Rejected lines of a file have no dead-letter topic, so the first few are shown. */
static void on_reject(void *user, uint64_t number, solid_bytes line, solid_reject reject) {
  enum { SHOWN = 10 };
  static int shown;
  (void)user;
  if (shown++ < SHOWN)
    logging_say(SOLID_LOG_WARN, "line %" PRIu64 ": %s: %s", number, solid_reject_code(reject),
                sol_show(line.data, line.size).text);
}

/* The sink: this program's, behind it the item log's, then the pipeline, or with --listen the watch before it. */
static void set_sink(solid_sink_fn *sink, void **user, solid_pipeline *pipeline, ingestd_report *report) {
  report->items.sink = report->watch ? ingestd_watch_push : solid_pipeline_push;
  report->items.sink_user = report->watch ? (void *)report->watch : (void *)pipeline;
  *sink = ingestd_push;
  *user = report;
}

static void stop_file(void *source) {
  solid_file_source_stop(source);
}

static int run_file(const ingestd_options *options, const solid_streams *streams, solid_pipeline *pipeline,
                    ingestd_report *report) {
  solid_file_source *source = NULL;
  solid_file_source_options o = SOLID_FILE_SOURCE_OPTIONS_INIT;
  o.path = options->from_file;
  o.batch_size = (uint32_t)options->batch_size;
  o.batch_ms = options->batch_ms;
  set_sink(&o.sink, &o.sink_user, pipeline, report);
  o.max_future_ms = options->max_future_ms;
  o.worth = &options->worth;
  o.retry_max_ms = options->retry_max_ms;
  o.drain_ms = options->drain_ms;
  o.stats_ms = ingestd_stats_ms(report);
  o.on_stats = ingestd_print;
  o.on_reject = on_reject;
  o.user = report;
  o.streams = streams;
  o.stream_choice = options->rebuild ? SOLID_STREAM_NEW : choice_of(options);
  o.stream = o.stream_choice == SOLID_STREAM_ASK ? options->stream : NULL;
  o.log = logging_line;
  solid_status status = solid_file_source_open(&source, &o);
  if (status) return fail(status == SOLID_EINVAL ? EXIT_USAGE : EXIT_SOURCE);
  ingestd_signals_stop(stop_file, source);
  if (options->rebuild) status = ingestd_rebuild(options, report->store->store);
  int is_prepared = !status;
  int64_t age_ms; /* asked so that a change of servers ends this run: what is behind in a file is found by a new one */
  if (is_prepared) (void)(streams->safe_age(streams->user, &age_ms) == SOLID_OK);
  if (is_prepared) notify_ready(), status = solid_file_source_run(source);
  ingestd_signals_stop(NULL, NULL);
  solid_file_source_close(source);
  if (status) return is_prepared ? fail_run(status, report) : fail(EXIT_STORE);
  if (!report->events || report->accepted) return EXIT_DONE;
  logging_say(SOLID_LOG_ERROR, "%s: none of %" PRIu64 " lines could be taken%s", options->from_file, report->events,
              report->hint);
  return EXIT_SOURCE;
}

#ifdef SOLID_WITH_KAFKA
static void stop_consumer(void *consumer) {
  solid_consumer_stop(consumer);
}

static int run_kafka(const ingestd_options *options, const solid_config *config, const solid_streams *streams,
                     solid_pipeline *pipeline, ingestd_report *report) {
  solid_consumer *consumer = NULL;
  solid_consumer_options o = SOLID_CONSUMER_OPTIONS_INIT;
  o.brokers = options->brokers;
  o.topic = options->topic;
  o.group = options->group;
  o.dead_letter_topic = options->dead_letter_topic;
  o.settings = solid_config_passthrough(config, &o.n_settings);
  o.batch_size = (uint32_t)options->batch_size;
  o.batch_ms = options->batch_ms;
  set_sink(&o.sink, &o.sink_user, pipeline, report);
  o.start_ms = options->start_ms;
  o.max_future_ms = options->max_future_ms;
  o.worth = &options->worth;
  o.retry_max_ms = options->retry_max_ms;
  o.drain_ms = options->drain_ms;
  o.stats_ms = ingestd_stats_ms(report);
  o.on_stats = ingestd_print;
  o.stats_user = report;
  o.log = logging_line;
  o.streams = streams;
  o.stream_choice = choice_of(options);
  o.dead_letter_failure = (solid_dead_letter_failure)options->dead_letter_failure;
  o.rebuild = options->rebuild;
  o.rebuild_rest = options->yes;
  o.adopt_marks = options->adopt_marks;
  solid_status status = solid_consumer_open(&consumer, &o);
  if (status) return fail(status == SOLID_EINVAL ? EXIT_USAGE : EXIT_SOURCE);
  report->group = options->group;
  logging_say(SOLID_LOG_INFO, "reading %s as group %s", options->topic, options->group);
  ingestd_signals_stop(stop_consumer, consumer);
  if (options->rebuild) status = ingestd_rebuild(options, report->store->store);
  int is_prepared = !status;
  if (is_prepared) notify_ready(), status = solid_consumer_run(consumer);
  int code = !is_prepared ? fail(EXIT_STORE)
             : status     ? fail_run(status, report)
                          : EXIT_DONE; /* before close, which may have an error of its own */
  ingestd_signals_stop(NULL, NULL);
  solid_consumer_close(consumer);
  return code;
}
#else
static int run_kafka(const ingestd_options *options, const solid_config *config, const solid_streams *streams,
                     solid_pipeline *pipeline, ingestd_report *report) {
  (void)options, (void)config, (void)streams, (void)pipeline, (void)report;
  logging_say(SOLID_LOG_ERROR, "built without Kafka, use --from-file");
  return EXIT_USAGE;
}
#endif

/* Where it is asked for: items of a topic, through a store of their own. */
static solid_status begin_items_topic(const ingestd_options *options, const solid_config *config, ingestd_items *items,
                                      solid_store *store) {
  ingestd_items_source source = {.brokers = options->brokers, .topic = options->items_topic, .group = options->group};
  if (!options->items_topic) return SOLID_OK;
  source.retry_max_ms = options->retry_max_ms;
  source.settings = solid_config_passthrough(config, &source.n_settings);
  solid_status status = options->store.kind == STORE_MEMORY
                            ? solid_memory_store_share(&source.store, store)
                            : store_options_open(&source.store, &options->store, items->model, logging_line);
  return status ? status : ingestd_items_read_topic(items, &source);
}

/* Model, store and pipeline, then the source until it ends. */
static int serve(const ingestd_options *options, const solid_config *config) {
  int code = EXIT_DONE;
  solid_status status = SOLID_OK;
  solid_context_options context_options = SOLID_CONTEXT_OPTIONS_INIT;
  solid_pipeline_options pipeline_options = SOLID_PIPELINE_OPTIONS_INIT;
  solid_context *ctx = NULL;
  solid_model_options model_options = SOLID_MODEL_OPTIONS_INIT;
  ingestd_items items = {0};
  solid_store *store = NULL;
  solid_pipeline *pipeline = NULL;
  ingestd_watch *watch = NULL;
  model_options.spare_items = (int32_t)options->spare_items;
  context_options.threads = (int32_t)options->threads;
  context_options.device = options->device;
  context_options.log = logging_work;
  pipeline_options.max_batch = (uint32_t)options->users;
  pipeline_options.state_cache = (uint64_t)options->state_cache_mb << 20;
  pipeline_options.generate = options->how;
  pipeline_options.element = (uint32_t)options->store.element;
  if (solid_context_new(&ctx, &context_options))
    code = fail(EXIT_USAGE);
  else if (solid_model_load_with(&items.model, ctx, options->model, &model_options))
    code = fail(EXIT_MODEL);
  else if ((status = store_options_open(&store, &options->store, items.model, logging_line)) ||
           (status = ingestd_prepare_store(options, store)) ||
           (status = ingestd_items_begin(&items, ctx, store, &pipeline_options)))
    code = fail(status == SOLID_EINVAL ? EXIT_USAGE : EXIT_STORE);
  else if (solid_pipeline_new(&pipeline, items.model, store, &pipeline_options))
    code = fail(EXIT_FAILED);
  else if ((status = begin_items_topic(options, config, &items, store)))
    code = fail(status == SOLID_EINVAL ? EXIT_USAGE : EXIT_SOURCE);
  else if ((status = ingestd_watch_open(&watch, options->listen, pipeline, store, &options->how)))
    code = fail(status == SOLID_EIO ? EXIT_SOURCE : EXIT_USAGE);
  if (code == EXIT_DONE) {
    ingestd_report report = ingestd_report_start(pipeline, watch, options->stats_s);
    report.items = items;
    report.memory_mb = ingestd_memory_mb(options);
    report.items.pipeline = pipeline;
    store_watched watched = {.store = store};
    solid_streams streams = store_streams(&watched);
    report.store = &watched;
    if (options->rebuild) report.rebuild_ms = sol_steady_ms();
    if (ingestd_live_begin(&report.live, items.model, store, pipeline, &options->how))
      code = fail(EXIT_STORE);
    else if (options->from_file)
      code = run_file(options, &streams, pipeline, &report);
    else
      code = run_kafka(options, config, &streams, pipeline, &report);
    ingestd_report_end(&report);
    items.model = report.items.model;
  }
  notify_stopping();
  ingestd_watch_close(watch);
  solid_pipeline_free(pipeline);
  ingestd_items_end(&items);
  solid_store_close(store);
  solid_model_free(items.model);
  solid_context_free(ctx);
  return code;
}

static int check(ingestd_options *options) {
  if (options->from_file && (options->brokers || options->topic))
    logging_say(SOLID_LOG_ERROR, "--from-file and --brokers exclude one another");
  else if (store_options_check(&options->store) || address_check_brokers("--brokers", options->brokers) ||
           solid_generate_read(&options->how, options->generate) ||
           solid_worth_rule_read(&options->worth, options->reading.kinds, options->reading.min_rating))
    fail(EXIT_USAGE);
  else if (options->adopt_marks && (options->from_file || options->rebuild || options->store.kind != STORE_REDIS))
    logging_say(SOLID_LOG_ERROR, "--adopt-marks is for a topic and Redis, and excludes --rebuild");
  else if (options->brokers && options->stream && choice_of(options) == SOLID_STREAM_ASK)
    logging_say(SOLID_LOG_ERROR, "--stream %s: of a topic it is same or new", options->stream);
  else if (!options->from_file && (!options->brokers || !options->topic))
    logging_say(SOLID_LOG_ERROR, "needs --brokers and --topic, or --from-file; see --help");
  else
    return 1;
  return 0;
}

static int run(void *user, const solid_config *config) {
  ingestd_options *options = user;
  logging_begin("solid_ingestd", options->log_format, options->verbose);
  if (!check(options)) return EXIT_USAGE;
  solid_status listens = ingestd_watch_check(options->listen);
  if (listens) return fail(listens == SOLID_EIO ? EXIT_SOURCE : EXIT_USAGE);
  ingestd_signals_catch();
  return serve(options, config);
}

int main(int argc, char **argv) {
  ingestd_options options = {0};
  return program_main(&ingestd_program, argc, argv, &options, run, &options);
}
