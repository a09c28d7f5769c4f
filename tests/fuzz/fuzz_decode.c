/* Any bytes: taken with ids of a lawful size, or rejected with a reason. */
#include "ingest/decode.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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
  solid_decoder_reset(decoder);
  return 0;
}
