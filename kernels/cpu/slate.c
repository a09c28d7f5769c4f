/* slate: one thread decodes a user's slate from its first step to its last. */
#include "kernels/cpu/attend.h"
#include "kernels/cpu/cpu.h"
#include "kernels/cpu/vmath.h"

#define BOTH                static inline
#define FN                  static
#define USER                slate_user
#define WIDTH(s)            ((s)->a->net.d)
#define FOR(i, n)           for (int i = 0; i < (n); i++)
#define ONE                 if (1)
#define SYNC()              ((void)0)
#define SHARE(words)        ((void)(words))
#define RANK                0
#define RANKS               1
#define POPCOUNT(x)         (uint32_t) __builtin_popcount(x)
#define SK_SLATE_PRIMITIVES "kernels/cpu/slate_primitives.h"
#include "kernels/slate_body.h"

static void slate_one(const void *arg, int64_t w, void *local) {
  const sk_slate_args *a = arg;
  slate_small small = slate_small_of(a);
  slate_user user;
  float *memory = local;
  slate_bind_large(&user, a, (int)w, memory + small.words);
  slate_bind_small(&user, &small, memory);
  slate_decode(&user);
}

solid_status SK_CPU(slate)(sk_backend *be, const sk_slate_args *a) {
  if (a->n <= 0) return SOLID_OK;
  size_t words = (size_t)(slate_small_of(a).words + slate_large_of(a).words);
  solid_status status = sk_cpu_reserve(be, words * sizeof(float), 0);
  if (status != SOLID_OK) return status;
  sk_cpu_parallel(be, a->n, slate_one, a);
  return SOLID_OK;
}
