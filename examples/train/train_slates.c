#include "examples/train/train_slates.h"
#include "examples/common/progress.h"
#include "solid/extend.h"
#include "solid/train/slates.h"
#include <string.h>
#include <unistd.h>

typedef struct telling {
  FILE *log;
  double started;
  uint32_t epochs;
} telling;

static int tell(void *user, const solid_slates_epoch *epoch) {
  const telling *t = user;
  double seconds = progress_now() - t->started;
  printf("slates: epoch %u of %u, loss %.4f over %zu cells, %.0f s\n", epoch->epoch, t->epochs, epoch->loss,
         epoch->cells, seconds);
  fflush(stdout);
  if (t->log)
    fprintf(t->log, "{\"slates_epoch\":%u,\"loss\":%.6f,\"cells\":%zu,\"seconds\":%.1f}\n", epoch->epoch, epoch->loss,
            epoch->cells, seconds);
  return 0;
}

solid_status train_slates(const train_arguments *a, const solid_context *ctx, const solid_dataset *dataset, FILE *log) {
  const train_slate_arguments *s = &a->slate;
  if (s->rows == 0) return SOLID_OK;
  solid_slates_options options = SOLID_SLATES_OPTIONS_INIT;
  options.rows = (uint32_t)s->rows;
  options.blocks = (uint32_t)s->blocks;
  options.near_to_far = s->order;
  options.epochs = (uint32_t)s->epochs;
  options.batch = (uint32_t)s->batch;
  options.rate = s->rate;
  options.dropout = s->dropout;
  options.seed = (uint64_t)s->seed;
  char checkpoint[4096];
  snprintf(checkpoint, sizeof checkpoint, "%s" TRAIN_SLATES_CHECKPOINT, a->out);
  options.checkpoint = checkpoint;
  if (a->fresh) unlink(checkpoint);
  telling t = {log, progress_now(), options.epochs};
  solid_status status = solid_slates_train(ctx, s->of ? s->of : a->out, a->out, dataset, &options, tell, &t);
  if (status == SOLID_EMISMATCH && strstr(solid_last_error(), checkpoint))
    return solid_fail(status, "%s; --fresh starts again", solid_last_error());
  if (status == SOLID_OK) printf("%s: with a decoder of slates of %u items\n", a->out, options.rows);
  return status;
}
