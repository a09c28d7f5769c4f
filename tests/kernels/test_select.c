/* select: what its lists must be like, by masses that the reference finds under the same lists. */
#include "tests/ref/ref_select.h"
#include "tests/support/compare.h"
#include "tests/support/rig.h"
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#define LENGTHS 5
#define MOST    (2 * LENGTHS) /* histories: a GPU treats few of them otherwise than many */
#define WINDOWS (2 * 20)

typedef struct spec {
  sk_select_rule rule;
  int32_t heads, dh;
  float sharpness;
  int32_t batches; /* of LENGTHS histories */
} spec;

/* A prefill of five histories: host memory of the rig; lists and counts come from the device. */
typedef struct scene {
  sk_select_args host;
  float *q, *k;
  double *wide_q, *wide_k;
  int32_t rows, *owner; /* (windows) the history's first row */
  int32_t *chunk_offsets, *q_offsets, *begin;
} scene;

static int32_t *integers(rig *r, int32_t n) {
  return (int32_t *)rig_zeros(r, (size_t)n / 2 + 1);
}

/* Keys lie round one of a few directions, and queries ask for one of them. */
static void draw_rows(rig *r, seed_rng *rng, const spec *s, scene *x) {
  int32_t d = s->heads * s->dh, groups = 6;
  float *centres = rig_normal(r, rng, (size_t)(groups * d), 1.0f);
  x->q = rig_normal(r, rng, (size_t)(x->rows * d), 0.5f);
  x->k = rig_normal(r, rng, (size_t)(x->rows * d), 0.5f);
  for (int32_t row = 0; row < x->rows; row++) {
    int32_t asks = seed_below(rng, groups), has = seed_below(rng, groups);
    for (int32_t c = 0; c < d; c++) {
      x->q[row * d + c] += s->sharpness * centres[asks * d + c];
      x->k[row * d + c] += centres[has * d + c];
    }
  }
  x->wide_q = rig_widen(r, x->q, (size_t)(x->rows * d));
  x->wide_k = rig_widen(r, x->k, (size_t)(x->rows * d));
}

static scene draw(rig *r, seed_rng *rng, const spec *s) {
  int32_t chunk = s->rule.chunk, w = 0;
  int32_t histories = s->batches * LENGTHS;
  const int32_t lengths[LENGTHS] = {3 * chunk + chunk / 2, 0, 5, 6 * chunk, chunk};
  scene x = {.chunk_offsets = integers(r, MOST + 1), .q_offsets = integers(r, WINDOWS), .begin = integers(r, WINDOWS)};
  x.owner = integers(r, WINDOWS);
  sk_select_args *a = &x.host;
  *a = (sk_select_args){.rule = s->rule, .histories = histories, .heads = s->heads, .dh = s->dh, .max_chunks = 6};
  for (int32_t u = 0; u < histories; u++) {
    int32_t all = lengths[u % LENGTHS];
    for (int32_t from = 0; from < all; from += chunk, w++) {
      x.owner[w] = x.q_offsets[w] - from;
      x.q_offsets[w + 1] = x.q_offsets[w] + (all - from < chunk ? all - from : chunk);
      x.begin[w + 1] = x.begin[w] + sk_select_room(&s->rule) + w % 3;
    }
    x.chunk_offsets[u + 1] = w;
  }
  a->windows = w;
  x.rows = x.q_offsets[w];
  a->q_stride = a->kv_stride = s->heads * s->dh;
  a->list_stride = x.begin[w];
  a->chunk_offsets = x.chunk_offsets, a->q_offsets = x.q_offsets, a->begin = x.begin;
  draw_rows(r, rng, s, &x);
  return x;
}

/* Runs it on the device over rows q and k and brings the lists back: host.rows and host.count. */
static void run(rig *r, scene *x, const float *q, const float *k) {
  sk_select_args a = x->host;
  size_t floats = (size_t)x->rows * (size_t)a.q_stride, counts = (size_t)(a.heads * a.windows);
  size_t entries = (size_t)(a.heads * a.list_stride);
  a.chunk_offsets = rig_in_int(r, x->chunk_offsets, (size_t)a.histories + 1);
  a.q_offsets = rig_in_int(r, x->q_offsets, (size_t)a.windows + 1);
  a.begin = rig_in_int(r, x->begin, (size_t)a.windows + 1);
  a.q = rig_in(r, q, floats), a.k = rig_in(r, k, floats);
  a.rows = rig_out_int(r, entries), a.count = rig_out_int(r, counts);
  rig_check(r, "select", rig_ops(r)->select(rig_backend(r), &a));
  x->host.rows = integers(r, (int32_t)entries), x->host.count = integers(r, (int32_t)counts);
  memcpy(x->host.count, rig_read_int(r, a.count, counts), counts * sizeof(int32_t));
  memcpy(x->host.rows, rig_read_int(r, a.rows, entries), entries * sizeof(int32_t));
}

