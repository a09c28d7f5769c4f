#include "examples/serve/answering.h"
#include "examples/common/ground.h"
#include "examples/common/item_json.h"
#include "examples/serve/reasons.h"
#include "solid/extend.h"
#include <string.h>

static serve_mode mode_of(const serve_query *query, const serve_made *made) {
  return made->is_fallback  ? SERVE_FALLBACK
         : query->is_slate  ? SERVE_SLATE
         : query->n_session ? SERVE_SESSION
                            : SERVE_USER;
}

/* By which an event that followed from the answer names it: generation, source, mode and number. Nothing is kept of it;
 * events.c reads it. */
static void write_id(growing *out, const solid_seat *seat, solid_source source, serve_mode mode) {
  static _Atomic uint64_t number;
  uint64_t n = atomic_fetch_add_explicit(&number, 1, memory_order_relaxed);
  growing_hex(out, seat->generation, 16);
  growing_bytes(out, (const char[]){'.', (char)('0' + source), '.', (char)('0' + mode), '.'}, 5);
  growing_hex(out, (uint64_t)sol_wall_ms(), 1);
  growing_text(out, ".");
  growing_hex(out, n, 1);
}

static void write_answer(serve *s, serve_desk *desk, const solid_seat *seat, const serve_query *query,
                         const serve_made *made, growing *out) {
  reasons why = {0};
  if (query->reasons && !made->is_fallback) reasons_begin(&why, desk, seat, query);
  growing_text(out, "{\"id\":\"");
  write_id(out, seat, made->answer.source, mode_of(query, made));
  growing_text(out, "\",");
  if (query->user.size) {
    growing_text(out, "\"user\":");
    growing_json(out, query->user.data, query->user.size);
    growing_text(out, ",");
  }
  growing_text(out, "\"source\":\"");
  growing_text(out, solid_source_name(made->answer.source));
  growing_text(out, made->is_fallback ? "\",\"fallback\":true,\"generation\":\"" : "\",\"generation\":\"");
  growing_hex(out, seat->generation, 16);
  growing_text(out, "\",\"params_seq\":");
  growing_whole(out, made->answer.params_seq);
  growing_text(out, ",\"window_seq\":");
  growing_whole(out, made->answer.window_seq);
  growing_text(out, ",");
  if (query->is_slate) answering_write_slate(query, made, out);
  growing_text(out, "\"items\":[");
  for (size_t i = 0; i < made->answer.count; i++) {
    if (i) growing_text(out, ",");
    item_json(out, seat->model, desk->best[i].item);
    growing_text(out, ",\"score\":");
    growing_number(out, (double)desk->best[i].score);
    if (why.count) reasons_write(&why, seat, desk->best[i].item, out);
    growing_text(out, "}");
  }
  growing_text(out, "]}");
  reasons_end(&why);
  (void)s;
}

static void count(serve *s, const serve_query *query, const serve_made *made, int64_t ns) {
  serve_counts *c = &s->counts;
  solid_source source = made->answer.source;
  serve_count(&c->answers[source]);
  serve_count(&c->modes[mode_of(query, made)]);
  metrics_observe(&c->answer_seconds[source], (double)ns / 1e9);
  if (made->answer.params_seq) {
    uint64_t seq = made->answer.window_seq, seen = made->answer.params_seq;
    metrics_observe(&c->params_age, seq > seen ? (double)(seq - seen) : 0);
  }
}

static solid_status make(serve *s, serve_desk *desk, const solid_seat *seat, const serve_query *query,
                         serve_made *made) {
  uint32_t items = solid_model_item_count(seat->model);
  solid_state_stats before = serve_states_of(seat->recommender);
  solid_status status =
      query->is_slate ? answering_decode(desk, seat, query, made) : answering_rank(desk, seat, query, items, made);
  solid_state_stats after = serve_states_of(seat->recommender);
  serve_count_states(&s->counts, &before, &after);
  return status;
}

/* Anonymous visitors have the generation of the empty id. */
static solid_bytes who(const serve_query *query) {
  return query->user.size ? query->user : (solid_bytes){"", 0};
}

solid_status answering_write(serve *s, serve_desk *desk, const serve_query *query, growing *out) {
  const solid_seat *seat = NULL;
  serve_made made = {0};
  int64_t began_ns = sol_steady_ns();
  unsigned models_live = atomic_load(&s->models_live);
  solid_status status = solid_slot_take(s->slot, desk->number, who(query), &seat);
  if (!status) status = make(s, desk, seat, query, &made);
  int away = serve_lacks_store(status);
  if (query->user.size) atomic_store(&s->store_away, away);
  if (away) serve_count(&s->counts.store_failures);
  serve_note_model(s, status, models_live);
  if ((away || status == SOLID_ESTALE) && query->fallback) {
    made.is_fallback = 1;
    status = make(s, desk, seat, query, &made);
  }
  if (!status) {
    write_answer(s, desk, seat, query, &made, out);
    count(s, query, &made, sol_steady_ns() - began_ns);
  }
  solid_slot_give(s->slot, seat);
  return status;
}
