#include "solid/train/codebook/codebook_learn.h"
#include "solid/base/random.h"
#include "solid/extend.h"
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DEAD 0.5f /* items of a code that starts again */

static int take_host(sol_code_learner *l) {
  size_t V = l->items, C = l->levels, K = l->codes, width = l->width, centroids = C * K * width;
  l->state_floats = 2 * centroids + C * K, l->state_codes = 2 * V * C;
  l->state = calloc(l->state_floats, sizeof *l->state);
  l->table = malloc(l->state_codes * sizeof *l->table);
  l->rows = malloc(V * width * sizeof *l->rows);
  l->before = malloc(V * C * sizeof *l->before);
  l->fresh = malloc(V * C * sizeof *l->fresh);
  l->twins = malloc(C * K * sizeof *l->twins);
  l->sums = malloc(K * width * sizeof *l->sums);
  l->weights = malloc(K * sizeof *l->weights);
  l->distance = malloc(V * sizeof *l->distance);
  if (!l->state || !l->table || !l->rows || !l->before || !l->fresh || !l->twins || !l->sums || !l->weights ||
      !l->distance)
    return 0;
  l->centroids = l->state;
  l->best_centroids = l->state + centroids;
  l->counts = l->state + 2 * centroids;
  l->best_table = l->table + V * C;
  return 1;
}

uint64_t sol_code_learner_bytes(uint64_t items, uint64_t levels, uint64_t codes, uint64_t width) {
  return (items * width + levels * codes * width) * sizeof(float) + items * levels * sizeof(int32_t);
}

/* Kept, so that training allocates nothing while it runs. */
static solid_status take_device(sol_code_learner *l) {
  size_t V = l->items, C = l->levels;
  solid_status status = l->be->ops->alloc(l->be, &l->device_rows, V * l->width * sizeof(float));
  if (!status) status = l->be->ops->alloc(l->be, &l->device_centroids, C * l->codes * l->width * sizeof(float));
  return status ? status : l->be->ops->alloc(l->be, &l->device_codes, V * C * sizeof(int32_t));
}

solid_status sol_code_learner_open(sol_code_learner *learner, sk_backend *be, const sol_codebook *book, const float *x,
                                   uint32_t d, float share, float keep) {
  sol_code_learner made = {.items = book->items,
                           .levels = book->levels,
                           .codes = book->codes,
                           .content = book->width,
                           .width = book->width + d,
                           .x = x,
                           .share = share,
                           .keep = keep,
                           .be = be};
  solid_status status = SOLID_OK;
  if (!take_host(&made)) status = solid_fail(SOLID_ENOMEM, "no memory to learn the codes of %u items", book->items);
  if (!status && (status = take_device(&made))) solid_fail(status, "codes of %u items: %s", book->items, be->err);
  if (status) {
    sol_code_learner_close(&made);
    return status;
  }
  memcpy(made.table, book->table, (size_t)book->items * book->levels * sizeof *made.table);
  for (size_t c = 0; c < (size_t)book->levels * book->codes; c++)
    memcpy(made.centroids + c * made.width, book->centroids + c * book->width, book->width * sizeof *made.centroids);
  sol_code_learner_keep(&made);
  *learner = made;
  return SOLID_OK;
}

void sol_code_learner_close(sol_code_learner *learner) {
  if (learner->be) {
    learner->be->ops->free(learner->be, learner->device_rows);
    learner->be->ops->free(learner->be, learner->device_centroids);
    learner->be->ops->free(learner->be, learner->device_codes);
  }
  free(learner->state);
  free(learner->table);
  free(learner->rows);
  free(learner->before);
  free(learner->fresh);
  free(learner->twins);
  free(learner->sums);
  free(learner->weights);
  free(learner->distance);
  *learner = (sol_code_learner){0};
}

static void join_rows(sol_code_learner *l, const float *vectors) {
  size_t d = l->width - l->content;
  for (size_t v = 0; v < l->items; v++) {
    const float *vector = vectors + v * d;
    float *row = l->rows + v * l->width;
    double sum = 0;
    for (size_t j = 0; j < d; j++) sum += (double)vector[j] * vector[j];
    double scale = sum > 0 ? l->share / sqrt(sum) : 0;
    memcpy(row, l->x + v * l->content, l->content * sizeof *row);
    for (size_t j = 0; j < d; j++) row[l->content + j] = (float)(scale * vector[j]);
  }
}

/* Codes of the rows under the centroids, by the device. */
static solid_status assign(sol_code_learner *l) {
  sk_backend *be = l->be;
  size_t codes = (size_t)l->items * l->levels, centroids = (size_t)l->levels * l->codes * l->width;
  const sk_quantize_args args = {.n = (int32_t)l->items,
                                 .d = (int32_t)l->width,
                                 .levels = (int32_t)l->levels,
                                 .k = (int32_t)l->codes,
                                 .x = l->device_rows,
                                 .centroids = l->device_centroids,
                                 .codes = l->device_codes};
  solid_status status = be->ops->upload(be, l->device_rows, l->rows, (size_t)l->items * l->width * sizeof *l->rows);
  if (!status) status = be->ops->upload(be, l->device_centroids, l->centroids, centroids * sizeof *l->centroids);
  if (!status) status = be->ops->quantize(be, &args);
  if (!status) status = be->ops->download(be, l->fresh, l->device_codes, codes * sizeof *l->fresh);
  if (!status) status = be->ops->sync(be);
  if (status) return solid_fail(status, "%s", be->err);
  for (size_t i = 0; i < codes; i++) {
    if (l->fresh[i] < 0) return solid_fail(SOLID_EINTERNAL, "the vector of item %zu is not finite", i / l->levels);
    l->table[i] = (uint16_t)l->fresh[i];
  }
  return SOLID_OK;
}

