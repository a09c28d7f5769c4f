/* Philox4x32-10 (Salmon, Moraes, Dror, Shaw 2011): random bits as a function of key and counter, for C and CUDA.
 *
 * Ten rounds of   (c0, c1, c2, c3) <- (hi(M1 c2) ^ c1 ^ k0, lo(M1 c2), hi(M0 c0) ^ c3 ^ k1, lo(M0 c0)),
 * the key growing by (W0, W1) between rounds. */
#ifndef SK_PHILOX_H
#define SK_PHILOX_H

#include <stdint.h>

#ifdef __CUDACC__
#define SK_PHILOX_FN static __host__ __device__ inline
#else
#define SK_PHILOX_FN static inline
#endif

#define SK_PHILOX_ROUNDS 10
#define SK_PHILOX_M0     0xD2511F53u
#define SK_PHILOX_M1     0xCD9E8D57u
#define SK_PHILOX_W0     0x9E3779B9u
#define SK_PHILOX_W1     0xBB67AE85u

/* In place: c is the counter before and four random words after. */
SK_PHILOX_FN void sk_philox(uint32_t c[4], uint32_t k0, uint32_t k1) {
  uint32_t c0 = c[0], c1 = c[1], c2 = c[2], c3 = c[3];
  for (int round = 0; round < SK_PHILOX_ROUNDS; round++) {
    uint64_t a = (uint64_t)SK_PHILOX_M0 * c0, b = (uint64_t)SK_PHILOX_M1 * c2;
    c0 = (uint32_t)(b >> 32) ^ c1 ^ k0;
    c1 = (uint32_t)b;
    c2 = (uint32_t)(a >> 32) ^ c3 ^ k1;
    c3 = (uint32_t)a;
    k0 += SK_PHILOX_W0;
    k1 += SK_PHILOX_W1;
  }
  c[0] = c0, c[1] = c1, c[2] = c2, c[3] = c3;
}

/* The top 24 bits over 2^24: in [0, 1), exact in float. */
SK_PHILOX_FN float sk_philox_uniform(uint32_t bits) {
  return (float)(int32_t)(bits >> 8) * 5.9604644775390625e-8f;
}

/* The four uniforms of group g = i / 4 of the stream of kernels/dropout.h: indices 4g .. 4g+3. */
SK_PHILOX_FN void sk_uniform4(uint64_t seed, uint64_t group, float u[4]) {
  uint32_t c[4] = {(uint32_t)group, (uint32_t)(group >> 32), 0, 0};
  sk_philox(c, (uint32_t)seed, (uint32_t)(seed >> 32));
  for (int lane = 0; lane < 4; lane++) u[lane] = sk_philox_uniform(c[lane]);
}

/* uniform(seed, i) of kernels/dropout.h. */
SK_PHILOX_FN float sk_uniform(uint64_t seed, uint64_t i) {
  uint32_t c[4] = {(uint32_t)(i / 4), (uint32_t)(i / 4 >> 32), 0, 0};
  sk_philox(c, (uint32_t)seed, (uint32_t)(seed >> 32));
  return sk_philox_uniform(c[i % 4]);
}

#endif
