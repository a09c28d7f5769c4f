#include "examples/ingestd/ingestd_live.h"
#include "examples/common/logging.h"
#include <inttypes.h>

static void follow(ingestd_live *live, const solid_live *record) {
  static const solid_generate lazy = {SOLID_GENERATE_LAZY, 0};
  int is_ours = record->current == live->generation && (!record->previous || record->share == SOLID_SHARES);
  if (!record->version || is_ours != live->is_off) return; /* as it was */
  live->is_off = !is_ours;
  solid_pipeline_set_generate(live->pipeline, is_ours ? live->how : &lazy);
  if (is_ours)
    logging_say(SOLID_LOG_INFO, "generation %016" PRIx64 " is live again: parameters are made", live->generation);
  else
    logging_say(SOLID_LOG_WARN,
                "generation %016" PRIx64 " is live and this model is %016" PRIx64
                ": windows are written, parameters are left to the questions; start again with the live model",
                record->current, live->generation);
}

solid_status ingestd_live_begin(ingestd_live *live, const solid_model *model, solid_store *store,
                                solid_pipeline *pipeline, const solid_generate *how) {
  solid_model_info info = {.struct_size = sizeof info};
  solid_live record = {0};
  *live = (ingestd_live){.store = store, .pipeline = pipeline, .how = how};
  solid_status status = solid_model_get_info(model, &info);
  live->generation = info.generation;
  if (!status) status = solid_live_read(store, &record);
  if (status) return status;
  if (record.version) {
    follow(live, &record);
    return SOLID_OK;
  }
  record = (solid_live){1, info.generation, 0, SOLID_SHARES};
  status = solid_live_write(store, &record);
  if (status != SOLID_EMISMATCH) return status;
  ingestd_live_check(live); /* another process was first */
  return SOLID_OK;
}

void ingestd_live_check(ingestd_live *live) {
  solid_live record;
  if (live->store && !solid_live_read(live->store, &record)) follow(live, &record);
}
