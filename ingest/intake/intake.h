/* Shared by all event sources: payloads -> decoder -> sink -> result of each payload; reports. */
#ifndef INGEST_INTAKE_INTAKE_H
#define INGEST_INTAKE_INTAKE_H

#include "ingest/ingest_stats.h"
#include "solid/pipeline.h"

typedef struct sol_payload {
  const void *data;
  size_t size;
  solid_position position;
  int64_t taken_ms; /* 0 = not known */
} sol_payload;

typedef struct sol_intake {
  solid_decoder *decoder;
  solid_sink_fn sink;
  void *sink_user;
  size_t room;         /* capacity of the arrays below */
  solid_event *events; /* the decoded ones, packed */
  size_t *payload_of;  /* events[i] came from payload payload_of[i] */
  solid_status *verdicts;
  solid_reject *rejects; /* by payload: SOLID_REJECT_NONE = taken */
  uint8_t *repeats;      /* by payload: 1 = taken, and applied before */
} sol_intake;

/* `worth` is borrowed; NULL = every event is a step. */
solid_status sol_intake_open(sol_intake *intake, solid_sink_fn sink, void *sink_user, int64_t max_future_ms,
                             const solid_worth_rule *worth);
void sol_intake_close(sol_intake *intake);

/* Decodes n payloads, gives the good ones to the sink and fills intake->rejects and ->repeats (n). The sink is not
 * called if no payload is good. Fails with the sink's status (or ENOMEM); then nothing may be counted or committed. */
solid_status sol_intake_push(sol_intake *intake, const sol_payload *payloads, size_t n);

/* Adds what intake->rejects and ->repeats (n) say to the counters. */
void sol_intake_count(const sol_intake *intake, size_t n, solid_ingest_stats *stats);

/* When to report, and the rate since the report before. */
typedef struct sol_reporter {
  solid_ingest_stats_fn fn;
  void *user;
  int64_t interval_ms, last_ms;
  uint64_t last_events;
} sol_reporter;

void sol_report(sol_reporter *reporter, solid_ingest_stats *stats, int64_t now_ms);

#endif
