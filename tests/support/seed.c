#include "tests/support/seed.h"
#include <stdlib.h>

uint64_t seed_value(void) {
  const char *text = getenv("SOLID_SEED");
  return text ? strtoull(text, NULL, 10) : 1;
}

seed_rng seed_start(uint64_t salt) {
  seed_rng rng = {seed_value() * SOL_RANDOM_STEP ^ salt * 0xd1342543de82ef95ULL};
  seed_next(&rng);
  return rng;
}

uint64_t seed_next(seed_rng *rng) {
  return sol_random_next(rng);
}

double seed_uniform(seed_rng *rng) {
  return sol_random_uniform(rng);
}

float seed_normal(seed_rng *rng) {
  return (float)sol_random_normal(rng);
}

int32_t seed_below(seed_rng *rng, int32_t n) {
  return (int32_t)(seed_next(rng) % (uint64_t)n);
}

void seed_fill_normal(seed_rng *rng, float *x, size_t n, float scale) {
  for (size_t i = 0; i < n; i++) x[i] = scale * seed_normal(rng);
}
