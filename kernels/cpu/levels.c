/* Which instruction levels were compiled, and which of them this machine has. SK_CPU_V3 and SK_CPU_V4 come from
 * kernels/CMakeLists.txt. */
#include "kernels/cpu/cpu.h"
#include <string.h>

extern const sk_backend_ops sk_cpu_base_table;
#ifdef SK_CPU_V3
extern const sk_backend_ops sk_cpu_v3_table;
#endif
#ifdef SK_CPU_V4
extern const sk_backend_ops sk_cpu_v4_table;
#endif

typedef struct cpu_level {
  const char *name;
  const sk_backend_ops *table;
  int (*usable)(void);
} cpu_level;

static int always(void) {
  return 1;
}

/* x86-64-v3: the features that compilers can test by name; every processor that has them has movbe and lzcnt, too. The
 * builtin also checks that the system saves the wide registers. */
#ifdef SK_CPU_V3
static int has_v3(void) {
  return __builtin_cpu_supports("avx") && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
         __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt") &&
         __builtin_cpu_supports("sse4.2");
}
#endif

#ifdef SK_CPU_V4
static int has_v4(void) {
  return has_v3() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}
#endif

/* Best first. */
static const cpu_level levels[] = {
#ifdef SK_CPU_V4
    {"x86-64-v4", &sk_cpu_v4_table, has_v4},
#endif
#ifdef SK_CPU_V3
    {"x86-64-v3", &sk_cpu_v3_table, has_v3},
#endif
    {"baseline", &sk_cpu_base_table, always},
};

static const cpu_level *best_level(void) {
  const cpu_level *level = levels;
  while (!level->usable()) level++;
  return level;
}

const char *sk_cpu_level(void) {
  return best_level()->name;
}

const sk_backend_ops *sk_cpu_table(const char *name) {
  if (!name) return best_level()->table;
  for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++)
    if (strcmp(levels[i].name, name) == 0) return levels[i].usable() ? levels[i].table : NULL;
  return NULL;
}
