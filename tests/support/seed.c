#include "tests/support/seed.h"
#include <math.h>
#include <stdlib.h>

uint64_t seed_value(void) {
  const char *text = getenv("SOLID_SEED");
  return text ? strtoull(text, NULL, 10) : 1;
}

seed_rng seed_start(uint64_t salt) {
  seed_rng rng = {seed_value() * 0x9e3779b97f4a7c15ULL ^ salt * 0xd1342543de82ef95ULL};
  seed_next(&rng);
  return rng;
}

uint64_t seed_next(seed_rng *rng) {
  uint64_t z = rng->state += 0x9e3779b97f4a7c15ULL;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
  return z ^ z >> 31;
}

double seed_uniform(seed_rng *rng) {
  return (double)(seed_next(rng) >> 11) * 0x1p-53;
}

float seed_normal(seed_rng *rng) {
  double u = 1.0 - seed_uniform(rng), v = seed_uniform(rng);
  return (float)(sqrt(-2.0 * log(u)) * cos(6.283185307179586 * v));
}

int32_t seed_below(seed_rng *rng, int32_t n) {
  return (int32_t)(seed_next(rng) % (uint64_t)n);
}

void seed_fill_normal(seed_rng *rng, float *x, size_t n, float scale) {
  for (size_t i = 0; i < n; i++) x[i] = scale * seed_normal(rng);
}
