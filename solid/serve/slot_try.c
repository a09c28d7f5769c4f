/* Is a model fit to be live? */
#include "solid/base/text.h"
#include "solid/extend.h"
#include "solid/serve/recommender.h"
#include "solid/serve/slot_parts.h"
#include <math.h>
#include <stdlib.h>

/* Any item that is there, hidden or not. */
static solid_bytes some_item(const solid_model *model) {
  const solid_bytes none = {NULL, 0};
  for (uint32_t v = 0; v < solid_model_item_count(model); v++) {
    solid_bytes id = solid_model_item_id(model, v);
    if (id.size && solid_model_item_index(model, id) == v) return id;
  }
  return none;
}

/* All items may be hidden, so that there is nothing to recommend: the vector is there all the same. */
solid_status sol_slot_try(solid_recommender *recommender, const solid_model *model) {
  const sol_answerer *a = &recommender->answerer;
  const solid_bytes nobody = {NULL, 0}, item = some_item(model);
  solid_query query = SOLID_QUERY_INIT;
  solid_scored best;
  sol_ask ask;
  query.k = 1, query.session = &item, query.n_session = 1;
  if (!item.size) return SOLID_OK;
  float *vector = calloc(a->info.width, sizeof *vector);
  if (!vector) return solid_fail(SOLID_ENOMEM, "out of memory: slot");
  solid_status status = sol_recommender_ask(recommender, &nobody, 1, &query, &best, &ask);
  ask.vectors = vector;
  if (!status) status = sol_recommender_read(recommender, &nobody, 1, &query, &best, &ask);
  if (!status) status = sol_answer(&recommender->answerer, 1, &ask, &best);
  if (!status) status = a->rows[0].status;
  int is_finite = a->rows[0].source == SOLID_FROM_SESSION;
  for (uint32_t k = 0; k < a->info.width && is_finite; k++) is_finite = isfinite(vector[k]) != 0;
  free(vector);
  if (!status && !is_finite)
    status = solid_fail(SOLID_ERANGE, "model: makes numbers that are not finite of item %s",
                        sol_show(item.data, item.size).text);
  return status;
}
