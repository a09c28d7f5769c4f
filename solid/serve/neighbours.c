#include "solid/neighbours.h"
#include "solid/extend.h"
#include "solid/model/model_parts.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct solid_neighbours {
  const solid_model *model;
  uint32_t items, width;
  float *vectors; /* (V, d) of length 1, or 0; NULL of a model whose rows stay in its file, and then */
  float *inverse; /* by the places of its scout: what a row is multiplied by to have length 1, or 0 */
};

enum { ROWS = 1024, GROUPS = 1024 }; /* read at a time; whose bounds are made at a time */

static float inverse_of(const float *vector, uint32_t width) {
  double sum = 0;
  for (uint32_t j = 0; j < width; j++) sum += (double)vector[j] * vector[j];
  return sum > 0 ? (float)(1 / sqrt(sum)) : 0;
}

static void make_unit(float *vector, uint32_t width) {
  float scale = inverse_of(vector, width);
  for (uint32_t j = 0; j < width; j++) vector[j] *= scale;
}

static solid_status check_read(int error) {
  char why[160];
  return error ? solid_fail(SOLID_ESTALE, "%s", sk_rows_text(error, why, sizeof why)) : SOLID_OK;
}

/* ---- Construction ---- */

static solid_status take_vectors(solid_neighbours *n) {
  n->vectors = calloc(n->items, sizeof *n->vectors * n->width);
  if (!n->vectors) return solid_fail(SOLID_ENOMEM, "out of memory: vectors of %u items", n->items);
  solid_status status = solid_model_item_vectors(n->model, n->vectors);
  for (uint32_t v = 0; v < n->items && !status; v++) make_unit(n->vectors + (size_t)v * n->width, n->width);
  return status;
}

/* Of the rows in the file, which are read once. */
static solid_status take_lengths(solid_neighbours *n) {
  const sk_scout *scout = sol_model_scout(n->model);
  const sk_rows *rows = &n->model->rows;
  int64_t places = sk_scout_groups(scout) * SK_SCOUT_GROUP;
  float *read = malloc(sizeof *read * ROWS * n->width), *by_item = malloc(sizeof *by_item * n->items);
  n->inverse = calloc((size_t)places, sizeof *n->inverse);
  int is_short = !read || !by_item || !n->inverse, error = sk_rows_check(rows);
  for (uint32_t v = 0, m; v < n->items && !is_short && !error; v += m) {
    m = n->items - v < ROWS ? n->items - v : ROWS;
    error = sk_rows_run(rows, SK_ROWS_WHOLE, v, m, read);
    for (uint32_t i = 0; i < m && !error; i++) by_item[v + i] = inverse_of(read + (size_t)i * n->width, n->width);
  }
  for (int64_t p = 0; p < places && !is_short && !error; p++)
    if ((uint32_t)scout->item[p] < n->items) n->inverse[p] = by_item[scout->item[p]];
  free(read);
  free(by_item);
  return is_short ? solid_fail(SOLID_ENOMEM, "out of memory: lengths of %u items", n->items) : check_read(error);
}

solid_status solid_neighbours_new(solid_neighbours **out, const solid_model *model) {
  if (!out || !model) return solid_fail(SOLID_EINVAL, "neighbours: out or model is NULL");
  solid_neighbours *made = calloc(1, sizeof *made);
  if (!made) return solid_fail(SOLID_ENOMEM, "out of memory: neighbours");
  *made =
      (solid_neighbours){.model = model, .items = sol_model_trained(model), .width = sol_model_config(model)->width};
  solid_status status = model->file.rows ? take_lengths(made) : take_vectors(made);
  if (status)
    solid_neighbours_free(made);
  else
    *out = made;
  return status;
}

void solid_neighbours_free(solid_neighbours *neighbours) {
  if (!neighbours) return;
  free(neighbours->vectors);
  free(neighbours->inverse);
  free(neighbours);
}

/* ---- Two items ---- */

/* An item's vector; `length` is by what it has to be divided. */
typedef struct sight {
  uint32_t item;
  const float *vector; /* NULL: it is no item */
  double length;
  float read[SK_ROWS_MAX_D]; /* of a file */
} sight;

static solid_status look(const solid_neighbours *n, uint32_t item, sight *to) {
  to->item = item, to->vector = NULL, to->length = 1;
  if (item < n->items && n->vectors) {
    to->vector = n->vectors + (size_t)item * n->width;
  } else if (item < n->items) {
    solid_status status =
        check_read(sk_rows_read(&n->model->rows, SK_ROWS_WHOLE, 1, &(int32_t){(int32_t)item}, to->read));
    if (status) return status;
    make_unit(to->read, n->width);
    to->vector = to->read;
  } else {
    const sol_joined *joined = sol_model_joined(n->model, item);
    double sum = 0;
    for (uint32_t j = 0; joined && j < n->width; j++) sum += (double)joined->vector[j] * joined->vector[j];
    if (sum > 0) to->length = sqrt(sum);
    to->vector = joined ? joined->vector : NULL;
  }
  return SOLID_OK;
}

static float cosine(const solid_neighbours *n, const sight *a, const sight *b) {
  float sum = 0;
  if (!a->vector || !b->vector) return 0;
  for (uint32_t j = 0; j < n->width; j++) sum += a->vector[j] * b->vector[j];
  return a->item < n->items && b->item < n->items ? sum : (float)(sum / (a->length * b->length));
}

float solid_neighbours_cosine(const solid_neighbours *n, uint32_t item, uint32_t other) {
  sight a, b;
  if (!n) return 0;
  return look(n, item, &a) || look(n, other, &b) ? 0 : cosine(n, &a, &b);
}

/* ---- The best ---- */

