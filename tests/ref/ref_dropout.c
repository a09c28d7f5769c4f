#include "tests/ref/ref_dropout.h"

void ref_philox(uint32_t c[4], uint32_t k[2]) {
  for (int round = 0; round < 10; round++) {
    if (round > 0) {
      k[0] += 2654435769u; /* golden ratio */
      k[1] += 3144134277u; /* sqrt(3) - 1 */
    }
    uint64_t product0 = 3528531795ull * c[0], product1 = 3449720151ull * c[2];
    uint32_t next[4] = {(uint32_t)(product1 >> 32) ^ c[1] ^ k[0], (uint32_t)product1,
                        (uint32_t)(product0 >> 32) ^ c[3] ^ k[1], (uint32_t)product0};
    for (int i = 0; i < 4; i++) c[i] = next[i];
  }
}

void ref_dropout(const sk_dropout_args *a, const double *x, double *y) {
  for (int64_t i = 0; i < a->n; i++) {
    uint64_t group = (uint64_t)(a->first + i) / 4;
    uint32_t c[4] = {(uint32_t)group, (uint32_t)(group >> 32), 0, 0};
    uint32_t k[2] = {(uint32_t)a->seed, (uint32_t)(a->seed >> 32)};
    ref_philox(c, k);
    double uniform = (double)(c[(a->first + i) % 4] >> 8) / 16777216.0;
    double keep = uniform >= (double)a->p ? 1.0 : 0.0;
    y[i] = x[i] * keep / (1.0 - (double)a->p);
  }
}
