#include "store/memory/history.h"
#include "solid/extend.h"
#include "store/record/page.h"
#include "store/record/port.h"
#include <stdlib.h>
#include <string.h>

enum { PAGE = SOLID_PAGE_STEPS };

static void free_parts(sol_kept_part *parts, size_t n) {
  for (size_t i = 0; i < n; i++) free(parts[i].data);
  free(parts);
}

void sol_history_free(sol_history *history) {
  if (!history) return;
  for (size_t i = 0; i < history->n_pages; i++) free(history->pages[i]);
  free(history->pages);
  free(history->seen);
  free_parts(history->parts, history->n_parts);
  free(history);
}

size_t sol_history_bytes(const sol_history *history) {
  if (!history) return 0;
  return sizeof *history + history->n_pages * PAGE * sizeof(solid_step) + history->pages_room * sizeof(solid_step *) +
         history->seen_room * sizeof *history->seen + history->state_bytes;
}

static size_t grown(size_t room, size_t needed) {
  return needed <= room ? room : needed + needed / 4;
}

size_t sol_history_more(const sol_history *history) {
  size_t pages = grown(history->pages_room, history->n_pages + 1), seen = history->n_seen + PAGE;
  return PAGE * sizeof(solid_step) + (pages - history->pages_room) * sizeof(solid_step *) +
         (grown(history->seen_room, seen) - history->seen_room) * sizeof *history->seen;
}

static int reserve(sol_history *history) {
  size_t room = grown(history->pages_room, history->n_pages + 1);
  solid_step **pages = realloc(history->pages, room * sizeof *pages);
  if (!pages) return 0;
  history->pages = pages;
  history->pages_room = room;
  room = grown(history->seen_room, history->n_seen + PAGE);
  uint64_t *seen = realloc(history->seen, room * sizeof *seen);
  if (!seen) return 0;
  history->seen = seen;
  history->seen_room = room;
  return 1;
}

/* Merges the page's items into the set, from the back; a full set begins anew with them. */
static void add_seen(sol_history *history, const solid_step *steps, uint64_t first) {
  uint64_t items[PAGE], fresh[PAGE];
  size_t n = history->n_seen, n_fresh = 0;
  for (size_t i = 0; i < PAGE; i++) items[i] = steps[i].item;
  size_t m = sol_seen_sort(items, PAGE);
  for (size_t i = 0, at = 0; i < m; i++) {
    while (at < n && history->seen[at] < items[i]) at++;
    if (at == n || history->seen[at] != items[i]) fresh[n_fresh++] = items[i];
  }
  if (n + n_fresh > SOLID_SEEN_MAX) {
    memcpy(history->seen, items, m * sizeof *items);
    history->n_seen = m;
    history->seen_since = first;
    return;
  }
  history->n_seen += n_fresh;
  for (size_t at = history->n_seen; n_fresh; at--)
    history->seen[at - 1] = n && history->seen[n - 1] > fresh[n_fresh - 1] ? history->seen[--n] : fresh[--n_fresh];
}

solid_status sol_history_add(sol_history *history, const solid_step *steps, uint64_t seq, uint32_t kept,
                             size_t *dropped) {
  solid_step *page = malloc(PAGE * sizeof *page);
  if (!page || !reserve(history)) {
    free(page);
    return solid_fail(SOLID_ENOMEM, "memory store: page of a history");
  }
  memcpy(page, steps, PAGE * sizeof *page);
  add_seen(history, steps, history->first + PAGE * history->n_pages);
  history->pages[history->n_pages++] = page;
  size_t old = 0;
  while (history->first + (old + 1) * PAGE + kept <= seq && old < history->n_pages) free(history->pages[old++]);
  history->n_pages -= old;
  history->first += old * PAGE;
  memmove(history->pages, history->pages + old, history->n_pages * sizeof *history->pages);
  *dropped = old * PAGE;
  return SOLID_OK;
}

void sol_history_read(const sol_history *history, uint64_t from, uint64_t to, solid_step *out) {
  while (from < to) {
    size_t at = (size_t)(from - history->first), within = at % PAGE;
    size_t n = PAGE - within < to - from ? PAGE - within : (size_t)(to - from);
    memcpy(out, history->pages[at / PAGE] + within, n * sizeof *out);
    from += n;
    out += n;
  }
}

/* The parts as they are after the put, those that stay borrowed from before. */
static sol_kept_part *new_parts(const sol_history *history, const solid_state_put *put, size_t n) {
  sol_kept_part *parts = calloc(n, sizeof *parts);
  int is_short = !parts;
  if (parts && put->after) memcpy(parts, history->parts, history->n_parts * sizeof *parts);
  for (size_t i = 0; i < put->n && !is_short; i++) {
    sol_kept_part *part = &parts[put->parts[i].number];
    *part = (sol_kept_part){malloc(put->parts[i].size + 1u), put->parts[i].size};
    is_short = !part->data;
    if (part->data && part->size) memcpy(part->data, put->parts[i].data, part->size);
  }
  if (!is_short) return parts;
  for (size_t i = 0; i < put->n && parts; i++) {
    sol_kept_part *part = &parts[put->parts[i].number];
    size_t at = put->parts[i].number;
    int is_old = put->after && at < history->n_parts && part->data == history->parts[at].data;
    if (!is_old) free(part->data);
    part->data = NULL;
  }
  free(parts);
  return NULL;
}

solid_status sol_history_put_state(sol_history *history, const solid_state_put *put, uint8_t *stored) {
  size_t n = put->n;
  int verdict = sol_port_judge_put(history->n_parts ? &history->stamp : NULL, history->n_parts, put, &n);
  *stored = verdict != SOL_PUT_REFUSED;
  if (verdict != SOL_PUT_WRITTEN) return SOLID_OK;
  sol_kept_part *parts = new_parts(history, put, n);
  if (!parts) return solid_fail(SOLID_ENOMEM, "memory store: state of %zu parts", n);
  for (size_t i = 0; i < history->n_parts; i++) {
    int stays = put->after && parts[i].data == history->parts[i].data;
    if (!stays) free(history->parts[i].data);
  }
  free(history->parts);
  history->parts = parts;
  history->n_parts = n;
  history->stamp = put->stamp;
  history->state_bytes = n * sizeof *parts;
  for (size_t i = 0; i < n; i++) history->state_bytes += parts[i].size;
  return SOLID_OK;
}

void sol_history_read_state(const sol_history *history, uint64_t birth, uint64_t seq, solid_state *state) {
  solid_state_found found = SOLID_STATE_NONE;
  size_t n = history ? history->n_parts : 0;
  if (n && history->stamp.birth == birth) found = sol_port_judge_state(&history->stamp, seq, state);
  sol_port_begin_state(state, found, found ? &history->stamp : NULL, (uint32_t)n);
  if (found != SOLID_STATE_FOUND) return;
  for (size_t i = 0; i < state->count && state->first + i < n; i++)
    sol_port_add_part(state, state->first + (uint32_t)i, history->parts[state->first + i].data,
                      history->parts[state->first + i].size);
  sol_port_end_state(state);
}
