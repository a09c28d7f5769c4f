/* topk by a scout (kernels/scout.h). A pass over the rows of 4 bits bounds every score from above; items whose bound
 * reaches the worst of the k best so far wait in a list. A full list is settled: from the highest bound down, items are
 * scored in FP32 until a bound falls below the worst. What a bound rules out is below it to the last bit, so the answer
 * is that of topk.c, ties and all.
 *
 * Where bounds cannot be made (a user with a NaN, or of no ordinary size), and where they rule out too little, the
 * segment is scored as in topk.c; of a narrow filter, the few items that it leaves. */
#include "kernels/cpu/scout_dots.h"
#include "kernels/cpu/topk_parts.h"
#include "kernels/cpu/vmath.h"
#include <string.h>

#define USERS   SK_SCOUT_USERS
#define BLOCK   SK_SCOUT_BLOCK
#define CHUNK   SK_TOPK_CHUNK
#define LIST    4096 /* items that wait */
#define AHEAD   8    /* of them, whose rows are fetched together */
#define NARROW  64   /* of so many items a filter leaves one or none: a row costs as much as so many bounds */
#define DEAREST 16   /* of so many items one was scored: bounds rule out too little */

typedef struct waiting {
  float upper; /* no NaN */
  int32_t item;
} waiting;

/* One user in one segment. */
typedef struct search {
  const sk_topk_args *a;
  int64_t row, end;
  int is_scouted;
  float step, base, far, norm; /* of the bound: step, -7.5 step sum w, ||t||, ||u|| */
  int64_t scored, most;
  sk_best best;
  int32_t count;
  waiting *list; /* (LIST) */
} search;

/* Thread scratch. */
typedef struct scout_desk {
  float scores[CHUNK];
  int32_t dots[USERS * CHUNK];
  int8_t w[USERS * SK_SCOUT_MAX_D];
  waiting lists[USERS][LIST];
} scout_desk;

/* ---- The user as whole numbers ---- */

/* Rounded up by far more than the sum's own rounding. */
static float root_above(double sum) {
  return (float)(sqrt(sum) * (1.0 + 0x1p-20));
}

/* Fills w (lines * 8) and the bound; 0 if u has no ordinary size. */
static int make_query(search *s, const float *u, int8_t *w, int64_t padded) {
  int64_t d = s->a->d, total = 0;
  float most = 0.0f;
  double sum = 0.0, far = 0.0;
  for (int64_t c = 0; c < d; c++) {
    if (!isfinite(u[c])) return 0;
    sum += (double)u[c] * (double)u[c];
    most = fabsf(u[c]) > most ? fabsf(u[c]) : most;
  }
  if (most < SK_SCOUT_LEAST || sqrt(sum) > (double)SK_SCOUT_MOST) return 0;
  s->step = most / 127.0f;
  for (int64_t c = 0; c < padded; c++) {
    float x = c < d ? u[c] : 0.0f, near = rintf(x / s->step);
    near = near > 127.0f ? 127.0f : near < -127.0f ? -127.0f : near;
    double t = (double)x - (double)s->step * (double)near;
    w[c] = (int8_t)near;
    total += w[c];
    far += t * t;
  }
  s->base = -7.5f * s->step * (float)total;
  s->far = root_above(far);
  s->norm = root_above(sum);
  return 1;
}

/* ---- The list ---- */

static void sift(waiting *list, int32_t count, int32_t at, waiting x) {
  for (;;) {
    int32_t child = 2 * at + 1;
    if (child >= count) break;
    if (child + 1 < count && list[child + 1].upper > list[child].upper) child++;
    if (!(list[child].upper > x.upper)) break;
    list[at] = list[child];
    at = child;
  }
  list[at] = x;
}

static void fetch(const float *row, int64_t d) {
  for (int64_t c = 0; c < d; c += 16) __builtin_prefetch(row + c);
}

/* Scores n <= AHEAD items, whose rows are far apart. */
static void score_some(search *s, const int32_t *items, int n) {
  int64_t d = s->a->d;
  const float *u = s->a->u + s->row * d;
  float score;
  for (int i = 0; i < n; i++) fetch(s->a->e + items[i] * d, d);
  for (int i = 0; i < n; i++) {
    SK_CPU(topk_lanes)(1, 1, d, u, s->a->e + items[i] * d, &score);
    sk_best_offer(&s->best, score, items[i]);
  }
  s->scored += n;
}

/* Empties the list, from the highest bound down. */
static void settle(search *s) {
  waiting *list = s->list;
  for (int32_t at = s->count / 2 - 1; at >= 0; at--) sift(list, s->count, at, list[at]);
  while (s->count > 0 && list[0].upper >= sk_best_worst(&s->best)) {
    int32_t items[AHEAD];
    int n = 0;
    while (n < AHEAD && s->count > 0 && list[0].upper >= sk_best_worst(&s->best)) {
      items[n++] = list[0].item;
      s->count--;
      sift(list, s->count, 0, list[s->count]);
    }
    score_some(s, items, n);
  }
  s->count = 0;
}

static void keep(search *s, int64_t first, const float *upper) {
  if (s->count > LIST - BLOCK) settle(s);
  for (int64_t i = 0; i < BLOCK; i++)
    if (!(upper[i] < sk_best_worst(&s->best)) && !sk_topk_is_masked(s->a, s->row, first + i))
      s->list[s->count++] = (waiting){upper[i] == upper[i] ? upper[i] : INFINITY, (int32_t)(first + i)};
}

