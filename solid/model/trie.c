#include "solid/model/trie.h"
#include "solid/base/arena.h"
#include "solid/extend.h"
#include <stdlib.h>
#include <string.h>

#define CODES (UINT32_C(1) << 16)

/* The trie under construction, its codes, and the memory that only the construction needs. */
typedef struct maker {
  sol_trie *trie;
  const uint16_t *codes; /* (items, levels) */
  uint32_t levels;
  uint32_t *counts;  /* (CODES + 1) */
  uint32_t *other;   /* (items) the order before the column that is being sorted by */
  uint8_t *differs;  /* (items) by place: first column in which it differs from the one before it */
  uint32_t *longest; /* (levels + 2) nodes of a level */
} maker;

/* One pass of a radix sort, stable: trie->item from place `first` on, by the codes of one column. */
static void sort_by(const maker *m, uint32_t first, uint32_t column) {
  const uint16_t *code = m->codes + column;
  uint32_t n = m->trie->items - first, *item = m->trie->item + first;
  memset(m->counts, 0, (CODES + 1) * sizeof *m->counts);
  for (uint32_t i = 0; i < n; i++) m->counts[code[(size_t)item[i] * m->levels] + 1]++;
  for (uint32_t c = 0; c < CODES; c++) m->counts[c + 1] += m->counts[c];
  memcpy(m->other, item, n * sizeof *m->other);
  for (uint32_t i = 0; i < n; i++) item[m->counts[code[(size_t)m->other[i] * m->levels]]++] = m->other[i];
}

/* The first column in which two items differ; `levels` where there is none. */
static uint32_t first_difference(const maker *m, uint32_t a, uint32_t b) {
  const uint16_t *x = m->codes + (size_t)a * m->levels, *y = m->codes + (size_t)b * m->levels;
  uint32_t column = 0;
  while (column < m->levels && x[column] == y[column]) column++;
  return column;
}

/* Those that were sorted before and those behind them, sorted too, become one order; of equal codes those of before
 * come first, as their numbers are lower. */
static void merge(const maker *m, const sol_trie *before) {
  uint32_t *item = m->trie->item, n = m->trie->items - before->items, old = 0, added = 0;
  memcpy(m->other, item + before->items, n * sizeof *m->other);
  while (added < n) {
    int is_next = old == before->items;
    if (!is_next) {
      uint32_t v = m->other[added], w = before->item[old], column = first_difference(m, v, w);
      is_next =
          column < m->levels && m->codes[(size_t)v * m->levels + column] < m->codes[(size_t)w * m->levels + column];
    }
    item[old + added] = is_next ? m->other[added] : before->item[old];
    if (is_next)
      added++;
    else
      old++;
  }
  memcpy(item + old + added, before->item + old, (before->items - old) * sizeof *item);
}

/* Orders the items. */
static void order(const maker *m, const sol_trie *before) {
  uint32_t known = before ? before->items : 0;
  for (uint32_t v = known; v < m->trie->items; v++) m->trie->item[v] = v;
  for (uint32_t column = m->levels; column-- > 0;) sort_by(m, known, column);
  if (before) merge(m, before);
}

/* Numbers those of equal codes, and counts the nodes. */
static void number(const maker *m) {
  sol_trie *t = m->trie;
  for (uint32_t p = 0; p < t->items; p++) {
    uint32_t v = t->item[p], column = p ? first_difference(m, v, t->item[p - 1]) : 0;
    t->place[v] = p;
    t->collision[v] = p && column == m->levels ? t->collision[t->item[p - 1]] + 1 : 0;
    m->differs[p] = (uint8_t)column;
    for (uint32_t l = column + 1; l <= t->columns; l++) m->longest[l]++;
  }
  m->longest[0] = 1;
}

static uint32_t code_of(const maker *m, uint32_t item, uint32_t column) {
  return column < m->levels ? m->codes[(size_t)item * m->levels + column] : m->trie->collision[item];
}

/* A node of level l begins wherever one of the first l columns changes. */
static void fill_level(const maker *m, uint32_t l) {
  sol_trie *t = m->trie;
  sol_trie_level *level = &t->level[l];
  uint32_t n = 0, child = 0;
  for (uint32_t p = 0; p < t->items; p++) {
    int begins = p == 0 || m->differs[p] < l;
    if (begins) {
      level->begin[n] = p;
      if (l) level->code[n] = code_of(m, t->item[p], l - 1);
      if (l && level->code[n] >= t->codes[l - 1]) t->codes[l - 1] = level->code[n] + 1;
      if (level->child) level->child[n] = child;
      n++;
    }
    child += p == 0 || m->differs[p] < l + 1;
  }
  level->begin[n] = t->items;
  if (level->child) level->child[n] = child;
  for (uint32_t i = 0; level->child && i < n; i++)
    if (level->child[i + 1] - level->child[i] > t->widest) t->widest = level->child[i + 1] - level->child[i];
}

