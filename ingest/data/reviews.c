/* Reviews of Amazon, an object a line, with much that is not read:
 *   2014, 2018   {"reviewerID": "A...", "asin": "...", "overall": 5.0, "unixReviewTime": 1391040000, ...}
 *   2023         {"user_id": "...", "parent_asin": "...", "rating": 5.0, "timestamp": 1588687728923, ...}
 * In 2023 the item is the parent: its variants (asin) are one product. */
#include "ingest/data/file.h"
#include <jansson.h>
#include <math.h>
#include <string.h>

typedef struct review_keys {
  const char *user, *item, *rating, *time;
  int64_t ms; /* a unit of time */
} review_keys;

static const review_keys forms[] = {{"reviewerID", "asin", "overall", "unixReviewTime", 1000},
                                    {"user_id", "parent_asin", "rating", "timestamp", 1}};

/* The form of an object, or NULL. */
static const review_keys *form_of(const json_t *root) {
  for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
    if (json_is_string(json_object_get(root, forms[i].user)) && json_is_string(json_object_get(root, forms[i].item)) &&
        json_is_number(json_object_get(root, forms[i].time)))
      return &forms[i];
  return NULL;
}

int sol_is_review(const void *json) {
  return form_of(json) != NULL;
}

static solid_status take_review(solid_data_file *file, const json_t *root) {
  const review_keys *keys = form_of(root);
  if (!keys)
    return sol_lines_fail(&file->lines,
                          "no review: want reviewerID, asin, unixReviewTime, or user_id, parent_asin, timestamp");
  const json_t *user = json_object_get(root, keys->user), *item = json_object_get(root, keys->item);
  const json_t *rating = json_object_get(root, keys->rating);
  double score = json_is_number(rating) ? json_number_value(rating) : NAN;
  double time = json_number_value(json_object_get(root, keys->time));
  if (!(fabs(time) < 1e15)) return sol_lines_fail(&file->lines, "%s: %g is not a time", keys->time, time);
  solid_event event = {.user = {json_string_value(user), json_string_length(user)},
                       .item = {json_string_value(item), json_string_length(item)},
                       .time_ms = (int64_t)time * keys->ms};
  solid_status status = sol_check_id(&file->lines, "user", event.user);
  if (status == SOLID_OK) status = sol_check_id(&file->lines, "item", event.item);
  if (status == SOLID_OK) status = solid_worth_of(file->options.worth, event.kind, score, &event.worth);
  if (status == SOLID_EFORMAT) return status;
  return status == SOLID_OK ? sol_take_event(file, &event, score) : status;
}

solid_status sol_read_reviews(solid_data_file *file) {
  solid_status status = SOLID_OK;
  int more = 1;
  while (status == SOLID_OK) {
    json_error_t error;
    status = sol_lines_next(&file->lines, &more);
    if (status != SOLID_OK || !more) break;
    json_t *root = json_loadb(file->lines.line, file->lines.size, 0, &error);
    status = root ? take_review(file, root)
                  : sol_lines_fail(&file->lines, "does not decode: byte %d: %s", error.position, error.text);
    json_decref(root);
    if (status != SOLID_OK) status = sol_bad_line(file, status);
  }
  return status == SOLID_OK ? sol_timeline_send(&file->timeline, file->batch, &file->lines) : status;
}