static const int32_t *list_of(const scene *x, int32_t w, int32_t head, int32_t *n) {
  *n = x->host.count[head * x->host.windows + w];
  return x->host.rows + (int64_t)head * x->host.list_stride + x->host.begin[w];
}

/* The lists of a window by themselves: sorted, of their own history, with sink, window and chunk, one length. */
static void check_shape(const scene *x, int32_t w, int32_t head) {
  const sk_select_rule *rule = &x->host.rule;
  int32_t n, other, first = x->host.q_offsets[w], end = x->host.q_offsets[w + 1], m = first - x->owner[w];
  const int32_t *list = list_of(x, w, head, &n);
  list_of(x, w, 0, &other);
  cr_assert(n == other, "window %d: head %d has %d entries, head 0 has %d", w, head, n, other);
  cr_assert(n >= end - first && n <= x->host.begin[w + 1] - x->host.begin[w], "window %d: %d entries", w, n);
  cr_assert(list[0] >= x->owner[w] && list[n - 1] == end - 1, "window %d: rows %d to %d", w, list[0], list[n - 1]);
  for (int32_t i = 1; i < n; i++) cr_assert(list[i] > list[i - 1], "window %d: %d behind %d", w, list[i], list[i - 1]);
  for (int32_t i = 0; i < end - first; i++)
    cr_assert(list[n - 1 - i] == end - 1 - i, "window %d: a hole in its chunk", w);
  for (int32_t i = 0; i < rule->sink && i < m; i++)
    cr_assert(list[i] == x->owner[w] + i, "window %d: event %d of the sink is lost", w, i);
  for (int32_t i = 0; i < rule->window && i < m; i++)
    cr_assert(list[n - (end - first) - 1 - i] == first - 1 - i, "window %d: event %d of the window is lost", w, i);
}

/* Marks which of the candidates of window w are in the list of w + 1; all of that list must be. */
static int32_t mark(const scene *x, int32_t w, int32_t head, int32_t *marks) {
  int32_t n, next, at = 0, chunk = x->host.q_offsets[w + 2] - x->host.q_offsets[w + 1];
  const int32_t *list = list_of(x, w, head, &n), *kept = list_of(x, w + 1, head, &next);
  for (int32_t j = 0; j < n; j++) {
    marks[j] = at < next - chunk && kept[at] == list[j];
    at += marks[j];
  }
  cr_assert(at == next - chunk, "window %d: row %d comes back", w + 1, kept[at]);
  return at;
}

/* What a head lacks with its b - 1 largest others, of which the least is `least`. */
static double lack(const scene *x, int32_t w, double have, double least) {
  const sk_select_rule *rule = &x->host.rule;
  int32_t length = x->host.q_offsets[w + 1] - x->host.q_offsets[w];
  return (double)rule->p * sk_select_probes(rule, length) - (have - least);
}

/* By their masses: the largest are kept, enough of them, and for the neediest head not one more. */
static void check_choice(rig *r, const scene *x, int32_t w) {
  const sk_select_rule *rule = &x->host.rule;
  double most = -INFINITY;
  int32_t b = 0;
  for (int32_t head = 0; head < x->host.heads; head++) {
    int32_t n, *marks = integers(r, sk_select_room(rule));
    list_of(x, w, head, &n);
    double *mass = rig_zeros(r, (size_t)n), least = INFINITY, largest = 0;
    ref_select_mass(&x->host, w, head, x->wide_q, x->wide_k, mass);
    int32_t kept = mark(x, w, head, marks);
    double have = ref_select_credit(&x->host, n, mass);
    for (int32_t j = rule->sink; j < n - rule->window; j++) {
      if (marks[j]) have += mass[j], least = fmin(least, mass[j]);
      if (!marks[j]) largest = fmax(largest, mass[j]);
    }
    cr_assert(least >= largest - 1e-4, "window %d, head %d: keeps %.6f, drops %.6f", w, head, least, largest);
    b = kept - rule->sink - rule->window;
    cr_assert(b >= rule->budget || kept == n || lack(x, w, have, 0) < 1e-3, "window %d, head %d lacks %.6f", w, head,
              lack(x, w, have, 0));
    most = fmax(most, b > 0 ? lack(x, w, have, least) : 1.0);
    if (n <= rule->dense_below) {
      cr_assert(kept == n, "window %d: %d of %d kept below %d", w, kept, n, rule->dense_below);
      most = 1.0;
    }
  }
  cr_assert(most > -1e-3, "window %d: %d are more than any head needs", w, b);
}