static void items_bind(sol_trie *t, sol_arena *arena) {
  t->item = sol_arena_take(arena, t->items, sizeof *t->item);
  t->place = sol_arena_take(arena, t->items, sizeof *t->place);
  t->collision = sol_arena_take(arena, t->items, sizeof *t->collision);
}

static void levels_bind(sol_trie *t, sol_arena *arena) {
  for (uint32_t l = 0; l <= t->columns; l++) {
    sol_trie_level *level = &t->level[l];
    level->begin = sol_arena_take(arena, (size_t)level->nodes + 1, sizeof *level->begin);
    level->code = sol_arena_take(arena, level->nodes, sizeof *level->code);
    if (l < t->columns) level->child = sol_arena_take(arena, (size_t)level->nodes + 1, sizeof *level->child);
  }
}

/* Measures the levels by a first order, then takes the memory of the whole, and carries the order over. */
static solid_status make(maker *m, const sol_trie *before) {
  sol_trie *t = m->trie, first = *t;
  sol_arena arena = {NULL, 0};
  items_bind(&first, &arena);
  char *room = sol_arena_memory(&arena);
  if (!room) return solid_fail(SOLID_ENOMEM, "out of memory: order of %u items", t->items);
  arena = (sol_arena){room, 0};
  items_bind(&first, &arena);
  m->trie = &first;
  order(m, before);
  number(m);
  for (uint32_t l = 0; l <= t->columns; l++) t->level[l].nodes = m->longest[l];
  arena = (sol_arena){NULL, 0};
  items_bind(t, &arena);
  levels_bind(t, &arena);
  t->memory = sol_arena_memory(&arena);
  if (t->memory) {
    arena = (sol_arena){t->memory, 0};
    items_bind(t, &arena);
    levels_bind(t, &arena);
    memcpy(t->item, first.item, t->items * sizeof *t->item);
    memcpy(t->place, first.place, t->items * sizeof *t->place);
    memcpy(t->collision, first.collision, t->items * sizeof *t->collision);
    m->trie = t;
    for (uint32_t l = 0; l <= t->columns; l++) fill_level(m, l);
  }
  free(room);
  return t->memory ? SOLID_OK : solid_fail(SOLID_ENOMEM, "out of memory: tree of %u items", t->items);
}

static solid_status make_of(sol_trie *trie, const uint16_t *codes, uint32_t items, uint32_t levels,
                            const sol_trie *before) {
  sol_trie made = {.items = items, .columns = levels + 1};
  uint32_t longest[SOL_TRIE_COLUMNS + 1] = {0};
  maker m = {.trie = &made, .codes = codes, .levels = levels, .longest = longest};
  m.counts = malloc((CODES + 1) * sizeof *m.counts);
  m.other = malloc(items * sizeof *m.other);
  m.differs = malloc(items);
  solid_status status = m.counts && m.other && m.differs
                            ? make(&m, before)
                            : solid_fail(SOLID_ENOMEM, "out of memory: order of %u items", items);
  free(m.counts);
  free(m.other);
  free(m.differs);
  if (!status) *trie = made;
  return status;
}

solid_status sol_trie_make(sol_trie *trie, const uint16_t *codes, uint32_t items, uint32_t levels) {
  memset(trie, 0, sizeof *trie);
  if (items == 0 || levels > SOL_MAX_LEVELS)
    return solid_fail(SOLID_ERANGE, "trie: %u items of %u codes, there must be items and at most %d codes", items,
                      levels, SOL_MAX_LEVELS);
  return make_of(trie, codes, items, levels, NULL);
}

solid_status sol_trie_add(sol_trie *trie, const uint16_t *codes, uint32_t items) {
  sol_trie more = {0};
  if (items <= trie->items) return SOLID_OK;
  solid_status status = make_of(&more, codes, items, trie->columns - 1, trie);
  if (status) return status;
  sol_trie_clear(trie);
  *trie = more;
  return SOLID_OK;
}

void sol_trie_clear(sol_trie *trie) {
  free(trie->memory);
  memset(trie, 0, sizeof *trie);
}
