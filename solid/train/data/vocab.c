#include "solid/train/data/vocab.h"
#include "solid/base/fetch.h"
#include "solid/base/same.h"
#include "solid/base/table.h"
#include "solid/extend.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DIGITS 18
#define AT_ONCE    32 /* strings whose memory is asked for before it is looked at */

solid_bytes solid_vocab_id(const solid_vocab *vocab, uint32_t index) {
  if (index >= vocab->count) return (solid_bytes){NULL, 0};
  return (solid_bytes){vocab->bytes + vocab->offsets[index], vocab->offsets[index + 1] - vocab->offsets[index]};
}

static int is_string(const void *owner, uint32_t number, const void *key) {
  solid_bytes held = solid_vocab_id(owner, number);
  const solid_bytes *id = key;
  return held.size == id->size && sol_same(held.data, id->data, id->size);
}

static uint32_t find_hashed(const solid_vocab *vocab, solid_bytes id, uint64_t hash) {
  if (vocab->table != NULL) return sol_table_find(vocab->table, hash, is_string, vocab, &id);
  for (uint32_t i = 0; i < vocab->count; i++)
    if (is_string(vocab, i, &id)) return i;
  return SOLID_NO_ID;
}

uint32_t solid_vocab_find(const solid_vocab *vocab, solid_bytes id) {
  return find_hashed(vocab, id, sol_table_hash(id.data, id.size));
}

static void add_to_table(solid_vocab *vocab, uint32_t index) {
  solid_bytes id = solid_vocab_id(vocab, index);
  sol_table_add(vocab->table, sol_table_hash(id.data, id.size), index);
}

/* Room for one more string, in the table too. */
static solid_status grow_strings(solid_vocab *vocab) {
  if (vocab->table == NULL && (vocab->table = calloc(1, sizeof *vocab->table)) == NULL)
    return solid_fail(SOLID_ENOMEM, "no memory for a vocabulary");
  if (vocab->count < vocab->capacity) return SOLID_OK;
  if (vocab->capacity >= 1u << 30) return solid_fail(SOLID_ERANGE, "vocabulary of more than %u strings", 1u << 30);
  uint32_t capacity = vocab->capacity ? 2 * vocab->capacity : 64;
  uint32_t *offsets = realloc(vocab->offsets, ((size_t)capacity + 1) * sizeof *offsets);
  if (offsets != NULL) {
    vocab->offsets = offsets;
    vocab->offsets[vocab->count] = vocab->count ? vocab->offsets[vocab->count] : 0;
  }
  if (offsets == NULL || !sol_table_reserve(vocab->table, capacity))
    return solid_fail(SOLID_ENOMEM, "no memory for a vocabulary of %u strings", capacity);
  vocab->capacity = capacity;
  return SOLID_OK;
}

static solid_status grow_bytes(solid_vocab *vocab, size_t more) {
  size_t used = vocab->count ? vocab->offsets[vocab->count] : 0;
  if (more > UINT32_MAX - used) return solid_fail(SOLID_ERANGE, "vocabulary of more than %u bytes", UINT32_MAX);
  if (used + more <= vocab->byte_capacity) return SOLID_OK;
  size_t capacity = vocab->byte_capacity ? 2 * (size_t)vocab->byte_capacity : 1024;
  if (capacity < used + more) capacity = used + more;
  if (capacity > UINT32_MAX) capacity = UINT32_MAX;
  char *bytes = realloc(vocab->bytes, capacity);
  if (!bytes) return solid_fail(SOLID_ENOMEM, "no memory for a vocabulary of %zu bytes", capacity);
  vocab->bytes = bytes;
  vocab->byte_capacity = (uint32_t)capacity;
  return SOLID_OK;
}

static solid_status add_hashed(solid_vocab *vocab, solid_bytes id, uint64_t hash, uint32_t *index) {
  *index = find_hashed(vocab, id, hash);
  if (*index != SOLID_NO_ID) return SOLID_OK;
  solid_status status = grow_strings(vocab);
  if (!status) status = grow_bytes(vocab, id.size);
  if (status) return status;
  uint32_t begin = vocab->offsets[vocab->count];
  if (id.size) memcpy(vocab->bytes + begin, id.data, id.size);
  *index = vocab->count++;
  vocab->offsets[vocab->count] = begin + (uint32_t)id.size;
  sol_table_add(vocab->table, hash, *index);
  return SOLID_OK;
}

solid_status sol_vocab_add(solid_vocab *vocab, solid_bytes id, uint32_t *index) {
  return add_hashed(vocab, id, sol_table_hash(id.data, id.size), index);
}

