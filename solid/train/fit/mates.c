#include "solid/train/fit/mates.h"
#include "solid/extend.h"
#include <stdlib.h>

/* Items in the order of their first code: those of code c are order[begin[c]] .. order[begin[c + 1] - 1]. */
static void sort_by_code(const sol_mates_source *from, uint32_t *begin, uint32_t *order) {
  for (size_t v = 0; v < from->items; v++) begin[from->table[v * from->levels] + 2]++;
  for (uint32_t c = 2; c <= from->codes; c++) begin[c] += begin[c - 1];
  for (uint32_t v = 0; v < from->items; v++) /* begin[c + 1] moves from the start of c to its end */
    order[begin[from->table[(size_t)v * from->levels] + 1]++] = v;
}

static float distance_between(const sol_mates_source *from, uint32_t a, uint32_t b) {
  const float *x = from->content + (size_t)a * from->width, *y = from->content + (size_t)b * from->width;
  float sum = 0;
  for (uint32_t j = 0; j < from->width; j++) sum += (x[j] - y[j]) * (x[j] - y[j]);
  return sum;
}

/* Place `at` of a group of n items: its mates among the SOL_MATES_AMONG that follow, round the group. */
static void find_mates(sol_mates *made, const sol_mates_source *from, const uint32_t *group, uint32_t n, uint32_t at) {
  uint32_t item = group[at], *mates = made->mates + (size_t)item * SOL_MATES_MOST, count = 0;
  uint32_t others = n - 1 < SOL_MATES_AMONG ? n - 1 : SOL_MATES_AMONG;
  float distances[SOL_MATES_MOST];
  for (uint32_t i = 1; i <= others; i++) {
    uint32_t other = group[(at + i) % n], place = count < SOL_MATES_MOST ? count++ : SOL_MATES_MOST - 1;
    float distance = distance_between(from, item, other);
    if (i > SOL_MATES_MOST && !(distance < distances[place])) continue;
    for (; place > 0 && distance < distances[place - 1]; place--)
      distances[place] = distances[place - 1], mates[place] = mates[place - 1];
    distances[place] = distance, mates[place] = other;
  }
  made->count[item] = count;
  made->mated += count > 0;
}

solid_status sol_mates_open(sol_mates *mates, const sol_mates_source *source) {
  sol_mates made = {0};
  size_t V = source->items;
  uint32_t *begin = calloc((size_t)source->codes + 2, sizeof *begin), *order = malloc((V + 1) * sizeof *order);
  solid_status status = SOLID_OK;
  made.count = calloc(V + 1, sizeof *made.count);
  made.mates = malloc((V * SOL_MATES_MOST + 1) * sizeof *made.mates);
  if (!begin || !order || !made.count || !made.mates) {
    status = solid_fail(SOLID_ENOMEM, "no memory for the mates of %u items", source->items);
    sol_mates_close(&made);
    goto done;
  }
  sort_by_code(source, begin, order);
  for (uint32_t c = 0; c < source->codes; c++)
    for (uint32_t at = begin[c]; at < begin[c + 1]; at++)
      find_mates(&made, source, order + begin[c], begin[c + 1] - begin[c], at - begin[c]);
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
