/* topk by a scout (kernels/scout.h). A pass over the first parts of the rows bounds every score from above; where it
 * leaves much, a pass over the rest lowers the bounds. Items whose bound reaches the worst of the k best so far wait in
 * a list. A full list is settled: from the highest bound down, items are scored in FP32 until a bound falls below the
 * worst. What a bound rules out is below it to the last bit, so the answer is that of topk.c, ties and all.
 *
 * Where bounds cannot be made (a user with a NaN, or of no ordinary size), and where they rule out too little, the
 * segment is scored as in topk.c; of a narrow filter, the few items that it leaves. */
#include "kernels/cpu/topk_scout.h"
#include "kernels/cpu/vmath.h"
#include "solid/base/fetch.h"
#include <string.h>

#define USERS   SK_SCOUT_USERS
#define BLOCK   SK_SCOUT_BLOCK
#define CHUNK   SK_TOPK_CHUNK
#define NARROW  64 /* of so many items a filter leaves one or none: a row costs as much as so many bounds */
#define DEAREST 16 /* of so many items one was scored: bounds rule out too little */
#define GROUP   SK_SCOUT_GROUP
#define FEW     2  /* groups of a chunk that the first parts may leave */
#define WHOLE   4  /* chunks whose rest is read once they left more */
#define SOON    4  /* the list is settled after one more part in so many of what was passed */
#define SOONER  2  /* chosen groups that are fetched ahead */
#define FIRST   64 /* of so many groups one is looked at first */
/* Groups that an approximate search looks at, and no others: of few groups a larger part. */
#define SOME(groups) (192 + (groups) / 24)

/* ---- Bounds of a group, the items of one word of a mask ---- */

/* upper = (or +=) the bounds of one part, `tail` beside. */
static inline void bound(const sk_search *s, int p, const int32_t *dots, int64_t group, float tail, float *upper) {
  const sk_scout_part *part = &s->a->scout->part[p];
  const uint16_t *scale = part->scale + group * GROUP;
  const sk_scout_bounds *b = &part->bounds[group];
  float step = s->part[p].step;
  SOL_FETCH(scale + CHUNK);
  SOL_FETCH(scale + CHUNK + GROUP / 2);
  SOL_FETCH(b + CHUNK / GROUP);
  float shift = s->part[p].base + s->part[p].far * b->size + s->part[p].near * b->reach + tail * b->tail;
#pragma omp simd
  for (int i = 0; i < GROUP; i++) {
    float x = sk_from_bits((uint32_t)scale[i] << 16) * (step * (float)dots[i] + shift);
    upper[i] = p == 0 ? x : upper[i] + x;
  }
}

/* upper (64): of both parts, or, where `rest` is NULL, of the first and the length of the rest. Whether any reaches the
 * worst. */
static int bound_group(const sk_search *s, const int32_t *lead, const int32_t *rest, int64_t group, float *upper) {
  float worst = sk_search_worst(s);
  int32_t over = 0;
  bound(s, 0, lead, group, rest ? 0.0f : s->part[1].near, upper);
  if (rest) bound(s, 1, rest, group, 0.0f, upper);
#pragma omp simd reduction(| : over)
  for (int i = 0; i < GROUP; i++) over |= upper[i] < worst ? 0 : 1; /* NaN: over */
  return over;
}

/* Marks the groups of a chunk that the first parts leave; returns how many. */
static int mark_groups(const sk_search *s, const int32_t *lead, int64_t group, int64_t groups, uint8_t *left) {
  float upper[GROUP];
  int count = 0;
  for (int64_t g = 0; g < groups; g++) {
    left[g] = !s->chosen[group + g - s->first / GROUP] && bound_group(s, lead + g * GROUP, NULL, group + g, upper);
    count += left[g];
  }
  return count;
}

static void make_room(sk_search *s) {
  if (sk_is_approximate(s->a))
    SK_CPU(search_shorten)(s);
  else
    SK_CPU(search_settle)(s);
}

static inline int is_out(const sk_search *s, int32_t item) {
  return sk_topk_is_masked(s->a, s->row, item) || (s->late && (s->late[item / 64] >> item % 64 & 1));
}

