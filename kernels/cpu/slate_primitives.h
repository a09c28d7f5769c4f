/* What kernels/slate_body.h is made of, for one thread. */
#ifndef SK_CPU_SLATE_PRIMITIVES_H
#define SK_CPU_SLATE_PRIMITIVES_H

/* y_ro = b_o + w_o . x_r, added to y with `add`; b may be NULL. */
static void product(int rows, int in, int out, const float *x, int x_stride, const float *w, const float *b, int add,
                    float *y, int y_stride) {
  for (int o = 0; o < out; o++)
    for (int r = 0; r < rows; r++) {
      float *to = y + (int64_t)r * y_stride + o;
      float sum = (b ? b[o] : 0) + sk_dot(w + (int64_t)o * in, x + (int64_t)r * x_stride, in);
      *to = add ? *to + sum : sum;
    }
}

static void normalize(int rows, int d, const float *x, const float *gamma, const float *beta, float *y) {
  for (int r = 0; r < rows; r++, x += d, y += d) {
    float sum = 0, squares = 0;
#pragma omp simd reduction(+ : sum)
    for (int j = 0; j < d; j++) sum += x[j];
    float mean = sum / (float)d;
#pragma omp simd reduction(+ : squares)
    for (int j = 0; j < d; j++) squares += (x[j] - mean) * (x[j] - mean);
    float rstd = 1 / sqrtf(squares / (float)d + 1e-5f);
#pragma omp simd
    for (int j = 0; j < d; j++) y[j] = (x[j] - mean) * rstd * gamma[j] + beta[j];
  }
}

static void gelu(float *x, int n) {
#pragma omp simd
  for (int i = 0; i < n; i++)
    x[i] = x[i] * sk_sigmoid(2.0f * 0.7978845608028654f * (x[i] + 0.044715f * x[i] * x[i] * x[i]));
}

/* Queries s->q of slots first .. over the keys of their ranges, into s->attended. */
static void attend(const slate_user *s, int first, int slots, const float *kv) {
  const sk_slate_grid *g = &s->a->grid;
  int d = s->a->net.d, heads = s->a->net.heads, dh = d / heads;
  float scale = 1 / sqrtf((float)dh), *p = s->weight;
  for (int r = 0; r < slots; r++)
    for (int h = 0; h < heads; h++) {
      const float *q = s->q + (int64_t)r * d + h * dh, *k = kv + h * dh, *v = k + d;
      float *out = s->attended + (int64_t)r * d + h * dh, sum = 0;
      int n = 0;
      for (int e = g->key_offsets[first + r]; e < g->key_offsets[first + r + 1]; e++) {
        int begin = g->ranges[2 * e], keys = g->ranges[2 * e + 1] - begin;
        SK_CPU(attend_scores)(q, k + (int64_t)begin * 2 * d, 2 * d, keys, dh, p + n);
        n += keys;
      }
      float top = sk_max(p, n);
#pragma omp simd reduction(+ : sum)
      for (int j = 0; j < n; j++) sum += p[j] = sk_exp((p[j] - top) * scale);
      for (int j = 0; j < n; j++) p[j] /= sum;
      for (int j = 0; j < dh; j++) out[j] = 0;
      n = 0;
      for (int e = g->key_offsets[first + r]; e < g->key_offsets[first + r + 1]; e++) {
        int begin = g->ranges[2 * e], keys = g->ranges[2 * e + 1] - begin;
        SK_CPU(attend_mix)(p + n, v + (int64_t)begin * 2 * d, 2 * d, keys, dh, out);
        n += keys;
      }
    }
}

/* x_i = sum of those before it; returns the sum of all. */
static uint32_t scan(uint32_t *x, int n, float *unused) {
  uint32_t sum = 0;
  (void)unused;
  for (int i = 0; i < n; i++) {
    uint32_t mine = x[i];
    x[i] = sum;
    sum += mine;
  }
  return sum;
}

static float largest(const float *x, int n) {
  return sk_max(x, n);
}

static float sum_exp(const float *x, int n, float top) {
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int i = 0; i < n; i++) sum += sk_exp(x[i] - top);
  return sum;
}

/* The (held + 1)-th best of the allowed places in [begin, end), by passes. */
static uint32_t nth_place(const slate_user *s, uint32_t begin, uint32_t end, int held) {
  uint32_t last = SK_SLATE_NOWHERE;
  for (int pass = 0; pass <= held; pass++) {
    uint32_t best = SK_SLATE_NOWHERE;
    for (uint32_t p = begin; p < end; p++)
      if (slate_allowed(s, p) && (last == SK_SLATE_NOWHERE || slate_before(s, last, p)) &&
          (best == SK_SLATE_NOWHERE || slate_before(s, p, best)))
        best = p;
    last = best;
  }
  return last;
}

/* s->place of n children from `child` on that are open; the root's are kept. */
static void nth_places(const slate_user *s, int level, uint32_t child, int n) {
  const uint32_t *begin = s->a->trie.begin[level];
  for (int i = 0; i < n; i++) {
    uint32_t c = child + (uint32_t)i;
    if (s->held[i] < 0) continue;
    if (level == 1 && s->best_of[c] == (uint32_t)s->held[i]) {
      s->place[i] = s->best[c];
      continue;
    }
    s->place[i] = nth_place(s, begin[c], begin[c + 1], s->held[i]);
    if (level == 1) s->best[c] = s->place[i], s->best_of[c] = (uint32_t)s->held[i];
  }
}

/* The open child of the largest value. */
static int best_choice(const slate_user *s, int n) {
  int best = -1;
  for (int i = 0; i < n; i++) {
    if (s->held[i] < 0) continue;
    if (best < 0 || s->value[i] > s->value[best] ||
        (s->value[i] == s->value[best] && s->a->guide > 0 && slate_before(s, s->place[i], s->place[best])))
      best = i;
  }
  return best;
}

#endif
