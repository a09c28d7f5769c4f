/* Layers are written into the workspace, in runs of rows of bounded size, and applied. A kernel that kept them in
 * registers was faster by itself and not in any question (tests/bench/NOTES.md). */
#include "kernels/cuda/cuda.cuh"

/* Rows row .. row + n by way of memory. */
static solid_status run_of_rows(sk_backend *be, const sk_generate_apply_args *a, int64_t row, int n, float *w) {
  int m = a->in * a->out + a->out;
  sk_generate_args make = {n,
                           a->d,
                           m,
                           a->zi ? a->zi + row * a->d : NULL,
                           a->gi,
                           a->bi,
                           a->zs ? a->zs + row * a->d : NULL,
                           a->gs,
                           a->bs,
                           a->clip,
                           m,
                           w,
                           NULL,
                           NULL};
  sk_apply_args apply = {n, a->in, a->out, a->f, a->x + row * a->in, w, m, NULL, a->y + row * a->out};
  solid_status status = sk_cuda_generate(be, &make);
  return status == SOLID_OK ? sk_cuda_apply(be, &apply) : status;
}

solid_status sk_cuda_generate_apply(sk_backend *be, const sk_generate_apply_args *a) {
  if (a->f != SK_IDENTITY && a->f != SK_TANH)
    return sk_fail(be, SOLID_EUNSUPPORTED, "cuda generate_apply: activation %d", a->f);
  if (a->n == 0) return SOLID_OK;
  int rows = sk_generate_apply_rows(a);
  size_t before = sk_generate_bytes(rows, a->d, a->in * a->out + a->out);
  void *memory = NULL;
  solid_status status = sk_cuda_workspace(be, sk_generate_apply_scratch(a), &memory);
  for (int64_t row = 0; row < a->n && status == SOLID_OK; row += rows)
    status = run_of_rows(be, a, row, (int)(a->n - row < rows ? a->n - row : rows), (float *)((char *)memory + before));
  return status;
}
