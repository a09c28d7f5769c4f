/* Appends, cut into steps that stay within open chunks and within the rows in flight. */
#include "solid/extend.h"
#include "solid/infer/state/parts.h"

static solid_status check(sol_states *s, const sol_newer *newer, size_t n) {
  for (size_t i = 0; i < s->slots; i++) s->of_slot[i] = -1;
  for (size_t i = 0; i < n; i++) {
    if (newer[i].slot >= s->slots || s->of_slot[newer[i].slot] >= 0)
      return solid_fail(SOLID_EINVAL, "attention states: slot %zu of %zu%s", newer[i].slot, s->slots,
                        newer[i].slot < s->slots ? " occurs twice" : "");
    if (newer[i].n > INT32_MAX - s->slot[newer[i].slot].events)
      return solid_fail(SOLID_ERANGE, "attention states: %zu events behind %llu, a state has at most %d", newer[i].n,
                        (unsigned long long)s->slot[newer[i].slot].events, INT32_MAX);
    for (size_t j = 0; j < newer[i].n; j++)
      if (newer[i].items[j] >= s->config->items)
        return solid_fail(SOLID_ERANGE, "attention states: item %u, the model has %u", newer[i].items[j],
                          s->config->items);
    s->of_slot[newer[i].slot] = (int32_t)i;
    s->taken[newer[i].slot] = 0;
  }
  return SOLID_OK;
}

/* As much of every append as its open chunk and the rows at once have room for. Every one gets a row at least. */
static size_t next_stretches(sol_states *s, const sol_newer *newer, size_t *rows) {
  size_t n = 0, waiting = 0;
  for (size_t slot = 0; slot < s->slots; slot++) {
    const sol_newer *a = s->of_slot[slot] < 0 ? NULL : &newer[s->of_slot[slot]];
    waiting += a && a->n > s->taken[slot];
  }
  *rows = 0;
  for (size_t slot = 0; slot < s->slots; slot++) {
    const sol_newer *a = s->of_slot[slot] < 0 ? NULL : &newer[s->of_slot[slot]];
    if (!a || a->n == s->taken[slot]) continue;
    size_t left = a->n - s->taken[slot], room = s->rows - *rows - --waiting;
    size_t m = sol_least_size(sol_least_size(left, s->C - s->slot[slot].open), room);
    s->stretches[n++] = (sol_stretch){.slot = slot, .items = a->items + s->taken[slot], .n = m, .last = m == left};
    *rows += m;
  }
  return n;
}

/* Steps over the host's side of a slot: m more events. */
static void advance(sol_states *s, const sol_stretch *of) {
  sol_slot *slot = &s->slot[of->slot];
  for (size_t i = 0; i < of->n; i++) s->open_items[of->slot * s->C + slot->open + i] = of->items[i];
  slot->events += of->n;
  slot->open += (uint32_t)of->n;
  s->taken[of->slot] += of->n;
}

static solid_status close_full(sol_states *s, size_t n) {
  solid_status status = SOLID_OK;
  size_t full = 0;
  for (size_t i = 0; i < n; i++)
    if (s->slot[s->stretches[i].slot].open == s->C) s->full[full++] = s->stretches[i].slot;
  for (size_t i = 0; i < full && !status; i += SOL_CLOSED_AT_ONCE)
    status = sol_states_close(s, s->full + i, sol_least_size(full - i, SOL_CLOSED_AT_ONCE));
  return status;
}

/* Of every append, whether it had events or not. */
static solid_status give_h(sol_states *s, const sol_newer *newer, size_t n) {
  sol_run run = {s->be, s->be->ops->unified ? SOLID_OK : s->be->ops->sync(s->be)};
  for (size_t i = 0; i < n; i++) s->host_ints[i] = s->slot[newer[i].slot].events ? (int32_t)newer[i].slot : -1;
  if (!run.status) run.status = sol_states_send(s, n);
  gather(&run, (int32_t)n, (int32_t)s->d, (int32_t)s->slots, s->last, s->ints, 0, s->h);
  return run.status;
}

/* Numbers of a slot's next m events are counted from near enough. */
static solid_status count_near(sol_states *s, size_t slot, size_t m) {
  const sol_slot *of = &s->slot[slot];
  return of->events + m - of->base >= s->rebase ? sol_states_rebase(s, slot) : SOLID_OK;
}

/* Whole chunks behind closed ones, two and more, but for the newest event. Returns how many slots have some. */
static size_t next_chunks(sol_states *s, const sol_newer *newer) {
  size_t n = 0, left = s->rows / s->C;
  for (size_t slot = 0; slot < s->slots && n < SOL_PREFILLED_AT_ONCE && left > 1; slot++) {
    const sol_newer *a = s->of_slot[slot] < 0 ? NULL : &newer[s->of_slot[slot]];
    if (!a || s->slot[slot].open || a->n - s->taken[slot] <= 2 * s->C) continue;
    size_t m = sol_least_size((a->n - s->taken[slot] - 1) / s->C, left);
    s->stretches[n++] = (sol_stretch){.slot = slot, .items = a->items + s->taken[slot], .n = m * s->C};
    left -= m;
  }
  return n;
}

static solid_status run_chunks(sol_states *s, const sol_newer *newer) {
  solid_status status = SOLID_OK;
  size_t n;
  while (!status && (n = next_chunks(s, newer)) > 0) {
    for (size_t i = 0; i < n && !status; i++) status = count_near(s, s->stretches[i].slot, s->stretches[i].n);
    if (!status) status = sol_states_prefill(s, s->stretches, n);
    for (size_t i = 0; i < n && !status; i++) {
      s->slot[s->stretches[i].slot].events += s->stretches[i].n;
      s->taken[s->stretches[i].slot] += s->stretches[i].n;
    }
  }
  return status;
}

static solid_status run(sol_states *s, const sol_newer *newer, size_t n) {
  size_t rows, stretches;
  solid_status status = run_chunks(s, newer);
  while (!status && (stretches = next_stretches(s, newer, &rows)) > 0) {
    for (size_t i = 0; i < stretches && !status; i++) status = count_near(s, s->stretches[i].slot, s->C);
    if (!status) status = sol_states_step(s, s->stretches, stretches, rows);
    for (size_t i = 0; i < stretches && !status; i++) advance(s, &s->stretches[i]);
    if (!status) status = close_full(s, stretches);
    if (!status) status = run_chunks(s, newer);
  }
  return status ? status : give_h(s, newer, n);
}

solid_status sol_states_append(sol_states *s, const sol_newer *newer, size_t n, const float **h) {
  solid_status status = check(s, newer, n);
  if (status) return status;
  status = run(s, newer, n);
  *h = s->h;
  if (!status) return SOLID_OK;
  s->be->ops->sync(s->be);
  for (size_t i = 0; i < n; i++) sol_states_clear(s, newer[i].slot);
  return sol_backend_fail(s->be, status);
}

solid_status sol_states_send(sol_states *s, size_t ints) {
  return s->be->ops->unified ? SOLID_OK : s->be->ops->upload(s->be, s->ints, s->host_ints, ints * sizeof(int32_t));
}
