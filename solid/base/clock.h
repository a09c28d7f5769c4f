/* Time: one steady clock, one of the wall, one sleep. */
#ifndef SOLID_BASE_CLOCK_H
#define SOLID_BASE_CLOCK_H

#include <stdint.h>

int64_t sol_steady_ns(void); /* never goes back; its zero is arbitrary */
int64_t sol_steady_ms(void);
double sol_steady_s(void);
int64_t sol_wall_ms(void); /* since 1970-01-01 UTC; may jump */

/* Sleeps for at least `ns`, unless a signal ends it sooner; returns at once if `ns` is not positive. */
void sol_sleep_ns(int64_t ns);
void sol_sleep_ms(int64_t ms);

#endif
