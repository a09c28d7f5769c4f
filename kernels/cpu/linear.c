#include "kernels/cpu/product.h"

solid_status SK_CPU(linear)(sk_backend *be, const sk_linear_args *a) {
  const sk_cpu_product_args y = {.m = a->n,
                                 .n = a->out,
                                 .k = a->in,
                                 .a = a->x,
                                 .lda = a->in,
                                 .b = a->w,
                                 .transpose_b = 1,
                                 .ldb = a->in,
                                 .bias = a->b,
                                 .beta = a->accumulate != 0,
                                 .c = a->y,
                                 .ldc = a->out};
  return SK_CPU(product)(be, &y);
}

solid_status SK_CPU(linear_backward)(sk_backend *be, const sk_linear_backward_args *a) {
  if (a->n <= 0) return SOLID_OK;
  solid_status status = SOLID_OK;
  const sk_cpu_product_args dx = {.m = a->n,
                                  .n = a->in,
                                  .k = a->out,
                                  .a = a->dy,
                                  .lda = a->out,
                                  .b = a->w,
                                  .ldb = a->in,
                                  .beta = a->accumulate_dx != 0,
                                  .c = a->dx,
                                  .ldc = a->in};
  if (a->dx) status = SK_CPU(product)(be, &dx);
  if (status != SOLID_OK) return status;
  const sk_cpu_product_args dw = {.m = a->out,
                                  .n = a->in,
                                  .k = a->n,
                                  .a = a->dy,
                                  .transpose_a = 1,
                                  .lda = a->out,
                                  .b = a->x,
                                  .ldb = a->in,
                                  .beta = 1,
                                  .c = a->dw,
                                  .ldc = a->in};
  if (a->dw) status = SK_CPU(product)(be, &dw);
  if (status != SOLID_OK || !a->db) return status;
  return SK_CPU(column_sums)(be, a->n, a->out, a->dy, a->out, a->db);
}
