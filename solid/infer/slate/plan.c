#include "solid/infer/slate/plan.h"
#include "solid/extend.h"
#include <math.h>

int sol_slate_has_order(const sol_config *config, sol_order order) {
  return (order == SOL_ORDER_NEAR) == (config->slate_near != 0);
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
