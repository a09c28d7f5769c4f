/* rows: the rows of a catalogue that are made when they are read, for a CPU that ranks by a scout and scores few items.
 *
 *   own_v = E[v]      shared_v = sum_c M_c[code_c(v)] + sum_s T[attribute_s(v)]      whole_v = shared_v + own_v
 *
 * in this order, which is that of the tables (solid/model/catalogue.h): the same bits. E of the first `filed` items
 * stays in the model file, rows of d floats from `at` on; items behind them have no E, and their shared row stands in
 * `late`. E is read by pread: a mapped file that is cut short would end the process, and this is an error of the
 * operation (ESTALE). A file that was changed since it was opened is one too. */
#ifndef SK_ROWS_H
#define SK_ROWS_H

#include <stddef.h>
#include <stdint.h>

typedef enum sk_rows_part { SK_ROWS_WHOLE, SK_ROWS_OWN, SK_ROWS_SHARED } sk_rows_part;

typedef struct sk_rows_file {
  int fd;
  int64_t at;
  int64_t size, seconds, nanoseconds; /* of the file, and when it was written last: sk_rows_file_note */
} sk_rows_file;

typedef struct sk_rows {
  int32_t d, items, filed;
  int32_t levels, codes, slots;
  const sk_rows_file *file;
  const uint16_t *code;                /* (filed, levels), below `codes` */
  const uint32_t *attribute;           /* (filed, slots), UINT32_MAX in an empty slot */
  const float *metacodes, *attributes; /* M (levels, codes, d), T */
  const float *late;                   /* (items - filed, d) */
} sk_rows;

enum { SK_ROWS_MAX_D = 256 }; /* as of a scout */

enum { SK_ROWS_OK = 0, SK_ROWS_SHORT = -1, SK_ROWS_CHANGED = -2 };

/* Remembers what the open file is like. */
int sk_rows_file_note(sk_rows_file *file);

/* n floats, `first` floats behind the first one of E. */
int sk_rows_file_read(const sk_rows_file *file, uint64_t first, size_t n, float *out);

/* Whether it is still as it was noted. */
int sk_rows_check(const sk_rows *rows);

/* out (n, d): of n items, or of those from `first` on. A negative index gives a row of zeroes. From any thread. */
int sk_rows_read(const sk_rows *rows, sk_rows_part part, int64_t n, const int32_t *index, float *out);
int sk_rows_run(const sk_rows *rows, sk_rows_part part, int64_t first, int64_t n, float *out);

/* What is wrong, for people. */
const char *sk_rows_text(int error, char *room, size_t size);

#endif
