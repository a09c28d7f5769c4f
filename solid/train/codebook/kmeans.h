/* k-means of one level of a codebook (codebook_fit.h): Lloyd's iterations over all rows or, of many rows, over batches.
 *
 * Up to 131,072 rows every iteration takes all. Above, an iteration takes the next 65,536 (or 16 a code) of a random
 * order:
 *
 *   mass_k' = 1/2 mass_k + rows of k      c_k' = (1/2 mass_k c_k + sum over the rows of k) / mass_k'
 *
 * so that its work does not grow with the rows, and only the last assignment takes all. At 140,000 rows the mean
 * squared residual is that of whole iterations within .5 %, as it is between two seeds.
 *
 * A device compares and adds up the rows itself (kmeans_device.h); there up to 1,048,576 rows are whole, for an
 * iteration takes milliseconds, and the sums are of floats. */
#ifndef SOLID_TRAIN_CODEBOOK_KMEANS_H
#define SOLID_TRAIN_CODEBOOK_KMEANS_H

#include "kernels/backend.h"
#include "solid/base/random.h"
#include "solid/model/progress.h"
#include "solid/status.h"
#include <stddef.h>
#include <stdint.h>

#define SOL_KMEANS_WHOLE        ((uint32_t)1 << 17)
#define SOL_KMEANS_WHOLE_DEVICE ((uint32_t)1 << 20)

/* n, d, k, be and random are the caller's to set before it is opened, centroids before each run. */
typedef struct sol_kmeans {
  uint32_t n, d, k;
  sk_backend *be;   /* whose device compares the rows; NULL = the host does */
  float *residual;  /* (n, d) */
  float *centroids; /* (k, d) */
  float *products;  /* (ROWS_AT_ONCE, k) */
  float *norms;     /* (k) ||c||^2 */
  uint32_t *code;   /* (n) */
  double *distance; /* (n) squared, to the own centroid */
  double *sums;     /* (k, d) */
  uint32_t *counts; /* (k) */
  uint32_t *order;  /* (n) */
  float *batch;     /* (batch_rows, d) residuals of a batch; NULL where all are taken */
  double *mass;     /* (k) items behind a centroid, those of earlier batches fading; NULL likewise */
  uint32_t batch_rows;
  struct sol_kmeans_device *device; /* NULL where `be` is */
  sol_random random;
  sol_progress *progress; /* of sol_kmeans_work() rows; NULL = none */
  uint32_t restarts;
  double negligible; /* squared distance that is rounding */
} sol_kmeans;

/* Takes memory, on the device too, and a copy of x (n, d) as the first residuals. ENOMEM; may be closed after a
 * failure.
 */
solid_status sol_kmeans_open(sol_kmeans *km, const float *x);
void sol_kmeans_close(sol_kmeans *km);

/* Fits centroids to the residuals, and sets code, distance and counts of all rows. What a device may fail with. */
solid_status sol_kmeans_run(sol_kmeans *km, uint32_t iterations);

/* Rows that are compared with the centroids in a run. */
double sol_kmeans_work(const sol_kmeans *km, uint32_t iterations);

#endif
