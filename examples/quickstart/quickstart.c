/* Three clicks in, five recommendations out.    quickstart MODEL [REDIS_HOST REDIS_PORT] */
#include "solid/solid.h"
#include "store/memory_store.h"
#include "store/redis_store.h"
#include <stdio.h>
#include <stdlib.h>

static solid_status open_store(solid_store **store, const solid_model_info *info, const char *host, const char *port) {
  if (host && port) {
    solid_redis_store_options redis = SOLID_REDIS_STORE_OPTIONS_INIT;
    redis.window = info->window, redis.width = info->width, redis.params = info->params;
    redis.host = host, redis.port = (uint32_t)strtoul(port, NULL, 10);
    return solid_redis_store_open(store, &redis);
  }
  solid_memory_store_options memory = SOLID_MEMORY_STORE_OPTIONS_INIT;
  memory.window = info->window, memory.width = info->width, memory.params = info->params;
  return solid_memory_store_open(store, &memory);
}

int main(int argc, char **argv) {
  solid_context *ctx = NULL;
  solid_model *model = NULL;
  solid_store *store = NULL;
  solid_pipeline *pipeline = NULL;
  solid_recommender *rec = NULL;
  solid_model_info info = {.struct_size = sizeof info};
  solid_bytes user = {"anna", 4};
  solid_event events[3];
  solid_scored items[5];
  solid_answer answer = {.struct_size = sizeof answer};
  solid_query query = SOLID_QUERY_INIT;
  query.k = 5;

  solid_status status = solid_context_new(&ctx, NULL);
  if (!status) status = solid_model_load(&model, ctx, argc > 1 ? argv[1] : "model.safetensors");
  if (!status) status = solid_model_get_info(model, &info);
  if (!status) status = open_store(&store, &info, argc > 3 ? argv[2] : NULL, argc > 3 ? argv[3] : NULL);
  if (!status) status = solid_pipeline_new(&pipeline, model, store, NULL); /* the writing side: once a service */
  if (!status) status = solid_recommender_new(&rec, model, store, 1);      /* the reading side: one a thread */
  for (uint32_t i = 0; i < 3 && !status; i++)
    events[i] = (solid_event){.user = user, .item = solid_model_item_id(model, i), .position = SOLID_NO_STREAM};
  if (!status) status = solid_pipeline_push(pipeline, events, 3, NULL);
  if (!status) status = solid_recommend(rec, user, &query, items, &answer);
  if (status) fprintf(stderr, "quickstart: %s\n", solid_last_error());

  for (size_t i = 0; i < answer.count; i++) {
    solid_bytes id = solid_model_item_id(model, items[i].item);
    printf("%.*s  %.3f  from %s\n", (int)id.size, id.data, items[i].score, solid_source_name(answer.source));
  }
  solid_recommender_free(rec);
  solid_pipeline_free(pipeline);
  if (store) store->ops->close(store);
  solid_model_free(model);
  solid_context_free(ctx);
  return status ? 1 : 0;
}
