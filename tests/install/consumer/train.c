/* From a dataset that a collector fills to a model that answers, on installed headers alone. */
#define _POSIX_C_SOURCE 200809L
#include "solid/train/evaluate.h"
#include "solid/train/provenance.h"
#include "solid/train/split.h"
#include "solid/train/trainer.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define USERS  20
#define ITEMS  10
#define EVENTS 6

static solid_status fill(solid_collector *collector) {
  solid_status status = SOLID_OK;
  for (int u = 0; u < USERS; u++)
    for (int i = 0; i < EVENTS && !status; i++) {
      char user[16], item[16];
      snprintf(user, sizeof user, "u%d", u);
      snprintf(item, sizeof item, "i%d", (u + i) % ITEMS);
      solid_event event = {.user = {user, strlen(user)}, .item = {item, strlen(item)}, .time_ms = i};
      status = solid_collector_push(collector, &event, 1, NULL);
    }
  return status;
}

static solid_status train(const solid_context *ctx, const solid_dataset *dataset, const char *path) {
  solid_trainer *trainer = NULL;
  solid_train_options options = solid_train_options_default();
  options.width = 8, options.codes = 4, options.epochs = 3, options.seed = 7;
  solid_status status = solid_trainer_new(&trainer, ctx, dataset, &options);
  while (!status && !solid_trainer_report(trainer)->finished) status = solid_trainer_epoch(trainer, NULL, NULL, NULL);
  if (!status) status = solid_trainer_export(trainer, path);
  solid_trainer_free(trainer);
  return status;
}

static solid_status ask(const solid_context *ctx, const solid_dataset *dataset, const char *path) {
  solid_model *model = NULL;
  solid_evaluation made = {0};
  solid_provenance from;
  solid_status status = solid_model_load(&model, ctx, path);
  if (!status) status = solid_provenance_read(model, &from);
  if (!status && (from.options.seed != 7 || from.data != solid_dataset_hash(dataset))) status = SOLID_EMISMATCH;
  if (!status) status = solid_evaluate_model(&made, model, dataset, NULL);
  if (!status) printf("%u users asked, coverage %.2f\n", made.users, made.coverage);
  solid_evaluation_clear(&made);
  solid_model_free(model);
  return status;
}

int main(void) {
  char path[] = "/tmp/solid-consumer-XXXXXX";
  solid_context *ctx = NULL;
  solid_collector *collector = NULL;
  solid_dataset dataset = {0};
  int file = mkstemp(path);
  solid_status status = file < 0 ? SOLID_EIO : solid_context_new(&ctx, NULL);
  if (!status) status = solid_collector_new(&collector, NULL);
  if (!status) status = fill(collector);
  if (!status) status = solid_collector_finish(collector, &dataset);
  if (!status) status = train(ctx, &dataset, path);
  if (!status) status = ask(ctx, &dataset, path);
  if (status) fprintf(stderr, "%s: %s\n", solid_status_name(status), solid_last_error());
  remove(path);
  solid_dataset_clear(&dataset);
  solid_collector_free(collector);
  solid_context_free(ctx);
  return status != SOLID_OK;
}
