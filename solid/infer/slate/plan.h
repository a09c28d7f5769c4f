/* How slates are decoded: what a caller chooses, and whether a model can. */
#ifndef SOLID_INFER_SLATE_PLAN_H
#define SOLID_INFER_SLATE_PLAN_H

#include "solid/infer/slate/grid.h"
#include "solid/infer/slate/slate.h"
#include "solid/model/config.h"

/* One operation decodes whole slates where it can (greedy, under a guide below 1); otherwise every step goes through
 * the host. Left to itself a slater takes the operation where the back end records, which waits long for a host: on a
 * CPU the steps are faster, because their products serve all rows of a step at once. */
typedef enum sol_slate_run { SOL_SLATE_EITHER, SOL_SLATE_STEPS, SOL_SLATE_OPERATION } sol_slate_run;

/* The numbers of solid_slate_order. */
enum { SOL_SLATE_TRAINED, SOL_SLATE_RASTER, SOL_SLATE_ZIPAR, SOL_SLATE_NEAR, SOL_SLATE_ADAPTIVE };

typedef struct sol_slate_plan {
  sol_order order;
  int32_t window; /* ZipAR */
  int adaptive;   /* of ZipAR: rows begin by `window`, and what is chosen too early is tested again (adaptive.h) */
  uint32_t rows;  /* K */
  sol_choosing how;
  uint64_t seed; /* of drawing; user i draws by seed + i */
  sol_slate_run run;
} sol_slate_plan;

/* 1 where the model's decoder can go in this order: raster and ZipAR are one training, near-to-far is another. */
int sol_slate_has_order(const sol_config *config, sol_order order);

/* Order and window of a plan as a caller names them (window is read where the order has one), for a model whose decoder
 * was trained near-to-far or not. ERANGE: an order that is none, a window. */
solid_status sol_slate_plan_name(sol_slate_plan *plan, uint32_t order, uint32_t window, int near);

/* The other way: never SOL_SLATE_TRAINED. */
uint32_t sol_slate_plan_order(const sol_slate_plan *plan);

/* ERANGE: rows, window, guide, temperature, top_p. EUNSUPPORTED: the order. */
solid_status sol_slate_plan_check(const sol_slate_plan *plan, const sol_config *config);

#endif