/* What a group leaves goes into the list; rest: as in bound_group. */
static void list_group(sk_search *s, const int32_t *lead, const int32_t *rest, int64_t first) {
  float upper[GROUP], worst = sk_search_worst(s);
  if (!bound_group(s, lead, rest, first / GROUP, upper)) return;
  if (s->count > (sk_is_approximate(s->a) ? 4 * SK_SEARCH_GUESSES : SK_SEARCH_LIST) - GROUP) make_room(s);
  const int32_t *item = s->a->scout->item + first;
  for (int b = 0; b < GROUP; b += BLOCK) {
    int32_t over = 0;
#pragma omp simd reduction(| : over)
    for (int i = b; i < b + BLOCK; i++) over |= upper[i] < worst ? 0 : 1;
    for (int i = b; i < b + BLOCK && over; i++)
      if (!(upper[i] < worst) && !is_out(s, item[i]))
        s->list[s->count++] = (sk_waiting){upper[i] == upper[i] ? upper[i] : INFINITY, item[i]};
  }
}

/* ---- Filters ---- */

/* Of all items that the scout covers: what is decided by it holds for all segments, which are segments of places where
 * items are scouted, and of items where not. */
static int64_t count_left(const sk_search *s) {
  int64_t masked = 0, covered = sk_topk_covered(s->a);
  if (!s->a->mask) return covered;
  const uint64_t *mask = s->a->mask + s->row * s->a->mask_words;
  for (int64_t v = 0; v < covered; v += 64) masked += __builtin_popcountll(mask[v / 64]);
  return covered - masked;
}

static void score_left(sk_search *s, int64_t first) {
  const uint64_t *mask = s->a->mask + s->row * s->a->mask_words;
  int32_t items[SK_SEARCH_AHEAD];
  int n = 0;
  for (int64_t v = first; v < s->end; v += 64)
    for (uint64_t left = ~mask[v / 64]; left; left &= left - 1) {
      items[n++] = (int32_t)(v + __builtin_ctzll(left));
      if (n == SK_SEARCH_AHEAD) SK_CPU(search_score)(s, items, n), n = 0;
    }
  SK_CPU(search_score)(s, items, n);
}

/* ---- A segment ---- */

/* Users that are not scouted any more score what stands at the places of the segment from `place` on. */
static void score_rest(sk_search *s, int64_t place) {
  int32_t items[SK_SEARCH_AHEAD];
  int n = 0;
  SK_CPU(search_settle)(s);
  for (int64_t v = place; v < s->end; v++) {
    int32_t item = s->a->scout->item[v];
    if (s->chosen[(v - s->first) / GROUP] || is_out(s, item)) continue;
    items[n++] = item;
    if (n == SK_SEARCH_AHEAD) SK_CPU(search_score)(s, items, n), n = 0;
  }
  SK_CPU(search_score)(s, items, n);
  s->is_scouted = 0;
}

static void open_search(sk_search *s, sk_scout_desk *desk, int user) {
  int64_t left = count_left(s), covered = sk_topk_covered(s->a);
  s->most = SK_SEARCH_LIST + (s->end - s->first) / DEAREST;
  s->late = s->a->k + covered - left <= SK_TOPK_TWINS ? s->a->late : NULL;
  if (left * NARROW < covered)
    score_left(s, s->first);
  else if (SK_CPU(scout_queries)(s, desk, user))
    s->is_scouted = 1;
  else
    SK_CPU(topk_scan)(&(sk_topk_scan_args){s->a, s->row, 1, s->first, s->end, s->made}, &s->best, desk->scores);
}

/* dots of part p of `blocks` blocks from `block` on, for all users. */
static void multiply(const sk_scout *scout, int p, int64_t block, int64_t blocks, int users, sk_scout_desk *desk) {
  const sk_scout_part *part = &scout->part[p];
  sk_scout_form_here()->dots(&(sk_scout_dots_args){.rows = part->rows + block * part->lines * SK_SCOUT_LINE,
                                                   .lines = part->lines,
                                                   .blocks = blocks,
                                                   .users = users,
                                                   .w = desk->w[p],
                                                   .dots = desk->dots[p],
                                                   .stride = CHUNK});
}

