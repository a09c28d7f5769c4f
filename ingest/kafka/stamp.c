#include "ingest/kafka/stamp.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

size_t sol_stamp_write(const sol_stamp *stamp, char *out) {
  char epoch[2 * sizeof stamp->epoch + 1] = "-";
  for (size_t i = 0; stamp->has_epoch && i < sizeof stamp->epoch; i++)
    snprintf(epoch + 2 * i, sizeof epoch - 2 * i, "%02x", stamp->epoch[i]);
  int size =
      snprintf(out, SOL_STAMP_ROOM, "solid1 %016" PRIx64 " %" PRId64 " %" PRId64 " %016" PRIx64 "%016" PRIx64 " %s",
               stamp->stream, stamp->anchor.offset, stamp->anchor.time_ms, stamp->anchor.hash.high,
               stamp->anchor.hash.low, epoch);
  return (size_t)size;
}

void sol_stamp_read(sol_stamp *stamp, const char *text, size_t size) {
  char copy[SOL_STAMP_ROOM], epoch[2 * sizeof stamp->epoch + 2] = "";
  sol_stamp read = {.offset = stamp->offset};
  *stamp = read;
  if (!text || size >= sizeof copy) return;
  memcpy(copy, text, size);
  copy[size] = 0;
  if (sscanf(copy, "solid1 %16" SCNx64 " %" SCNd64 " %" SCNd64 " %16" SCNx64 "%16" SCNx64 " %33s", &read.stream,
             &read.anchor.offset, &read.anchor.time_ms, &read.anchor.hash.high, &read.anchor.hash.low, epoch) != 6)
    return;
  if (read.anchor.offset < 0) return;
  if (strcmp(epoch, "-") != 0) {
    unsigned byte;
    if (strlen(epoch) != 2 * sizeof read.epoch) return;
    for (size_t i = 0; i < sizeof read.epoch; i++) {
      if (sscanf(epoch + 2 * i, "%2x", &byte) != 1) return;
      read.epoch[i] = (uint8_t)byte;
    }
    read.has_epoch = 1;
  }
  *stamp = read;
}
