/* Events into the store, by the pipelines of the models that are live. */
#include "examples/common/emptied.h"
#include "examples/serve/events.h"
#include "solid/extend.h"
#include <stdlib.h>

/* What the rounds of a request work with: one round a live generation. */
typedef struct rounds {
  serve *s;
  const serve_desk *desk;
  serve_batch *batch;
  uint8_t *mine, *done;   /* (n) of this round; of this one and those before */
  solid_event *some;      /* (n) those of this round */
  solid_status *verdicts; /* (n) likewise */
  solid_status worst;     /* of the store: the first failure of a round */
} rounds;

static void count(rounds *r, const solid_pipeline_stats *before, const solid_pipeline_stats *after) {
  serve_counts *counts = &r->s->counts;
  if (after->puts > before->puts)
    metrics_observe(&counts->generate_seconds, (double)(after->generate_ns - before->generate_ns) / 1e9);
  serve_count_states(counts, &before->states, &after->states);
  r->batch->outcome.counts[SERVE_APPLIED] += after->applied - before->applied;
  r->batch->outcome.counts[SERVE_DUPLICATE] += after->duplicates - before->duplicates;
}

/* Those of users whose generation is this seat's, so that the pipeline makes parameters of the right one. */
static void push_some(rounds *r, const solid_seat *seat) {
  serve_batch *batch = r->batch;
  size_t n = 0;
  for (size_t i = 0; i < batch->n; i++)
    if (r->mine[i]) r->some[n++] = batch->events[i];
  solid_pipeline_stats before = {.struct_size = sizeof before}, after = before;
  int has_stats = !solid_pipeline_get_stats(seat->pipeline, &before);
  solid_status status = solid_pipeline_push(seat->pipeline, r->some, n, r->verdicts);
  if (status == SOLID_ELOST) {
    status = emptied_go_on(r->desk->store); /* what the failed call wrote is of the epoch before, and counts as empty */
    has_stats = has_stats && !solid_pipeline_get_stats(seat->pipeline, &before);
    if (!status) status = solid_pipeline_push(seat->pipeline, r->some, n, r->verdicts);
  }
  for (size_t i = 0, at = 0; i < batch->n; i++)
    if (r->mine[i]) batch->verdicts[i] = r->verdicts[at++];
  events_judge(batch, r->mine, status, "store_away");
  if (!r->worst && status != SOLID_EUNSUPPORTED) r->worst = status;
  /* What is pushed next is another request's: what it repeats is a duplicate, since this one's answer says what was
   * applied. */
  solid_status ended = status ? solid_pipeline_push(seat->pipeline, NULL, 0, NULL) : SOLID_OK;
  (void)ended; /* of no events nothing can fail */
  if (has_stats && !solid_pipeline_get_stats(seat->pipeline, &after)) count(r, &before, &after);
}

/* The events that no round has had, of users of one generation. */
static void take_round(rounds *r, size_t first) {
  const solid_seat *seat = NULL;
  serve_batch *batch = r->batch;
  solid_live live = solid_slot_get_live(r->s->slot);
  solid_status status = solid_slot_take(r->s->slot, r->desk->number, batch->events[first].user, &seat);
  for (size_t i = 0; i < batch->n; i++) {
    r->mine[i] = !r->done[i] &&
                 (i == first || (!status && solid_live_generation(&live, batch->events[i].user) == seat->generation));
    r->done[i] |= r->mine[i];
  }
  if (!status) {
    push_some(r, seat);
  } else {
    batch->verdicts[first] = status;
    events_judge(batch, r->mine, status, "store_away");
    if (!r->worst) r->worst = status;
  }
  solid_slot_give(r->s->slot, seat);
}

void events_apply(serve *s, serve_desk *desk, serve_batch *batch) {
  unsigned models_live = atomic_load(&s->models_live);
  rounds r = {.s = s,
              .desk = desk,
              .batch = batch,
              .mine = calloc(batch->n + 1, 1),
              .done = calloc(batch->n + 1, 1),
              .some = calloc(batch->n + 1, sizeof *r.some),
              .verdicts = calloc(batch->n + 1, sizeof *r.verdicts)};
  if (r.mine && r.done && r.some && r.verdicts) {
    for (size_t first = 0; first < batch->n; first++)
      if (!r.done[first]) take_round(&r, first);
    serve_note_model(s, r.worst, models_live);
    serve_note_store(s, r.worst);
  } else {
    solid_status status = solid_fail(SOLID_ENOMEM, "out of memory: events");
    for (size_t i = 0; i < batch->n; i++) batch->verdicts[i] = status;
    events_judge(batch, NULL, status, "store_away");
  }
  free(r.mine);
  free(r.done);
  free(r.some);
  free(r.verdicts);
}
