#include "kernels/backend.h"
#include "kernels/cpu/cpu.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#ifdef SOLID_WITH_CUDA
extern const sk_backend_ops sk_cuda_table;
#endif

const char *const sk_backend_names[] = {"cpu", "cuda", NULL};

const sk_backend_ops *sk_backend_find(const char *name) {
  if (strcmp(name, "cpu") == 0) return sk_cpu_table(NULL);
#ifdef SOLID_WITH_CUDA
  if (strcmp(name, "cuda") == 0) return &sk_cuda_table;
#endif
  return NULL;
}

solid_status sk_fail(sk_backend *be, solid_status status, const char *format, ...) {
  va_list args;
  va_start(args, format);
  vsnprintf(be->err, sizeof be->err, format, args);
  va_end(args);
  return status;
}
