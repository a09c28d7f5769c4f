/* Processes, Redis nodes and partitions for a rate of events and answers, from what one of each costs. */
#ifndef EXAMPLES_PLAN_PLAN_RATE_H
#define EXAMPLES_PLAN_PLAN_RATE_H

#include "examples/common/property.h"
#include "store/plan.h"
#include <stddef.h>
#include <stdint.h>

typedef struct rate_options {
  double events, answers;                                      /* a second */
  double event_us, answer_us, redis_event_us, redis_answer_us; /* of one core */
  double node_bytes;
} rate_options;

/* Defaults are the figures of tests/bench/NOTES.md: "When parameters are made, and what HTTP costs" has 12,500 events/s
 * of one solid_ingestd on Redis (eager; 78,100 lazy) and 72.1 us an answer, "What an event costs Redis" the server's.
 */
#define RATE_PROPERTIES(struct_, field_)                                                                               \
  {"rate",                                                                                                             \
   SOLID_PROPERTY_FLOAT,                                                                                               \
   "0",                                                                                                                \
   0,                                                                                                                  \
   1e9,                                                                                                                \
   NULL,                                                                                                               \
   "also plan processes, nodes and partitions for so many events/s",                                                   \
   0,                                                                                                                  \
   offsetof(struct_, field_.events)},                                                                                  \
      {"answers", SOLID_PROPERTY_FLOAT, "0", 0, 1e9, NULL, "answers/s besides", 0, offsetof(struct_, field_.answers)}, \
      {"event-us",                                                                                                     \
       SOLID_PROPERTY_FLOAT,                                                                                           \
       "80",                                                                                                           \
       0.001,                                                                                                          \
       1e6,                                                                                                            \
       NULL,                                                                                                           \
       "microseconds of solid_ingestd an event; 80 was measured for --generate eager, 13 for lazy",                    \
       0,                                                                                                              \
       offsetof(struct_, field_.event_us)},                                                                            \
      {"answer-us",                                                                                                    \
       SOLID_PROPERTY_FLOAT,                                                                                           \
       "72",                                                                                                           \
       0.001,                                                                                                          \
       1e6,                                                                                                            \
       NULL,                                                                                                           \
       "microseconds of solid_serve an answer",                                                                        \
       0,                                                                                                              \
       offsetof(struct_, field_.answer_us)},                                                                           \
      {"redis-event-us",                                                                                               \
       SOLID_PROPERTY_FLOAT,                                                                                           \
       "18",                                                                                                           \
       0.001,                                                                                                          \
       1e6,                                                                                                            \
       NULL,                                                                                                           \
       "microseconds of Redis an event; 18 was measured for eager, 12 for lazy",                                       \
       0,                                                                                                              \
       offsetof(struct_, field_.redis_event_us)},                                                                      \
      {"redis-answer-us",                                                                                              \
       SOLID_PROPERTY_FLOAT,                                                                                           \
       "9",                                                                                                            \
       0.001,                                                                                                          \
       1e6,                                                                                                            \
       NULL,                                                                                                           \
       "microseconds of Redis an answer",                                                                              \
       0,                                                                                                              \
       offsetof(struct_, field_.redis_answer_us)},                                                                     \
  {                                                                                                                    \
    "node-bytes", SOLID_PROPERTY_FLOAT, "32000000000", 1e6, 1e15, NULL,                                                \
        "bytes of users that one Redis node is to hold", 0, offsetof(struct_, field_.node_bytes)                       \
  }

/* user_bytes: of all users in Redis. */
void plan_rate(const rate_options *options, double user_bytes, const solid_plan_traffic *traffic);

#endif
