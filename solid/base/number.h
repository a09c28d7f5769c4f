/* Numbers from text, the same under any locale: strtod of the C library takes the decimal point of whatever locale the
 * program around us has set, and stops at the other one. */
#ifndef SOLID_BASE_NUMBER_H
#define SOLID_BASE_NUMBER_H

#include <stddef.h>
#include <stdint.h>

/* The whole of `text` (size bytes, no zero needed) as a decimal number: [+-]digits[.digits][e[+-]digits], rounded to
 * the nearest double. 1, or 0 and *out as it was: anything else, infinity, nan, hexadecimal, blanks, or a value beyond
 * double. */
int sol_number_double(const char *text, size_t size, double *out);

/* The same as a float. */
int sol_number_float(const char *text, size_t size, float *out);

/* The whole of `text` as [+-]digits that fit 64 bits. */
int sol_number_int(const char *text, size_t size, int64_t *out);

/* The shortest decimal text that reads back as `value`: "0.1", "1e-05". A room of SOL_NUMBER_TEXT is enough. */
#define SOL_NUMBER_TEXT 32
void sol_number_text(double value, char *text, size_t size);

#endif