static const spec specs[] = {
    {{32, 2, 5, 8, 4, 40, 0, 0.8f}, 1, 8, 1.0f, 1},     {{32, 2, 5, 8, 4, 400, 0, 0.9f}, 3, 16, 2.0f, 1},
    {{64, 1, 16, 16, 8, 24, 0, 0.95f}, 2, 32, 2.0f, 1}, {{64, 1, 16, 16, 8, 24, 0, 0.95f}, 2, 32, 2.0f, 2},
    {{64, 0, 0, 64, 0, 300, 0, 0.7f}, 2, 64, 1.0f, 1},  {{32, 4, 8, 8, 3, 30, 80, 0.8f}, 2, 20, 1.5f, 1},
    {{48, 1, 8, 8, 4, 500, 0, 1.0f}, 8, 4, 1.0f, 1},    {{256, 1, 8, 8, 8, 600, 0, 0.6f}, 2, 16, 0.0f, 2}};

static void check_lists(rig *r) {
  seed_rng rng = seed_start(71);
  for (size_t i = 0; i < sizeof specs / sizeof specs[0]; i++) {
    scene x = draw(r, &rng, &specs[i]);
    run(r, &x, x.q, x.k);
    for (int32_t w = 0; w < x.host.windows; w++) {
      for (int32_t head = 0; head < x.host.heads; head++) check_shape(&x, w, head);
      int last = w + 1 == x.host.windows || x.owner[w + 1] != x.owner[w];
      if (!last) check_choice(r, &x, w);
    }
    rig_reset(r);
  }
}

Test(select, keeps_what_the_rule_says) {
  rig_each(check_lists);
}

/* p = 1 and room for all: every list holds everything so far. */
static void check_everything(rig *r) {
  seed_rng rng = seed_start(72);
  scene x = draw(r, &rng, &(spec){{32, 1, 4, 8, 4, 400, 0, 2.0f}, 2, 16, 1.0f, 1});
  run(r, &x, x.q, x.k);
  for (int32_t w = 0; w < x.host.windows; w++) {
    int32_t n, all = x.host.q_offsets[w + 1] - x.owner[w];
    list_of(&x, w, 1, &n);
    cr_assert(n == all, "window %d: %d of %d", w, n, all);
  }
}

Test(select, drops_nothing_that_is_needed) {
  rig_each(check_everything);
}

static int same_list(const scene *x, const scene *y, int32_t w) {
  for (int32_t head = 0; head < x->host.heads; head++) {
    int32_t n, m;
    const int32_t *a = list_of(x, w, head, &n), *b = list_of(y, w, head, &m);
    if (n != m || memcmp(a, b, (size_t)n * sizeof *a) != 0) return 0;
  }
  return 1;
}

/* Other events from some row on: lists of chunks before and of that row's own are the same. */
static void check_leak(rig *r) {
  seed_rng rng = seed_start(73);
  scene x = draw(r, &rng, &specs[2]), y = x;
  size_t d = (size_t)x.host.q_stride, from = (size_t)x.host.q_offsets[x.chunk_offsets[3] + 3] + 7;
  float *q = rig_normal(r, &rng, (size_t)x.rows * d, 2.0f), *k = rig_normal(r, &rng, (size_t)x.rows * d, 2.0f);
  memcpy(q, x.q, from * d * sizeof *q);
  memcpy(k, x.k, from * d * sizeof *k);
  run(r, &x, x.q, x.k);
  run(r, &y, q, k);
  for (int32_t w = 0; w < x.chunk_offsets[3] + 4; w++) cr_assert(same_list(&x, &y, w), "window %d saw the future", w);
  cr_assert(!same_list(&x, &y, x.chunk_offsets[3] + 4), "the change is not seen at all");
}

