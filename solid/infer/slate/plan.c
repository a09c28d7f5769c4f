#include "solid/infer/slate/plan.h"
#include "solid/extend.h"
#include <math.h>

int sol_slate_has_order(const sol_config *config, sol_order order) {
  return (order == SOL_ORDER_NEAR) == (config->slate_near != 0);
}

uint32_t sol_slate_plan_order(const sol_slate_plan *plan) {
  if (plan->order == SOL_ORDER_NEAR) return SOL_SLATE_NEAR;
  if (plan->order == SOL_ORDER_RASTER) return SOL_SLATE_RASTER;
  return plan->adaptive ? SOL_SLATE_ADAPTIVE : SOL_SLATE_ZIPAR;
}

solid_status sol_slate_plan_name(sol_slate_plan *plan, uint32_t order, uint32_t window, int near) {
  static const sol_order orders[] = {[SOL_SLATE_TRAINED] = SOL_ORDER_RASTER,
                                     [SOL_SLATE_RASTER] = SOL_ORDER_RASTER,
                                     [SOL_SLATE_ZIPAR] = SOL_ORDER_ZIPAR,
                                     [SOL_SLATE_NEAR] = SOL_ORDER_NEAR,
                                     [SOL_SLATE_ADAPTIVE] = SOL_ORDER_ZIPAR};
  if (order > SOL_SLATE_ADAPTIVE)
    return solid_fail(SOLID_ERANGE, "slate: order %u, there are %d .. %d", order, (int)SOL_SLATE_TRAINED,
                      (int)SOL_SLATE_ADAPTIVE);
  int windowed = orders[order] == SOL_ORDER_ZIPAR;
  if (windowed && (window == 0 || window > INT32_MAX))
    return solid_fail(SOLID_ERANGE, "slate: a window of %u columns, it must be 1 or more", window);
  plan->order = order == SOL_SLATE_TRAINED && near ? SOL_ORDER_NEAR : orders[order];
  plan->window = windowed ? (int32_t)window : 0;
  plan->adaptive = order == SOL_SLATE_ADAPTIVE;
  return SOLID_OK;
}

solid_status sol_slate_plan_check(const sol_slate_plan *plan, const sol_config *config) {
  const sol_choosing *how = &plan->how;
  if (plan->rows == 0 || plan->rows > config->slate_rows || plan->rows > config->items)
    return solid_fail(SOLID_ERANGE, "slate: %u rows, the model decodes 1 .. %u of its %u items", plan->rows,
                      config->slate_rows, config->items);
  if (plan->order == SOL_ORDER_ZIPAR && plan->window < 1)
    return solid_fail(SOLID_ERANGE, "slate: a window of %d columns, it must be 1 or more", plan->window);
  if (!(how->guide >= 0 && how->guide <= 1) || !(how->temperature >= 0) || !isfinite(how->temperature) ||
      (how->temperature > 0 && !(how->top_p > 0 && how->top_p <= 1)))
    return solid_fail(SOLID_ERANGE, "slate: guide %g (0 .. 1), temperature %g (0 or more), top_p %g (above 0, to 1)",
                      (double)how->guide, (double)how->temperature, (double)how->top_p);
  if (!sol_slate_has_order(config, plan->order))
    return solid_fail(SOLID_EUNSUPPORTED, "slate: the model's decoder was trained %s; train another for this order",
                      config->slate_near ? "near-to-far" : "raster, which serves ZipAR too");
  return SOLID_OK;
}
