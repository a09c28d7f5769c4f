/* Items that wait to be scored, with the bounds of their scores. */
#include "kernels/cpu/topk_scout.h"
#include "solid/base/fetch.h"

static void sift(sk_waiting *list, int32_t count, int32_t at, sk_waiting x) {
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
  for (int64_t c = 0; c < d; c += 16) SOL_FETCH(row + c);
}

static void score_table(sk_search *s, const int32_t *items, int n, float *score) {
  int64_t d = s->a->d;
  const float *u = s->a->u + s->row * d;
  for (int i = 0; i < n; i++) fetch(s->a->e + items[i] * d, d);
  for (int i = 0; i < n; i++) SK_CPU(topk_lanes)(1, 1, d, u, s->a->e + items[i] * d, &score[i]);
}

static void score_made(sk_search *s, const int32_t *items, int n, float *score) {
  int error = sk_rows_read(s->a->rows, SK_ROWS_WHOLE, n, items, s->made->rows);
  if (error)
    *s->made->error = error;
  else
    SK_CPU(topk_lanes)(1, n, s->a->d, s->a->u + s->row * s->a->d, s->made->rows, score);
}

void SK_CPU(search_score)(sk_search *s, const int32_t *items, int n) {
  float score[SK_SEARCH_AHEAD] = {0};
  if (s->made->rows)
    score_made(s, items, n, score);
  else
    score_table(s, items, n, score);
  for (int i = 0; i < n; i++) sk_best_offer(&s->best, score[i], items[i]);
  s->scored += n;
}

/* Makes a heap of the list, whose root is the highest bound. */
static void order(sk_search *s) {
  for (int32_t at = s->count / 2 - 1; at >= 0; at--) sift(s->list, s->count, at, s->list[at]);
}

/* Takes the root of an ordered list. */
static sk_waiting pop(sk_search *s) {
  sk_waiting first = s->list[0];
  s->count--;
  sift(s->list, s->count, 0, s->list[s->count]);
  return first;
}

/* Parts the list at one of its bounds, again and again, until that is the lowest of those that stay. */
void SK_CPU(search_shorten)(sk_search *s) {
  sk_waiting *list = s->list;
  int32_t low = 0, high = s->count - 1;
  if (s->count <= SK_SEARCH_GUESSES) return;
  while (low < high) {
    float middle = list[low + (high - low) / 2].upper;
    int32_t i = low, j = high;
    while (i <= j) {
      while (list[i].upper > middle) i++;
      while (list[j].upper < middle) j--;
      if (i > j) break;
      sk_waiting x = list[i];
      list[i++] = list[j];
      list[j--] = x;
    }
    if (SK_SEARCH_GUESSES - 1 <= j)
      high = j;
    else if (SK_SEARCH_GUESSES - 1 >= i)
      low = i;
    else
      break;
  }
  s->count = SK_SEARCH_GUESSES;
  s->least = list[SK_SEARCH_GUESSES - 1].upper;
}

void SK_CPU(search_settle)(sk_search *s) {
  order(s);
  while (s->count > 0 && s->list[0].upper >= sk_search_worst(s)) {
    int32_t items[SK_SEARCH_AHEAD];
    int n = 0;
    while (n < SK_SEARCH_AHEAD && s->count > 0 && s->list[0].upper >= sk_search_worst(s)) items[n++] = pop(s).item;
    SK_CPU(search_score)(s, items, n);
  }
  s->count = 0;
}
