#include "tests/ref/ref_select.h"
#include <math.h>

/* Adds what probe row `i` of the chunk reads of the first `seen` candidates. */
static void add_probe(const sk_select_args *a, const double *q, const double *k, const int32_t *rows, int32_t seen,
                      double *mass) {
  double top = -INFINITY, sum = 0;
  for (int pass = 0; pass < 3; pass++)
    for (int32_t j = 0; j < seen; j++) {
      double s = 0;
      for (int32_t c = 0; c < a->dh; c++) s += q[c] * k[(int64_t)rows[j] * a->kv_stride + c];
      s /= sqrt((double)a->dh);
      if (pass == 0) top = fmax(top, s);
      if (pass == 1) sum += exp(s - top);
      if (pass == 2) mass[j] += exp(s - top) / sum;
    }
}

void ref_select_mass(const sk_select_args *a, int32_t w, int32_t head, const double *q, const double *k, double *mass) {
  const sk_select_rule *rule = &a->rule;
  const int32_t *rows = a->rows + (int64_t)head * a->list_stride + a->begin[w];
  int32_t count = a->count[head * a->windows + w], length = a->q_offsets[w + 1] - a->q_offsets[w];
  for (int32_t j = 0; j < count; j++) mass[j] = 0;
  for (int32_t i = 0; i < length; i++) {
    if (i < length - rule->recent && (rule->stride == 0 || i % rule->stride != 0)) continue;
    int64_t row = a->q_offsets[w] + i;
    add_probe(a, q + row * a->q_stride + head * a->dh, k + head * a->dh, rows, count - (length - 1 - i), mass);
  }
}

double ref_select_credit(const sk_select_args *a, int32_t count, const double *mass) {
  double sum = 0;
  for (int32_t j = 0; j < count; j++)
    if (j < a->rule.sink || j >= count - a->rule.window) sum += mass[j];
  return sum;
}
