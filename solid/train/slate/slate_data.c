#include "solid/train/slate/slate_data.h"
#include "solid/types.h"

size_t sol_slate_cut(const sol_slate_data *data, uint32_t u, sol_random *random) {
  size_t begin = data->offsets[u], n = data->ends[u] - begin;
  return n < 2 ? SIZE_MAX : begin + 1 + sol_random_below(random, n - 1);
}

size_t sol_slate_basket_end(const int64_t *times, size_t i, size_t end) {
  size_t to = i + 1;
  while (to < end && times && times[to] == times[i]) to++;
  return to;
}

/* Puts `item`, the one after `drawn` others of its basket, at a random place among them (Fisher and Yates, inside out);
 * of the first `room` places alone anything is kept. */
static void put(uint32_t *items, size_t room, size_t drawn, size_t place, uint32_t item) {
  if (place < drawn && drawn < room) items[drawn] = items[place];
  if (place < room) items[place] = item;
}

uint32_t sol_slate_targets(const sol_slate_data *data, uint32_t u, size_t cut, size_t end, uint32_t K,
                           sol_slate_seen *seen, sol_random *random, uint32_t *items) {
  size_t n = 0;
  seen->now++;
  for (size_t i = data->offsets[u]; i < cut; i++)
    if (data->sequence[i] != SOLID_NO_ITEM) seen->stamp[data->sequence[i]] = seen->now;
  for (size_t i = cut, to; i < end && n < K; i = to) {
    size_t drawn = 0;
    to = sol_slate_basket_end(data->times, i, end);
    for (size_t k = i; k < to; k++) {
      uint32_t item = data->sequence[k];
      if (item == SOLID_NO_ITEM || seen->stamp[item] == seen->now) continue;
      seen->stamp[item] = seen->now;
      put(items + n, K - n, drawn, to - i > 1 ? sol_random_below(random, drawn + 1) : drawn, item);
      drawn++;
    }
    n = n + drawn < K ? n + drawn : K;
  }
  return (uint32_t)n;
}
