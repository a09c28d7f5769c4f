#include "solid/model/content.h"
#include <math.h>
#include <string.h>

static int make_unit(double *x, size_t n, double least) {
  double sum = 0;
  for (size_t j = 0; j < n; j++) sum += x[j] * x[j];
  double scale = sum > least * least ? 1 / sqrt(sum) : 0;
  for (size_t j = 0; j < n; j++) x[j] *= scale;
  return scale > 0;
}

static double length(const float *x, size_t n) {
  double sum = 0;
  for (size_t j = 0; j < n; j++) sum += (double)x[j] * (double)x[j];
  return sqrt(sum);
}

static int is_zero(const float *x, size_t n) {
  for (size_t j = 0; j < n; j++)
    if (x[j] != 0) return 0;
  return 1;
}

/* A vector of zeroes is none, as in training. */
static void reduce(const sol_content *content, const float *vector, double *x) {
  if (is_zero(vector, content->given)) return;
  for (size_t i = 0; i < content->given; i++) {
    double centred = (double)vector[i] - (double)content->mean[i];
    if (!content->basis) x[i] = centred;
    for (size_t j = 0; j < content->vectors && content->basis; j++)
      x[j] += centred * (double)content->basis[i * content->vectors + j];
  }
}

int sol_content_of(const sol_content *content, const uint32_t *ids, size_t n, const float *vector, double *x) {
  size_t wa = content->attributes, wv = content->vectors;
  memset(x, 0, (wa + wv) * sizeof *x);
  for (size_t i = 0; i < n && wa; i++)
    for (size_t j = 0; j < wa; j++) x[j] += (double)content->words[ids[i] * wa + j];
  if (vector && wv) reduce(content, vector, x + wa);
  double least = vector && wv ? SOL_NO_LENGTH * length(vector, content->given) : 0;
  int has_attributes = make_unit(x, wa, SOL_NO_LENGTH), has_vector = make_unit(x + wa, wv, least);
  return has_attributes || has_vector;
}

void sol_content_codes(const float *centroids, uint32_t levels, uint32_t codes, uint32_t width, uint32_t known,
                       double *x, uint16_t *out) {
  for (size_t l = 0; l < levels; l++) {
    const float *level = centroids + l * codes * width;
    double least = INFINITY;
    out[l] = 0;
    for (uint32_t k = 0; k < codes; k++) {
      double distance = 0;
      for (size_t j = 0; j < known && distance < least; j++) {
        double gap = x[j] - (double)level[(size_t)k * width + j];
        distance += gap * gap;
      }
      if (distance < least) least = distance, out[l] = (uint16_t)k;
    }
    for (size_t j = 0; j < known; j++) x[j] -= (double)level[(size_t)out[l] * width + j];
  }
}
