#include "solid/train/fit/content_start.h"
#include "solid/base/random.h"
#include "solid/extend.h"
#include "solid/train/codebook/svd.h"
#include <math.h>
#include <stdlib.h>

#define OVERSAMPLE 10
#define ITERATIONS 4
#define NOISE      0.02
#define PURPOSE    0xc047e47

/* A random rotation (r, d) for r <= d: rows of normal numbers, made orthogonal (Gram and Schmidt). */
static void draw_rotation(sol_random *random, size_t r, size_t d, double *q) {
  for (size_t i = 0; i < r; i++) {
    double *row = q + i * d, sum = 0;
    for (size_t j = 0; j < d; j++) row[j] = sol_random_normal(random);
    for (size_t k = 0; k < i; k++) {
      double dot = 0;
      for (size_t j = 0; j < d; j++) dot += row[j] * q[k * d + j];
      for (size_t j = 0; j < d; j++) row[j] -= dot * q[k * d + j];
    }
    for (size_t j = 0; j < d; j++) sum += row[j] * row[j];
    for (size_t j = 0; j < d; j++) row[j] /= sqrt(sum);
  }
}

static void make_row(const float *u, const float *s, size_t r, const double *q, size_t d, double length,
                     sol_random *random, float *row) {
  double sum = 0;
  for (size_t k = 0; k < r; k++) sum += (double)u[k] * u[k] * s[k] * s[k];
  double scale = sum > 1e-12 ? length / sqrt(sum) : 0;
  for (size_t j = 0; j < d; j++) {
    double value = 0;
    for (size_t k = 0; k < r; k++) value += (double)u[k] * s[k] * q[k * d + j];
    row[j] = (float)(scale * value + NOISE * sol_random_normal(random));
  }
}

solid_status sol_content_start(float **out, const sol_features *features, const sol_config *config, double length,
                               uint64_t seed) {
  size_t d = config->width, r = features->width < d ? features->width : d;
  if (r > features->items) r = features->items;
  if (features->items != config->items)
    return solid_fail(SOLID_EINVAL, "content of %u items for a model of %u", features->items, config->items);
  float *rows = malloc((size_t)features->items * d * sizeof *rows);
  float *u = malloc((size_t)features->items * r * sizeof *u), *s = malloc(r * sizeof *s);
  double *q = malloc(r * d * sizeof *q);
  sol_matrix matrix = {.rows = features->items, .cols = features->width, .dense = features->values};
  sol_svd_options options = {(uint32_t)r, OVERSAMPLE, ITERATIONS, seed};
  solid_status status = SOLID_OK;
  if (!rows || !u || !s || !q) status = solid_fail(SOLID_ENOMEM, "no memory for %u item embeddings", features->items);
  if (status == SOLID_OK) status = sol_svd(&matrix, &options, u, s);
  if (status == SOLID_OK) {
    sol_random random = sol_random_start(seed, PURPOSE);
    draw_rotation(&random, r, d, q);
    for (size_t v = 0; v < features->items; v++) make_row(u + v * r, s, r, q, d, length, &random, rows + v * d);
    *out = rows;
    rows = NULL;
  }
  free(rows);
  free(u);
  free(s);
  free(q);
  return status;
}
