#include "solid/train/codebook/kmeans_device.h"
#include "kernels/ops.h"
#include "solid/extend.h"
#include <stdlib.h>

void sol_kmeans_device_close(sol_kmeans_device *device) {
  if (!device) return;
  void *const held[] = {device->rows, device->centroids, device->codes, device->sums};
  for (size_t i = 0; i < sizeof held / sizeof *held; i++) device->be->ops->free(device->be, held[i]);
  free(device->totals);
  free(device);
}

solid_status sol_kmeans_device_open(sol_kmeans_device **out, sk_backend *be, uint32_t room, uint32_t d, uint32_t k) {
  size_t row = d * sizeof(float);
  sol_kmeans_device *made = calloc(1, sizeof *made);
  if (!made) return solid_fail(SOLID_ENOMEM, "no memory to cluster vectors of %u", d);
  *made = (sol_kmeans_device){.be = be, .d = d, .k = k, .room = room, .totals = malloc(k * row)};
  solid_status status = made->totals ? SOLID_OK : solid_fail(SOLID_ENOMEM, "no memory for %u centroids of %u", k, d);
  if (!status && ((status = be->ops->alloc(be, &made->rows, room * row)) ||
                  (status = be->ops->alloc(be, &made->centroids, k * row)) ||
                  (status = be->ops->alloc(be, &made->codes, room * sizeof(int32_t))) ||
                  (status = be->ops->alloc(be, &made->sums, k * row))))
    solid_fail(status, "to cluster %u vectors of %u: %s", room, d, be->err);
  if (status)
    sol_kmeans_device_close(made);
  else
    *out = made;
  return status;
}

void sol_kmeans_device_renew(sol_kmeans_device *device) {
  device->there = NULL;
}

/* The codes of up to `room` rows on their way to the host, and the rows added to the device's sums. */
static solid_status enqueue(sol_kmeans_device *device, const float *rows, uint32_t n, uint32_t *code, int with_sums) {
  const sk_backend_ops *ops = device->be->ops;
  const sk_quantize_args nearest = {.n = (int32_t)n,
                                    .d = (int32_t)device->d,
                                    .levels = 1,
                                    .k = (int32_t)device->k,
                                    .x = device->rows,
                                    .centroids = device->centroids,
                                    .codes = device->codes};
  const sk_embed_backward_args add = {.n = (int32_t)n,
                                      .d = (int32_t)device->d,
                                      .rows = (int32_t)device->k,
                                      .dout = device->rows,
                                      .index = device->codes,
                                      .scale = 1,
                                      .dtable = device->sums};
  solid_status status = SOLID_OK;
  if (device->there != rows) status = ops->upload(device->be, device->rows, rows, sizeof(float) * n * device->d);
  device->there = status ? NULL : rows;
  if (!status) status = ops->quantize(device->be, &nearest);
  if (!status && with_sums) status = ops->embed_backward(device->be, &add);
  return status ? status : ops->download(device->be, code, device->codes, n * sizeof *code);
}

solid_status sol_kmeans_device_assign(sol_kmeans_device *device, const float *rows, uint32_t n, const float *centroids,
                                      uint32_t *code, double *sums) {
  sk_backend *be = device->be;
  size_t floats = (size_t)device->k * device->d, bytes = floats * sizeof(float);
  solid_status status = be->ops->upload(be, device->centroids, centroids, bytes);
  if (!status) status = be->ops->zero(be, device->sums, bytes);
  for (uint32_t begin = 0, count; begin < n && !status; begin += count) {
    count = n - begin < device->room ? n - begin : device->room;
    status = enqueue(device, rows + (size_t)begin * device->d, count, code + begin, sums != NULL);
  }
  if (!status && sums) status = be->ops->download(be, device->totals, device->sums, bytes);
  if (!status) status = be->ops->sync(be);
  if (status) return solid_fail(status, "k-means: %s", be->err);
  for (size_t i = 0; i < floats && sums; i++) sums[i] = device->totals[i];
  for (uint32_t i = 0; i < n; i++)
    if (code[i] >= device->k) return solid_fail(SOLID_EINTERNAL, "k-means: vector %u is not finite", i);
  return SOLID_OK;
}
