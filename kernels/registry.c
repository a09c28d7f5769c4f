#include "kernels/backend.h"
#include <string.h>

const char *const sk_backend_names[] = {"cpu", "cuda", NULL};

const sk_backend_ops *sk_backend_find(const char *name) {
  (void)name;
  return NULL;
}
