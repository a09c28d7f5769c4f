/* When a user's parameters are made. A window is always written at once; parameters are most of an event's cost, and
 * what their age costs in quality differs from data to data (tests/bench/ACCURACY.md, "What old parameters cost").
 *
 *   eager      after every batch
 *   lazy       by the first question that wants them
 *   every:N    when they are N events old
 *   every:Ts   when they are T seconds old and the window has moved
 *
 * The decision depends only on what is stored (seq of the window; seq, time and generation of the params), so that
 * restarts and several writers agree. */
#ifndef SOLID_GENERATE_H
#define SOLID_GENERATE_H

#include "solid/store.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum solid_generate_mode {
  SOLID_GENERATE_EAGER = 0,
  SOLID_GENERATE_LAZY = 1,
  SOLID_GENERATE_EVENTS = 2, /* every:N */
  SOLID_GENERATE_TIME = 3    /* every:Ts */
} solid_generate_mode;

/* Zero-initialised: eager. */
typedef struct solid_generate {
  uint32_t mode;  /* solid_generate_mode */
  uint64_t every; /* events, or milliseconds */
} solid_generate;

/* "eager", "lazy", "every:20", "every:30s". EINVAL says what there is. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_generate_read(solid_generate *out, const char *text);

/* 1 if parameters of `generation` are to be made from this window, as `advance` returned it: the store has none of that
 * generation and the mode makes any, or the ones it has are old enough. `now_ms` since 1970. */
SOLID_API int solid_generate_is_due(const solid_generate *how, const solid_window *window, uint64_t generation,
                                    int64_t now_ms);

#ifdef __cplusplus
}
#endif
#endif