/* The moving averages of one level, whose residuals the rows are. A code that never had an item keeps its place. */
static void average_level(sol_code_learner *l, size_t level, double keep) {
  size_t C = l->levels, K = l->codes, width = l->width;
  float *centroids = l->centroids + level * K * width, *counts = l->counts + level * K;
  for (size_t k = 0; k < K; k++) {
    double weight = keep * counts[k];
    for (size_t j = 0; j < width; j++) l->sums[k * width + j] = weight * centroids[k * width + j];
    l->weights[k] = weight;
  }
  for (size_t v = 0; v < l->items; v++) {
    size_t k = l->table[v * C + level];
    l->weights[k] += 1 - keep;
    for (size_t j = 0; j < width; j++) l->sums[k * width + j] += (1 - keep) * l->rows[v * width + j];
  }
  for (size_t k = 0; k < K; k++) {
    counts[k] = (float)l->weights[k];
    for (size_t j = 0; j < width && l->weights[k] > 0; j++)
      centroids[k * width + j] = (float)(l->sums[k * width + j] / l->weights[k]);
  }
}

/* Rows become the residuals of the next level; their squared lengths are the distances of this one. */
static void leave_over(sol_code_learner *l, size_t level) {
  size_t width = l->width;
  for (size_t v = 0; v < l->items; v++) {
    const float *c = l->centroids + (level * l->codes + l->table[v * l->levels + level]) * width;
    float *row = l->rows + v * width;
    l->distance[v] = 0;
    for (size_t j = 0; j < width; j++) {
      row[j] -= c[j];
      l->distance[v] += (double)row[j] * row[j];
    }
  }
}

/* The residual that item v had before leave_over is its centroid and what is left. */
static void restart_dead(sol_code_learner *l, size_t level, sol_random *random) {
  size_t K = l->codes, width = l->width;
  float *centroids = l->centroids + level * K * width, *counts = l->counts + level * K;
  int32_t *twins = l->twins + level * K;
  double total = 0;
  for (size_t v = 0; v < l->items; v++) total += l->distance[v];
  for (size_t k = 0; k < K; k++) {
    twins[k] = -1;
    if (counts[k] >= DEAD || !(total > 0)) continue;
    double at = sol_random_uniform(random) * total;
    size_t v = 0;
    for (; v + 1 < l->items && at >= l->distance[v]; v++) at -= l->distance[v];
    size_t own = l->table[v * l->levels + level];
    for (size_t j = 0; j < width; j++) centroids[k * width + j] = centroids[own * width + j] + l->rows[v * width + j];
    counts[k] = 1;
    twins[k] = (int32_t)own;
    total -= l->distance[v];
    l->distance[v] = 0; /* the next code takes another item */
  }
}

static int is_first(const sol_code_learner *l) {
  for (size_t i = 0; i < (size_t)l->levels * l->codes; i++)
    if (l->counts[i] > 0) return 0;
  return 1;
}

solid_status sol_code_learner_update(sol_code_learner *learner, const float *vectors, uint64_t seed) {
  sol_random random = sol_random_start(seed, 17);
  int first = is_first(learner);
  join_rows(learner, vectors);
  memcpy(learner->before, learner->table, (size_t)learner->items * learner->levels * sizeof *learner->table);
  solid_status status = first ? SOLID_OK : assign(learner);
  for (size_t level = 0; level < learner->levels && !status; level++) {
    average_level(learner, level, first ? 0 : (double)learner->keep);
    leave_over(learner, level);
    restart_dead(learner, level, &random);
  }
  return status;
}

void sol_code_learner_keep(sol_code_learner *learner) {
  size_t floats = (size_t)learner->levels * learner->codes * learner->width;
  memcpy(learner->best_centroids, learner->centroids, floats * sizeof(float));
  memcpy(learner->best_table, learner->table, (size_t)learner->items * learner->levels * sizeof *learner->table);
}

solid_status sol_code_learner_give(const sol_code_learner *learner, sol_codebook *book) {
  assert(book->items == learner->items && book->levels == learner->levels && book->codes == learner->codes &&
         book->width == learner->content);
  memcpy(book->table, learner->best_table, (size_t)book->items * book->levels * sizeof *book->table);
  for (size_t c = 0; c < (size_t)book->levels * book->codes; c++)
    memcpy(book->centroids + c * book->width, learner->best_centroids + c * learner->width,
           book->width * sizeof *book->centroids);
  return sol_codebook_count(book);
}

void sol_code_learner_realign(const sol_code_learner *learner, float *items, float *metacodes) {
  size_t C = learner->levels, K = learner->codes, d = learner->width - learner->content;
  for (size_t i = 0; i < learner->items * C; i++) {
    if (learner->before[i] == learner->table[i]) continue;
    const float *then = metacodes + (i % C * K + learner->before[i]) * d;
    const float *now = metacodes + (i % C * K + learner->table[i]) * d;
    for (size_t j = 0; j < d; j++) items[i / C * d + j] += then[j] - now[j];
  }
  for (size_t c = 0; c < C * K; c++)
    if (learner->twins[c] >= 0)
      memcpy(metacodes + c * d, metacodes + (c / K * K + (size_t)learner->twins[c]) * d, d * sizeof *metacodes);
}
