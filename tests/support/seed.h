/* Seeded random numbers for tests. The seed comes from SOLID_SEED or is fixed; every test that draws prints it on
 * failure through seed_text(). */
#ifndef TESTS_SUPPORT_SEED_H
#define TESTS_SUPPORT_SEED_H

#include "solid/base/random.h"

typedef sol_random seed_rng;

uint64_t seed_value(void);                    /* SOLID_SEED, or 1 */
seed_rng seed_start(uint64_t salt);           /* a stream of its own for every salt */
uint64_t seed_next(seed_rng *rng);            /* splitmix64 */
double seed_uniform(seed_rng *rng);           /* [0, 1) */
float seed_normal(seed_rng *rng);             /* mean 0, deviation 1 */
int32_t seed_below(seed_rng *rng, int32_t n); /* 0 .. n-1 */
void seed_fill_normal(seed_rng *rng, float *x, size_t n, float scale);

#endif
