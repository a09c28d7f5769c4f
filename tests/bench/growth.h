/* What bench_growth measures: made data of any size, and a meter of seconds and bytes. */
#ifndef TESTS_BENCH_GROWTH_H
#define TESTS_BENCH_GROWTH_H

#include "solid/status.h"
#include "solid/train/dataset.h"
#include <stddef.h>
#include <stdint.h>

typedef struct growth_shape {
  uint64_t items, users, events, attributes;
  uint32_t window;
} growth_shape;

#define GROWTH_LABELS 4 /* attributes an item */

typedef struct growth_event {
  uint64_t user, item, second;
} growth_event;

/* Event i of the data: any user; seven of ten items are of the user's own group of a hundred, low numbers more often.
 * Times rise with i. */
growth_event growth_event_at(const growth_shape *shape, uint64_t i);

/* Attribute `slot` of an item: one is the item's own, the others are its group's. */
uint64_t growth_attribute(const growth_shape *shape, uint64_t item, uint32_t slot);

typedef enum growth_format { GROWTH_CSV, GROWTH_INTER, GROWTH_JSON } growth_format;

/* Writes all events as text to `fd`; returns the bytes, or 0 when the other end is closed. */
uint64_t growth_write(const growth_shape *shape, growth_format format, int fd);

/* Events and attributes into a dataset, as programs read them: ordered by time. ENOMEM. */
solid_status growth_dataset(const growth_shape *shape, solid_dataset *out);

/* "AMD EPYC, 2 processors, 24 GB", and the device where it is none. */
void growth_machine(const char *device, char *text, size_t size);

/* One stage: from growth_begin to growth_end. */
typedef struct growth_meter {
  double cpu, wall;   /* seconds, of the process and of the clock */
  double bytes;       /* most resident memory above that of the beginning */
  double began_bytes; /* resident at the beginning */
} growth_meter;

void growth_begin(growth_meter *meter);
void growth_end(growth_meter *meter);

#endif
