#include "examples/common/exit.h"
#include "examples/ingestd/ingestd.h"

#define OPTION(field) offsetof(ingestd_options, field)

static const solid_property properties[] = {
    {"model", SOLID_PROPERTY_STRING, NULL, 0, 0, NULL, "model file", 1, OPTION(model)},
    {"device", SOLID_PROPERTY_STRING, "cpu", 0, 0, NULL, "cpu, cuda or cuda:N", 0, OPTION(device)},
    {"threads", SOLID_PROPERTY_INT, "1", 0, 1024, NULL, "CPU threads; 0 = all", 0, OPTION(threads)},
    {"users-at-once", SOLID_PROPERTY_INT, "256", 1, 65536, NULL, "users that parameters are generated for at once", 0,
     OPTION(users)},
    {"state-cache", SOLID_PROPERTY_INT, "64", 0, 1 << 20, NULL,
     "megabytes for attention states that stay in memory, of models with sparse attention", 0, OPTION(state_cache_mb)},

    {"spare-items", SOLID_PROPERTY_INT, "10", 0, 10000, NULL,
     "room for items of the item log beside those of the model, in percent; more is made when it is full", 0,
     OPTION(spare_items)},
    {"generate", SOLID_PROPERTY_STRING, "eager", 0, 0, NULL,
     "when parameters are made: eager, lazy (by the first question), every:N events, every:Ts (seconds)", 0,
     OPTION(generate)},
    {"store", SOLID_PROPERTY_CHOICE, "redis", 0, 0, "redis|memory",
     "where users are kept; memory is lost with the process", 0, OPTION(store.kind)},
    {"element", SOLID_PROPERTY_CHOICE, "f16", 0, 0, "f32|f16|i8", "element type of stored parameters", 0,
     OPTION(store.element)},
    {"ttl", SOLID_PROPERTY_INT, "2592000", 0, 3153600000.0, NULL, "seconds until an idle user is forgotten; 0 = never",
     0, OPTION(store.ttl_s)},
    {"memory-limit", SOLID_PROPERTY_INT, "1024", 1, 1 << 20, NULL,
     "MiB that --store memory may take up; when it is full the program ends", 0, OPTION(store.memory_mb)},
    STORE_HISTORY_PROPERTY(ingestd_options),
    STORE_REDIS_PROPERTIES(ingestd_options),
    {"rebuild", SOLID_PROPERTY_BOOL, "false", 0, 0, NULL,
     "fill the store again: writers treat its records as empty, and every event is read again", 0, OPTION(rebuild)},
    {"yes", SOLID_PROPERTY_BOOL, "false", 0, 0, NULL, "--rebuild even if the topic no longer begins at offset 0", 0,
     OPTION(yes)},
    {"adopt-marks", SOLID_PROPERTY_BOOL, "false", 0, 0, NULL,
     "take over records of an earlier version; their marks are taken for those of --topic", 0, OPTION(adopt_marks)},

    {"brokers", SOLID_PROPERTY_STRING, NULL, 0, 0, NULL, "Kafka: HOST:PORT,HOST:PORT", 0, OPTION(brokers)},
    {"topic", SOLID_PROPERTY_STRING, NULL, 0, 0, NULL, "Kafka: topic of the events", 0, OPTION(topic)},
    {"items-topic", SOLID_PROPERTY_STRING, NULL, 0, 0, NULL,
     "Kafka: topic of items that come and go, one JSON object a message; they go into the store's item log", 0,
     OPTION(items_topic)},
    {"group", SOLID_PROPERTY_STRING, "solid", 0, 0, NULL, "Kafka: consumer group", 0, OPTION(group)},
    {"dead-letter-topic", SOLID_PROPERTY_STRING, NULL, -1, 0, NULL,
     "Kafka: where rejected events go; default TOPIC.dead-letter, empty = only counted", 0, OPTION(dead_letter_topic)},
    {"dead-letter-failure", SOLID_PROPERTY_CHOICE, "hold", 0, 0, "hold|count",
     "Kafka: while the dead-letter topic refuses events: hold the stream, or count them and go on", 0,
     OPTION(dead_letter_failure)},
    {"from-file", SOLID_PROPERTY_STRING, NULL, 0, 0, NULL, "read JSON lines of this file (- = stdin) instead of Kafka",
     0, OPTION(from_file)},
    {"stream", SOLID_PROPERTY_STRING, NULL, 0, 0, NULL,
     "if it is unclear whether a topic was read before: same = go on, new = read it from the beginning; with "
     "--from-file FILE: new = read it all again; with --from-file -: name of the input, so that events applied in an "
     "earlier run are skipped",
     0, OPTION(stream)},

    {"batch-size", SOLID_PROPERTY_INT, "1024", 1, 1 << 20, NULL, "events stored and committed together", 0,
     OPTION(batch_size)},
    {"batch-ms", SOLID_PROPERTY_INT, "50", 1, 60000, NULL, "longest wait for a batch to fill, in milliseconds", 0,
     OPTION(batch_ms)},
    {"max-future-ms", SOLID_PROPERTY_INT, "3600000", -1, 1e15, NULL,
     "how far ahead of the clock an event may be; -1 = any", 0, OPTION(max_future_ms)},
    WORTH_PROPERTIES(ingestd_options, reading),
    {"start-timeout-ms", SOLID_PROPERTY_INT, "10000", 100, 600000, NULL,
     "how long a broker may take to answer at start", 0, OPTION(start_ms)},
    {"retry-max-ms", SOLID_PROPERTY_INT, "10000", 100, 600000, NULL, "longest wait while the store is away", 0,
     OPTION(retry_max_ms)},
    {"drain-ms", SOLID_PROPERTY_INT, "10000", 0, 600000, NULL,
     "after SIGTERM: how long to wait for a store that is away", 0, OPTION(drain_ms)},
    {"stats-interval", SOLID_PROPERTY_INT, "10", 1, 86400, NULL, "seconds between lines of statistics", 0,
     OPTION(stats_s)},
    {"listen", SOLID_PROPERTY_STRING, NULL, 0, 0, NULL, "HOST:PORT for /metrics, /health/live and /health/ready", 0,
     OPTION(listen)},
    LOGGING_PROPERTIES(ingestd_options),
};

static const solid_need needs[] = {
    STORE_REDIS_NEEDS,
    {"memory-limit", "store=memory"},
    {"yes", "rebuild"},
    {"items-topic group dead-letter-topic dead-letter-failure start-timeout-ms", "brokers"},
};

const solid_program ingestd_program = {
    .name = "solid_ingestd",
    .summary = "Keeps users' windows and generated parameters up to date with a stream of events.",
    .notes =
        "Event: {\"user\": \"u1\", \"item\": \"i7\", \"event\": \"view\", \"ts\": 1690000000000}, and maybe\n"
        "\"rating\": a number. The key of a message is its user.\n"
        "SIGTERM and SIGINT store and commit the present batch, then end the program; a second one ends it at once.\n"
        "Example: solid_ingestd --model m.safetensors --brokers localhost:9092 --topic events\n"
        "         solid_ingestd --model m.safetensors --store memory --from-file events.jsonl",
    .exits = HAS_EXIT(MODEL) | HAS_EXIT(STORE) | HAS_EXIT(SOURCE),
    .properties = properties,
    .count = sizeof properties / sizeof *properties,
    .takes_kafka = 1,
    .needs = needs,
    .n_needs = sizeof needs / sizeof *needs,
};
