/* A query whose items are chosen together by the model's decoder, and what is said of it beside its items. */
#include "examples/common/slate_order.h"
#include "examples/serve/answering.h"
#include "solid/extend.h"

/* Without "k" a slate has as many items as the decoder was trained for and the service allows. A model without one says
 * so of ten. */
static uint32_t items_of(const serve_query *query, const solid_model *model) {
  solid_model_info info = {.struct_size = sizeof info};
  if (query->k) return query->k;
  int64_t rows = !solid_model_get_info(model, &info) && info.slate_rows ? info.slate_rows : 10;
  return (uint32_t)(rows < query->max_k ? rows : query->max_k);
}

solid_status answering_decode(serve_desk *desk, const solid_seat *seat, const serve_query *query, serve_made *made) {
  solid_query q = SOLID_QUERY_INIT;
  q.k = items_of(query, seat->model);
  answering_filters(query, &q);
  made->slate.struct_size = sizeof made->slate;
  solid_bytes user = made->is_fallback ? (solid_bytes){NULL, 0} : query->user;
  if (!serve_desk_room(desk, q.k)) return solid_fail(SOLID_ENOMEM, "out of memory: slate");
  solid_status status = solid_slate(seat->recommender, user, &q, &query->slate, desk->best, &made->slate);
  if (status) return status;
  made->answer.source = made->slate.source;
  made->answer.params_seq = made->slate.params_seq;
  made->answer.window_seq = made->slate.window_seq;
  made->answer.count = made->slate.count;
  return SOLID_OK;
}

void answering_write_slate(const serve_query *query, const serve_made *made, growing *out) {
  char order[32];
  slate_order_text(made->slate.order, made->slate.window, order);
  growing_add(out, "\"order\":\"%s\",\"guide\":", order);
  growing_number(out, (double)query->slate.guide);
  growing_add(out, ",\"forwards\":%u,\"log_likelihood\":", made->slate.forwards);
  growing_number(out, made->slate.log_likelihood);
  growing_text(out, ",");
}
