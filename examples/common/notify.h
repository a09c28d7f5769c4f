/* What a service manager is told, as sd_notify(3) has it: a datagram to the socket that NOTIFY_SOCKET names. Without
 * one, nothing happens. One thread calls. */
#ifndef EXAMPLES_COMMON_NOTIFY_H
#define EXAMPLES_COMMON_NOTIFY_H

#include <stdint.h>

void notify_ready(void);    /* it serves */
void notify_stopping(void); /* it has begun to end */

/* It lives: to be called at least every notify_watchdog_ms(), and as often as one likes. */
void notify_alive(void);

/* Half of what the manager waits for a sign of life (WATCHDOG_USEC), in milliseconds; 0 = it does not wait. */
int64_t notify_watchdog_ms(void);

#endif
