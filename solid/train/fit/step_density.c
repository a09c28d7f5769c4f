/* How sparse a step's attention was, by the lists that are still on the device. */
#include "solid/extend.h"
#include "solid/train/fit/step.h"
#include <stdlib.h>

/* Pairs of the chunks that lists of one block make: kept rows are seen by all of a chunk, its own by half. */
static double pairs_of(const int32_t *offsets, const int32_t *counts, int32_t chunks, int32_t heads) {
  double pairs = 0;
  for (int32_t h = 0; h < heads; h++)
    for (int32_t c = 0; c < chunks; c++) {
      double rows = offsets[c + 1] - offsets[c], kept = counts[h * chunks + c] - rows;
      pairs += rows * kept + rows * (rows + 1) / 2;
    }
  return pairs;
}

solid_status sol_step_density(const sol_step *step, double *density) {
  const sol_batch *batch = &step->last;
  const sol_chunks *chunks = &batch->chunks;
  int32_t heads = (int32_t)step->config.heads, blocks = (int32_t)step->config.blocks;
  size_t counts = (size_t)chunks->count * (size_t)heads, windows = (size_t)batch->windows + 1;
  *density = 1;
  if (!chunks->count) return SOLID_OK;
  size_t offsets = (size_t)chunks->count + 1;
  int32_t *host = malloc((windows + offsets + counts * (size_t)blocks) * sizeof *host), *lists = host + windows;
  if (!host) return solid_fail(SOLID_ENOMEM, "no memory for the lengths of %zu lists", counts);
  sk_backend *be = step->be;
  solid_status status = be->ops->download(be, host, batch->offsets, windows * sizeof *host);
  if (!status) status = be->ops->download(be, lists, chunks->offsets, offsets * sizeof *host);
  for (int32_t b = 0; b < blocks && !status; b++)
    status = be->ops->download(be, lists + offsets + (size_t)b * counts, step->encoder.block[b].counts,
                               counts * sizeof *host);
  if (!status) status = be->ops->sync(be);
  double pairs = 0, all = 0;
  for (int32_t b = 0; b < blocks && !status; b++)
    pairs += pairs_of(lists, lists + offsets + (size_t)b * counts, chunks->count, heads);
  for (int32_t w = 0; w < batch->windows && !status; w++) {
    double n = host[w + 1] - host[w];
    all += n * (n + 1) / 2 * heads * blocks;
  }
  free(host);
  if (status) return solid_fail(status, "%s", be->err);
  *density = all > 0 ? pairs / all : 1;
  return SOLID_OK;
}
