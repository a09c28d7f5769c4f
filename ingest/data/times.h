/* Times: text of one unit to milliseconds, and the one rule of what is plausible, for files and for the stream. */
#ifndef INGEST_DATA_TIMES_H
#define INGEST_DATA_TIMES_H

#include "ingest/data_file.h"

/* 1980-01-01 and 2100-01-01, UTC. Seconds taken for milliseconds lie before, microseconds behind. */
#define SOL_TIME_FIRST_MS INT64_C(315532800000)
#define SOL_TIME_LAST_MS  INT64_C(4102444800000)

static inline int sol_time_is_plausible(int64_t time_ms) {
  return time_ms >= SOL_TIME_FIRST_MS && time_ms < SOL_TIME_LAST_MS;
}

/* "seconds", ... */
const char *sol_time_unit_name(solid_time_unit unit);

#endif
