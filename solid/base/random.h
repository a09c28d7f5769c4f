/* Seeded random numbers on the host: splitmix64 (Steele, Lea, Flood 2014). What kernels draw is in kernels/philox.h. */
#ifndef SOLID_BASE_RANDOM_H
#define SOLID_BASE_RANDOM_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

typedef struct sol_random {
  uint64_t state;
} sol_random;

#define SOL_RANDOM_STEP 0x9e3779b97f4a7c15ULL

static inline uint64_t sol_random_next(sol_random *random) {
  uint64_t z = random->state += SOL_RANDOM_STEP;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
  return z ^ z >> 31;
}

/* Number `i` (from 0) of the stream that begins with `seed`, without those before it. */
static inline uint64_t sol_random_at(uint64_t seed, uint64_t i) {
  sol_random random = {seed + i * SOL_RANDOM_STEP};
  return sol_random_next(&random);
}

/* A stream of its own for every purpose of one seed. */
static inline sol_random sol_random_start(uint64_t seed, uint64_t purpose) {
  sol_random random = {seed ^ purpose * 0xd1342543de82ef95ULL};
  random.state = sol_random_next(&random);
  return random;
}

/* [0, 1) */
static inline double sol_random_uniform(sol_random *random) {
  return (double)(sol_random_next(random) >> 11) * 0x1p-53;
}

/* 0 .. n-1; the bias of the remainder is below n / 2^64. */
static inline size_t sol_random_below(sol_random *random, size_t n) {
  return (size_t)(sol_random_next(random) % n);
}

/* Mean 0, deviation 1 (Box and Muller 1958). */
static inline double sol_random_normal(sol_random *random) {
  double u = 1.0 - sol_random_uniform(random), v = sol_random_uniform(random);
  return sqrt(-2.0 * log(u)) * cos(6.283185307179586 * v);
}

#endif
