/* The rows of a k-means on a device: nearest centroids by its `quantize`, sums of the clusters by its `embed_backward`.
 * Counts, the centroids' division and their restarts stay on the host. */
#ifndef SOLID_TRAIN_CODEBOOK_KMEANS_DEVICE_H
#define SOLID_TRAIN_CODEBOOK_KMEANS_DEVICE_H

#include "kernels/backend.h"

typedef struct sol_kmeans_device {
  sk_backend *be; /* borrowed */
  uint32_t d, k, room;
  void *rows, *centroids, *codes, *sums; /* (room, d), (k, d), (room), (k, d) */
  float *totals;                         /* (k, d) on the host */
  const float *there;                    /* the host's rows that are in `rows`; NULL = none */
} sol_kmeans_device;

/* Takes memory for `room` rows at once, on the device too. ENOMEM. */
solid_status sol_kmeans_device_open(sol_kmeans_device **out, sk_backend *be, uint32_t room, uint32_t d, uint32_t k);
void sol_kmeans_device_close(sol_kmeans_device *device);

/* code (n) of the nearest centroids (k, d); sums (k, d) of the rows of each, unless NULL. Rows that are there already
 * do not travel; EINTERNAL: one is not finite. */
solid_status sol_kmeans_device_assign(sol_kmeans_device *device, const float *rows, uint32_t n, const float *centroids,
                                      uint32_t *code, double *sums);

/* The host's rows have changed. */
void sol_kmeans_device_renew(sol_kmeans_device *device);

#endif
