/* topk by a scout (kernels/scout.h). A pass over the first parts of the rows bounds every score from above; where it
 * leaves much, a pass over the rest lowers the bounds. Items whose bound reaches the worst of the k best so far wait in
 * a list. A full list is settled: from the highest bound down, items are scored in FP32 until a bound falls below the
 * worst. What a bound rules out is below it to the last bit, so the answer is that of topk.c, ties and all.
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
#define GROUP   SK_SCOUT_GROUP
#define FEW     8    /* groups of a chunk that the first parts may leave */
#define WHOLE   4    /* chunks whose rest is read once they left more */
#define GUESSES 256  /* items of a segment that an approximate search scores */
#define SOON    4    /* see search.due */
#define SHARE   8.0f /* as in scout.c: the first part counts as an eighth of the user at least */

typedef struct waiting {
  float upper; /* no NaN */
  int32_t item;
} waiting;

/* A part of a user in whole numbers, and what its bounds are made of. */
typedef struct query {
  float step, base, far, near; /* step, -7.5 step sum w, ||t||, ||x|| */
} query;

/* One user in one segment. */
typedef struct search {
  const sk_topk_args *a;
  int64_t row, end;
  int is_scouted;
  query part[SK_SCOUT_PARTS];
  int64_t scored, most;
  sk_best best;
  float least; /* of an approximate search: the lowest of the GUESSES highest estimates so far */
  int64_t due; /* item at which the list is settled next: after one more part in SOON of what was passed */
  int32_t count;
  waiting *list; /* (LIST) */
} search;

/* Thread scratch. */
typedef struct scout_desk {
  float scores[CHUNK];
  int32_t dots[SK_SCOUT_PARTS][USERS * CHUNK];
  uint8_t left[USERS][CHUNK / GROUP];               /* groups that the first parts leave */
  int8_t w[SK_SCOUT_PARTS][USERS * SK_SCOUT_MAX_D]; /* (users, lines * 8) of each part */
  waiting lists[USERS][LIST];
} scout_desk;

static int is_approximate(const sk_topk_args *a) {
  return a->approximate && a->k <= SK_TOPK_GUESSED;
}

/* ---- The user as whole numbers ---- */

/* Rounded up by far more than the sum's own rounding. */
static float root_above(double sum) {
  return (float)(sqrt(sum) * (1.0 + 0x1p-20));
}

/* Fills w (lines * 8), zeroed. */
static query make_query(const sk_scout_part *part, const float *x, float share, int8_t *w) {
  float most = 0.0f;
  double sum = 0.0, far = 0.0;
  int64_t total = 0;
  for (int64_t c = 0; c < part->d; c++) {
    sum += (double)x[c] * (double)x[c];
    most = fabsf(x[c]) > most ? fabsf(x[c]) : most;
  }
  query q = {.step = most / 127.0f, .near = root_above(sum)};
  q.near = q.near > share ? q.near : share;
  for (int64_t c = 0; c < part->d; c++) {
    float n = q.step > 0.0f ? rintf(x[c] / q.step) : 0.0f;
    n = n > 127.0f ? 127.0f : n < -127.0f ? -127.0f : n;
    double t = (double)x[c] - (double)q.step * (double)n;
    w[c] = (int8_t)n;
    total += w[c];
    far += t * t;
  }
  q.base = -7.5f * q.step * (float)total;
  q.far = root_above(far);
  return q;
}

/* 0 if u has no ordinary size. */
static int make_queries(search *s, scout_desk *desk, int user) {
  const sk_scout *scout = s->a->scout;
  int64_t d = s->a->d, lead = scout->part[0].d;
  const float *u = s->a->u + s->row * d;
  float turned[SK_SCOUT_MAX_D];
  double sum = 0.0;
  for (int64_t c = 0; c < d; c++) sum += (double)u[c] * (double)u[c];
  if (!(sqrt(sum) >= (double)SK_SCOUT_LEAST && sqrt(sum) <= (double)SK_SCOUT_MOST)) return 0; /* or NaN */
  for (int64_t r = 0; r < d; r++) {
    double dot = 0.0;
    for (int64_t c = 0; c < d; c++) dot += (double)scout->axes[r * d + c] * (double)u[c];
    turned[r] = (float)dot;
  }
  for (int p = 0; p < SK_SCOUT_PARTS; p++)
    s->part[p] = make_query(&scout->part[p], turned + (p ? lead : 0), p ? 0.0f : root_above(sum) / SHARE,
                            desk->w[p] + user * scout->part[p].lines * 8);
  for (int p = 0; p < SK_SCOUT_PARTS && is_approximate(s->a); p++) s->part[p].far = s->part[p].near = 0.0f;
  return 1;
}

/* ---- The list ---- */

/* Below it nothing counts. */
static float worst_of(const search *s) {
  return is_approximate(s->a) ? s->least : sk_best_worst(&s->best);
}

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

