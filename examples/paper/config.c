#include "examples/paper/config.h"
#include "solid/extend.h"
#include <math.h>

const char *const sol_paper_backbones[3] = {"sasrec", "gru4rec", "din"};
const char *const sol_paper_heads[3] = {"base", "duet", "solid"};
const char *const sol_paper_forms[2] = {"faithful", "fixed"};

static solid_status check_range(const char *name, uint32_t value, uint32_t low, uint32_t high) {
  if (value >= low && value <= high) return SOLID_OK;
  return solid_fail(SOLID_EINVAL, "paper %s is %u, not %u to %u", name, value, low, high);
}

solid_status sol_paper_config_check(const sol_paper_config *config) {
  solid_status status = check_range("backbone", (uint32_t)config->backbone, 0, 2);
  if (status == SOLID_OK) status = check_range("head", (uint32_t)config->head, 0, 2);
  if (status == SOLID_OK) status = check_range("form", (uint32_t)config->form, 0, 1);
  if (status == SOLID_OK) status = check_range("items", config->items, 2, 1u << 24);
  if (status == SOLID_OK) status = check_range("width", config->width, 1, 256);
  if (status == SOLID_OK) status = check_range("heads", config->heads, 1, config->width);
  if (status == SOLID_OK) status = check_range("window", config->window, 1, 4096);
  if (status != SOLID_OK) return status;
  if (config->width % config->heads != 0)
    return solid_fail(SOLID_EINVAL, "paper width %u is no multiple of %u heads", config->width, config->heads);
  if (config->head != SOL_PAPER_SOLID) return SOLID_OK;
  status = check_range("semantics", config->semantics, 2, 1u << 20);
  if (status == SOLID_OK) status = check_range("clusters", config->clusters, 1, config->semantics - 1);
  if (status == SOLID_OK && !(config->clip >= 0 && isfinite(config->clip)))
    status = solid_fail(SOLID_EINVAL, "paper clip is %g, not 0 or more", (double)config->clip);
  if (status == SOLID_OK && !(config->weight >= 0 && isfinite(config->weight)))
    status = solid_fail(SOLID_EINVAL, "paper weight is %g, not 0 or more", (double)config->weight);
  return status;
}

uint32_t sol_paper_layer_count(const sol_paper_config *config) {
  return config->backbone == SOL_PAPER_DIN ? 3 : 2;
}

void sol_paper_layer_sides(const sol_paper_config *config, uint32_t n, int32_t *in, int32_t *out) {
  int32_t d = (int32_t)config->width;
  const int32_t din[SOL_PAPER_LAYERS + 1] = {2 * d, 4 * d, 2 * d, 1};
  *in = config->backbone == SOL_PAPER_DIN ? din[n] : d;
  *out = config->backbone == SOL_PAPER_DIN ? din[n + 1] : d;
}
