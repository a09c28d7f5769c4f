/* Any bytes: taken with ids of a lawful size, or rejected with a reason. What the parser of flat objects takes, jansson
 * takes too and finds the same in it. */
#include "ingest/decode.h"
#include "ingest/flat_json.h"
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MEMBERS 3
static const char *const members[MEMBERS] = {"user", "ts", "rating"};

static int is_same(const sol_json_value *flat, const json_t *tree) {
  if (!tree || !json_is_number(tree)) {
    int is_text = tree && json_is_string(tree);
    if (!is_text) return flat->kind == (tree ? json_is_true(tree) ? SOL_JSON_TRUE : SOL_JSON_OTHER : SOL_JSON_ABSENT);
    return flat->kind == SOL_JSON_TEXT && flat->text.size == json_string_length(tree) &&
           memcmp(flat->text.data, json_string_value(tree), flat->text.size) == 0;
  }
  if (json_is_integer(tree) && (flat->kind != SOL_JSON_WHOLE || flat->whole != json_integer_value(tree))) return 0;
  return (json_is_integer(tree) || flat->kind == SOL_JSON_REAL) && flat->real == json_number_value(tree);
}

static void compare_parsers(const uint8_t *data, size_t size) {
  sol_json_value flat[MEMBERS];
  json_error_t error;
  char *copy = malloc(size ? size : 1); /* a read beyond the end is seen */
  if (!copy) return;
  if (size) memcpy(copy, data, size);
  if (sol_flat_json(copy, size, members, MEMBERS, flat)) {
    json_t *tree = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (!json_is_object(tree)) abort();
    for (int i = 0; i < MEMBERS; i++)
      if (!is_same(&flat[i], json_object_get(tree, members[i]))) abort();
    json_decref(tree);
  }
  free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static solid_decoder *decoder;
  if (!decoder && solid_decoder_new(&decoder, 1000) != SOLID_OK) abort();
  solid_event ev = {0};
  solid_reject reject;
  solid_status status = solid_decoder_decode(decoder, data, size, 1700000000000, &ev, &reject);
  if ((status == SOLID_OK) != (reject == SOLID_REJECT_NONE)) abort();
  if (status == SOLID_OK) {
    if (ev.user.size < 1 || ev.user.size > SOLID_ID_MAX || ev.item.size < 1 || ev.item.size > SOLID_ID_MAX) abort();
    if (ev.kind.size > SOLID_ID_MAX || ev.time_ms < 0 || ev.time_ms > 1700000001000) abort();
  }
  compare_parsers(data, size);
  solid_decoder_reset(decoder);
  return 0;
}