/* ---- What promises most ---- */

/* dots of part p of one group for one user. */
static void multiply_group(const sk_scout_part *part, int64_t group, const int8_t *w, int32_t *dots) {
  const sk_scout_dots_args args = {.rows = part->rows + group * (GROUP / BLOCK) * part->lines * SK_SCOUT_LINE,
                                   .lines = part->lines,
                                   .blocks = GROUP / BLOCK,
                                   .users = 1,
                                   .w = w,
                                   .dots = dots};
  sk_scout_form_here()->dots(&args);
}

static void fetch_group(const sk_scout *scout, int64_t group) {
  for (int p = 0; p < SK_SCOUT_PARTS; p++) {
    const sk_scout_part *part = &scout->part[p];
    int64_t lines = GROUP / BLOCK * part->lines;
    for (int64_t l = 0; l < lines; l++) SOL_FETCH(part->rows + (group * lines + l) * SK_SCOUT_LINE);
    for (int64_t i = 0; i < GROUP; i += GROUP / 2) SOL_FETCH(part->scale + group * GROUP + i);
    SOL_FETCH(&part->bounds[group]);
  }
}

/* Looks at the groups that promise most, for one user. */
static void look_first(sk_search *s, sk_scout_desk *desk, int user, float *work) {
  const sk_scout *scout = s->a->scout;
  int64_t first = s->first / GROUP, groups = (s->end - s->first) / GROUP;
  int32_t dots[SK_SCOUT_PARTS][GROUP], *list = (int32_t *)(void *)(work + sk_whole((uint64_t)groups, SK_SCOUT_CELLS));
  int64_t n =
      SK_CPU(search_choose)(s, first, groups, sk_is_approximate(s->a) ? SOME(groups) : groups / FIRST, work, list);
  for (int64_t i = 0; i < n; i++) {
    int64_t group = first + list[i];
    if (i + SOONER < n) fetch_group(scout, first + list[i + SOONER]);
    for (int p = 0; p < SK_SCOUT_PARTS; p++)
      if (scout->part[p].lines)
        multiply_group(&scout->part[p], group, desk->w[p] + user * scout->part[p].lines * 8, dots[p]);
    list_group(s, dots[0], scout->part[1].lines ? dots[1] : NULL, group * GROUP);
  }
  if (!sk_is_approximate(s->a)) SK_CPU(search_settle)(s);
}

/* ---- The pass ---- */

/* Whether the first parts leave so much of a chunk, over all users, that the rest is worth its reading. */
static int leaves_much(const sk_search *all, int users, sk_scout_desk *desk, int64_t group, int64_t groups) {
  int left = 0, scouted = 0;
  for (int i = 0; i < users; i++) {
    if (!all[i].is_scouted) continue;
    left += mark_groups(&all[i], desk->dots[0] + i * CHUNK, group, groups, desk->left[i]);
    scouted++;
  }
  return left > FEW * scouted;
}

/* One user in a chunk: all groups with what the rest says, or those that the first parts leave. */
static void list_chunk(sk_search *s, int user, int whole, const sk_scout_desk *desk, int64_t first, int64_t groups) {
  const int32_t *lead = desk->dots[0] + user * CHUNK, *rest = desk->dots[1] + user * CHUNK;
  const uint8_t *chosen = s->chosen + (first - s->first) / GROUP;
  for (int64_t g = 0; g < groups; g++)
    if (!chosen[g] && (whole || desk->left[user][g]))
      list_group(s, lead + g * GROUP, whole ? rest + g * GROUP : NULL, first + g * GROUP);
}