/* dots of `blocks` blocks from `block` on */
static void judge(search *s, const int32_t *dots, int64_t block, int64_t blocks) {
  const sk_scout *scout = s->a->scout;
  float step = s->step;
  for (int64_t b = block; b < block + blocks; b++, dots += BLOCK) {
    const uint16_t *scale = scout->scale + b * BLOCK;
    float shift = s->base + s->far * scout->size[b] + s->norm * scout->reach[b];
    float worst = sk_best_worst(&s->best), upper[BLOCK];
    int32_t may = 0;
#pragma omp simd reduction(| : may)
    for (int i = 0; i < BLOCK; i++) {
      upper[i] = sk_from_bits((uint32_t)scale[i] << 16) * (step * (float)dots[i] + shift);
      may |= upper[i] < worst ? 0 : 1; /* NaN: 1 */
    }
    if (may) keep(s, b * BLOCK, upper);
  }
}

/* ---- Filters ---- */

static int64_t count_left(const search *s, int64_t first) {
  int64_t masked = 0;
  if (!s->a->mask) return s->end - first;
  const uint64_t *mask = s->a->mask + s->row * s->a->mask_words;
  for (int64_t v = first; v < s->end; v += 64) masked += __builtin_popcountll(mask[v / 64]);
  return s->end - first - masked;
}

static void score_left(search *s, int64_t first) {
  const uint64_t *mask = s->a->mask + s->row * s->a->mask_words;
  int32_t items[AHEAD];
  int n = 0;
  for (int64_t v = first; v < s->end; v += 64)
    for (uint64_t left = ~mask[v / 64]; left; left &= left - 1) {
      items[n++] = (int32_t)(v + __builtin_ctzll(left));
      if (n == AHEAD) score_some(s, items, n), n = 0;
    }
  score_some(s, items, n);
}

/* ---- A segment ---- */

/* Users that are not scouted any more score the rest of the segment. */
static void scan_rest(search *s, int64_t first, float *scores) {
  if (s->is_scouted) settle(s);
  SK_CPU(topk_scan)(s->a, s->row, 1, first, s->end, &s->best, scores);
  s->is_scouted = 0, s->end = first;
}

static void open_search(search *s, int64_t first, scout_desk *desk, int8_t *w, int64_t padded) {
  int64_t left = count_left(s, first);
  s->most = LIST + (s->end - first) / DEAREST;
  memset(w, 0, (size_t)padded);
  if (left * NARROW < s->end - first)
    score_left(s, first);
  else if (make_query(s, s->a->u + s->row * s->a->d, w, padded))
    s->is_scouted = 1;
  else
    scan_rest(s, first, desk->scores);
}

/* Bounds the items [first, end) for all users of a group, who are searched side by side. */
static void pass_over(search *all, int users, int64_t first, int64_t end, scout_desk *desk) {
  const sk_scout *scout = all[0].a->scout;
  const sk_scout_form *form = sk_scout_form_here();
  sk_scout_dots_args dots = {.lines = scout->lines, .users = users, .w = desk->w, .dots = desk->dots, .stride = CHUNK};
  for (int64_t v = first; v < end; v += CHUNK) {
    int64_t width = end - v < CHUNK ? end - v : CHUNK, block = v / BLOCK;
    int scouted = 0;
    for (int i = 0; i < users; i++) scouted |= all[i].is_scouted;
    if (!scouted) return;
    dots.rows = scout->rows + block * scout->lines * SK_SCOUT_LINE;
    dots.blocks = width / BLOCK;
    form->dots(&dots);
    for (int i = 0; i < users; i++) {
      if (!all[i].is_scouted) continue;
      judge(&all[i], desk->dots + i * CHUNK, block, width / BLOCK);
      if (all[i].scored > all[i].most) scan_rest(&all[i], v + width, desk->scores);
    }
  }
}

static void scout_block(const void *arg, int64_t number, void *local) {
  const sk_topk_job *job = arg;
  const sk_topk_args *a = job->a;
  scout_desk *desk = local;
  int64_t segment = number % job->segments, row = number / job->segments * USERS, padded = a->scout->lines * 8;
  int64_t covered = sk_topk_covered(a), first = segment * job->segment_items;
  int64_t end = sk_cpu_block_end(covered, job->segment_items, segment);
  int users = (int)(sk_cpu_block_end(a->n, USERS, row / USERS) - row);
  search all[USERS];
  for (int i = 0; i < users; i++) {
    all[i] = (search){.a = a, .row = row + i, .end = end, .list = desk->lists[i]};
    all[i].best = sk_topk_best(job, row + i, segment);
    open_search(&all[i], first, desk, desk->w + i * padded, padded);
  }
  pass_over(all, users, first, end, desk);
  for (int i = 0; i < users; i++) {
    if (all[i].is_scouted) settle(&all[i]);
    if (end == covered) SK_CPU(topk_scan)(a, row + i, 1, covered, a->items, &all[i].best, desk->scores);
    sk_best_finish(&all[i].best);
  }
}

/* The answer does not depend on the cut, so there are no more segments than the threads can use: each settles its own k
 * best. */
solid_status SK_CPU(topk_scouted)(sk_backend *be, const sk_topk_args *a) {
  int64_t chunks = sk_topk_covered(a) / CHUNK, groups = sk_cpu_blocks(a->n, USERS);
  int64_t segments = sk_cpu_blocks(sk_cpu_threads(be), groups);
  if (segments > chunks / 64) segments = chunks / 64;
  if (segments < 1) segments = 1;
  sk_topk_job job = {.a = a, .segment_items = sk_cpu_blocks(chunks + 1, segments) * CHUNK};
  job.segments = sk_cpu_blocks(sk_topk_covered(a), job.segment_items);
  return SK_CPU(topk_run)(be, &job, groups, scout_block, sizeof(scout_desk));
}
