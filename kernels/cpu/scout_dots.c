/* Three forms of one sum. Compiled once: each function names the instructions that it needs. */
#include "kernels/cpu/scout_dots.h"
#include "solid/base/fetch.h"
#include <string.h>

#define BLOCK SK_SCOUT_BLOCK
#define LINE  SK_SCOUT_LINE
/* Bytes that are fetched before they are needed, past the end too: the next chunk begins where one ends. */
#define AHEAD 4096

static int always(void) {
  return 1;
}

static void dots_portable(const sk_scout_dots_args *a) {
  for (int64_t b = 0; b < a->blocks; b++)
    for (int u = 0; u < a->users; u++) {
      const uint8_t *line = a->rows + b * a->lines * LINE;
      const int8_t *w = a->w + u * a->lines * 8;
      int32_t sum[BLOCK] = {0};
      for (int64_t g = 0; g < a->lines; g++, line += LINE, w += 8)
        for (int i = 0; i < BLOCK; i++)
          for (int j = 0; j < 4; j++) sum[i] += (line[4 * i + j] & 15) * w[j] + (line[4 * i + j] >> 4) * w[4 + j];
      memcpy(a->dots + u * a->stride + b * BLOCK, sum, sizeof sum);
    }
}

#if defined(__x86_64__)
#include <immintrin.h>

static int32_t four(const int8_t *w) {
  int32_t x;
  memcpy(&x, w, sizeof x);
  return x;
}

/* ---- AVX2: 8 items a register; pairs of products are summed in 16 bits, of 4 lines at most 4 * 7,620 ---- */

static int has_avx2(void) {
  return __builtin_cpu_supports("avx2");
}

__attribute__((target("avx2"))) static inline __m256i pairs_avx2(__m256i bytes, const int8_t *w) {
  const __m256i low = _mm256_set1_epi8(15);
  __m256i first = _mm256_maddubs_epi16(_mm256_and_si256(bytes, low), _mm256_set1_epi32(four(w)));
  __m256i then = _mm256_and_si256(_mm256_srli_epi16(bytes, 4), low);
  return _mm256_add_epi16(first, _mm256_maddubs_epi16(then, _mm256_set1_epi32(four(w + 4))));
}

__attribute__((target("avx2"))) static void block_avx2(const uint8_t *line, int64_t lines, const int8_t *w,
                                                       int32_t *dots) {
  const __m256i ones = _mm256_set1_epi16(1);
  __m256i sum[2] = {_mm256_setzero_si256(), _mm256_setzero_si256()};
  for (int64_t g = 0; g < lines; g += 4) {
    int64_t most = lines - g < 4 ? lines - g : 4;
    __m256i pairs[2] = {_mm256_setzero_si256(), _mm256_setzero_si256()};
    SOL_FETCH(line + g * LINE + AHEAD);
    for (int64_t l = g; l < g + most; l++)
      for (int half = 0; half < 2; half++) {
        __m256i bytes = _mm256_loadu_si256((const __m256i *)(const void *)(line + l * LINE + 32 * half));
        pairs[half] = _mm256_add_epi16(pairs[half], pairs_avx2(bytes, w + l * 8));
      }
    for (int half = 0; half < 2; half++) sum[half] = _mm256_add_epi32(sum[half], _mm256_madd_epi16(pairs[half], ones));
  }
  for (int half = 0; half < 2; half++) _mm256_storeu_si256((__m256i *)(void *)(dots + 8 * half), sum[half]);
}

__attribute__((target("avx2"))) static void dots_avx2(const sk_scout_dots_args *a) {
  for (int64_t b = 0; b < a->blocks; b++)
    for (int u = 0; u < a->users; u++)
      block_avx2(a->rows + b * a->lines * LINE, a->lines, a->w + u * a->lines * 8, a->dots + u * a->stride + b * BLOCK);
}

/* ---- VNNI: 16 items a register, four products a lane, summed in 32 bits ---- */

#define VNNI __attribute__((target("avx512f,avx512bw,avx512vnni")))

static int has_vnni(void) {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vnni");
}

