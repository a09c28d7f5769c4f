#include "ingest/intake/intake.h"
#include "solid/base/clock.h"
#include "solid/extend.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

solid_status sol_intake_open(sol_intake *intake, solid_sink_fn sink, void *sink_user, int64_t max_future_ms,
                             const solid_worth_rule *worth) {
  memset(intake, 0, sizeof *intake);
  intake->sink = sink;
  intake->sink_user = sink_user;
  solid_status status = solid_decoder_new(&intake->decoder, max_future_ms);
  solid_decoder_set_worth(intake->decoder, worth);
  return status;
}

void sol_intake_close(sol_intake *intake) {
  solid_decoder_free(intake->decoder);
  free(intake->events);
  free(intake->payload_of);
  free(intake->verdicts);
  free(intake->rejects);
  free(intake->repeats);
  memset(intake, 0, sizeof *intake);
}

static solid_status make_room(sol_intake *intake, size_t n) {
  if (n <= intake->room) return SOLID_OK;
  solid_event *events = calloc(n, sizeof *events);
  size_t *payload_of = calloc(n, sizeof *payload_of);
  solid_status *verdicts = calloc(n, sizeof *verdicts);
  solid_reject *rejects = calloc(n, sizeof *rejects);
  uint8_t *repeats = calloc(n, sizeof *repeats);
  if (!events || !payload_of || !verdicts || !rejects || !repeats) {
    free(events);
    free(payload_of);
    free(verdicts);
    free(rejects);
    free(repeats);
    return solid_fail(SOLID_ENOMEM, "ingest: no memory for a batch of %zu events", n);
  }
  free(intake->events);
  free(intake->payload_of);
  free(intake->verdicts);
  free(intake->rejects);
  free(intake->repeats);
  intake->events = events;
  intake->payload_of = payload_of;
  intake->verdicts = verdicts;
  intake->rejects = rejects;
  intake->repeats = repeats;
  intake->room = n;
  return SOLID_OK;
}

static solid_reject reject_of(solid_status verdict) {
  if (verdict == SOLID_OK || verdict == SOLID_EDUPLICATE) return SOLID_REJECT_NONE;
  if (verdict == SOLID_EFORMAT) return SOLID_REJECT_USER_SET_ASIDE;
  return verdict == SOLID_ENOTFOUND ? SOLID_REJECT_UNKNOWN_ITEM : SOLID_REJECT_REFUSED;
}

solid_status sol_intake_push(sol_intake *intake, const sol_payload *payloads, size_t n) {
  size_t good = 0;
  int64_t now_ms = sol_wall_ms();
  solid_status status = make_room(intake, n);
  if (status != SOLID_OK) return status;
  solid_decoder_reset(intake->decoder);
  memset(intake->repeats, 0, n);
  for (size_t i = 0; i < n; i++) {
    solid_event *ev = &intake->events[good];
    status = solid_decoder_decode(intake->decoder, payloads[i].data, payloads[i].size, now_ms, ev, &intake->rejects[i]);
    if (status == SOLID_EFORMAT) continue;
    if (status != SOLID_OK) return status;
    ev->position = payloads[i].position;
    ev->taken_ms = payloads[i].taken_ms;
    intake->payload_of[good++] = i;
  }
  if (!good) return SOLID_OK;
  for (size_t i = 0; i < good; i++) intake->verdicts[i] = SOLID_OK;
  status = intake->sink(intake->sink_user, intake->events, good, intake->verdicts);
  if (status != SOLID_OK) return status;
  for (size_t i = 0; i < good; i++) {
    intake->rejects[intake->payload_of[i]] = reject_of(intake->verdicts[i]);
    intake->repeats[intake->payload_of[i]] = intake->verdicts[i] == SOLID_EDUPLICATE;
  }
  return SOLID_OK;
}

void sol_intake_count(const sol_intake *intake, size_t n, solid_ingest_stats *stats) {
  assert(n <= intake->room);
  stats->batches++;
  stats->events += n;
  for (size_t i = 0; i < n; i++) {
    if (intake->rejects[i] == SOLID_REJECT_NONE)
      stats->accepted++;
    else
      stats->rejected[intake->rejects[i]]++;
    stats->duplicates += intake->repeats[i];
  }
}

void sol_report(sol_reporter *reporter, solid_ingest_stats *stats, int64_t now_ms) {
  int64_t passed_ms = now_ms - reporter->last_ms;
  stats->events_per_s = passed_ms > 0 ? 1e3 * (double)(stats->events - reporter->last_events) / (double)passed_ms : 0;
  reporter->last_ms = now_ms;
  reporter->last_events = stats->events;
  if (reporter->fn) reporter->fn(reporter->user, stats);
}
