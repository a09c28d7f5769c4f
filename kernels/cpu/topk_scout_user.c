/* A user's vector as whole numbers, and what its bounds are made of. */
#include "kernels/cpu/topk_scout.h"

int SK_CPU(scout_queries)(sk_search *s, sk_scout_desk *desk, int user) {
  const sk_scout *scout = s->a->scout;
  float turned[SK_SCOUT_MAX_D];
  int8_t *w[SK_SCOUT_PARTS];
  for (int p = 0; p < SK_SCOUT_PARTS; p++) w[p] = desk->w[p] + user * scout->part[p].lines * 8;
  if (!sk_scout_query(scout, s->a->u + s->row * s->a->d, turned, w, s->part)) return 0;
  for (int64_t i = 0; i < SK_SCOUT_LEAD; i++) s->lead[i] = i < scout->part[0].d ? turned[i] : 0.0f;
  for (int p = 0; p < SK_SCOUT_PARTS && sk_is_approximate(s->a); p++) s->part[p].far = s->part[p].near = 0.0f;
  return 1;
}
