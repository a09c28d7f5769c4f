#include "tests/solid/serve/slot_rig.h"
#include "store/memory_store.h"
#include "tests/support/tiny_model.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

solid_context *slot_ctx;

/* Models of another rank each, over the same items. */
solid_model *slot_model(int which) {
  static const uint32_t ranks[SLOT_MODELS] = {0, 4, 8};
  sol_config config = tiny_config(SOLID_HEAD_SOLID, ranks[which]);
  return tiny_model(slot_ctx, &config, (uint64_t)which + 1);
}

uint64_t slot_generation(const solid_model *model) {
  solid_model_info info = {.struct_size = sizeof info};
  cr_assert_eq(solid_model_get_info(model, &info), SOLID_OK);
  return info.generation;
}

void slot_begin(void) {
  cr_assert_eq(solid_context_new(&slot_ctx, NULL), SOLID_OK, "%s", solid_last_error());
}

void slot_end(void) {
  solid_context_free(slot_ctx);
}

rig_slot slot_open(void) {
  rig_slot rig = {0};
  solid_model *model = slot_model(0);
  cr_assert_eq(solid_store_open_memory(&rig.stores[0], model, NULL), SOLID_OK, "%s", solid_last_error());
  solid_model_free(model);
  for (int i = 1; i <= SLOT_THREADS; i++)
    cr_assert_eq(solid_memory_store_share(&rig.stores[i], rig.stores[0]), SOLID_OK);
  solid_pipeline_options pipeline = SOLID_PIPELINE_OPTIONS_INIT;
  solid_recommender_options recommender = SOLID_RECOMMENDER_OPTIONS_INIT;
  solid_slot_options options = SOLID_SLOT_OPTIONS_INIT;
  pipeline.max_batch = 4;
  recommender.element = pipeline.element = SOLID_F32;
  options.seats = SLOT_THREADS;
  options.stores = rig.stores;
  options.pipeline = &pipeline;
  options.recommender = &recommender;
  cr_assert_eq(solid_slot_new(&rig.slot, &options), SOLID_OK, "%s", solid_last_error());
  return rig;
}

void slot_close(rig_slot *rig) {
  solid_slot_free(rig->slot);
  for (int i = 0; i <= SLOT_THREADS; i++) solid_store_close(rig->stores[i]);
}

uint64_t slot_add(rig_slot *rig, int which) {
  solid_model *model = slot_model(which);
  uint64_t generation = slot_generation(model);
  cr_assert_eq(solid_slot_add(rig->slot, model), SOLID_OK, "%s", solid_last_error());
  return generation;
}

void slot_switch(rig_slot *rig, uint64_t generation, uint32_t share) {
  solid_status status = solid_slot_switch(rig->slot, rig->stores[SLOT_THREADS], generation, share);
  cr_assert_eq(status, SOLID_OK, "%s", solid_last_error());
}

solid_bytes slot_user(int user, char text[16]) {
  snprintf(text, 16, "user-%d", user);
  return (solid_bytes){text, strlen(text)};
}
