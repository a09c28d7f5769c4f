#include "examples/common/exit.h"
#include "examples/common/logging.h"
#include "examples/common/reading.h"
#include "examples/serve/serve.h"

#define OPTION(field) offsetof(serve_options, field)
#define WHOLE(name_, field, preset_, min_, max_, meaning_)                                                             \
  { name_, SOLID_PROPERTY_INT, preset_, min_, max_, NULL, meaning_, 0, OPTION(field) }
#define TEXT(name_, field, preset_, meaning_, required_)                                                               \
  { name_, SOLID_PROPERTY_STRING, preset_, 0, 0, NULL, meaning_, required_, OPTION(field) }

static const solid_property properties[] = {
    TEXT("model", model, NULL, "model file, or a link to one: it is loaded again when it changes", 1),
    TEXT("device", device, "cpu", "cpu, cuda or cuda:N", 0),
    TEXT("listen", listen, "127.0.0.1:8080", "HOST:PORT, :PORT for all addresses of this machine; port 0 = a free one",
         0),
    WHOLE("threads", threads, "2", 1, 256, "requests processed at once"),
    {"approximate", SOLID_PROPERTY_BOOL, "false", 0, 0, NULL,
     "rank a catalogue of 65,536 items or more faster on a CPU; an item in a hundred may be missed", 0,
     OPTION(approximate)},

    TEXT("generate", generate, "eager",
         "when parameters are made: eager, lazy (by the first question), every:N events, every:Ts (seconds)", 0),
    WHOLE("refresh-events", refresh_events, "1", 0, 1e9,
          "a question makes parameters again if they are this many events old; 0 = only missing ones"),
    WHOLE("refresh-seconds", refresh_s, "0", 0, 1e9,
          "or if they are this old and there are newer events; 0 = however old"),

    TEXT("warm-up", warm_up, "0",
         "N/s: after a change of the model, make the parameters of so many known users a second; 0 = leave it to "
         "questions",
         0),

    WHOLE("spare-items", spare_items, "10", 0, 10000,
          "room for items of POST /items and the item log beside those of the model, in percent; more is made when it "
          "is full"),
    TEXT("items-file", items_file, NULL,
         "with --store memory: file of the item log; default: MODEL.items, made with the first item; none = not kept",
         0),

    {"store", SOLID_PROPERTY_CHOICE, "memory", 0, 0, "redis|memory",
     "where users are kept; memory is lost with the process; an option of Redis chooses redis where --store is not "
     "given",
     0, OPTION(store.kind)},
    {"element", SOLID_PROPERTY_CHOICE, "f16", 0, 0, "f32|f16|i8", "element type of stored parameters", 0,
     OPTION(store.element)},
    WHOLE("ttl", store.ttl_s, "2592000", 0, 3153600000.0, "seconds until an idle user is forgotten; 0 = never"),
    STORE_HISTORY_PROPERTY(serve_options),
    STORE_REDIS_PROPERTIES(serve_options),
    {"start-without-store", SOLID_PROPERTY_BOOL, "false", 0, 0, NULL, "start though the store is away, and wait for it",
     0, OPTION(store.may_be_away)},

    TEXT("brokers", brokers, NULL, "Kafka: write events of POST /events to a topic of these brokers, not to the store",
         0),
    TEXT("topic", topic, NULL, "Kafka: topic of these events", 0),
    WORTH_PROPERTIES(serve_options, reading),
    WHOLE("max-future-ms", max_future_ms, "3600000", -1, 1e15, "how far ahead of the clock an event may be; -1 = any"),

    TEXT("token-file", token_file, NULL, "file whose first line is the token that clients must send", 0),
    WHOLE("max-body", max_body, "1048576", 1024, 1 << 30, "largest body of a request in bytes"),
    WHOLE("max-k", max_k, "1000", 1, 100000, "most items of one answer"),
    WHOLE("max-batch", max_batch, "256", 1, 10000, "most queries of one request"),
    WHOLE("connections", connections, "1000", 1, 100000, "most open connections; further ones are refused"),
    WHOLE("idle-timeout", idle_s, "30", 1, 3600, "seconds until a silent connection is closed"),
    WHOLE("deadline-ms", deadline_ms, "5000", 10, 600000,
          "longest time to receive a request, or to write its events to the topic"),
    WHOLE("drain-ms", drain_ms, "10000", 0, 600000, "after SIGTERM: how long to wait for requests in progress"),
    LOGGING_PROPERTIES(serve_options),
    {"routes", SOLID_PROPERTY_BOOL, "false", 0, 0, NULL, "print the table of routes and end", 0, OPTION(routes)},
};

static const solid_need needs[] = {
    STORE_REDIS_NEEDS,
    {"start-without-store", "store=redis"},
    {"brokers", "topic"},
    {"topic", "brokers"},
};

const solid_program serve_program = {
    .name = "solid_serve",
    .summary = "answers questions and takes events by HTTP/JSON; / is a page for people, /openapi.json for programs",
    .notes = "SIGHUP loads --model again; SIGTERM and SIGINT finish the requests in progress, then end the program.\n"
             "Example: solid_serve --model m.safetensors\n"
             "         solid_serve --model current.safetensors --store redis --redis localhost:6379 --listen :8080",
    .exits = HAS_EXIT(MODEL) | HAS_EXIT(STORE) | HAS_EXIT(SOURCE),
    .properties = properties,
    .count = sizeof properties / sizeof *properties,
    .takes_kafka = 1,
    .needs = needs,
    .n_needs = sizeof needs / sizeof *needs,
};
