/* How many keys a trained model's attention reads: a history goes through an attention state chunk by chunk, which says
 * what each chunk keeps of the ones before. */
#include "solid/extend.h"
#include "solid/infer/state/states.h"
#include "solid/model/model_parts.h"
#include "solid/train/evaluate.h"
#include <stdlib.h>

typedef struct counting {
  const solid_model *model;
  const sol_config *config;
  sol_states *states;
  uint32_t *items; /* (window) */
  double pairs, all;
} counting;

/* A chunk of m rows: each reads what is kept, and the chunk up to itself. */
static solid_status count_chunk(counting *c, const uint32_t *items, size_t m) {
  const float *h;
  const uint32_t *events;
  for (uint32_t b = 0; b < c->config->blocks; b++)
    for (uint32_t head = 0; head < c->config->heads; head++)
      c->pairs += (double)m * (double)sol_states_kept(c->states, 0, b, head, &events) + (double)m * (double)(m + 1) / 2;
  return sol_states_append(c->states, &(sol_newer){0, items, m}, 1, &h);
}

static solid_status count_window(counting *c, const solid_dataset *dataset, solid_range known) {
  size_t n = 0, chunk = c->config->select_chunk;
  size_t first = known.end - known.begin > c->config->window ? known.end - c->config->window : known.begin;
  for (size_t e = first; e < known.end; e++) {
    uint32_t item = solid_model_item_index(c->model, solid_vocab_id(&dataset->item_ids, dataset->sequence[e]));
    if (item != SOLID_NO_ITEM) c->items[n++] = item;
  }
  solid_status status = SOLID_OK;
  sol_states_clear(c->states, 0);
  for (size_t at = 0; at < n && !status; at += chunk)
    status = count_chunk(c, c->items + at, n - at < chunk ? n - at : chunk);
  c->all += (double)n * (double)(n + 1) / 2 * c->config->heads * c->config->blocks;
  return status;
}

solid_status solid_evaluate_density(double *density, uint32_t *users, const solid_model *model,
                                    const solid_dataset *dataset, solid_part part) {
  if (!density || !users || !model || !dataset) return solid_fail(SOLID_EINVAL, "density: an argument is NULL");
  counting c = {.model = model, .config = sol_model_config(model)};
  *density = 1, *users = 0;
  if (c.config->attention != SOL_ATTENTION_SPARSE || c.config->positions != SOL_POSITIONS_ROTARY) return SOLID_OK;
  uint32_t asked = solid_split_users(dataset, part), every = asked / SOLID_DENSITY_USERS + 1, at = 0;
  sk_backend *be = NULL;
  solid_status status = sol_backend_open(sol_model_context(model), &be);
  if (!status) status = sol_states_new(&c.states, model, be, 1, c.config->select_chunk);
  c.items = malloc((c.config->window + (size_t)1) * sizeof *c.items);
  if (!status && !c.items) status = solid_fail(SOLID_ENOMEM, "out of memory: window of %u", c.config->window);
  for (uint32_t u = 0; u < dataset->users && !status; u++) {
    solid_range known;
    if (!solid_split_question(dataset, u, part, &known) || at++ % every) continue;
    status = count_window(&c, dataset, known);
    ++*users;
  }
  if (!status && c.all > 0) *density = c.pairs / c.all;
  sol_states_free(c.states);
  if (be) be->ops->close(be);
  free(c.items);
  return status;
}
