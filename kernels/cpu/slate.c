/* slate: one thread decodes a user's slate from its first step to its last. */
#include "kernels/cpu/attend.h"
#include "kernels/cpu/cpu.h"
#include "kernels/cpu/vmath.h"

#define BOTH                static inline
#define FN                  static
#define FOR(i, n)           for (int i = 0; i < (n); i++)
#define ONE                 if (1)
#define SYNC()              ((void)0)
#define POPCOUNT(x)         (uint32_t) __builtin_popcount(x)
#define SK_SLATE_PRIMITIVES "kernels/cpu/slate_primitives.h"
#include "kernels/slate_body.h"

static void slate_one(const void *arg, int64_t w, void *local) {
  const sk_slate_args *a = arg;
  slate_places places = slate_small_places(a);
  slate_user user;
  float *small = local;
  slate_bind(&user, a, (int)w, small, &places, small + places.words);
  slate_decode(&user);
}

solid_status SK_CPU(slate)(sk_backend *be, const sk_slate_args *a) {
  if (a->n <= 0) return SOLID_OK;
  size_t words = (size_t)(slate_small_places(a).words + slate_large_words(a));
  solid_status status = sk_cpu_reserve(be, words * sizeof(float), 0);
  if (status != SOLID_OK) return status;
  sk_cpu_parallel(be, a->n, slate_one, a);
  return SOLID_OK;
}
