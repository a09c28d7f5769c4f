/* Three clicks in, five recommendations out.    quickstart MODEL */
#include "solid/solid.h"
#include "store/memory_store.h"
#include <stdio.h>

int main(int argc, char **argv) {
  solid_context *ctx = NULL;
  solid_model *model = NULL;
  solid_store *store = NULL;
  solid_pipeline *pipeline = NULL; /* the writing side: once a service */
  solid_recommender *rec = NULL;   /* the reading side: one a thread */
  solid_query query = {.struct_size = sizeof query, .k = 5, .exclude_seen = 1};
  solid_bytes user = {"anna", 4}, id;
  solid_scored items[5];
  int bad = solid_context_new(&ctx, NULL) || solid_model_load(&model, ctx, argc > 1 ? argv[1] : "model.safetensors") ||
            solid_store_open_memory(&store, model, NULL) || solid_pipeline_new(&pipeline, model, store, NULL) ||
            solid_recommender_new(&rec, model, store, NULL);
  for (uint32_t i = 0; i < 3 && !bad; i++)
    bad = solid_pipeline_push(pipeline, &(solid_event){.user = user, .item = solid_model_item_id(model, i)}, 1, NULL);
  bad = bad || solid_recommend(rec, user, &query, items, NULL);
  for (int i = 0; i < 5 && !bad && (id = solid_model_item_id(model, items[i].item)).size; i++)
    printf("%.*s  %.3f\n", (int)id.size, id.data, items[i].score);
  solid_recommender_free(rec);
  solid_pipeline_free(pipeline);
  solid_store_close(store);
  solid_model_free(model);
  solid_context_free(ctx);
  return bad ? fprintf(stderr, "quickstart: %s\n", solid_last_error()), 1 : 0;
}