/* A search reads a slot, then where the string is, then the string: each is asked for, of all, before the next. */
static void fetch_all(const solid_vocab *vocab, const solid_bytes *ids, size_t n, uint64_t *hashes) {
  uint32_t likely[AT_ONCE];
  for (size_t i = 0; i < n; i++) {
    hashes[i] = sol_table_hash(ids[i].data, ids[i].size);
    if (vocab->table != NULL) sol_table_fetch(vocab->table, hashes[i]);
  }
  if (vocab->table == NULL) return;
  for (size_t i = 0; i < n; i++) {
    likely[i] = sol_table_likely(vocab->table, hashes[i]);
    if (likely[i] != SOL_NO_NUMBER) SOL_FETCH(&vocab->offsets[likely[i]]);
  }
  for (size_t i = 0; i < n; i++)
    if (likely[i] != SOL_NO_NUMBER) SOL_FETCH(vocab->bytes + vocab->offsets[likely[i]]);
}

solid_status sol_vocab_add_all(solid_vocab *vocab, const solid_bytes *ids, size_t n, uint32_t *indices) {
  uint64_t hashes[AT_ONCE];
  solid_status status = SOLID_OK;
  for (size_t i = 0; i < n && !status; i++) {
    if (i % AT_ONCE == 0) fetch_all(vocab, ids + i, n - i < AT_ONCE ? n - i : AT_ONCE, hashes);
    status = add_hashed(vocab, ids[i], hashes[i % AT_ONCE], &indices[i]);
  }
  return status;
}

void sol_vocab_find_all(const solid_vocab *vocab, const solid_bytes *ids, size_t n, uint32_t *indices) {
  uint64_t hashes[AT_ONCE];
  for (size_t i = 0; i < n; i++) {
    if (i % AT_ONCE == 0) fetch_all(vocab, ids + i, n - i < AT_ONCE ? n - i : AT_ONCE, hashes);
    indices[i] = find_hashed(vocab, ids[i], hashes[i % AT_ONCE]);
  }
}

static int parse_integer(solid_bytes id, int64_t *value) {
  size_t i = id.size && id.data[0] == '-';
  if (i == id.size || id.size - i > MAX_DIGITS) return 0;
  int64_t sum = 0;
  for (size_t j = i; j < id.size; j++) {
    if (id.data[j] < '0' || id.data[j] > '9') return 0;
    sum = 10 * sum + (id.data[j] - '0');
  }
  *value = i ? -sum : sum;
  return 1;
}

int sol_vocab_is_integers(const solid_vocab *vocab) {
  int64_t value;
  for (uint32_t i = 0; i < vocab->count; i++)
    if (!parse_integer(solid_vocab_id(vocab, i), &value)) return 0;
  return vocab->count > 0;
}

typedef struct numbered {
  int64_t value;
  uint32_t index;
} numbered;

static int by_value(const void *a, const void *b) {
  const numbered *x = a, *y = b;
  if (x->value != y->value) return x->value < y->value ? -1 : 1;
  return (x->index > y->index) - (x->index < y->index);
}

solid_status sol_vocab_sort_integers(solid_vocab *vocab, uint32_t *new_index) {
  if (!vocab->count) return SOLID_OK;
  numbered *order = malloc(vocab->count * sizeof *order);
  char *bytes = malloc(vocab->byte_capacity);
  uint32_t *offsets = malloc(((size_t)vocab->capacity + 1) * sizeof *offsets);
  if (!order || !bytes || !offsets) {
    free(order);
    free(bytes);
    free(offsets);
    return solid_fail(SOLID_ENOMEM, "no memory to sort a vocabulary of %u strings", vocab->count);
  }
  for (uint32_t i = 0; i < vocab->count; i++) {
    order[i].index = i;
    int is_integer = parse_integer(solid_vocab_id(vocab, i), &order[i].value);
    assert(is_integer);
    (void)is_integer;
  }
  qsort(order, vocab->count, sizeof *order, by_value);
  offsets[0] = 0;
  for (uint32_t i = 0; i < vocab->count; i++) {
    solid_bytes id = solid_vocab_id(vocab, order[i].index);
    memcpy(bytes + offsets[i], id.data, id.size);
    offsets[i + 1] = offsets[i] + (uint32_t)id.size;
    new_index[order[i].index] = i;
  }
  free(vocab->bytes);
  free(vocab->offsets);
  vocab->bytes = bytes;
  vocab->offsets = offsets;
  sol_table_empty(vocab->table);
  for (uint32_t i = 0; i < vocab->count; i++) add_to_table(vocab, i);
  free(order);
  return SOLID_OK;
}

void sol_vocab_clear(solid_vocab *vocab) {
  free(vocab->offsets);
  free(vocab->bytes);
  if (vocab->table != NULL) sol_table_clear(vocab->table);
  free(vocab->table);
  *vocab = (solid_vocab){0};
}
