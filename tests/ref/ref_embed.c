#include "tests/ref/ref_embed.h"

void ref_embed(const sk_embed_args *a, const double *table, double *out) {
  for (int32_t i = 0; i < a->n; i++)
    for (int32_t j = 0; j < a->d; j++) {
      double before = a->accumulate ? out[i * a->d + j] : 0.0;
      double value = a->index[i] < 0 ? 0.0 : (double)a->scale * table[a->index[i] * a->d + j];
      out[i * a->d + j] = before + value;
    }
}

void ref_embed_backward(const sk_embed_backward_args *a, const double *dout, double *dtable) {
  for (int32_t i = 0; i < a->n; i++)
    for (int32_t j = 0; j < a->d && a->index[i] >= 0; j++)
      dtable[a->index[i] * a->d + j] += (double)a->scale * dout[i * a->d + j];
}