/* Bounds the items [first, end) for all users of a group, who are searched side by side. */
static void pass_over(const sk_topk_args *a, sk_search *all, int users, int64_t first, int64_t end,
                      sk_scout_desk *desk) {
  const sk_scout *scout = a->scout;
  int has_rest = scout->part[1].lines > 0, whole = 0; /* chunks to come that are not looked at by first parts alone */
  for (int64_t v = first; v < end; v += CHUNK) {
    int64_t width = end - v < CHUNK ? end - v : CHUNK, block = v / BLOCK;
    int scouted = 0;
    for (int i = 0; i < users; i++) scouted |= all[i].is_scouted;
    if (!scouted) return;
    multiply(scout, 0, block, width / BLOCK, users, desk);
    if (whole == 0 && leaves_much(all, users, desk, v / GROUP, width / GROUP) && has_rest) whole = WHOLE;
    if (whole > 0) multiply(scout, 1, block, width / BLOCK, users, desk);
    for (int i = 0; i < users; i++) {
      sk_search *s = &all[i];
      if (!s->is_scouted) continue;
      list_chunk(s, i, whole > 0, desk, v, width / GROUP);
      if (v + width >= s->due) {
        SK_CPU(search_settle)(s);
        s->due = v + width + (v + width - first) / SOON;
      }
      if (s->scored > s->most) score_rest(s, v + width);
    }
    whole -= whole > 0;
  }
}

static void scout_block(const void *arg, int64_t number, void *local) {
  const sk_topk_job *job = arg;
  const sk_topk_args *a = job->a;
  sk_scout_desk *desk = local;
  int64_t segment = number % job->segments, row = number / job->segments * USERS;
  int64_t covered = sk_topk_covered(a), first = segment * job->segment_items;
  int64_t end = sk_cpu_block_end(covered, job->segment_items, segment);
  int users = (int)(sk_cpu_block_end(a->n, USERS, row / USERS) - row);
  sk_search all[USERS];
  sk_topk_made made = sk_topk_made_at(job, desk + 1);
  float *work = (float *)(void *)((char *)(desk + 1) + sk_topk_made_bytes(a));
  int64_t groups = (int64_t)sk_whole((uint64_t)(job->segment_items / GROUP), SK_SCOUT_CELLS);
  memset(desk->w, 0, sizeof desk->w);
  for (int i = 0; i < users; i++) {
    all[i] = (sk_search){.a = a, .row = row + i, .first = first, .end = end, .least = -INFINITY, .made = &made};
    all[i].best = sk_topk_best(job, row + i, segment);
    all[i].list = desk->lists[i], all[i].chosen = (uint8_t *)(work + 2 * groups) + i * groups;
    open_search(&all[i], desk, i);
    if (all[i].is_scouted) look_first(&all[i], desk, i, work);
  }
  if (!sk_is_approximate(a)) pass_over(a, all, users, first, end, desk);
  for (int i = 0; i < users; i++) {
    if (all[i].is_scouted && sk_is_approximate(a)) SK_CPU(search_shorten)(&all[i]);
    if (all[i].is_scouted) all[i].least = -INFINITY, SK_CPU(search_settle)(&all[i]);
    sk_topk_scan_args tail = {a, row + i, 1, covered, a->items, &made};
    if (end == covered) SK_CPU(topk_scan)(&tail, &all[i].best, desk->scores);
    sk_best_finish(&all[i].best);
  }
}

/* An exact answer does not depend on the cut, so there are no more segments than the threads can use: each settles its
 * own k best. An approximate one looks at groups of the whole catalogue, and is not cut. */
solid_status SK_CPU(topk_scouted)(sk_backend *be, const sk_topk_args *a) {
  int64_t chunks = sk_topk_covered(a) / CHUNK, groups = sk_cpu_blocks(a->n, USERS);
  int64_t segments = sk_cpu_blocks(sk_cpu_threads(be), groups), most = sk_topk_covered(a) / SK_TOPK_SEGMENT;
  if (sk_is_approximate(a)) segments = 1;
  if (segments > most) segments = most;
  if (segments > SK_TOPK_SEGMENTS) segments = SK_TOPK_SEGMENTS;
  if (segments < 1) segments = 1;
  sk_topk_job job = {.a = a, .segment_items = sk_cpu_blocks(chunks + 1, segments) * CHUNK};
  job.segments = sk_cpu_blocks(sk_topk_covered(a), job.segment_items);
  size_t each = sk_whole((uint64_t)(job.segment_items / GROUP), SK_SCOUT_CELLS) * (2 * sizeof(float) + USERS);
  return SK_CPU(topk_run)(be, &job, groups, scout_block, sizeof(sk_scout_desk) + each);
}
