/* What kernels/slate_body.h is made of, for one thread. */
#ifndef SK_CPU_SLATE_PRIMITIVES_H
#define SK_CPU_SLATE_PRIMITIVES_H

static void give(const slate_user *s, uint32_t *to, uint32_t x) {
  (void)s;
  *to = x;
}

static void give_float(const slate_user *s, float *to, float x) {
  (void)s;
  *to = x;
}

static float gelu(float x) {
  return x * sk_sigmoid(2.0f * 0.7978845608028654f * (x + 0.044715f * x * x * x));
}

/* y_ro = b_o + w_o . x_r, or what `end` makes of it; b may be NULL. */
static void product(const slate_user *s, int rows, int in, int out, const float *x, const float *w, const float *b,
                    slate_end end, slate_rows y) {
  (void)s;
  for (int o = 0; o < out; o++)
    for (int r = 0; r < rows; r++) {
      float *to = slate_at(y, r, o), sum = (b ? b[o] : 0) + sk_dot(w + (int64_t)o * in, x + (int64_t)r * in, in);
      *to = end == SLATE_ADD ? *to + sum : sum;
    }
  for (int r = 0; r < rows && end == SLATE_GELU; r++) {
    float *to = slate_at(y, r, 0);
#pragma omp simd
    for (int o = 0; o < out; o++) to[o] = gelu(to[o]);
  }
}

/* Of the cells at places begin .. end - 1, from s->y into s->logit. */
static void logits(const slate_user *s, int begin, int end) {
  const sk_slate_net *net = &s->a->net;
  int in = net->out_heads * net->d;
  for (int i = begin; i < end; i++) {
    int column = s->g->cell[i] % s->g->width;
    product(s, 1, in, net->column_codes[column], s->y + (int64_t)(i - begin) * in,
            net->out + (int64_t)net->column_first[column] * in, 0, SLATE_SET,
            slate_whole(s->logit + (int64_t)(i - begin) * s->codes, 0));
  }
}

static void normalize(const slate_user *s, int rows, const float *x, const float *gamma, const float *beta, float *y) {
  int d = WIDTH(s);
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

/* Queries s->q of slots first .. over the keys of their ranges, into s->attended. */
static void attend(const slate_user *s, int first, int slots, const float *kv) {
  const sk_slate_grid *g = s->g;
  int d = s->a->net.d, heads = s->a->net.heads, dh = d / heads;
  float scale = 1 / sqrtf((float)dh), *p = s->part;
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

/* The ranker's own list of a user: *n items, and the least of their scores. */
static float lead_of(const sk_slate_args *a, int w, int *n) {
  *n = 0;
  if (!a->lead) return INFINITY;
  const int32_t *lead = a->lead + (int64_t)w * a->grid.rows;
  while (*n < a->grid.rows && lead[*n] >= 0) ++*n;
  return *n ? a->lead_score[(int64_t)w * a->grid.rows + *n - 1] : INFINITY;
}

/* Scores by place, 32 allowed places a word, their numbers, and the ranker's own list in front. */
static uint32_t slate_begin(const slate_user *s) {
  const sk_slate_args *a = s->a;
  int n;
  float least = lead_of(a, s->w, &n), below = nextafterf(least, -INFINITY);
  const float *score = a->score + (int64_t)s->w * a->trie.items;
  uint32_t all = 0;
  for (int word = 0; word < slate_words(a); word++) {
    if (word % SK_SLATE_STRETCH == 0) s->base[word / SK_SLATE_STRETCH] = all;
    s->before[word] = all - s->base[word / SK_SLATE_STRETCH];
    s->bits[word] = 0;
    for (int i = 0; i < 32 && word * 32 + i < a->trie.items; i++) {
      uint32_t item = a->trie.item[word * 32 + i], may = (uint32_t)slate_may(a, s->w, item, score[item]);
      s->score[word * 32 + i] = score[item] >= least ? below : score[item];
      s->bits[word] |= may << i;
      all += may;
    }
  }
  for (int k = 0; k < n; k++) {
    int64_t at = (int64_t)s->w * a->grid.rows + k;
    s->score[a->trie.place[a->lead[at]]] = a->lead_score[at];
  }
  for (int i = 0; i < a->trie.first_nodes; i++) s->best_of[i] = SK_SLATE_NOWHERE;
  return all;
}

static float log_sum_exp(const float *x, int n) {
  float top = sk_max(x, n), sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int i = 0; i < n; i++) sum += sk_exp(x[i] - top);
  return top + logf(sum);
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
