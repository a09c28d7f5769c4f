/* Floats as bytes, for what is kept of users. Little-endian.
 *
 *   f32  4 n bytes
 *   f16  2 n bytes, IEEE binary16; magnitudes above 65504 are kept as 65504
 *   i8   blocks of 32 values (the last may be shorter): binary16 scale s, then one signed byte q a value;
 *        value = q s, s = max |value| / 127 of the block */
#ifndef SOLID_BASE_VALUES_H
#define SOLID_BASE_VALUES_H

#include <stddef.h>
#include <stdint.h>

/* The numbers of solid_element (solid/store.h). */
enum { SOL_VALUES_F32 = 0, SOL_VALUES_F16 = 1, SOL_VALUES_I8 = 2 };

enum { SOL_I8_BLOCK = 32 };

/* Bytes of `n` values. */
size_t sol_values_size(int element, size_t n);

/* No state and no parameter is as large (solid/model/tensors.h says what is not exceeded); what is larger was not
 * computed by a model, and would overflow in a score without being seen. */
#define SOL_VALUE_LIMIT 0x1p63f

/* 1 if each of the n floats is finite, and below SOL_VALUE_LIMIT. */
int sol_values_finite(const float *values, size_t n);

/* 1 if each of the n halves is finite. */
int sol_halves_finite(const uint16_t *values, size_t n);

/* Values to bytes; they must be finite. `out` has sol_values_size() bytes. */
void sol_values_pack(int element, const float *values, size_t n, uint8_t *out);

/* Bytes to values; 0 if one of them is not finite (values then hold rubbish). */
int sol_values_unpack(int element, const uint8_t *in, size_t n, float *values);

#endif
