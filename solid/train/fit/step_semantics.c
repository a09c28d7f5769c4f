/* The codes and attributes of a step's items; on the device there is one list of all items for each level and slot. */
#include "solid/extend.h"
#include "solid/train/fit/step.h"
#include <stdlib.h>
#include <string.h>

size_t sol_step_code_ints(const sol_config *config) {
  return (size_t)config->levels * config->items;
}

size_t sol_step_semantic_ints(const sol_config *config) {
  return sol_step_code_ints(config) + (size_t)config->slots * config->items;
}

static solid_status upload(sol_step *s, size_t first, const int32_t *ints, size_t n) {
  solid_status status = s->be->ops->upload(s->be, s->ints + first, ints, n * sizeof *ints);
  if (status == SOLID_OK) status = s->be->ops->sync(s->be);
  return status == SOLID_OK ? SOLID_OK : solid_fail(status, "%s", s->be->err);
}

solid_status sol_step_recode(sol_step *step, const uint16_t *codes) {
  const sol_config *config = &step->config;
  size_t n = sol_step_code_ints(config), V = config->items, C = config->levels;
  step->codes = codes;
  if (n == 0) return SOLID_OK;
  int32_t *turned = malloc(n * sizeof *turned);
  if (turned == NULL) return solid_fail(SOLID_ENOMEM, "codes of %u items", config->items);
  for (size_t v = 0; v < V; v++)
    for (size_t c = 0; c < C; c++) turned[c * V + v] = codes[v * C + c];
  solid_status status = upload(step, 0, turned, n);
  free(turned);
  return status;
}

void sol_step_pack_semantics(const sol_step *step, size_t n, const uint32_t *items, int32_t *host) {
  size_t C = step->config.levels, S = step->config.slots;
  for (size_t i = 0; i < n; i++)
    for (size_t c = 0; c < C; c++) host[c * n + i] = step->codes[items[i] * C + c];
  host += C * n;
  for (size_t i = 0; i < n; i++)
    for (size_t s = 0; s < S; s++) {
      uint32_t a = step->attributes ? step->attributes[items[i] * S + s] : SOL_NO_ATTRIBUTE;
      host[s * n + i] = a == SOL_NO_ATTRIBUTE ? -1 : (int32_t)a;
    }
}

solid_status sol_step_set_attributes(sol_step *step, const uint32_t *attributes) {
  const sol_config *config = &step->config;
  size_t n = (size_t)config->slots * config->items;
  step->attributes = attributes;
  if (n == 0) return SOLID_OK;
  int32_t *turned = malloc(n * sizeof *turned);
  if (turned == NULL) return solid_fail(SOLID_ENOMEM, "attributes of %u items", config->items);
  if (attributes != NULL)
    sol_catalogue_turn_attributes(config, attributes, turned);
  else
    memset(turned, 0xff, n * sizeof *turned);
  solid_status status = upload(step, sol_step_code_ints(config), turned, n);
  free(turned);
  return status;
}