/* Makes a heap of the list, whose root is the highest bound. */
static void order(search *s) {
  for (int32_t at = s->count / 2 - 1; at >= 0; at--) sift(s->list, s->count, at, s->list[at]);
}

/* Takes the root of an ordered list. */
static waiting pop(search *s) {
  waiting first = s->list[0];
  s->count--;
  sift(s->list, s->count, 0, s->list[s->count]);
  return first;
}

/* Leaves the GUESSES highest of the list. */
static void shorten(search *s) {
  waiting highest[GUESSES];
  int32_t n = 0;
  order(s);
  while (n < GUESSES && s->count > 0) highest[n++] = pop(s);
  memcpy(s->list, highest, (size_t)n * sizeof *highest);
  s->count = n;
  if (n == GUESSES) s->least = highest[n - 1].upper;
}

/* Empties the list, from the highest bound down. */
static void settle(search *s) {
  order(s);
  while (s->count > 0 && s->list[0].upper >= worst_of(s)) {
    int32_t items[AHEAD];
    int n = 0;
    while (n < AHEAD && s->count > 0 && s->list[0].upper >= worst_of(s)) items[n++] = pop(s).item;
    score_some(s, items, n);
  }
  s->count = 0;
}

/* ---- Bounds of a group, the items of one word of a mask ---- */

/* upper = (or +=) the bounds of one part, `tail` beside. */
static inline void bound(const search *s, int p, const int32_t *dots, int64_t group, float tail, float *upper) {
  const sk_scout_part *part = &s->a->scout->part[p];
  const uint16_t *scale = part->scale + group * GROUP;
  const sk_scout_bounds *b = &part->bounds[group];
  float step = s->part[p].step;
  float shift = s->part[p].base + s->part[p].far * b->size + s->part[p].near * b->reach + tail * b->tail;
#pragma omp simd
  for (int i = 0; i < GROUP; i++) {
    float x = sk_from_bits((uint32_t)scale[i] << 16) * (step * (float)dots[i] + shift);
    upper[i] = p == 0 ? x : upper[i] + x;
  }
}

/* upper (64): of both parts, or, where `rest` is NULL, of the first and the length of the rest. Whether any reaches the
 * worst. */
static int bound_group(const search *s, const int32_t *lead, const int32_t *rest, int64_t group, float *upper) {
  float worst = worst_of(s);
  int32_t over = 0;
  bound(s, 0, lead, group, rest ? 0.0f : s->part[1].near, upper);
  if (rest) bound(s, 1, rest, group, 0.0f, upper);
#pragma omp simd reduction(| : over)
  for (int i = 0; i < GROUP; i++) over |= upper[i] < worst ? 0 : 1; /* NaN: over */
  return over;
}

/* Marks the groups of a chunk that the first parts leave; returns how many. */
static int mark_groups(const search *s, const int32_t *lead, int64_t group, int64_t groups, uint8_t *left) {
  float upper[GROUP];
  int count = 0;
  for (int64_t g = 0; g < groups; g++) {
    left[g] = (uint8_t)bound_group(s, lead + g * GROUP, NULL, group + g, upper);
    count += left[g];
  }
  return count;
}

static void make_room(search *s) {
  if (is_approximate(s->a))
    shorten(s);
  else
    settle(s);
}

