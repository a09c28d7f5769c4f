/* Events as JSON: lines as a stream brings them, and one object of histories. */
#include "ingest/data/file.h"
#include "ingest/decode.h"
#include "solid/base/text.h"
#include <math.h>

static solid_status read_event(solid_data_file *file, solid_decoder *decoder) {
  solid_event event = {0};
  solid_reject reject;
  solid_status status = solid_decoder_decode(decoder, file->lines.line, file->lines.size, 0, &event, &reject);
  if (status == SOLID_EFORMAT) status = sol_bad_line(file, sol_lines_fail(&file->lines, "%s", solid_last_error()));
  if (status == SOLID_OK && reject == SOLID_REJECT_NONE) {
    status = sol_take_event(file, &event, solid_decoder_get_rating(decoder));
  }
  solid_decoder_reset(decoder);
  return status;
}

solid_status sol_read_event_lines(solid_data_file *file) {
  solid_decoder *decoder = NULL;
  int more = 1;
  solid_status status = solid_decoder_new(&decoder, SOLID_ANY_TIME);
  solid_decoder_set_worth(decoder, file->options.worth);
  while (status == SOLID_OK) {
    status = sol_lines_next(&file->lines, &more);
    if (status != SOLID_OK || !more) break;
    status = read_event(file, decoder);
  }
  solid_decoder_free(decoder);
  return status;
}

static solid_status read_history(void *context, solid_bytes user, const sol_list *items) {
  solid_data_file *file = context;
  solid_status status = SOLID_OK;
  for (size_t i = 0; i < items->count && status == SOLID_OK; i++) {
    if (items->at[i].size < 1 || items->at[i].size > SOLID_ID_MAX)
      return solid_fail(SOLID_EFORMAT, "%s: user \"%s\": item of %zu bytes, want 1 to %d", file->path,
                        sol_show(user.data, user.size).text, items->at[i].size, SOLID_ID_MAX);
    const solid_event event = {.user = user, .item = items->at[i], .time_ms = sol_event_batch_count(file->batch)};
    status = sol_event_batch_add(file->batch, &event, NAN);
  }
  return status;
}

solid_status sol_read_histories(solid_data_file *file) {
  return sol_json_lists(&file->lines, read_history, file);
}