Test(select, does_not_look_ahead) {
  rig_each(check_leak);
}

/* A NaN among the keys drops nothing that is forced and leaves other histories alone. */
static void check_nan(rig *r) {
  seed_rng rng = seed_start(74);
  scene x = draw(r, &rng, &specs[1]), y = x;
  float *k = rig_normal(r, &rng, (size_t)(x.rows * x.host.q_stride), 1.0f);
  memcpy(k, x.k, (size_t)(x.rows * x.host.q_stride) * sizeof *k);
  k[(x.host.q_offsets[x.chunk_offsets[3] + 1] + 3) * x.host.q_stride] = NAN;
  run(r, &x, x.q, x.k);
  run(r, &y, x.q, k);
  for (int32_t w = 0; w < x.host.windows; w++) {
    for (int32_t head = 0; head < x.host.heads; head++) check_shape(&y, w, head);
    cr_assert(w >= x.chunk_offsets[3] || same_list(&x, &y, w), "window %d of another history changed", w);
  }
}

Test(select, survives_a_nan) {
  rig_each(check_nan);
}

/* The last history of three windows, continued by one window: a state holds the kept keys of every head side by side
 * and the rows of its last chunk, so that rows have other numbers; what is chosen is the same. */
static void check_resume(rig *r) {
  seed_rng rng = seed_start(75);
  const spec *s = &specs[2];
  scene x = draw(r, &rng, s);
  run(r, &x, x.q, x.k);
  int32_t w = x.chunk_offsets[3] + 3, n, next, d = x.host.q_stride, dh = s->dh, chunk = s->rule.chunk;
  list_of(&x, w, 0, &n);
  float *k = rig_normal(r, &rng, (size_t)((n + chunk) * d), 1.0f);
  int32_t *count = integers(r, 2 * s->heads);
  const int32_t chunk_offsets[] = {0, 2}, q_offsets[] = {0, chunk, 2 * chunk}, k_first[] = {n - chunk, n};
  const int32_t begin[] = {0, n, n + sk_select_room(&s->rule)}, stride = begin[2];
  int32_t *rows = integers(r, s->heads * stride);
  for (int32_t h = 0; h < s->heads; h++) {
    const int32_t *list = list_of(&x, w, h, &n);
    for (int32_t i = 0; i < n; i++) {
      memcpy(k + i * d + h * dh, x.k + list[i] * d + h * dh, (size_t)dh * sizeof *k);
      rows[h * stride + i] = i;
    }
    count[2 * h] = n;
  }
  sk_select_args a = x.host;
  a.histories = 1, a.windows = a.max_chunks = 2, a.resume = 1, a.list_stride = stride;
  a.chunk_offsets = rig_in_int(r, chunk_offsets, 2), a.q_offsets = rig_in_int(r, q_offsets, 3);
  a.k_first = rig_in_int(r, k_first, 2), a.begin = rig_in_int(r, begin, 3);
  a.q = rig_in(r, x.q + x.host.q_offsets[w] * d, (size_t)(2 * chunk * d)),
  a.k = rig_in(r, k, (size_t)((n + chunk) * d));
  a.rows = (int32_t *)rig_inout(r, (const float *)rows, (size_t)(s->heads * stride));
  a.count = (int32_t *)rig_inout(r, (const float *)count, (size_t)(2 * s->heads));
  rig_check(r, "select resumed", rig_ops(r)->select(rig_backend(r), &a));
  const int32_t *got = rig_read_int(r, a.rows, (size_t)(s->heads * stride));
  const int32_t *counts = rig_read_int(r, a.count, (size_t)(2 * s->heads));
  for (int32_t h = 0; h < s->heads; h++) {
    const int32_t *before = list_of(&x, w, h, &n), *want = list_of(&x, w + 1, h, &next);
    cr_assert(counts[2 * h + 1] == next, "head %d: %d entries, %d without the break", h, counts[2 * h + 1], next);
    for (int32_t i = 0; i < next - chunk; i++)
      cr_assert(before[got[h * stride + begin[1] + i]] == want[i], "head %d: entry %d is another key", h, i);
  }
}

Test(select, continues_a_state) {
  rig_each(check_resume);
}