/* What a group leaves goes into the list; rest: as in bound_group. */
static void list_group(search *s, const int32_t *lead, const int32_t *rest, int64_t first) {
  float upper[GROUP], worst = worst_of(s);
  if (!bound_group(s, lead, rest, first / GROUP, upper)) return;
  if (s->count > (is_approximate(s->a) ? LIST / 4 : LIST) - GROUP) make_room(s);
  uint64_t masked = s->a->mask ? s->a->mask[s->row * s->a->mask_words + first / GROUP] : 0;
  for (int i = 0; i < GROUP; i++)
    if (!(upper[i] < worst) && !(masked >> i & 1))
      s->list[s->count++] = (waiting){upper[i] == upper[i] ? upper[i] : INFINITY, (int32_t)first + i};
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

static void open_search(search *s, int64_t first, scout_desk *desk, int user) {
  int64_t left = count_left(s, first);
  s->most = LIST + (s->end - first) / DEAREST;
  if (left * NARROW < s->end - first)
    score_left(s, first);
  else if (make_queries(s, desk, user))
    s->is_scouted = 1;
  else
    scan_rest(s, first, desk->scores);
}

/* dots of part p of `blocks` blocks from `block` on, for all users. */
static void multiply(const sk_scout *scout, int p, int64_t block, int64_t blocks, int users, scout_desk *desk) {
  const sk_scout_part *part = &scout->part[p];
  sk_scout_form_here()->dots(&(sk_scout_dots_args){.rows = part->rows + block * part->lines * SK_SCOUT_LINE,
                                                   .lines = part->lines,
                                                   .blocks = blocks,
                                                   .users = users,
                                                   .w = desk->w[p],
                                                   .dots = desk->dots[p],
                                                   .stride = CHUNK});
}

/* Whether the first parts leave so much of a chunk, over all users, that the rest is worth its reading. */
static int leaves_much(const search *all, int users, scout_desk *desk, int64_t group, int64_t groups) {
  int left = 0, scouted = 0;
  for (int i = 0; i < users; i++) {
    if (!all[i].is_scouted) continue;
    left += mark_groups(&all[i], desk->dots[0] + i * CHUNK, group, groups, desk->left[i]);
    scouted++;
  }
  return left > FEW * scouted;
}

/* One user in a chunk: all groups with what the rest says, or those that the first parts leave. */
static void list_chunk(search *s, int user, int whole, const scout_desk *desk, int64_t first, int64_t groups) {
  const int32_t *lead = desk->dots[0] + user * CHUNK, *rest = desk->dots[1] + user * CHUNK;
  for (int64_t g = 0; g < groups; g++)
    if (whole || desk->left[user][g])
      list_group(s, lead + g * GROUP, whole ? rest + g * GROUP : NULL, first + g * GROUP);
}

/* Bounds the items [first, end) for all users of a group, who are searched side by side. */
static void pass_over(const sk_topk_args *a, search *all, int users, int64_t first, int64_t end, scout_desk *desk) {
  const sk_scout *scout = a->scout;
  int has_rest = scout->part[1].lines > 0 && !is_approximate(a),
      whole = 0; /* chunks to come that are not looked at by first parts alone */
  for (int64_t v = first; v < end; v += CHUNK) {
    int64_t width = end - v < CHUNK ? end - v : CHUNK, block = v / BLOCK;
    int scouted = 0;
    for (int i = 0; i < users; i++) scouted |= all[i].is_scouted;
    if (!scouted) return;
    multiply(scout, 0, block, width / BLOCK, users, desk);
    if (whole == 0 && leaves_much(all, users, desk, v / GROUP, width / GROUP) && has_rest) whole = WHOLE;
    if (whole > 0) multiply(scout, 1, block, width / BLOCK, users, desk);
    for (int i = 0; i < users; i++) {
      search *s = &all[i];
      if (!s->is_scouted) continue;
      list_chunk(s, i, whole > 0, desk, v, width / GROUP);
      if (is_approximate(s->a)) continue;
      if (v + width >= s->due) {
        settle(s);
        s->due = v + width + (v + width - first) / SOON;
      }
      if (s->scored > s->most) scan_rest(s, v + width, desk->scores);
    }
    whole -= whole > 0;
  }
}

static void scout_block(const void *arg, int64_t number, void *local) {
  const sk_topk_job *job = arg;
  const sk_topk_args *a = job->a;
  scout_desk *desk = local;
  int64_t segment = number % job->segments, row = number / job->segments * USERS;
  int64_t covered = sk_topk_covered(a), first = segment * job->segment_items;
  int64_t end = sk_cpu_block_end(covered, job->segment_items, segment);
  int users = (int)(sk_cpu_block_end(a->n, USERS, row / USERS) - row);
  search all[USERS];
  memset(desk->w, 0, sizeof desk->w);
  for (int i = 0; i < users; i++) {
    all[i] = (search){.a = a, .row = row + i, .end = end, .least = -INFINITY, .list = desk->lists[i]};
    all[i].best = sk_topk_best(job, row + i, segment);
    open_search(&all[i], first, desk, i);
  }
  pass_over(a, all, users, first, end, desk);
  for (int i = 0; i < users; i++) {
    if (all[i].is_scouted && is_approximate(a)) shorten(&all[i]);
    if (all[i].is_scouted) all[i].least = -INFINITY, settle(&all[i]);
    if (end == covered) SK_CPU(topk_scan)(a, row + i, 1, covered, a->items, &all[i].best, desk->scores);
    sk_best_finish(&all[i].best);
  }
}

/* An exact answer does not depend on the cut, so there are no more segments than the threads can use: each settles its
 * own k best. An approximate one is cut by the shape alone. */
solid_status SK_CPU(topk_scouted)(sk_backend *be, const sk_topk_args *a) {
  int64_t chunks = sk_topk_covered(a) / CHUNK, groups = sk_cpu_blocks(a->n, USERS);
  int64_t segments = sk_cpu_blocks(sk_cpu_threads(be), groups), most = sk_topk_covered(a) / SK_TOPK_SEGMENT;
  if (is_approximate(a)) segments = most / 4;
  if (segments > most) segments = most;
  if (segments > SK_TOPK_SEGMENTS) segments = SK_TOPK_SEGMENTS;
  if (segments < 1) segments = 1;
  sk_topk_job job = {.a = a, .segment_items = sk_cpu_blocks(chunks + 1, segments) * CHUNK};
  job.segments = sk_cpu_blocks(sk_topk_covered(a), job.segment_items);
  return SK_CPU(topk_run)(be, &job, groups, scout_block, sizeof(scout_desk));
}
