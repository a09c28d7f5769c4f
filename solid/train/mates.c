#include "solid/train/mates.h"
#include "solid/extend.h"
#include <stdlib.h>

/* Items in the order of their first code: those of code c are order[begin[c]] .. order[begin[c + 1] - 1]. */
static void sort_by_code(const uint16_t *codes, uint32_t items, uint32_t levels, uint32_t k, uint32_t *begin,
                         uint32_t *order) {
  for (size_t v = 0; v < items; v++) begin[codes[v * levels] + 2]++;
  for (uint32_t c = 2; c <= k; c++) begin[c] += begin[c - 1];
  for (uint32_t v = 0; v < items; v++) /* begin[c + 1] moves from the start of c to its end */
    order[begin[codes[(size_t)v * levels] + 1]++] = v;
}

static float distance_between(const float *a, const float *b, uint32_t width) {
  float sum = 0;
  for (uint32_t j = 0; j < width; j++) sum += (a[j] - b[j]) * (a[j] - b[j]);
  return sum;
}

/* Place `at` of a group of n items: its mates among the SOL_MATES_AMONG that follow, round the group. */
static void find_mates(sol_mates *made, const uint32_t *group, uint32_t n, uint32_t at, const float *content,
                       uint32_t width) {
  uint32_t item = group[at], *mates = made->mates + (size_t)item * SOL_MATES_MOST, count = 0;
  uint32_t others = n - 1 < SOL_MATES_AMONG ? n - 1 : SOL_MATES_AMONG;
  float distances[SOL_MATES_MOST];
  for (uint32_t i = 1; i <= others; i++) {
    uint32_t other = group[(at + i) % n], place = count < SOL_MATES_MOST ? count++ : SOL_MATES_MOST - 1;
    float distance = distance_between(content + (size_t)item * width, content + (size_t)other * width, width);
    if (i > SOL_MATES_MOST && !(distance < distances[place])) continue;
    for (; place > 0 && distance < distances[place - 1]; place--)
      distances[place] = distances[place - 1], mates[place] = mates[place - 1];
    distances[place] = distance, mates[place] = other;
  }
  made->count[item] = count;
}

solid_status sol_mates_open(sol_mates *mates, const uint16_t *codes, uint32_t items, uint32_t levels, uint32_t k,
                            const float *content, uint32_t width) {
  sol_mates made = {.items = items};
  uint32_t *begin = calloc((size_t)k + 2, sizeof *begin), *order = malloc(((size_t)items + 1) * sizeof *order);
  solid_status status = SOLID_OK;
  made.count = calloc((size_t)items + 1, sizeof *made.count);
  made.mates = malloc(((size_t)items * SOL_MATES_MOST + 1) * sizeof *made.mates);
  if (!begin || !order || !made.count || !made.mates) {
    status = solid_fail(SOLID_ENOMEM, "no memory for the mates of %u items", items);
    sol_mates_close(&made);
    goto done;
  }
  sort_by_code(codes, items, levels, k, begin, order);
  for (uint32_t c = 0; c < k; c++)
    for (uint32_t at = begin[c]; at < begin[c + 1]; at++)
      find_mates(&made, order + begin[c], begin[c + 1] - begin[c], at - begin[c], content, width);
  *mates = made;
done:
  free(begin);
  free(order);
  return status;
}

void sol_mates_close(sol_mates *mates) {
  free(mates->count);
  free(mates->mates);
  *mates = (sol_mates){0};
}

uint32_t sol_mates_draw(const sol_mates *mates, uint32_t item, sol_random *random) {
  uint32_t n = mates->count[item];
  return n ? mates->mates[(size_t)item * SOL_MATES_MOST + sol_random_below(random, n)] : item;
}