VNNI static void one_user_vnni(const sk_scout_dots_args *a) {
  const __m512i low = _mm512_set1_epi8(15);
  const uint8_t *line = a->rows;
  for (int64_t b = 0; b < a->blocks; b++) {
    __m512i even = _mm512_setzero_si512(), odd = even;
    const int8_t *w = a->w;
    for (int64_t g = 0; g < a->lines; g++, line += LINE, w += 8) {
      __m512i bytes = _mm512_loadu_si512(line);
      SOL_FETCH(line + AHEAD);
      even = _mm512_dpbusd_epi32(even, _mm512_and_si512(bytes, low), _mm512_set1_epi32(four(w)));
      bytes = _mm512_and_si512(_mm512_srli_epi16(bytes, 4), low);
      odd = _mm512_dpbusd_epi32(odd, bytes, _mm512_set1_epi32(four(w + 4)));
    }
    _mm512_storeu_si512(a->dots + b * BLOCK, _mm512_add_epi32(even, odd));
  }
}

/* Of two lines, as first parts have: the user stays in registers. */
VNNI static void two_lines_vnni(const sk_scout_dots_args *a) {
  const __m512i low = _mm512_set1_epi8(15), none = _mm512_setzero_si512();
  const __m512i w0 = _mm512_set1_epi32(four(a->w)), w1 = _mm512_set1_epi32(four(a->w + 4));
  const __m512i w2 = _mm512_set1_epi32(four(a->w + 8)), w3 = _mm512_set1_epi32(four(a->w + 12));
  const uint8_t *line = a->rows;
  for (int64_t b = 0; b < a->blocks; b++, line += 2 * LINE) {
    __m512i first = _mm512_loadu_si512(line), then = _mm512_loadu_si512(line + LINE);
    SOL_FETCH(line + AHEAD);
    SOL_FETCH(line + LINE + AHEAD);
    __m512i sum = _mm512_dpbusd_epi32(none, _mm512_and_si512(first, low), w0);
    __m512i other = _mm512_dpbusd_epi32(none, _mm512_and_si512(then, low), w2);
    sum = _mm512_dpbusd_epi32(sum, _mm512_and_si512(_mm512_srli_epi16(first, 4), low), w1);
    other = _mm512_dpbusd_epi32(other, _mm512_and_si512(_mm512_srli_epi16(then, 4), low), w3);
    _mm512_storeu_si512(a->dots + b * BLOCK, _mm512_add_epi32(sum, other));
  }
}

VNNI static void dots_vnni(const sk_scout_dots_args *a) {
  const __m512i low = _mm512_set1_epi8(15);
  if (a->users < SK_SCOUT_USERS) {
    sk_scout_dots_args one = *a;
    for (int u = 0; u < a->users; u++, one.w += a->lines * 8, one.dots += a->stride)
      if (a->lines == 2)
        two_lines_vnni(&one);
      else
        one_user_vnni(&one);
    return;
  }
  for (int64_t b = 0; b < a->blocks; b++) {
    const uint8_t *line = a->rows + b * a->lines * LINE;
    __m512i sum[SK_SCOUT_USERS];
    for (int u = 0; u < SK_SCOUT_USERS; u++) sum[u] = _mm512_setzero_si512();
    for (int64_t g = 0; g < a->lines; g++, line += LINE) {
      __m512i bytes = _mm512_loadu_si512(line), first = _mm512_and_si512(bytes, low);
      SOL_FETCH(line + AHEAD);
      __m512i then = _mm512_and_si512(_mm512_srli_epi16(bytes, 4), low);
#pragma GCC unroll 8
      for (int u = 0; u < SK_SCOUT_USERS; u++) {
        const int8_t *w = a->w + u * a->lines * 8 + g * 8;
        sum[u] = _mm512_dpbusd_epi32(sum[u], first, _mm512_set1_epi32(four(w)));
        sum[u] = _mm512_dpbusd_epi32(sum[u], then, _mm512_set1_epi32(four(w + 4)));
      }
    }
    for (int u = 0; u < SK_SCOUT_USERS; u++) _mm512_storeu_si512(a->dots + u * a->stride + b * BLOCK, sum[u]);
  }
}
#endif

const sk_scout_form sk_scout_forms[] = {
#if defined(__x86_64__)
    {"vnni", has_vnni, dots_vnni},
    {"avx2", has_avx2, dots_avx2},
#endif
    {"portable", always, dots_portable},
};
const size_t sk_scout_form_count = sizeof sk_scout_forms / sizeof sk_scout_forms[0];

const sk_scout_form *sk_scout_form_here(void) {
  const sk_scout_form *form = sk_scout_forms;
  while (!form->usable()) form++;
  return form;
}

int sk_scout_is_fast(void) {
  return sk_scout_form_here() != &sk_scout_forms[sk_scout_form_count - 1];
}
