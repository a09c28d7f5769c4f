#include "examples/ingestd/ingestd_items.h"
#include "examples/common/logging.h"
#include "solid/extend.h"

solid_status ingestd_items_begin(ingestd_items *items, const solid_context *ctx, solid_store *store,
                                 solid_pipeline_options *pipeline) {
  solid_status status = solid_item_log_new(&items->log, ctx);
  if (status) return status;
  pipeline->items = items->log;
  status = solid_item_log_follow(items->log, store);
  if (!status || solid_status_is_retriable(status)) return status;
  logging_say(SOLID_LOG_ERROR, "goes on without the item log: %s", solid_last_error());
  return SOLID_OK;
}

static solid_status enlarge(ingestd_items *items) {
  solid_model *larger = NULL;
  solid_item_log_info info = {.struct_size = sizeof info};
  solid_status status = solid_item_log_get_info(items->log, &info);
  if (!status) status = solid_model_grow(&larger, items->model, info.items);
  if (!status) status = solid_item_log_apply(items->log, larger, SIZE_MAX, NULL);
  if (status == SOLID_EFULL) status = SOLID_OK; /* there is more; the next batch makes another */
  if (!status) status = solid_pipeline_switch(items->pipeline, larger);
  if (status) {
    solid_model_free(larger);
    return status;
  }
  solid_model_free(items->model);
  items->model = larger;
  logging_say(SOLID_LOG_INFO, "the model has room for %u items now", solid_model_item_count(larger));
  return SOLID_OK;
}

solid_status ingestd_items_push(void *user, const solid_event *events, size_t n, solid_status *verdicts) {
  ingestd_items *items = user;
  solid_status status = items->sink(items->sink_user, events, n, verdicts);
  if (status || solid_item_log_apply(items->log, items->model, SOLID_ITEMS_AT_ONCE, NULL) != SOLID_EFULL) return status;
  solid_status enlarged = enlarge(items);
  if (enlarged && !items->is_told)
    logging_say(SOLID_LOG_ERROR, "new items are not read in windows: a larger copy of the model: %s",
                solid_last_error());
  items->is_told = enlarged != SOLID_OK;
  return SOLID_OK;
}

#ifndef SOLID_WITH_KAFKA
solid_status ingestd_items_read_topic(ingestd_items *items, const ingestd_items_source *source) {
  (void)items;
  solid_store_close(source->store);
  return solid_fail(SOLID_EUNSUPPORTED, "--items-topic: built without Kafka");
}

void ingestd_items_end(ingestd_items *items) {
  solid_item_log_free(items->log);
}
#endif