typedef struct search {
  const solid_neighbours *n;
  sight from;
  const uint64_t *late; /* items that stand in no list: so many equal ones precede them. NULL: none */
  float slack;          /* what the sum of a cosine loses, and the product of a bound and an inverse */
  solid_scored *out;
  size_t k, count;
} search;

/* Best first, ties to the lowest index. */
static int precedes(float score, uint32_t item, const solid_scored *x) {
  return score > x->score || (score == x->score && item < x->item);
}

static solid_status offer(search *s, uint32_t item) {
  sight at;
  if (item == s->from.item || !solid_model_item_is_open(s->n->model, item)) return SOLID_OK;
  solid_status status = look(s->n, item, &at);
  if (status) return status;
  float score = cosine(s->n, &s->from, &at);
  if (score != score || (s->count == s->k && !precedes(score, item, &s->out[s->count - 1]))) return SOLID_OK;
  size_t i = s->count < s->k ? s->count++ : s->count - 1;
  for (; i && precedes(score, item, &s->out[i - 1]); i--) s->out[i] = s->out[i - 1];
  s->out[i] = (solid_scored){item, score};
  return SOLID_OK;
}

/* A NaN bounds nothing. */
static int is_ruled_out(const search *s, float upper, uint32_t item) {
  if (s->count < s->k) return 0;
  const solid_scored *worst = &s->out[s->count - 1];
  return upper < worst->score || (upper == worst->score && item > worst->item);
}

/* Items of n groups from `first` on whose bounds reach the worst. upper: room for the bounds. */
static solid_status search_groups(search *s, int64_t first, int64_t n, float *upper) {
  const sk_scout *scout = sol_model_scout(s->n->model);
  const float *inverse = s->n->inverse + first * SK_SCOUT_GROUP;
  const int32_t *items = scout->item + first * SK_SCOUT_GROUP;
  float scale = (float)(1 / s->from.length);
  solid_status status = SOLID_OK;
  if (s->slack == 0) /* of zeroes: all are equal */
    memset(upper, 0, (size_t)n * SK_SCOUT_GROUP * sizeof *upper);
  else if (!sk_scout_upper(scout, s->from.vector, first, n, upper))
    for (int64_t i = 0; i < n * SK_SCOUT_GROUP; i++) upper[i] = INFINITY;
  for (int64_t i = 0; i < n * SK_SCOUT_GROUP && !status; i++) {
    uint32_t item = (uint32_t)items[i];
    if (s->late && item < s->n->items && (s->late[item / 64] >> item % 64 & 1)) continue;
    if (item < s->n->items && !is_ruled_out(s, upper[i] * inverse[i] * scale + s->slack, item)) status = offer(s, item);
  }
  return status;
}

/* Half of those that precede a late item are room enough for the list and for what is closed, now and meanwhile. */
static const uint64_t *late_of(const solid_neighbours *n, size_t k) {
  const sol_growth *g = n->model->growth;
  size_t closed = 0;
  for (uint32_t w = 0; g && w < (n->items + 63) / 64; w++)
    closed += (size_t)__builtin_popcountll(atomic_load_explicit(&g->closed[w], memory_order_relaxed));
  return k < SK_TOPK_TWINS / 2 && closed < SK_TOPK_TWINS / 2 - k ? n->model->late_items : NULL;
}

/* The items in the file: those that stand near this one first, which raises the worst early. */
static solid_status search_file(search *s) {
  const sk_scout *scout = sol_model_scout(s->n->model);
  int64_t groups = sk_scout_groups(scout), place = 0, near;
  float *upper = malloc(sizeof *upper * GROUPS * SK_SCOUT_GROUP);
  if (!upper) return solid_fail(SOLID_ENOMEM, "out of memory: bounds of similar items");
  solid_status status = check_read(sk_rows_check(&s->n->model->rows));
  while (place < groups * SK_SCOUT_GROUP && (uint32_t)scout->item[place] != s->from.item) place++;
  near = place < groups * SK_SCOUT_GROUP ? place / SK_SCOUT_GROUP / GROUPS * GROUPS : 0;
  if (!status) status = search_groups(s, near, groups - near < GROUPS ? groups - near : GROUPS, upper);
  for (int64_t g = 0; g < groups && !status; g += GROUPS)
    if (g != near) status = search_groups(s, g, groups - g < GROUPS ? groups - g : GROUPS, upper);
  free(upper);
  return status;
}

/* The sum of d products loses below d 2^-23 of the norms, a vector's inverse 2^-23. */
static float slack_of(const sight *from, uint32_t width) {
  double sum = 0;
  for (uint32_t j = 0; from->vector && j < width; j++) sum += (double)from->vector[j] * from->vector[j];
  return sum == 0 ? 0 : (float)(sqrt(sum) / from->length * (width + 8) * 0x1p-22);
}

solid_status solid_neighbours_of(const solid_neighbours *neighbours, uint32_t item, size_t k, solid_scored *out,
                                 size_t *count) {
  if (!neighbours || !out || !count) return solid_fail(SOLID_EINVAL, "neighbours: an argument is NULL");
  uint32_t items = solid_model_item_count(neighbours->model), first = neighbours->vectors ? 0 : neighbours->items;
  if (item >= items || !k) return solid_fail(SOLID_ERANGE, "neighbours: item %u of %u, k %zu", item, items, k);
  search s = {.n = neighbours, .out = out, .k = k};
  solid_status status = look(neighbours, item, &s.from);
  s.late = first ? late_of(neighbours, k) : NULL;
  s.slack = slack_of(&s.from, neighbours->width);
  if (!status && first) status = search_file(&s);
  for (uint32_t v = first; v < items && !status; v++) status = offer(&s, v);
  *count = status ? 0 : s.count;
  return status;
}
