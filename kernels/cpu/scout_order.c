/* The order of a scout's items: halves of the catalogue, and of these, each across the leading axis on which it varies
 * most, down to groups. */
#include "kernels/cpu/gemm.h"
#include "kernels/scout.h"
#include <math.h>

#define LEAD   SK_SCOUT_LEAD
#define GROUP  SK_SCOUT_GROUP
#define LOOKED 1024 /* items that the axis is chosen by */

static int8_t grains(float y, float grain) {
  float n = grain > 0.0f ? rintf(y / grain) : 0.0f;
  return (int8_t)(n > 127.0f ? 127.0f : n > -127.0f ? n : -127.0f); /* NaN: -127 */
}

void sk_scout_spots(const sk_scout *scout, const float *e, int64_t first, int64_t n, sk_scout_spot *spots,
                    float *work) {
  int64_t d = scout->d, lead = scout->part[0].d;
  sk_gemm_nt(n, lead, d, e, d, scout->axes, d, 0.0f, work, lead);
  for (int64_t i = 0; i < n; i++) {
    spots[i] = (sk_scout_spot){.item = (int32_t)(first + i)};
    for (int64_t c = 0; c < lead; c++) spots[i].at[c] = grains(work[i * lead + c], scout->grain[c]);
  }
}

static int longest_axis(const sk_scout *scout, const sk_scout_spot *spots, int64_t n) {
  int64_t step = n / LOOKED + 1;
  double most = -1.0;
  int axis = 0;
  for (int c = 0; c < scout->part[0].d; c++) {
    double sum = 0.0, squares = 0.0, count = 0.0;
    for (int64_t i = 0; i < n; i += step, count++) {
      double x = (double)spots[i].at[c] * (double)scout->grain[c];
      sum += x, squares += x * x;
    }
    double variance = squares / count - sum / count * (sum / count);
    if (variance > most) most = variance, axis = c;
  }
  return axis;
}

/* Of equals on the axis, the lower item comes first: the order is one. */
static int precedes(const sk_scout_spot *a, const sk_scout_spot *b, int axis) {
  return a->at[axis] < b->at[axis] || (a->at[axis] == b->at[axis] && a->item < b->item);
}

/* The first `half` of n spots become those that come first on the axis. */
static void part(sk_scout_spot *spots, int64_t n, int64_t half, int axis) {
  int64_t low = 0, high = n - 1;
  while (low < high) {
    sk_scout_spot middle = spots[low + (high - low) / 2];
    int64_t i = low, j = high;
    while (i <= j) {
      while (precedes(&spots[i], &middle, axis)) i++;
      while (precedes(&middle, &spots[j], axis)) j--;
      if (i > j) break;
      sk_scout_spot x = spots[i];
      spots[i++] = spots[j];
      spots[j--] = x;
    }
    if (half - 1 <= j)
      high = j;
    else if (half - 1 >= i)
      low = i;
    else
      break;
  }
}

static void halve(const sk_scout *scout, sk_scout_spot *spots, int64_t groups) {
  while (groups > 1) { /* the second half by the loop */
    int64_t half = (groups + 1) / 2;
    part(spots, groups * GROUP, half * GROUP, longest_axis(scout, spots, groups * GROUP));
    halve(scout, spots, half);
    spots += half * GROUP, groups -= half;
  }
}

void sk_scout_order(const sk_scout *scout, sk_scout_spot *spots) {
  int64_t whole = scout->items / GROUP;
  halve(scout, spots, whole);
  for (int64_t v = 0; v < sk_scout_groups(scout) * GROUP; v++)
    scout->item[v] = v < whole * GROUP ? spots[v].item : (int32_t)v;
}
