#include "kernels/philox.h"
#include "tests/ref/ref_dropout.h"
#include "tests/support/compare.h"
#include "tests/support/rig.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

static void check_case(rig *r, seed_rng *rng, int64_t n, float p, uint64_t seed, int64_t first) {
  size_t count = (size_t)n;
  float *x = rig_normal(r, rng, count, 1.0f);
  if (n > 2) x[1] = NAN;
  double *want = rig_zeros(r, count);
  sk_dropout_args a = {.n = n, .p = p, .seed = seed, .first = first, .x = rig_in(r, x, count), .y = rig_out(r, count)};
  ref_dropout(&a, rig_widen(r, x, count), want);
  rig_check(r, "dropout", rig_ops(r)->dropout(rig_backend(r), &a));
  compare_floats("dropout y", rig_read(r, a.y, count), want, count, 0.0, 1e-6);
  rig_reset(r);
}

static void check_dropout(rig *r) {
  seed_rng rng = seed_start(1);
  const int64_t sizes[] = {0, 1, 3, 17, 1000, 100003};
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    check_case(r, &rng, sizes[i], 0.0f, 7, 0);
    check_case(r, &rng, sizes[i], 0.2f, 0x123456789abcdef0ULL, 0);
    check_case(r, &rng, sizes[i], 0.5f, 0x123456789abcdef0ULL, ((int64_t)1 << 34) - 8);
    check_case(r, &rng, sizes[i], 0.9f, UINT64_MAX, 4 * (int64_t)i);
  }
}

Test(dropout, equals_the_reference) {
  rig_each(check_dropout);
}

static void check_share(rig *r) {
  enum { N = 200000 };
  float *x = rig_normal(r, &(seed_rng){1}, N, 0.0f);
  for (int i = 0; i < N; i++) x[i] = 1.0f;
  float *y = rig_inout(r, x, N);
  const sk_dropout_args a = {.n = N, .p = 0.25f, .seed = 5, .x = y, .y = y};
  rig_check(r, "dropout", rig_ops(r)->dropout(rig_backend(r), &a));
  const float *got = rig_read(r, y, N);
  int dropped = 0;
  for (int i = 0; i < N; i++) dropped += got[i] == 0.0f;
  /* deviation sqrt(N p (1 - p)) = 194 */
  cr_assert(abs(dropped - N / 4) < 1000, "%d of %d dropped, wanted about %d", dropped, N, N / 4);
}

Test(dropout, drops_the_share_it_is_told_in_place) {
  rig_each(check_share);
}

/* Known answers of the publication's own test vectors. */
Test(dropout, philox_gives_the_published_words) {
  const uint32_t vectors[3][10] = {{0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
                                   {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0x408f276d,
                                    0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
                                   {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0, 0xd16cfe09,
                                    0x94fdcceb, 0x5001e420, 0x24126ea1}};
  for (int i = 0; i < 3; i++) {
    const uint32_t *v = vectors[i];
    uint32_t ours[4] = {v[0], v[1], v[2], v[3]}, theirs[4] = {v[0], v[1], v[2], v[3]}, key[2] = {v[4], v[5]};
    sk_philox(ours, v[4], v[5]);
    ref_philox(theirs, key);
    for (int lane = 0; lane < 4; lane++) {
      cr_expect_eq(ours[lane], v[6 + lane], "vector %d word %d: %08x, want %08x", i, lane, ours[lane], v[6 + lane]);
      cr_expect_eq(theirs[lane], v[6 + lane], "reference: vector %d word %d: %08x", i, lane, theirs[lane]);
    }
  }
}
