/* Bytes of what is kept of a user: the params record and the steps of a window. Everything is little-endian and the
 * layout is the same for every store, so that a record can be read by whoever finds it.
 *
 * Params record, `format` 1:
 *
 *   offset      bytes  what
 *   0           4      magic "SLDP"
 *   4           1      format: 1
 *   5           1      element: 0 = f32, 1 = f16, 2 = i8 (solid_element)
 *   6           2      zero
 *   8           8      seq: watermark, number of events the params have seen
 *   16          8      generation of the model that made them
 *   24          4      d: floats of h
 *   28          4      P: values
 *   32          4 d    h, f32
 *   32 + 4 d    v(P)   values, see below
 *   size - 4    4      CRC-32 (the one of zlib) of all bytes before it
 *
 *   v(P): f32  4 P bytes
 *         f16  2 P bytes, IEEE binary16; magnitudes above 65504 are kept as 65504
 *         i8   blocks of 32 values (the last may be shorter): binary16 scale s, then one signed byte q a value;
 *              value = q s, s = max |value| / 127 of the block
 *
 * Steps: 16 bytes each, oldest first: hash of the item (8, unsigned), time in ms since 1970 (8, two's complement).
 * Positions: 16 bytes each: stream (8), offset (8), both unsigned. */
#ifndef STORE_RECORD_CODEC_H
#define STORE_RECORD_CODEC_H

#include "solid/store.h"

enum { SOL_RECORD_HEADER = 32, SOL_RECORD_TAIL = 4, SOL_STEP_SIZE = 16, SOL_POSITION_SIZE = 16, SOL_I8_BLOCK = 32 };

/* Why a record is, or is not, the answer to a question. */
typedef enum sol_record_verdict {
  SOL_RECORD_OK = 0,
  SOL_RECORD_STALE = 1,  /* sound, but of another generation, width, size or format */
  SOL_RECORD_DAMAGED = 2 /* not a record, cut, flipped, or with values that are not finite */
} sol_record_verdict;

/* Bytes of `n` values, and of a whole record. */
size_t sol_values_size(solid_element element, size_t n);
size_t sol_record_size(solid_element element, uint32_t width, uint32_t params);

/* 1 if each of the n floats is finite. */
int sol_values_finite(const float *values, size_t n);

/* 1 if each of the n halves is finite. */
int sol_halves_finite(const uint16_t *values, size_t n);

/* The values or halves of params to bytes, the latter only as f16. */
void sol_params_pack(const solid_params *params, uint8_t *out);

/* Values to bytes; they must be finite. `out` has sol_values_size() bytes. */
void sol_values_pack(solid_element element, const float *values, size_t n, uint8_t *out);

/* Bytes to values; 0 if one of them is not finite (values then hold rubbish). */
int sol_values_unpack(solid_element element, const uint8_t *in, size_t n, float *values);

/* Writes sol_record_size() bytes. h and values must be finite. */
void sol_record_encode(const solid_params *params, uint8_t *out);

/* Reads a record of any element type into params->h (params->width) and params->values (params->count), and sets seq,
 * generation and element. Trusts nothing in `data`. On another verdict than OK, h and values hold rubbish and the rest
 * is untouched. */
sol_record_verdict sol_record_decode(const uint8_t *data, size_t size, uint64_t generation, solid_params *params);

/* n steps to 16 n bytes, and back. */
void sol_steps_encode(const solid_step *steps, size_t n, uint8_t *out);
void sol_steps_decode(const uint8_t *in, size_t n, solid_step *steps);

/* What a window says of the params beside it, from the first bytes of their record; nothing where they are no head. */
void sol_record_peek(const uint8_t *head, size_t size, solid_window *window);

#endif
